"""Adaptive discriminator augmentation (ADA): "Training GANs with Limited Data", Karras et al., arXiv 2006.06676.

All images that the discriminator sees, real and generated, go through the same random transforms, each with
probability p, and p is steered by how sure the discriminator is of real images (Eq. 1, r_t). The transforms are the
groups of the paper's appendix B that its default set "bgc" is made of: pixel blitting, geometry, colour.

Departs from the paper in two things. All geometry is one bilinear warp without the paper's up-sampling by a wavelet
filter: strong shrinking aliases a little. And a gradient penalty is taken at the transformed images.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import paddle
import paddle.nn.functional as F

from ppgan_ext.training.tensors import from_array
from ppgan_ext.types import FloatArray

GROUPS = {"b": "pixel blitting", "g": "geometry", "c": "colour"}
_LUMA = np.full(3, 1 / math.sqrt(3))  # axis of the colours without hue, appendix B.1


class AdaptiveProbability:
    """Steers the probability of the transforms.

    The discriminator overfits when it scores real images positively much more often than negatively. So p grows by a
    fixed step while the mean sign of their scores, r_t, lies above ``target``, and shrinks below it.

    Args:
        target: of r_t; the paper's is 0.6.
        num_images_to_one: real images over which p can go from 0 to 1; the paper's is 500,000.
        interval: iterations between changes of p.
        limit: p stays below; transforms leak into the generated images from about 0.8 on (section 2.2).
        p: to start with.
    """

    def __init__(
        self,
        target: float = 0.6,
        num_images_to_one: float = 500_000,
        interval: int = 4,
        limit: float = 0.8,
        p: float = 0.0,
    ) -> None:
        self.target, self.num_images_to_one, self.interval, self.limit = target, num_images_to_one, interval, limit
        self.p = p
        self._signs = 0.0
        self._num_iterations = 0

    def update(self, sign: float, num_images: int) -> None:
        """Take note of an iteration: the mean sign of its real images' scores, and how many they were."""
        self._signs += sign
        self._num_iterations += 1
        if self._num_iterations < self.interval:
            return
        step = num_images * self._num_iterations / self.num_images_to_one
        surplus = self._signs / self._num_iterations - self.target
        self.p = min(max(self.p + math.copysign(step, surplus), 0.0), self.limit)
        self._signs, self._num_iterations = 0.0, 0

    def state(self) -> dict[str, float]:
        """Return what a checkpoint must hold."""
        return {"ada_p": self.p, "ada_signs": self._signs, "ada_iterations": float(self._num_iterations)}

    def load_state(self, state: dict[str, float]) -> None:
        """Take back what `state` gave."""
        self.p, self._signs = float(state["ada_p"]), float(state["ada_signs"])
        self._num_iterations = int(state["ada_iterations"])


def augment(images: paddle.Tensor, p: float, rng: np.random.Generator, groups: str = "bgc") -> paddle.Tensor:
    """Transform each image by its own random choice; differentiable once.

    Args:
        images: (N, C, H, W) with H = W, [-1, 1].
        p: probability of each transform; 0 returns the images as they are.
        rng: where all choices come from.
        groups: letters of `GROUPS`.

    Returns:
        (N, C, H, W), no longer bound to [-1, 1].
    """
    if p <= 0:
        return images
    num_images, size = images.shape[0], images.shape[3]
    matrices, colours = draw_transforms(num_images, size, p, rng, groups)
    if any(group in groups for group in "bg"):
        theta = from_array(matrices[:, :2].astype(np.float32))
        grid = F.affine_grid(theta, images.shape, align_corners=False)
        images = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    if "c" in groups and images.shape[1] == 3:
        mix = from_array(colours[:, :3, :3].astype(np.float32))
        offset = from_array(colours[:, :3, 3:].astype(np.float32))
        flat = images.reshape([num_images, 3, -1])
        images = (paddle.matmul(mix, flat) + offset).reshape(images.shape)
    return images


