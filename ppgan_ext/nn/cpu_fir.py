"""Separable FIR filters on a CPU in dygraph, through OpenCV or oneDNN.

Paddle's depthwise convolution spends a quarter of a generator's forward and backward time on a 4x4 filter, because it
goes through im2col and computes a gradient of the filter that nobody asked for; the gradient is the same filter
reversed. On large planes OpenCV's separable filter takes a fifth of the time; on small ones, of which there are
thousands, the calls would take longer than the work, and oneDNN filters them all in one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import paddle
from paddle.autograd import PyLayer

from ppgan_ext.nn.cpu_conv import filter_each
from ppgan_ext.nn.cpu_planes import Result, for_each_plane, runs_on_cpu, to_tensor, view
from ppgan_ext.types import FloatArray

# From so many pixels on OpenCV is the faster.
_LARGE_PLANE = 128 * 128


def can_filter(x: paddle.Tensor, num_taps: int, padding: Sequence[int]) -> bool:
    """Say whether :func:`filter_planes` takes these features."""
    return runs_on_cpu(x) and min(padding) >= 0 and max(padding) < num_taps


def filter_planes(
    x: paddle.Tensor, taps: FloatArray, padding: tuple[int, int], up: int = 1, down: int = 1
) -> paddle.Tensor:
    """Insert zeros, pad, correlate every plane with the outer product of ``taps`` with itself, and sub-sample.

    Differentiable in ``x`` any number of times.

    Args:
        x: (N, C, H, W), float32 or float64, on the CPU.
        taps: (T,).
        padding: zeros (before, after) on both axes, each below T.
        up: every pixel is followed by ``up - 1`` zeros.
        down: every down-th result is kept.

    Returns:
        (N, C, H', W') with H' = (H up + sum(padding) - T) // down + 1.
    """
    sides = tuple((side * up + sum(padding) - len(taps)) // down + 1 for side in x.shape[2:])
    return _Filter.apply(x, np.asarray(taps), padding[0], up, down, sides)


class _Filter(PyLayer):
    @staticmethod
    def forward(
        ctx: Any, x: paddle.Tensor, taps: FloatArray, before: int, up: int, down: int, sides: tuple[int, int]
    ) -> paddle.Tensor:
        ctx.arrangement = taps, before, up, down
        ctx.sides = tuple(x.shape[2:])
        return _correlate(x, taps, before, up, down, sides)

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> paddle.Tensor:
        # The adjoint: up and down exchanged, the taps reversed, and what the padding lacks to a full overlap.
        taps, before, up, down = ctx.arrangement
        return _Filter.apply(gradient, taps[::-1], len(taps) - 1 - before, down, up, ctx.sides)


def _correlate(
    x: paddle.Tensor, taps: FloatArray, before: int, up: int, down: int, sides: tuple[int, int]
) -> paddle.Tensor:
    batch, channels, height, width = x.shape
    if height * width < _LARGE_PLANE and x.dtype == paddle.float32:
        filtered = _correlate_at_once(x, taps, before, up, down, sides)
        if filtered is not None:
            return filtered
    result = Result([batch, channels, *sides], x)
    sources = view(x).reshape(-1, height, width)
    targets = result.array.reshape(-1, *sides)
    kernel = np.ascontiguousarray(taps, dtype=sources.dtype)

    def work(index: int) -> None:
        plane = sources[index]
        if up > 1:
            plane = np.zeros((height * up, width * up), sources.dtype)
            plane[::up, ::up] = sources[index]
        _correlate_plane(plane, kernel, before, down, targets[index])

    for_each_plane(len(sources), max(height * width, sides[0] * sides[1]), work)
    return result.tensor()


def _correlate_at_once(
    x: paddle.Tensor, taps: FloatArray, before: int, up: int, down: int, sides: tuple[int, int]
) -> paddle.Tensor | None:
    """Filter all planes by one operator; None where there is no oneDNN."""
    if up > 1:
        spread = Result([*x.shape[:2], *(side * up for side in x.shape[2:])], x)
        spread.array.fill(0)
        spread.array[:, :, ::up, ::up] = view(x)
        x = spread.tensor()
    kernel = to_tensor(np.outer(taps, taps), x)
    after = (sides[0] - 1) * down + len(taps) - before - x.shape[2]
    if not 0 <= after < len(taps) or (sides[1] - 1) * down + len(taps) - before - x.shape[3] != after:
        # What is cut off, or the rows and columns differ: filter all that is there, and cut.
        after = len(taps) - 1
    filtered = filter_each(x, kernel, (before, after), down)
    return None if filtered is None else filtered[:, :, : sides[0], : sides[1]]


def _correlate_plane(plane: FloatArray, kernel: FloatArray, before: int, down: int, result: FloatArray) -> None:
    """Filter (H, W) into ``result``; OpenCV keeps the size, so rows and columns are added or cut off at the end."""
    height, width = ((side - 1) * down + 1 for side in result.shape)
    bottom, right = max(height - plane.shape[0], 0), max(width - plane.shape[1], 0)
    if bottom or right:
        plane = cv2.copyMakeBorder(plane, 0, bottom, 0, right, cv2.BORDER_CONSTANT)
    same = cv2.sepFilter2D(plane, -1, kernel, kernel, anchor=(before, before), borderType=cv2.BORDER_CONSTANT)
    result[:] = same[:height:down, :width:down]
