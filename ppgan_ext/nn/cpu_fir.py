"""Separable FIR filters on a CPU in dygraph, with OpenCV or oneDNN.

With Paddle's depthwise convolution, a quarter of a generator's forward and backward time goes into a 4x4 filter: it
uses im2col and also computes the gradient of the filter, which nobody needs. The gradient of the input is the same
filter reversed. On large planes OpenCV's separable filter takes a fifth of the time. Small planes come in thousands, so
the calls would take longer than the work; oneDNN filters all of them in one call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import paddle
from paddle.autograd import PyLayer

from ppgan_ext.nn.cpu_conv import filter_channels
from ppgan_ext.nn.cpu_planes import Result, for_each_plane, runs_on_cpu, to_tensor, view
from ppgan_ext.types import FloatArray

# OpenCV is the faster from this number of pixels on.
_LARGE_PLANE = 128 * 128


def can_filter(x: paddle.Tensor, num_taps: int, padding: Sequence[int]) -> bool:
    """Return whether :func:`filter_planes` supports features (N, C, H, W) with this filter and padding."""
    return runs_on_cpu(x) and min(padding) >= 0 and max(padding) < num_taps


def filter_planes(
    x: paddle.Tensor, taps: FloatArray, padding: tuple[int, int], up: int = 1, down: int = 1
) -> paddle.Tensor:
    """Insert zeros, pad, correlate every plane with the outer product of ``taps`` with themselves, and sub-sample.

    Differentiable in ``x`` any number of times.

    Args:
        x: (N, C, H, W), float32 or float64, on the CPU.
        taps: (T,).
        padding: zeros (before, after) on both axes, each fewer than T.
        up: insert ``up - 1`` zeros after every pixel.
        down: keep every down-th result.

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
        # The adjoint swaps up and down, reverses the taps, and pads by what is missing to a full overlap.
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
    """Filter all planes with one operator; None if there is no oneDNN."""
    if up > 1:
        interleaved = Result([*x.shape[:2], *(side * up for side in x.shape[2:])], x)
        interleaved.array.fill(0)
        interleaved.array[:, :, ::up, ::up] = view(x)
        x = interleaved.tensor()
    kernel = to_tensor(np.outer(taps, taps), x)
    after = (sides[0] - 1) * down + len(taps) - before - x.shape[2]
    if not 0 <= after < len(taps) or (sides[1] - 1) * down + len(taps) - before - x.shape[3] != after:
        # The result is cropped, or rows and columns need different padding: filter everything, then crop.
        after = len(taps) - 1
    filtered = filter_channels(x, kernel, (before, after), down)
    return None if filtered is None else filtered[:, :, : sides[0], : sides[1]]


def _correlate_plane(plane: FloatArray, kernel: FloatArray, before: int, down: int, result: FloatArray) -> None:
    """Filter (H, W) into ``result``; OpenCV keeps the size, so rows and columns are added or cropped at the end."""
    height, width = ((side - 1) * down + 1 for side in result.shape)
    bottom, right = max(height - plane.shape[0], 0), max(width - plane.shape[1], 0)
    if bottom or right:
        plane = cv2.copyMakeBorder(plane, 0, bottom, 0, right, cv2.BORDER_CONSTANT)
    same = cv2.sepFilter2D(plane, -1, kernel, kernel, anchor=(before, before), borderType=cv2.BORDER_CONSTANT)
    result[:] = same[:height:down, :width:down]
