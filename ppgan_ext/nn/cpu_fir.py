"""Separable FIR filters on a CPU in dygraph, through OpenCV.

Paddle's depthwise convolution spends a quarter of a generator's forward and backward time on a 4x4 filter, because it
goes through im2col and computes a gradient of the filter that nobody asked for. OpenCV's separable filter takes a
fifth of the time forwards, and the gradient is the same filter reversed.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import paddle
from paddle.autograd import PyLayer

from ppgan_ext import runtime
from ppgan_ext.types import FloatArray

# Fewer numbers than this are filtered before a second thread has started.
_WORTH_A_THREAD = 1 << 17


def can_filter(x: paddle.Tensor, num_taps: int, padding: Sequence[int]) -> bool:
    """Say whether :func:`filter_planes` takes these features: in dygraph, on a CPU, in single or double precision."""
    return (
        paddle.in_dynamic_mode()
        and x.place.is_cpu_place()
        and x.dtype in (paddle.float32, paddle.float64)
        and 0 <= min(padding)
        and max(padding) < num_taps
    )


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
    planes = _view(x)
    planes = planes.reshape(-1, *planes.shape[2:])
    grow = sum(padding) - len(taps) + 1
    result = np.empty((len(planes), planes.shape[1] + grow, planes.shape[2] + grow), planes.dtype)
    kernel = np.ascontiguousarray(taps, dtype=planes.dtype)

    def work(indices: range) -> None:
        for index in indices:
            _correlate_plane(planes[index], kernel, padding[0], result[index])

    num_threads = 1 if planes.size < _WORTH_A_THREAD else min(runtime.num_threads(), len(planes))
    if num_threads == 1:
        work(range(len(planes)))
    else:
        # OpenCV releases the interpreter's lock.
        with ThreadPoolExecutor(num_threads) as pool:
            list(pool.map(work, [range(start, len(planes), num_threads) for start in range(num_threads)]))
    return paddle.to_tensor(result.reshape([x.shape[0], x.shape[1], *result.shape[1:]]), place=x.place)


def _correlate_plane(plane: FloatArray, kernel: FloatArray, before: int, result: FloatArray) -> None:
    """Filter (H, W) into ``result``; OpenCV keeps the size, so rows and columns are added or cut off at the end."""
    height, width = result.shape
    bottom, right = height - plane.shape[0], width - plane.shape[1]
    if bottom > 0:
        plane = cv2.copyMakeBorder(plane, 0, bottom, 0, right, cv2.BORDER_CONSTANT)
    same = cv2.sepFilter2D(plane, -1, kernel, kernel, anchor=(before, before), borderType=cv2.BORDER_CONSTANT)
    result[:] = same[:height, :width]


def _view(x: paddle.Tensor) -> FloatArray:
    """Look at a tensor's numbers without a copy, where this Paddle can."""
    try:
        return np.asarray(np.from_dlpack(x.detach().contiguous()), dtype=str(x.dtype).rpartition(".")[2])
    except (AttributeError, TypeError, BufferError, RuntimeError):
        return x.numpy()
