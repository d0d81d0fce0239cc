"""The down-sampling residual block of StyleGAN2's discriminator (arXiv 1912.04958, section 4.1, figure 7)."""

from __future__ import annotations

from collections.abc import Sequence

import paddle
import paddle.nn.functional as F
from paddle import nn

from ppgan_ext.nn import cpu_conv, cpu_layer
from ppgan_ext.nn.activation import ROOT2, SLOPE, BiasedLeakyReLU
from ppgan_ext.nn.cpu_route import Route
from ppgan_ext.nn.equalized import EqualConv2D
from ppgan_ext.nn.forms import Form, may_fuse
from ppgan_ext.nn.resample import Blur, down_conv_padding


class ConvLayer(nn.Sequential):
    """Optional blur and down-sampling, convolution, bias and leaky ReLU; sublayers are numbered as in PaddleGAN.

    Args:
        num_in: input channels.
        num_out: output channels.
        kernel_size: side of the filter, odd.
        downsample: halve both sides, after a low-pass filter.
        blur_kernel: taps of that filter.
        activate: add a bias and apply leaky ReLU; otherwise the layer is linear and has no bias.
    """

    def __init__(
        self,
        num_in: int,
        num_out: int,
        kernel_size: int,
        downsample: bool = False,
        blur_kernel: Sequence[float] = (1, 3, 3, 1),
        activate: bool = True,
    ) -> None:
        layers: list[nn.Layer] = []
        # A 1x1 filter reads single pixels, so the pixels that its stride would skip need not be blurred.
        thin = downsample and kernel_size == 1
        padding = down_conv_padding(len(blur_kernel), kernel_size)
        if downsample:
            layers.append(Blur(blur_kernel, padding, stride=2 if thin else 1))
        stride = 2 if downsample and not thin else 1
        conv = EqualConv2D(num_in, num_out, kernel_size, stride, 0 if downsample else kernel_size // 2, bias=False)
        layers.append(conv)
        if activate:
            layers.append(BiasedLeakyReLU(num_out))
        super().__init__(*layers)
        self.num_before = len(layers) - 1 - activate
        self.activates = activate
        taps = tuple(layers[0].taps) if downsample else ()
        self.route = Route(2, 0, False, taps, *padding) if downsample else Route(1, conv.padding)

    def forward(self, x: paddle.Tensor, form: Form = "fast", gain: float = 1.0) -> paddle.Tensor:
        """Map (N, num_in, H, W) to (N, num_out, H, W), or to half the sides; a positive ``gain`` multiplies the result.

        Leaky ReLU commutes with positive factors, so they are applied to the filters and the bias, which are small.
        """
        conv: EqualConv2D = self[self.num_before]
        gain *= ROOT2 if self.activates else 1
        weight, bias = conv.weight * (conv.scale * gain), self[-1].bias * gain if self.activates else None
        # A single condition and return: Paddle's tracer evaluates the condition of a nested `if` in any case.
        if may_fuse(form) and cpu_layer.supports(x, weight):
            return self._as_program(x, weight, bias)
        if self.num_before:
            x = self[0](x, form)
        y = F.conv2d(x, weight, stride=conv.stride, padding=conv.padding)
        return y if bias is None else F.leaky_relu(y + bias.reshape([1, -1, 1, 1]), SLOPE)

    def _as_program(self, x: paddle.Tensor, weight: paddle.Tensor, bias: paddle.Tensor | None) -> paddle.Tensor:
        if bias is None:
            return cpu_conv.apply_route(self.route, x, weight)
        return cpu_layer.plain_layer(self.route, x, weight, bias, SLOPE)


class ResidualBlock(nn.Layer):
    """Two convolutions and a linear shortcut, both halving the sides; their sum is divided by sqrt(2).

    Args:
        num_in: input channels.
        num_out: output channels.
        blur_kernel: taps of the low-pass filter.
    """

    def __init__(self, num_in: int, num_out: int, blur_kernel: Sequence[float] = (1, 3, 3, 1)) -> None:
        super().__init__()
        self.conv1 = ConvLayer(num_in, num_in, 3)
        self.conv2 = ConvLayer(num_in, num_out, 3, downsample=True, blur_kernel=blur_kernel)
        self.skip = ConvLayer(num_in, num_out, 1, downsample=True, blur_kernel=blur_kernel, activate=False)

    def forward(self, x: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Map (N, num_in, H, W) to (N, num_out, H / 2, W / 2)."""
        return self.conv2(self.conv1(x, form), form, 1 / ROOT2) + self.skip(x, form, 1 / ROOT2)
