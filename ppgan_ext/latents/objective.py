"""The objective of a projection: the distance of a rendered image from the target, and regularisers of code and noise.

The image terms are PaddleGAN's: a perceptual distance and mse_weight times the mean squared error, both on images
averaged over boxes to at most 256 px. Tuning computes the squared error of large images at full size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import paddle

from ppgan_ext.engine.encoder import resize_square
from ppgan_ext.errors import InputError
from ppgan_ext.losses.perceptual import Perceptual
from ppgan_ext.types import FloatArray

OBJECTIVE_SIZE = 256
_SMALLEST_PYRAMID = 8


@dataclass(frozen=True, eq=False)
class Distance:
    """The image terms for one rendering, scalars of shape ()."""

    perceptual: paddle.Tensor
    mse: paddle.Tensor


class Objective:
    """Distance of rendered images from one target, whose features are computed once.

    A mask weights both terms. Outside the mask both images become grey before the perceptual network is applied, so the
    target's hidden part has no influence; each term is divided by the mask's mean, which keeps its scale.

    Args:
        target: (1, 3, H, H), [-1, 1], any H.
        render_size: side of the rendered images, a power of two.
        perceptual: the perceptual distance.
        mask: (H', H') in [0, 1], any H', 1 where the image counts; None for all of it.
        device: device of the rendered images.
        every_pixel: compute the squared error at ``render_size`` even if that is more than 256.

    Raises:
        InputError: the target is not square or not finite; the mask is not square, outside [0, 1] or all 0.
    """

    def __init__(
        self,
        target: FloatArray,
        render_size: int,
        perceptual: Perceptual,
        mask: FloatArray | None,
        device: str,
        *,
        every_pixel: bool = False,
    ) -> None:
        self.size = min(render_size, OBJECTIVE_SIZE)
        self.perceptual = perceptual
        self._small = _Compared(target, mask, self.size, device)
        self._every_pixel = every_pixel and render_size != self.size
        self._large = _Compared(target, mask, render_size, device) if self._every_pixel else self._small
        self._features = perceptual.prepare(self._small.hide(self._small.target))

    def distance(self, pixels: paddle.Tensor) -> Distance:
        """Return the distance of a rendering (1, 3, S, S) from the target; differentiable."""
        small = box_average(pixels, self.size)
        perceptual = self.perceptual.distance(self._small.hide(small), self._features).sum() / self._small.share
        squared = self._large.hide(((pixels if self._every_pixel else small) - self._large.target) ** 2)
        return Distance(perceptual, squared.mean() / self._large.share)


class _Compared:
    """The target and the mask at one size."""

    def __init__(self, target: FloatArray, mask: FloatArray | None, size: int, device: str) -> None:
        self.target = paddle.to_tensor(shrink_target(target, size), place=device)
        self._mask: paddle.Tensor | None = None
        self.share = 1.0
        if mask is not None:
            small = shrink_mask(mask, size)
            self.share = float(small.mean())
            self._mask = paddle.to_tensor(small, place=device)

    def hide(self, pixels: paddle.Tensor) -> paddle.Tensor:
        """Multiply an image or errors (N, C, S, S) by the mask; the hidden part of an image becomes mid grey (0)."""
        return pixels if self._mask is None else pixels * self._mask


def box_average(pixels: paddle.Tensor, size: int) -> paddle.Tensor:
    """Average (N, C, S, S) over boxes to (N, C, size, size); S is a multiple of size."""
    batch, channels, side, _ = pixels.shape
    if side == size:
        return pixels
    factor = side // size
    return pixels.reshape([batch, channels, size, factor, size, factor]).mean(axis=[3, 5])


def shrink_target(target: FloatArray, size: int) -> FloatArray:
    """Check a target (1, 3, H, H) and resize it by area, or bilinearly to enlarge it, (1, 3, size, size) float32."""
    pixels = np.asarray(target, dtype=np.float32)
    if pixels.ndim != 4 or pixels.shape[:2] != (1, 3) or pixels.shape[2] != pixels.shape[3] or pixels.size == 0:
        raise InputError(f"a target is (1, 3, H, H), got {pixels.shape}", where="target", cure="Crop it to a square")
    if not np.isfinite(pixels).all():
        what = "the target contains NaN or infinite numbers"
        raise InputError(what, where="target", cure="Read the photo again")
    return resize_square(pixels[0], size)[None]


def shrink_mask(mask: FloatArray, size: int) -> FloatArray:
    """Check a mask (H, H) and resize it by area, (1, 1, size, size) float32."""
    weights = np.asarray(mask, dtype=np.float32)
    if weights.ndim != 2 or weights.shape[0] != weights.shape[1] or weights.size == 0:
        raise InputError(f"a mask is (H, H), got {weights.shape}", where="mask", cure="Crop it to a square")
    if not (np.isfinite(weights).all() and weights.min() >= 0 and weights.max() <= 1):
        raise InputError("a mask must be between 0 and 1", where="mask", cure="Divide an 8-bit mask by 255")
    small = resize_square(np.repeat(weights[None], 3, axis=0), size)[:1, :, :]
    if float(small.mean()) < 1e-4:
        raise InputError("the mask hides the whole image", where="mask", cure="Give 1 where the image counts")
    return small[None]


def spread_over_layers(w_plus: paddle.Tensor) -> paddle.Tensor:
    """Return the mean squared distance of the layers of (1, n_latent, D) from their mean, (): 0 for codes of W.

    Codes near W edit better (e4e, arXiv 2102.02766, section 4.1, whose regulariser is the sum of such lengths).
    """
    return ((w_plus - w_plus.mean(axis=1, keepdim=True)) ** 2).mean()


def noise_correlation(maps: Sequence[paddle.Tensor]) -> paddle.Tensor:
    """Return the squared correlation of noise with itself one pixel away, summed over a pyramid, ().

    See arXiv 1912.04958, appendix D. Without this regulariser, noise maps would absorb the picture itself.

    Args:
        maps: (1, 1, r, r) each; halved to 8 px by averages of 2x2, times 2, which keeps the variance of noise.
    """
    total = paddle.zeros([])
    for level in maps:
        while True:
            for axis in (2, 3):
                total = total + (level * paddle.roll(level, 1, axis)).mean() ** 2
            if level.shape[2] <= _SMALLEST_PYRAMID:
                break
            level = box_average(level, level.shape[2] // 2) * 2
    return total
