"""Adaptive discriminator augmentation (ADA): "Training GANs with Limited Data", Karras et al., arXiv 2006.06676.

All images that the discriminator sees, real and generated, pass through the same random transforms, each applied with
probability p, which depends on how confident the discriminator is about real images (Eq. 1, r_t). The transforms are
the groups of appendix B in the paper's default set "bgc": pixel blitting, geometry, colour.

Departs from the paper in two ways: all geometry is one bilinear warp without the paper's up-sampling by a wavelet
filter, so strong shrinking aliases slightly; and gradient penalties are computed at the transformed images.
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
_LUMA = np.full(3, 1 / math.sqrt(3))  # direction of the grey axis in RGB, appendix B.1


class AdaptiveProbability:
    """Adapts the probability p of the transforms to the discriminator's overfitting.

    An overfitting discriminator scores real images positively much more often than negatively. p therefore grows in
    fixed steps while the mean sign of the scores of real images, r_t, exceeds ``target``, and shrinks while it is less.

    Args:
        target: target of r_t; 0.6 in the paper.
        num_images_to_one: number of real images over which p can rise from 0 to 1; 500,000 in the paper.
        interval: iterations between changes of p.
        limit: maximum of p; from about 0.8 on, transforms leak into the generated images (section 2.2).
        p: initial value.
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
        """Add an iteration, and change p if ``interval`` iterations have passed.

        Args:
            sign: mean sign of the scores of real images in the iteration, in [-1, 1].
            num_images: number of these images.
        """
        self._signs += sign
        self._num_iterations += 1
        if self._num_iterations < self.interval:
            return
        step = num_images * self._num_iterations / self.num_images_to_one
        surplus = self._signs / self._num_iterations - self.target
        self.p = min(max(self.p + math.copysign(step, surplus), 0.0), self.limit)
        self._signs, self._num_iterations = 0.0, 0

    def state(self) -> dict[str, float]:
        """Return the state to save in a checkpoint."""
        return {"ada_p": self.p, "ada_signs": self._signs, "ada_iterations": float(self._num_iterations)}

    def load_state(self, state: dict[str, float]) -> None:
        """Restore what `state` returned."""
        self.p, self._signs = float(state["ada_p"]), float(state["ada_signs"])
        self._num_iterations = int(state["ada_iterations"])


def augment(images: paddle.Tensor, p: float, rng: np.random.Generator, groups: str = "bgc") -> paddle.Tensor:
    """Apply random transforms to images, chosen for each image separately; differentiable once.

    Args:
        images: (N, C, H, W) with H = W, [-1, 1].
        p: probability of each transform; 0 returns the images unchanged.
        rng: generator of all random choices.
        groups: letters of `GROUPS`; colour is applied only if C = 3.

    Returns:
        (N, C, H, W), no longer limited to [-1, 1].
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
        num_images: number of images, N.
        size: side of the images in pixels, for shifts by whole pixels.
        p: probability of each transform.
        rng: generator; ``p`` does not change how many numbers are drawn from it, or in which order.
        groups: letters of `GROUPS`.

    Returns:
        Matrices (N, 3, 3) from output to input coordinates, both in [-1, 1] with x to the right and y down; and
        colour matrices (N, 4, 4) that act on (r, g, b, 1).
    """
    draws = _Draws(num_images, p, rng)
    matrices: FloatArray = np.tile(np.eye(3), (num_images, 1, 1))
    colours: FloatArray = np.tile(np.eye(4), (num_images, 1, 1))
    if "b" in groups:
        matrices = matrices @ _scale(draws.pick(lambda: np.where(rng.random(num_images) < 0.5, -1.0, 1.0), 1.0), 1.0)
        matrices = matrices @ _rotation(draws.pick(lambda: rng.integers(4, size=num_images) * (math.pi / 2), 0.0))
        shift = draws.pick(lambda: rng.uniform(-0.125, 0.125, (2, num_images)), 0.0)
        matrices = matrices @ _translation(*(np.round(shift * size) / size * 2))
    if "g" in groups:
        both = draws.pick(lambda: np.exp2(rng.normal(0, 0.2, num_images)), 1.0)
        matrices = matrices @ _scale(both, both)
        # A rotation before and one after the stretching; at least one of them is applied with probability p.
        share = 1 - math.sqrt(1 - p)
        matrices = matrices @ _rotation(draws.pick(lambda: rng.uniform(-math.pi, math.pi, num_images), 0.0, share))
        stretch = draws.pick(lambda: np.exp2(rng.normal(0, 0.2, num_images)), 1.0)
        matrices = matrices @ _scale(stretch, 1 / stretch)
        matrices = matrices @ _rotation(draws.pick(lambda: rng.uniform(-math.pi, math.pi, num_images), 0.0, share))
        shift = draws.pick(lambda: rng.normal(0, 0.125, (2, num_images)), 0.0)
        matrices = matrices @ _translation(*(shift * 2))
    if "c" in groups:
        colours = _colours(draws, rng, num_images)
    return matrices, colours


class _Draws:
    """Decides for each image whether a transform is applied."""

    def __init__(self, num_images: int, p: float, rng: np.random.Generator) -> None:
        self._num_images, self._p, self._rng = num_images, p, rng

    def pick(self, draw: Callable[[], FloatArray], otherwise: float, p: float | None = None) -> FloatArray:
        """Return ``draw()`` for the images that are transformed, and ``otherwise`` for the rest."""
        strength = draw()
        is_transformed = self._rng.random(self._num_images) < (self._p if p is None else p)
        return np.where(is_transformed, strength, otherwise)


def _colours(draws: _Draws, rng: np.random.Generator, num_images: int) -> FloatArray:
    """Draw colour matrices (N, 4, 4): brightness, contrast, luma flip, hue and saturation, in this order."""
    brightness = draws.pick(lambda: rng.normal(0, 0.2, num_images), 0.0)
    contrast = draws.pick(lambda: np.exp2(rng.normal(0, 0.5, num_images)), 1.0)
    flip = draws.pick(lambda: np.where(rng.random(num_images) < 0.5, 1.0, 0.0), 0.0)
    hue = draws.pick(lambda: rng.uniform(-math.pi, math.pi, num_images), 0.0)
    saturation = draws.pick(lambda: np.exp2(rng.normal(0, 1.0, num_images)), 1.0)
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
    """Return rotations about the grey axis by angles (N,) in radians, (N, 3, 3) (Rodrigues' formula)."""
    x, y, z = _LUMA
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    sine, cosine = np.sin(angle)[:, None, None], np.cos(angle)[:, None, None]
    return cosine * np.eye(3) + sine * cross + (1 - cosine) * np.outer(_LUMA, _LUMA)


def _matrices(rows: list[list[FloatArray | float]]) -> FloatArray:
    """Stack the entries of matrices, numbers or (N,), to (N, 3, 3)."""
    num_images = max(np.size(number) for row in rows for number in row)
    return np.stack([np.stack([np.broadcast_to(number, num_images) for number in row], -1) for row in rows], -2)


def _scale(x: FloatArray | float, y: FloatArray | float) -> FloatArray:
    return _matrices([[x, 0.0, 0.0], [0.0, y, 0.0], [0.0, 0.0, 1.0]])


def _rotation(angle: FloatArray) -> FloatArray:
    sine, cosine = np.sin(angle), np.cos(angle)
    return _matrices([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])


def _translation(x: FloatArray, y: FloatArray) -> FloatArray:
    return _matrices([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])
