"""Padding of features beyond their border.

Paddle's reflecting padding takes up to forty times as long as a copy on a CPU, more than some of the convolutions that
it prepares, and has no second derivative. The one here is a few copies, and its derivative is padding again.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn
from paddle.autograd import PyLayer

from ppgan_ext.nn.cpu_planes import Result, runs_on_cpu, view
from ppgan_ext.nn.forms import Form
from ppgan_ext.types import FloatArray

Padding: TypeAlias = Literal["reflect", "replicate", "zero"]
_PADDLE_MODES = {"replicate": "replicate", "zero": "constant"}


def pad(x: paddle.Tensor, width: int, mode: Padding = "reflect", form: Form = "fast") -> paddle.Tensor:
    """Pad features on all four sides.

    Args:
        x: features, (N, C, H, W).
        width: number of rows and columns on each side; for reflection below H and W.
        mode: "reflect" without repeating the border (as PyTorch and Paddle), "replicate" the border, or "zero".
        form: "smooth" for a second derivative of the reflection.

    Returns:
        (N, C, H + 2 width, W + 2 width).
    """
    if width == 0:
        return x
    if mode != "reflect":
        return F.pad(x, [width] * 4, mode=_PADDLE_MODES[mode])
    if runs_on_cpu(x):
        return _Reflect.apply(x, width)
    if form == "smooth":
        return _reflected(_reflected(x, width, 2), width, 3)
    return F.pad(x, [width] * 4, mode="reflect")


class Pad(nn.Layer):
    """Padding as a layer, see `pad`.

    Args:
        width: number of rows and columns on each side.
        mode: how the border is padded.
    """

    takes_form: ClassVar[bool] = True

    def __init__(self, width: int, mode: Padding = "reflect") -> None:
        super().__init__()
        self.width, self.mode = width, mode

    def forward(self, x: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Map (N, C, H, W) to (N, C, H + 2 width, W + 2 width)."""
        return pad(x, self.width, self.mode, form)


def _reflected(x: paddle.Tensor, width: int, axis: int) -> paddle.Tensor:
    """Reflect along one axis, from slices."""
    length = x.shape[axis]
    before = paddle.slice(x, [axis], [1], [width + 1]).flip([axis])
    after = paddle.slice(x, [axis], [length - width - 1], [length - 1]).flip([axis])
    return paddle.concat([before, x, after], axis=axis)


class _Reflect(PyLayer):
    @staticmethod
    def forward(ctx: Any, x: paddle.Tensor, width: int) -> paddle.Tensor:
        ctx.width = width
        batch, channels, height, length = x.shape
        result = Result([batch, channels, height + 2 * width, length + 2 * width], x)
        _reflect_into(result.array, view(x), width)
        return result.tensor()

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> paddle.Tensor:
        return _Fold.apply(gradient, ctx.width)


class _Fold(PyLayer):
    """The adjoint of the reflection: what lies beyond the border is added to the pixels that it repeats."""

    @staticmethod
    def forward(ctx: Any, gradient: paddle.Tensor, width: int) -> paddle.Tensor:
        ctx.width = width
        batch, channels, height, length = gradient.shape
        result = Result([batch, channels, height - 2 * width, length - 2 * width], gradient)
        _fold_into(result.array, view(gradient), width)
        return result.tensor()

    @staticmethod
    def backward(ctx: Any, outer: paddle.Tensor) -> paddle.Tensor:
        return _Reflect.apply(outer, ctx.width)


def _reflect_into(padded: FloatArray, x: FloatArray, width: int) -> None:
    """Fill (N, C, H + 2 width, W + 2 width) with (N, C, H, W) and its reflection."""
    inside = padded[:, :, width:-width]
    inside[..., width:-width] = x
    inside[..., :width] = x[..., width:0:-1]
    inside[..., -width:] = x[..., -2 : -width - 2 : -1]
    padded[:, :, :width] = inside[:, :, width:0:-1]
    padded[:, :, -width:] = inside[:, :, -2 : -width - 2 : -1]


def _fold_into(x: FloatArray, padded: FloatArray, width: int) -> None:
    """Fill (N, C, H, W) with the sum of all pixels of (N, C, H + 2 width, W + 2 width) that show each of its pixels."""
    rows = np.array(padded[:, :, width:-width])
    rows[:, :, 1 : width + 1] += padded[:, :, width - 1 :: -1]
    rows[:, :, -width - 1 : -1] += padded[:, :, : -width - 1 : -1]
    x[...] = rows[..., width:-width]
    x[..., 1 : width + 1] += rows[..., width - 1 :: -1]
    x[..., -width - 1 : -1] += rows[..., : -width - 1 : -1]
