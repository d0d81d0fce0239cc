"""Resample pictures through affine matrices without aliasing.

Convention: a pixel's centre lies at integer (x, y), x right, y down, so a picture of width W covers x from -0.5 to
W - 0.5. A matrix is (2, 3) float64 and maps (x, y, 1) of the source to (x, y) of the destination.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.types import FloatArray

Array = npt.NDArray[Any]

# When shrinking, the picture is first resized to this many samples per destination pixel, then rotated, then averaged.
_OVERSAMPLING = 2


def transform_points(points: FloatArray, matrix: FloatArray) -> FloatArray:
    """Map points (..., 2) through a (2, 3) matrix; return (..., 2) float64."""
    return np.asarray(points, np.float64) @ matrix[:, :2].T + matrix[:, 2]


def rectangle_around(points: FloatArray, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Return the rectangle of a picture that holds points: left, top, right, bottom, the last two outside.

    Args:
        points: (N, 2).
        shape: of the picture, (H, W) or (H, W, C).

    Returns:
        An empty rectangle if all points lie to one side of the picture.
    """
    height, width = shape[:2]
    left, top = np.clip(np.floor(points.min(axis=0)), 0, (width, height)).astype(int).tolist()
    right, bottom = np.clip(np.ceil(points.max(axis=0)) + 1, 0, (width, height)).astype(int).tolist()
    return left, top, max(left, right), max(top, bottom)


def invert(matrix: FloatArray) -> FloatArray:
    """Return the inverse (2, 3) of an affine matrix (2, 3).

    Raises:
        numpy.linalg.LinAlgError: the matrix is singular.
    """
    linear = np.linalg.inv(matrix[:, :2])
    return np.hstack([linear, -linear @ matrix[:, 2:]])


def compose(second: FloatArray, first: FloatArray) -> FloatArray:
    """Return the matrix (2, 3) that applies ``first`` (2, 3), then ``second`` (2, 3)."""
    return np.hstack([second[:, :2] @ first[:, :2], second[:, :2] @ first[:, 2:] + second[:, 2:]])


def scale_of(matrix: FloatArray) -> float:
    """Return the destination pixels per source pixel of a matrix (2, 3), the square root of the area ratio."""
    return math.sqrt(abs(float(np.linalg.det(matrix[:, :2]))))


def resize_matrix(source_size: tuple[int, int], size: tuple[int, int]) -> FloatArray:
    """Return the matrix (2, 3) of a plain resize, which maps edges to edges.

    Args:
        source_size: (width, height) before.
        size: (width, height) after.
    """
    scale_x, scale_y = size[0] / source_size[0], size[1] / source_size[1]
    return np.array([[scale_x, 0.0, (scale_x - 1) / 2], [0.0, scale_y, (scale_y - 1) / 2]])


def warp(image: Array, matrix: FloatArray, size: tuple[int, int], border_value: float | None = None) -> Array:
    """Warp a picture through an affine matrix: cubic when enlarging, area-averaged when shrinking.

    Only the part of the source that the result shows is processed, so cropping a small face from a huge photo is cheap.

    Args:
        image: (H, W) or (H, W, C), uint8 or float32.
        matrix: (2, 3), source to destination.
        size: (width, height) of the result.
        border_value: value outside the source; None reflects the source at its edges.

    Returns:
        (height, width) or (height, width, C) of the source's type.
    """
    region, matrix = _cut(image, matrix, size, border_value is None)
    scale = scale_of(matrix)
    if scale >= 1.0:
        return _sample(region, matrix, size, border_value)
    fine = (size[0] * _OVERSAMPLING, size[1] * _OVERSAMPLING)
    to_fine = compose(resize_matrix(size, fine), matrix)
    shrink = scale * _OVERSAMPLING
    if shrink < 1.0:
        height, width = region.shape[:2]
        smaller = (max(1, round(width * shrink)), max(1, round(height * shrink)))
        region = cv2.resize(region, smaller, interpolation=cv2.INTER_AREA)
        to_fine = compose(to_fine, invert(resize_matrix((width, height), smaller)))
    return cv2.resize(_sample(region, to_fine, fine, border_value), size, interpolation=cv2.INTER_AREA)


def _sample(image: Array, matrix: FloatArray, size: tuple[int, int], border_value: float | None) -> Array:
    # BORDER_REFLECT mirrors at the outer edge of the border pixels, which stays in place when the picture is resized.
    border = cv2.BORDER_REFLECT if border_value is None else cv2.BORDER_CONSTANT
    value = (border_value or 0.0,) * 4
    return cv2.warpAffine(image, matrix, size, flags=cv2.INTER_CUBIC, borderMode=border, borderValue=value)


def _cut(image: Array, matrix: FloatArray, size: tuple[int, int], reflect: bool) -> tuple[Array, FloatArray]:
    """Crop the source to the part that the destination shows; return it with the matrix from there."""
    corners = np.array([[-0.5, -0.5], [size[0] - 0.5, -0.5], [-0.5, size[1] - 0.5], [size[0] - 0.5, size[1] - 0.5]])
    seen = transform_points(corners, invert(matrix))
    margin = 4.0 * max(1.0, 1.0 / scale_of(matrix))
    left, right = _span(seen[:, 0], margin, image.shape[1], reflect)
    top, bottom = _span(seen[:, 1], margin, image.shape[0], reflect)
    shift = np.array([[1.0, 0.0, left], [0.0, 1.0, top]])
    return image[top:bottom, left:right], compose(matrix, shift)


def _span(seen: FloatArray, margin: float, length: int, reflect: bool) -> tuple[int, int]:
    """Return the first and last row or column to keep, with those whose reflection beyond an edge is visible."""
    low, high = math.floor(seen.min() - margin), math.ceil(seen.max() + margin) + 1
    if reflect:
        low, high = min(low, 2 * length - high), max(high, -low)
    low = min(max(low, 0), length - 1)
    return low, max(min(high, length), low + 1)
