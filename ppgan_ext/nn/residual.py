"""The down-sampling residual block of StyleGAN2's discriminator (arXiv 1912.04958, section 4.1, figure 7)."""

from __future__ import annotations

from collections.abc import Sequence

import paddle
from paddle import nn

from ppgan_ext.nn.activation import ROOT2, BiasedLeakyReLU
from ppgan_ext.nn.equalized import EqualConv2D
from ppgan_ext.nn.forms import Form
from ppgan_ext.nn.resample import Blur, down_conv_padding


class ConvLayer(nn.Sequential):
    """Optional blur and halving, convolution, bias and leaky ReLU; sublayers numbered as in PaddleGAN.

    Args:
        num_in: input channels.
        num_out: output channels.
        kernel_size: side of the filter, odd.
        downsample: halve both sides, behind a low-pass filter.
        blur_kernel: taps of that filter.
        activate: bias and leaky ReLU; otherwise the layer is linear and without bias.
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
        # A 1x1 filter sees single pixels, so those that the stride drops need not be blurred first.
        thin = downsample and kernel_size == 1
        if downsample:
            padding = down_conv_padding(len(blur_kernel), kernel_size)
            layers.append(Blur(blur_kernel, padding, stride=2 if thin else 1))
        stride = 2 if downsample and not thin else 1
        padding_conv = 0 if downsample else kernel_size // 2
        layers.append(EqualConv2D(num_in, num_out, kernel_size, stride=stride, padding=padding_conv, bias=False))
        if activate:
            layers.append(BiasedLeakyReLU(num_out))
        super().__init__(*layers)

    def forward(self, x: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Map (N, num_in, H, W) to (N, num_out, H, W), or to half the sides."""
        for layer in self:
            x = layer(x, form)
        return x


class ResidualBlock(nn.Layer):
    """Two convolutions and a linear short cut, both halving the sides; the sum is divided by sqrt(2).

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
        return (self.conv2(self.conv1(x, form), form) + self.skip(x, form)) / ROOT2