def draw_transforms(
    num_images: int, size: int, p: float, rng: np.random.Generator, groups: str = "bgc"
) -> tuple[FloatArray, FloatArray]:
    """Draw the transforms of a batch (appendix B, figure 17; the strengths are the paper's).

    Args:
        num_images: N.
        size: side of the images in pixels, for shifts by whole pixels.
        p: probability of each transform.
        rng: drawn from in the same order whatever ``p``.
        groups: letters of `GROUPS`.

    Returns:
        Matrices (N, 3, 3) from output to input coordinates, both in [-1, 1] with x to the right and y down; and
        colour matrices (N, 4, 4) on (r, g, b, 1).
    """
    draws = _Draws(num_images, p, rng)
    matrices: FloatArray = np.tile(np.eye(3), (num_images, 1, 1))
    colours: FloatArray = np.tile(np.eye(4), (num_images, 1, 1))
    if "b" in groups:
        matrices = matrices @ _scale(draws.chosen(lambda: np.where(rng.random(num_images) < 0.5, -1.0, 1.0), 1.0), 1.0)
        matrices = matrices @ _rotation(draws.chosen(lambda: rng.integers(4, size=num_images) * (math.pi / 2), 0.0))
        shift = draws.chosen(lambda: rng.uniform(-0.125, 0.125, (2, num_images)), 0.0)
        matrices = matrices @ _translation(*(np.round(shift * size) / size * 2))
    if "g" in groups:
        both = draws.chosen(lambda: np.exp2(rng.normal(0, 0.2, num_images)), 1.0)
        matrices = matrices @ _scale(both, both)
        # Two rotations around the stretching, so that one happens with probability p.
        share = 1 - math.sqrt(1 - p)
        matrices = matrices @ _rotation(draws.chosen(lambda: rng.uniform(-math.pi, math.pi, num_images), 0.0, share))
        stretch = draws.chosen(lambda: np.exp2(rng.normal(0, 0.2, num_images)), 1.0)
        matrices = matrices @ _scale(stretch, 1 / stretch)
        matrices = matrices @ _rotation(draws.chosen(lambda: rng.uniform(-math.pi, math.pi, num_images), 0.0, share))
        shift = draws.chosen(lambda: rng.normal(0, 0.125, (2, num_images)), 0.0)
        matrices = matrices @ _translation(*(shift * 2))
    if "c" in groups:
        colours = _colours(draws, rng, num_images)
    return matrices, colours


class _Draws:
    """Chooses for each image whether a transform happens."""

    def __init__(self, num_images: int, p: float, rng: np.random.Generator) -> None:
        self._num_images, self._p, self._rng = num_images, p, rng

    def chosen(self, draw: Callable[[], FloatArray], otherwise: float, p: float | None = None) -> FloatArray:
        """Return ``draw()`` for the images that are chosen, and ``otherwise`` for the rest."""
        strength = draw()
        return np.where(self._rng.random(self._num_images) < (self._p if p is None else p), strength, otherwise)


def _colours(draws: _Draws, rng: np.random.Generator, num_images: int) -> FloatArray:
    """Brightness, contrast, luma flip, hue, saturation, in this order."""
    brightness = draws.chosen(lambda: rng.normal(0, 0.2, num_images), 0.0)
    contrast = draws.chosen(lambda: np.exp2(rng.normal(0, 0.5, num_images)), 1.0)
    flip = draws.chosen(lambda: np.where(rng.random(num_images) < 0.5, 1.0, 0.0), 0.0)
    hue = draws.chosen(lambda: rng.uniform(-math.pi, math.pi, num_images), 0.0)
    saturation = draws.chosen(lambda: np.exp2(rng.normal(0, 1.0, num_images)), 1.0)
    grey = np.outer(_LUMA, _LUMA)
    linear = np.eye(3) * contrast[:, None, None]
    offset = (brightness * contrast)[:, None] * np.ones(3)
    for matrix in (
        np.eye(3) - 2 * grey * flip[:, None, None],
        _hue_rotation(hue),
        grey + (np.eye(3) - grey) * saturation[:, None, None],
    ):
        linear = matrix @ linear
        offset = np.einsum("nij,nj->ni", matrix, offset)
    colours = np.tile(np.eye(4), (num_images, 1, 1))
    colours[:, :3, :3], colours[:, :3, 3] = linear, offset
    return colours


def _hue_rotation(angle: FloatArray) -> FloatArray:
    """Rotate about the grey axis (Rodrigues' formula), (N, 3, 3)."""
    x, y, z = _LUMA
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    sine, cosine = np.sin(angle)[:, None, None], np.cos(angle)[:, None, None]
    return cosine * np.eye(3) + sine * cross + (1 - cosine) * np.outer(_LUMA, _LUMA)


def _matrices(rows: list[list[FloatArray | float]]) -> FloatArray:
    num_images = max(np.size(number) for row in rows for number in row)
    return np.stack([np.stack([np.broadcast_to(number, num_images) for number in row], -1) for row in rows], -2)


def _scale(x: FloatArray | float, y: FloatArray | float) -> FloatArray:
    return _matrices([[x, 0.0, 0.0], [0.0, y, 0.0], [0.0, 0.0, 1.0]])


def _rotation(angle: FloatArray) -> FloatArray:
    sine, cosine = np.sin(angle), np.cos(angle)
    return _matrices([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])


def _translation(x: FloatArray, y: FloatArray) -> FloatArray:
    return _matrices([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])
