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
    # One repeated pixel is a reflection that repeats the border.
    repeats = mode == "replicate" and width == 1
    if (mode == "reflect" or repeats) and runs_on_cpu(x):
        return _Reflect.apply(x, width, repeats)
    if mode != "reflect":
        return F.pad(x, [width] * 4, mode=_PADDLE_MODES[mode])
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
    def forward(ctx: Any, x: paddle.Tensor, width: int, repeats: bool) -> paddle.Tensor:
        ctx.arguments = width, repeats
        batch, channels, height, length = x.shape
        result = Result([batch, channels, height + 2 * width, length + 2 * width], x)
        _reflect_into(result.array, view(x), width, repeats)
        return result.tensor()

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> paddle.Tensor:
        return _Fold.apply(gradient, *ctx.arguments)


class _Fold(PyLayer):
    """The adjoint of the reflection: what lies beyond the border is added to the pixels that it repeats."""

    @staticmethod
    def forward(ctx: Any, gradient: paddle.Tensor, width: int, repeats: bool) -> paddle.Tensor:
        ctx.arguments = width, repeats
        batch, channels, height, length = gradient.shape
        result = Result([batch, channels, height - 2 * width, length - 2 * width], gradient)
        _fold_into(result.array, view(gradient), width, repeats)
        return result.tensor()

    @staticmethod
    def backward(ctx: Any, outer: paddle.Tensor) -> paddle.Tensor:
        return _Reflect.apply(outer, *ctx.arguments)


def _mirrored(length: int, width: int, repeats: bool) -> tuple[slice, slice]:
    """Return the parts of an axis that are mirrored at its start and at its end, in their own order.

    Args:
        length: of the axis, without its padding.
        width: of the padding.
        repeats: whether the border is among them.
    """
    skipped = 0 if repeats else 1
    return slice(skipped, skipped + width), slice(length - skipped - width, length - skipped)


def _reflect_into(padded: FloatArray, x: FloatArray, width: int, repeats: bool) -> None:
    """Fill (N, C, H + 2 width, W + 2 width) with (N, C, H, W) and its reflection."""
    first, last = _mirrored(x.shape[3], width, repeats)
    inside = padded[:, :, width:-width]
    inside[..., width:-width] = x
    inside[..., :width] = x[..., first][..., ::-1]
    inside[..., -width:] = x[..., last][..., ::-1]
    first, last = _mirrored(x.shape[2], width, repeats)
    padded[:, :, :width] = inside[:, :, first][:, :, ::-1]
    padded[:, :, -width:] = inside[:, :, last][:, :, ::-1]


def _fold_into(x: FloatArray, padded: FloatArray, width: int, repeats: bool) -> None:
    """Fill (N, C, H, W) with the sum of all pixels of (N, C, H + 2 width, W + 2 width) that show each of its pixels."""
    first, last = _mirrored(x.shape[2], width, repeats)
    rows = np.array(padded[:, :, width:-width])
    rows[:, :, first] += padded[:, :, :width][:, :, ::-1]
    rows[:, :, last] += padded[:, :, -width:][:, :, ::-1]
    first, last = _mirrored(x.shape[3], width, repeats)
    x[...] = rows[..., width:-width]
    x[..., first] += rows[..., :width][..., ::-1]
    x[..., last] += rows[..., -width:][..., ::-1]
