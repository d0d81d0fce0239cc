"""Light in logarithms, and its parts by size of structure.

A change of d in log light multiplies the light by exp(d), so a wrinkle looks alike on dark and pale skin, in dim and
bright photos. Bands are differences of Gaussian blurs over what is skin only (normalised convolution, Knutsson and
Westin, CVPR 1993), so eyes, hair and background leave no trace in them.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.light import log_luminance
from ppgan_ext.types import FloatArray

# Widths of the Gaussians between which the bands lie, as shares of the eyes' distance. Band 0 holds pores and fine
# lines, 1 and 2 wrinkles, 3 and 4 folds and bags, 5 hollows and jowls.
WIDTHS = (0.008, 0.016, 0.032, 0.064, 0.13, 0.26)
NUM_BANDS = len(WIDTHS)

_LEAST = 0.03  # added to the light before the logarithm, as a share of the skin's: noise in shadows is no structure
_FEW = 1e-3


def log_light(light: FloatArray, skin_light: float) -> npt.NDArray[np.float32]:
    """Return the logarithm of the luminance of linear light (H, W, 3), relative to that of the skin."""
    return log_luminance(light, max(skin_light, 1e-4), _LEAST).astype(np.float32)


def split(values: FloatArray, weight: FloatArray, eyes: float, num: int = NUM_BANDS) -> npt.NDArray[np.float32]:
    """Separate log light into its bands.

    Args:
        values: (H, W).
        weight: (H, W) in [0, 1], how far each pixel is skin.
        eyes: the eyes' distance in pixels.
        num: number of bands, from the finest.

    Returns:
        (num, H, W); their sum is `values` less its blur of the last width.
    """
    weight = np.asarray(weight, np.float32)
    before = np.asarray(values, np.float32)
    weighted = before * weight
    bands = []
    for width in WIDTHS[:num]:
        total = blur(weight, width * eyes) + np.float32(_FEW)
        after = (blur(weighted, width * eyes) + np.float32(_FEW) * before) / total
        bands.append(before - after)
        before = after
    return np.stack(bands)


def split_parts(values: FloatArray, weights: list[npt.NDArray[np.float32]], eyes: float) -> npt.NDArray[np.float32]:
    """Separate log light into its bands in several parts that touch, such as face and neck, without mixing their light.

    Args:
        values: (H, W).
        weights: (H, W) in [0, 1] each, how far each pixel belongs to a part.
        eyes: the eyes' distance in pixels.

    Returns:
        (6, H, W), 0 outside all parts.
    """
    total = np.zeros((NUM_BANDS, *values.shape), np.float32)
    for weight in weights:
        if weight.any():
            total += split(values, weight, eyes) * np.minimum(1.0, 4.0 * weight)
    return total


def blur(values: FloatArray, sigma: float) -> npt.NDArray[np.float32]:
    """Blur by a Gaussian of so many pixels; a wide one on a smaller copy. The border is repeated."""
    values = np.asarray(values, np.float32)
    if sigma < 0.35:
        return values
    if sigma <= 6.0:
        return cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    height, width = values.shape[:2]
    shrink = 4.0 / sigma
    size = (max(4, round(width * shrink)), max(4, round(height * shrink)))
    small = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma * size[0] / width, borderType=cv2.BORDER_REPLICATE)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def local_mean(values: FloatArray, weight: FloatArray, sigma: float) -> npt.NDArray[np.float32]:
    """Return the mean of values around each pixel, weighted by ``weight`` and a Gaussian."""
    total = blur(weight, sigma) + np.float32(1e-2)
    return blur(np.asarray(values, np.float32) * np.asarray(weight, np.float32), sigma) / total
