"""The layers of StyleGAN2's generator (arXiv 1912.04958, figure 2d), with PaddleGAN's parameter names."""

from __future__ import annotations

from collections.abc import Sequence

import paddle
import paddle.nn.functional as F
from paddle import nn

from ppgan_ext.nn import cpu_styled
from ppgan_ext.nn.activation import ROOT2, SLOPE, BiasedLeakyReLU
from ppgan_ext.nn.cpu_conv import supports
from ppgan_ext.nn.forms import Form, may_fuse
from ppgan_ext.nn.modulated import ModulatedConv2D
from ppgan_ext.nn.resample import UpsampleFIR


class PixelNorm(nn.Layer):
    """Scale each vector to a mean square of 1."""

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Map (N, C) to (N, C)."""
        return x * paddle.rsqrt((x * x).mean(axis=1, keepdim=True) + 1e-8)


class ConstantInput(nn.Layer):
    """The learnt 4x4 input from which every image starts."""

    def __init__(self, num_channels: int) -> None:
        super().__init__()
        normal = nn.initializer.Normal(0.0, 1.0)
        self.input = self.create_parameter([1, num_channels, 4, 4], default_initializer=normal)

    def forward(self) -> paddle.Tensor:
        """Return (1, C, 4, 4); the first modulation broadcasts it over the batch."""
        return self.input


class NoiseInjection(nn.Layer):
    """The learnt strength of one layer's noise."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = self.create_parameter([1], default_initializer=nn.initializer.Constant(0.0))


class StyledConv(nn.Layer):
    """Modulated 3x3 convolution, noise, bias, leaky ReLU.

    Args:
        num_in: input channels.
        num_out: output channels of the convolution.
        style_dim: length of w.
        upsample: double both sides.
        blur_kernel: taps of the blur after up-sampling.
        is_concat: the noise is a feature map of ``num_out`` channels, concatenated rather than added.
    """

    def __init__(
        self,
        num_in: int,
        num_out: int,
        style_dim: int,
        upsample: bool = False,
        blur_kernel: Sequence[float] = (1, 3, 3, 1),
        is_concat: bool = False,
    ) -> None:
        super().__init__()
        self.conv = ModulatedConv2D(num_in, num_out, 3, style_dim, upsample=upsample, blur_kernel=blur_kernel)
        self.noise = NoiseInjection()
        self.activate = BiasedLeakyReLU(num_out * 2 if is_concat else num_out)
        self.is_concat = is_concat

    def forward(
        self, x: paddle.Tensor, style: paddle.Tensor, noise: paddle.Tensor | None = None, form: Form = "fast"
    ) -> paddle.Tensor:
        """Map (N, I, H, W) and the affine style (N, I) to (N, O, H', W'); noise (1 or N, 1, H', W') or None.

        Leaky ReLU commutes with positive factors, so its gain sqrt(2) is applied to the demodulation, the noise
        strength and the bias, which are small, instead of the whole feature map.
        """
        bias = self.activate.bias * ROOT2
        tensors = [x, style, bias] if noise is None else [x, style, bias, noise]
        if may_fuse(form) and not self.is_concat and supports(*tensors) and cpu_styled.works():
            return self._as_program(x, style, noise, bias)
        y, gain = self.conv.convolve(x, style, form, ROOT2)
        y = y * gain.unsqueeze(-1).unsqueeze(-1)
        if noise is not None:
            noise = noise * (self.noise.weight * ROOT2)
            # Keep the order (y + noise) + bias: with noise + bias, constant folding would store a full-size tensor.
            y = paddle.concat([y, noise], axis=1) if self.is_concat else y + noise
        return F.leaky_relu(y + bias.reshape([1, -1, 1, 1]), SLOPE)

    def _as_program(
        self, x: paddle.Tensor, style: paddle.Tensor, noise: paddle.Tensor | None, bias: paddle.Tensor
    ) -> paddle.Tensor:
        conv, strength = self.conv, self.noise.weight * ROOT2
        weight, gain = conv.filters(), conv.demodulation(style, ROOT2)
        style = style * conv.scale
        if x.shape[0] != style.shape[0] or (x.is_leaf and not x.stop_gradient):
            # The constant input, shared by all images, does not depend on the code, but its modulated copies do.
            x = x * style.unsqueeze([2, 3])
            style = paddle.ones_like(style).detach()
        if noise is None:
            sides = [2 * side if conv.upsample else side for side in x.shape[2:]]
            noise, strength = paddle.zeros([1, 1, *sides], x.dtype), paddle.zeros([1], x.dtype)
        return cpu_styled.styled_layer(conv.route, x, weight, style, gain, bias, noise, strength, SLOPE)


class ToRGB(nn.Layer):
    """Convert features to an RGB image and add the up-sampled image of the next lower resolution.

    Args:
        num_in: channels of the features.
        style_dim: length of w.
        upsample: whether there is a lower resolution.
        blur_kernel: taps of the up-sampling filter.
    """

    def __init__(
        self, num_in: int, style_dim: int, upsample: bool = True, blur_kernel: Sequence[float] = (1, 3, 3, 1)
    ) -> None:
        super().__init__()
        if upsample:
            self.upsample = UpsampleFIR(blur_kernel)
        self.conv = ModulatedConv2D(num_in, 3, 1, style_dim, demodulate=False)
        self.bias = self.create_parameter([1, 3, 1, 1], default_initializer=nn.initializer.Constant(0.0))

    def forward(
        self, x: paddle.Tensor, style: paddle.Tensor, skip: paddle.Tensor | None = None, form: Form = "fast"
    ) -> paddle.Tensor:
        """Map features (N, I, H, W), affine style (N, I) and image (N, 3, H/2, W/2) or None to (N, 3, H, W)."""
        y = self.conv(x, style, form) + self.bias
        return y if skip is None else y + self.upsample(skip, form)
