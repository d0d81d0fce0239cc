"""Strands of hair: which way they run in a photo, noise that looks like them, and which of them turn grey first."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.head.bands import blur
from ppgan_ext.types import FloatArray

# Width and length of strands and of locks, as shares of the eyes' distance.
_STRAND, _LOCK = (0.0035, 0.018), (0.011, 0.03)
_LOCKS = 0.6  # share of locks beside single strands


def strand_noise(strand: FloatArray, share: FloatArray, eyes: float, seed: int) -> npt.NDArray[np.float32]:
    """Return noise as fine as strands and locks of hair, drawn out along them; (H, W), standard deviation 1.

    Noise is averaged along the direction of the strands (line integral convolution, Cabral and Leedom, SIGGRAPH 1993),
    by steps that grow threefold: three samples each then make an even row of 81.
    """
    direction, rng = _directions(strand, share, eyes), np.random.default_rng(seed)
    strands, locks = (_drawn_out(rng, direction, width * eyes, length * eyes) for width, length in (_STRAND, _LOCK))
    return (strands + np.float32(_LOCKS) * locks) / np.float32(np.hypot(1.0, _LOCKS))


def strand_order(
    strand: FloatArray, noise: FloatArray, share: FloatArray, eyes: float, seed: int
) -> npt.NDArray[np.float32]:
    """Return in which order strands turn grey, (H, W), 0 the first to 1.

    By ``noise``, the highest first; light strands come earlier too, which makes the pattern the photo's own.
    """
    rng = np.random.default_rng([seed, 1])
    clump = blur(rng.standard_normal(strand.shape, np.float32), 0.10 * eyes)
    own = blur(strand, max(0.5, _STRAND[0] * eyes))
    inside = share > min(0.5, 0.5 * float(share.max()))
    total = np.zeros(strand.shape, np.float32)
    for amount, values in ((-1.0, noise), (0.35, clump), (-0.35, own)):
        total += np.float32(amount / max(float(values[inside].std()), 1e-6)) * values
    spread = float(total[inside].std())
    # The normal distribution's quantile, by the logistic approximation.
    return (1.0 / (1.0 + np.exp(-1.702 * total / max(spread, 1e-6)))).astype(np.float32)


def _drawn_out(rng: np.random.Generator, direction: FloatArray, width: float, length: float) -> npt.NDArray[np.float32]:
    """Return noise (H, W) of standard deviation 1, as wide as ``width`` and drawn out along the strands."""
    height, across = direction.shape[:2]
    grain = blur(rng.standard_normal((height, across), np.float32), max(0.5, width))
    y, x = np.mgrid[:height, :across].astype(np.float32)
    for step in (0.33, 1.0, 3.0, 9.0):
        shift = direction * np.float32(step * length)
        ends = (
            cv2.remap(
                grain, x + sign * shift[..., 0], y + sign * shift[..., 1], cv2.INTER_LINEAR, None, cv2.BORDER_REFLECT
            )
            for sign in (-1.0, 1.0)
        )
        grain = sum(ends, grain) / np.float32(3.0)
    return grain / np.float32(max(float(grain.std()), 1e-6))


def _directions(strand: FloatArray, share: FloatArray, eyes: float) -> npt.NDArray[np.float32]:
    """Return unit vectors along the strands, (H, W, 2), from the structure tensor (Bigun and Granlund, ICCV 1987)."""
    smooth = blur(strand, 0.7)
    dx, dy = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    dx, dy = dx * share, dy * share
    width = 0.08 * eyes
    across, both = blur(dx * dx - dy * dy, width), blur(2.0 * dx * dy, width)
    # Along the strand is at right angles to the gradient: half of the double angle, turned by a quarter.
    angle = 0.5 * np.arctan2(both, across) + np.float32(np.pi / 2)
    return np.stack([np.cos(angle), np.sin(angle)], axis=2).astype(np.float32)
