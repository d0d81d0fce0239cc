"""Convolutions with Paddle's parameters and a choice of form, and chains of layers that pass the form on."""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias

import numpy as np
import paddle
from paddle import nn

from ppgan_ext.nn.cpu_conv import convolve, convolve_transposed
from ppgan_ext.nn.cpu_planes import to_tensor
from ppgan_ext.nn.doubling import double
from ppgan_ext.nn.forms import Form
from ppgan_ext.nn.reflection import Padding, pad

Upsampling: TypeAlias = Literal["transposed", "resize"]

# Which taps of a filter a tap of `_doubling_filters` adds, (3, 4).
_SUMS = np.array([[0, 0, 1, 1], [0, 1, 1, 0], [1, 1, 0, 0]], np.float32)


class Chain(nn.Sequential):
    """Layers in sequence, numbered as in `nn.Sequential`; those with the attribute ``takes_form`` get the form."""

    takes_form: ClassVar[bool] = True

    def forward(self, x: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Apply the layers one after another to (N, C, H, W)."""
        for layer in self:
            x = layer(x, form) if getattr(layer, "takes_form", False) else layer(x)
        return x


class Convolution(nn.Conv2D):
    """Paddle's convolution, which in the form "fused" uses the fast implementation for CPUs.

    Args:
        num_in: input channels.
        num_out: output channels.
        side: side of the square filter.
        stride: step of the filter.
        padding: number of zeros on each side.
        bias: whether there is a bias.
    """

    takes_form: ClassVar[bool] = True

    def __init__(
        self, num_in: int, num_out: int, side: int, stride: int = 1, padding: int = 0, bias: bool = True
    ) -> None:
        super().__init__(num_in, num_out, side, stride, padding, bias_attr=None if bias else False)
        self.stride = stride
        self.padding = padding

    def forward(self, x: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Map (N, num_in, H, W) to (N, num_out, H', W')."""
        if form != "fused":
            return super().forward(x)
        y = convolve(x, self.weight, self.stride, self.padding)
        return y if self.bias is None else y + self.bias.reshape([1, -1, 1, 1])


class PaddedConvolution(Convolution):
    """A convolution of stride 1 that keeps the sides, with the border padded in the given way.

    Args:
        num_in: input channels.
        num_out: output channels.
        side: side of the square filter, odd.
        bias: whether there is a bias.
        mode: how the border is padded.
    """

    def __init__(self, num_in: int, num_out: int, side: int, bias: bool = True, mode: Padding = "reflect") -> None:
        super().__init__(num_in, num_out, side, 1, 0, bias)
        self.mode = mode

    def forward(self, x: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Map (N, num_in, H, W) to (N, num_out, H, W)."""
        return super().forward(pad(x, self.weight.shape[2] // 2, self.mode, form), form)


class ResizeConvolution(PaddedConvolution):
    """Nearest-neighbour doubling followed by a 3x3 convolution: no checkerboard (distill.pub/2016/deconv-checkerboard).

    The form "fused" does not double: each of the doubled pixels sees only 2x2 different ones, so four ninths of the
    products suffice, those of a transposed convolution. A reflection of doubled pixels is a repetition of single ones.

    Args:
        num_in: input channels.
        num_out: output channels.
        bias: whether there is a bias.
    """

    def __init__(self, num_in: int, num_out: int, bias: bool = True) -> None:
        super().__init__(num_in, num_out, 3, bias)

    def forward(self, x: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Map (N, num_in, H, W) to (N, num_out, 2 H, 2 W)."""
        if form != "fused":
            return super().forward(double(x), form)
        y = convolve_transposed(pad(x, 1, "replicate", form), _doubling_filters(self.weight), 2, 3)
        return y if self.bias is None else y + self.bias.reshape([1, -1, 1, 1])


def _doubling_filters(weight: paddle.Tensor) -> paddle.Tensor:
    """Return the filters of the transposed convolution of stride 2 that doubles and convolves with 3x3 filters.

    Tap k of an axis adds the taps 2 - k and 3 - k, where they exist: the two that see the same pixel.

    Args:
        weight: (O, I, 3, 3).

    Returns:
        (I, O, 4, 4).
    """
    num_out, num_in = weight.shape[:2]
    filters = weight.transpose([1, 0, 2, 3]).reshape([num_in * num_out, 9])
    filters = paddle.matmul(filters, to_tensor(np.kron(_SUMS, _SUMS), weight))
    return filters.reshape([num_in, num_out, 4, 4])


class TransposedConvolution(nn.Conv2DTranspose):
    """Paddle's transposed convolution, which in the form "fused" uses the fast implementation for CPUs.

    Args:
        num_in: input channels.
        num_out: output channels.
        side: side of the square filter.
        stride: factor of the sides.
        padding: rows and columns that are cut off on each side.
        output_padding: rows and columns added at the bottom and at the right.
        bias: whether there is a bias.
    """

    takes_form: ClassVar[bool] = True

    def __init__(
        self,
        num_in: int,
        num_out: int,
        side: int,
        stride: int = 2,
        padding: int = 1,
        output_padding: int = 0,
        bias: bool = True,
    ) -> None:
        bias_attr = None if bias else False
        super().__init__(num_in, num_out, side, stride, padding, output_padding, bias_attr=bias_attr)
        self.stride, self.padding, self.output_padding = stride, padding, output_padding

    def forward(self, x: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Map (N, num_in, H, W) to (N, num_out, H', W'), H' = (H - 1) stride - 2 padding + side + output_padding."""
        if form != "fused":
            return super().forward(x)
        y = convolve_transposed(x, self.weight, self.stride, self.padding, self.output_padding)
        return y if self.bias is None else y + self.bias.reshape([1, -1, 1, 1])


def up_convolution(num_in: int, num_out: int, side: int, bias: bool, upsample: Upsampling) -> nn.Layer:
    """Create a layer that doubles the sides of (N, num_in, H, W) to (N, num_out, 2 H, 2 W).

    Args:
        num_in: input channels.
        num_out: output channels.
        side: side of the filter of a transposed convolution, 3 or 4.
        bias: whether there is a bias.
        upsample: "transposed", a transposed convolution, or "resize", a `ResizeConvolution`.
    """
    if upsample == "resize":
        return ResizeConvolution(num_in, num_out, bias)
    return TransposedConvolution(num_in, num_out, side, 2, 1, 4 - side, bias)
