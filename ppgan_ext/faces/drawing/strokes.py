"""Curves and brush strokes as soft masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.types import FloatArray

Mask: TypeAlias = npt.NDArray[np.float32]
"""(H, W) in [0, 1]."""

_FINER = 4  # times the size at which masks are drawn
_BITS = 3  # binary digits after the point in OpenCV's coordinates
_STEPS = 12  # points of a curve between two of its knots


def curve(points: FloatArray) -> FloatArray:
    """Return points (M, 2) of the Catmull-Rom spline through points (N, 2)."""
    knots = np.asarray(points, np.float64)
    knots = np.vstack([2 * knots[0] - knots[1], knots, 2 * knots[-1] - knots[-2]])
    before, start, end, after = (knots[i : len(knots) - 3 + i, None] for i in range(4))
    t = np.linspace(0.0, 1.0, _STEPS, endpoint=False)[None, :, None]
    made = start + 0.5 * t * (
        end - before + t * (2 * before - 5 * start + 4 * end - after + t * (3 * (start - end) + after - before))
    )
    return np.vstack([made.reshape(-1, 2), knots[-2]])


def area(outline: FloatArray, shape: tuple[int, int]) -> Mask:
    """Draw the inside of a polygon (N, 2) with soft edges."""
    return _drawn([outline], shape)


def stroke(line: FloatArray, widths: Sequence[float] | FloatArray, shape: tuple[int, int]) -> Mask:
    """Draw a line (N, 2) like a brush.

    Args:
        line: its points.
        widths: of the brush in pixels, evenly spread over the line and interpolated.
        shape: (H, W) of the mask.
    """
    line = np.asarray(line, np.float64)
    along = np.gradient(line, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    across /= np.maximum(np.hypot(across[:, 0], across[:, 1]), 1e-6)[:, None]
    at = np.linspace(0, 1, len(line))
    half = np.interp(at, np.linspace(0, 1, len(widths)), np.asarray(widths, np.float64))[:, None] / 2
    one, other = line + half * across, line - half * across
    return _drawn([np.stack([one[i], one[i + 1], other[i + 1], other[i]]) for i in range(len(line) - 1)], shape)


def disc(centre: FloatArray, radius: float, shape: tuple[int, int]) -> Mask:
    """Draw a disc with a soft edge."""
    x = np.arange(shape[1], dtype=np.float32)[None] - np.float32(centre[0])
    y = np.arange(shape[0], dtype=np.float32)[:, None] - np.float32(centre[1])
    return np.asarray(np.clip(np.float32(radius + 0.5) - np.hypot(x, y), 0.0, 1.0), np.float32)


def _drawn(polygons: Sequence[FloatArray], shape: tuple[int, int]) -> Mask:
    """Draw polygons, each (N, 2), at a finer size in the rectangle that they touch."""
    mask = np.zeros(shape, np.float32)
    points = np.concatenate([np.asarray(polygon) for polygon in polygons])
    first = np.clip(np.floor(points.min(axis=0)) - 1, 0, (shape[1], shape[0])).astype(int)
    last = np.clip(np.ceil(points.max(axis=0)) + 2, 0, (shape[1], shape[0])).astype(int)
    if (first >= last).any():
        return mask
    size = last - first
    canvas = np.zeros((size[1] * _FINER, size[0] * _FINER), np.uint8)
    for polygon in polygons:
        fine = (np.asarray(polygon) - first + 0.5) * _FINER - 0.5
        cv2.fillPoly(canvas, [np.rint(fine * 2**_BITS).astype(np.int32)], 255, cv2.LINE_8, _BITS)
    small = cv2.resize(canvas, size.tolist(), interpolation=cv2.INTER_AREA)
    mask[first[1] : last[1], first[0] : last[0]] = small.astype(np.float32) / np.float32(255)
    return mask
