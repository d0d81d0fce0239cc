"""Separable FIR filters on a CPU in dygraph, through OpenCV.

Paddle's depthwise convolution spends a quarter of a generator's forward and backward time on a 4x4 filter, because it
goes through im2col and computes a gradient of the filter that nobody asked for. OpenCV's separable filter takes a
fifth of the time forwards, and the gradient is the same filter reversed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import paddle
from paddle.autograd import PyLayer

from ppgan_ext.nn.cpu_planes import Result, for_each_plane, runs_on_cpu, view
from ppgan_ext.types import FloatArray


def can_filter(x: paddle.Tensor, num_taps: int, padding: Sequence[int]) -> bool:
    """Say whether :func:`filter_planes` takes these features."""
    return runs_on_cpu(x) and min(padding) >= 0 and max(padding) < num_taps


def filter_planes(x: paddle.Tensor, taps: FloatArray, padding: tuple[int, int]) -> paddle.Tensor:
    """Correlate every plane with the outer product of ``taps`` with itself; differentiable in ``x``.

    Args:
        x: (N, C, H, W), float32 or float64, on the CPU.
        taps: (T,).
        padding: zeros (before, after) on both axes, each below T.

    Returns:
        (N, C, H', W') with H' = H + sum(padding) - T + 1.
    """
    return _Filter.apply(x, taps, padding)


class _Filter(PyLayer):
    @staticmethod
    def forward(ctx: Any, x: paddle.Tensor, taps: FloatArray, padding: tuple[int, int]) -> paddle.Tensor:
        ctx.taps, ctx.padding = taps, padding
        return _correlate(x, taps, padding)

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> paddle.Tensor:
        # The adjoint of a correlation: reversed taps, and what the padding lacks to a full overlap.
        before, after = ctx.padding
        full = len(ctx.taps) - 1
        return _Filter.apply(gradient, ctx.taps[::-1], (full - before, full - after))


def _correlate(x: paddle.Tensor, taps: FloatArray, padding: tuple[int, int]) -> paddle.Tensor:
    batch, channels, height, width = x.shape
    grow = sum(padding) - len(taps) + 1
    result = Result([batch, channels, height + grow, width + grow], x)
    sources = view(x).reshape(-1, height, width)
    targets = result.array.reshape(-1, height + grow, width + grow)
    kernel = np.ascontiguousarray(taps, dtype=sources.dtype)

    def work(index: int) -> None:
        _correlate_plane(sources[index], kernel, padding[0], targets[index])

    for_each_plane(len(sources), height * width, work)
    return result.tensor()


def _correlate_plane(plane: FloatArray, kernel: FloatArray, before: int, result: FloatArray) -> None:
    """Filter (H, W) into ``result``; OpenCV keeps the size, so rows and columns are added or cut off at the end."""
    height, width = result.shape
    bottom, right = height - plane.shape[0], width - plane.shape[1]
    if bottom > 0:
        plane = cv2.copyMakeBorder(plane, 0, bottom, 0, right, cv2.BORDER_CONSTANT)
    same = cv2.sepFilter2D(plane, -1, kernel, kernel, anchor=(before, before), borderType=cv2.BORDER_CONSTANT)
    result[:] = same[:height, :width]
