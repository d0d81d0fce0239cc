"""A face's light and colour over what varies slowly on it, and Gaussians of such values weighted by skin.

What is no skin counts for nothing under a Gaussian: normalised convolution (Knutsson and Westin, CVPR 1993).
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.skin import face_copy
from ppgan_ext.types import FloatArray

_LEAST = 1e-2  # weight of skin under a Gaussian


class Detail(NamedTuple):
    """What is added to the slow part of a face's light, in natural logarithms.

    Attributes:
        light: (H, W), brightness.
        color: (H, W, 3), the rest of each channel.
        clear: (H, W) in [0, 1], how far nothing covers the face there.
    """

    light: FloatArray
    color: FloatArray
    clear: FloatArray


def reduced(own: Detail, other: Detail, landmarks: FloatArray, face_pixels: float) -> tuple[Detail, Detail, FloatArray]:
    """Return copies of two faces at the same landmarks on which they are at most so large, and the landmarks there."""
    size, points = face_copy(own.light.shape, landmarks, face_pixels)
    face, photo = (
        Detail(*(cv2.resize(np.asarray(each, np.float32), size, interpolation=cv2.INTER_AREA) for each in which))
        for which in (own, other)
    )
    return face, photo, points


def between(values: FloatArray, weight: FloatArray, widths: tuple[float, float], size: float) -> FloatArray:
    """Return what lies between two Gaussians of weighted values, (H, W) or (H, W, 3); widths as shares of a size."""
    fine, wide = (mean_around(values, weight, width * size) for width in widths)
    return times(fine - wide, weight)


def mean_around(values: FloatArray, weight: FloatArray, sigma: float) -> FloatArray:
    """Return the mean of weighted values, (H, W) or (H, W, 3), under a Gaussian of so many pixels."""
    return times(blurred(times(values, weight), sigma), 1.0 / np.maximum(blurred(weight, sigma), np.float32(_LEAST)))


def blurred(values: FloatArray, sigma: float) -> FloatArray:
    """Return values, (H, W) or (H, W, 3), blurred by a Gaussian of so many pixels, half a pixel at least."""
    return cv2.GaussianBlur(np.asarray(values, np.float32), (0, 0), max(0.5, sigma))


def times(values: FloatArray, weight: FloatArray) -> npt.NDArray[np.float32]:
    """Return values, (H, W) or (H, W, 3), times a weight (H, W)."""
    return np.asarray(values * (weight if values.ndim == 2 else weight[..., None]), np.float32)
