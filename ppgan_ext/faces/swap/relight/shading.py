"""How the light on a face varies slowly: a low-order field on its surface, fitted to skin."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.types import FloatArray

_SAMPLES = 6000
_ROUNDS = 6
_HUBER = 1.5  # robust deviations up to which a pixel counts in full
_LEAST_DEVIATION = 0.03
_RIDGE = np.array([0.0, *(3 * [0.01]), *(5 * [0.1])])  # per sample: directions, and second order


def fit_shading(values: FloatArray, skin: FloatArray, basis: FloatArray) -> npt.NDArray[np.float32]:
    """Fit a field to logarithms of light on skin, so that patches, folds and shadows count little.

    Iteratively reweighted least squares with Huber's weights.

    Args:
        values: (H, W, C).
        skin: (H, W), weight of skin; more than a few pixels above 0.
        basis: (H, W, N), see `surface.shading_basis`.

    Returns:
        (H, W, C), the field everywhere.
    """
    step = max(1, int(math.sqrt(np.count_nonzero(skin > 0.05) / _SAMPLES)))
    small = np.s_[::step, ::step]
    inside = skin[small] > 0.05
    rows, wanted = basis[small][inside].astype(np.float64), values[small][inside].astype(np.float64)
    weight = skin[small][inside].astype(np.float64)
    ridge = np.diag(_RIDGE * weight.sum())
    robust = np.ones_like(weight)
    factors = np.zeros((rows.shape[1], wanted.shape[1]))
    for _ in range(_ROUNDS):
        weighted = rows * (weight * robust)[:, None]
        factors = np.linalg.solve(rows.T @ weighted + ridge + 1e-9 * np.eye(len(ridge)), weighted.T @ wanted)
        apart = np.abs(wanted - rows @ factors).mean(axis=1)
        deviation = max(1.4826 * float(np.median(apart)), _LEAST_DEVIATION)
        robust = np.minimum(1.0, _HUBER * deviation / np.maximum(apart, 1e-9))
    return np.asarray(basis @ factors.astype(np.float32), np.float32)


def slow_rest(values: FloatArray, skin: FloatArray, sigma: float, least: float = 0.02) -> npt.NDArray[np.float32]:
    """Return what varies slowly in values (H, W, C) on skin (H, W); it fades to 0 where there is no skin near.

    Args:
        values: (H, W, C), 0 on average.
        skin: (H, W), weight of skin.
        sigma: width of the Gaussian, pixels.
        least: weight of skin under the Gaussian at which the mean is halved.
    """
    weight = np.asarray(skin, np.float32)
    num, total = (_soft(array, sigma) for array in (values * weight[..., None], weight))
    return np.asarray(num.reshape(values.shape) / (total + np.float32(least))[..., None], np.float32)


def _soft(array: FloatArray, sigma: float) -> FloatArray:
    """Blur by a Gaussian, a wide one on a smaller copy; zeros lie beyond the picture."""
    height, width = array.shape[:2]
    scale = min(1.0, 8.0 / sigma)
    if scale == 1.0:
        return cv2.GaussianBlur(np.asarray(array, np.float32), (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    size = (max(4, round(width * scale)), max(4, round(height * scale)))
    small = cv2.resize(np.asarray(array, np.float32), size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), max(sigma * scale, 0.5), borderType=cv2.BORDER_CONSTANT)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
