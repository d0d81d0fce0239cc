"""Doubling the sides of features by repeating every pixel.

Paddle's nearest-neighbour interpolation takes six times as long on a CPU as these copies.
"""

from __future__ import annotations

from typing import Any

import paddle
import paddle.nn.functional as F
from paddle import nn
from paddle.autograd import PyLayer

from ppgan_ext.nn.cpu_planes import Result, runs_on_cpu, view


def double(x: paddle.Tensor) -> paddle.Tensor:
    """Map (N, C, H, W) to (N, C, 2 H, 2 W)."""
    if runs_on_cpu(x):
        return _Double.apply(x)
    if not paddle.in_dynamic_mode():  # Paddle 3.3 cannot run its interpolation in a program with oneDNN
        return x.unsqueeze([3, 5]).expand([-1, -1, -1, 2, -1, 2]).flatten(4, 5).flatten(2, 3)
    return F.interpolate(x, scale_factor=2, mode="nearest")


class Doubling(nn.Layer):
    """`double` as a layer."""

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Map (N, C, H, W) to (N, C, 2 H, 2 W)."""
        return double(x)


class _Double(PyLayer):
    @staticmethod
    def forward(ctx: Any, x: paddle.Tensor) -> paddle.Tensor:
        batch, channels, height, width = x.shape
        result = Result([batch, channels, 2 * height, 2 * width], x)
        rows = result.array.reshape(batch, channels, height, 2, 2 * width)
        rows[..., 0, :] = view(x).repeat(2, axis=3)
        rows[..., 1, :] = rows[..., 0, :]
        return result.tensor()

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> paddle.Tensor:
        return _Gather.apply(gradient)


class _Gather(PyLayer):
    """The adjoint: the sum of the four pixels that show the same one."""

    @staticmethod
    def forward(ctx: Any, gradient: paddle.Tensor) -> paddle.Tensor:
        batch, channels, height, width = gradient.shape
        result = Result([batch, channels, height // 2, width // 2], gradient)
        array = view(gradient)
        rows = array[:, :, ::2] + array[:, :, 1::2]
        result.array[...] = rows[..., ::2]
        result.array[...] += rows[..., 1::2]
        return result.tensor()

    @staticmethod
    def backward(ctx: Any, outer: paddle.Tensor) -> paddle.Tensor:
        return _Double.apply(outer)
