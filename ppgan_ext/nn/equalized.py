"""Layers with an equalised learning rate (Progressive GAN, arXiv 1710.10196, section 4.1).

Weights are stored with unit variance and scaled by He's constant when used, so that Adam updates all of them at the
same relative speed. The parameters have PaddleGAN's names and shapes.
"""

from __future__ import annotations

import math

import paddle
import paddle.nn.functional as F
from paddle import nn

from ppgan_ext.nn.activation import leaky_relu


class EqualLinear(nn.Layer):
    """Fully connected layer ``x @ (weight * scale) + bias * lr_mul``.

    Args:
        num_in: input features.
        num_out: output features.
        bias: whether there is a bias.
        bias_init: initial value of the bias, before ``lr_mul``.
        lr_mul: learning-rate multiplier of weight and bias (0.01 in StyleGAN2's mapping network).
        activation: apply leaky ReLU with gain sqrt(2).
    """

    def __init__(
        self,
        num_in: int,
        num_out: int,
        bias: bool = True,
        bias_init: float = 0.0,
        lr_mul: float = 1.0,
        activation: bool = False,
    ) -> None:
        super().__init__()
        normal = nn.initializer.Normal(0.0, 1.0 / lr_mul)
        self.weight = self.create_parameter([num_in, num_out], default_initializer=normal)
        constant = nn.initializer.Constant(float(bias_init))
        self.bias = self.create_parameter([num_out], default_initializer=constant) if bias else None
        self.scale = lr_mul / math.sqrt(num_in)
        self.lr_mul = lr_mul
        self.activation = activation

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Map (..., num_in) to (..., num_out)."""
        y = paddle.matmul(x, self.weight * self.scale)
        if self.bias is not None:
            y = y + self.bias * self.lr_mul
        return leaky_relu(y) if self.activation else y

    def extra_repr(self) -> str:
        """Return the shape and the multiplier, for ``print``."""
        return f"{self.weight.shape[0]}, {self.weight.shape[1]}, lr_mul={self.lr_mul}"


class EqualConv2D(nn.Layer):
    """Convolution ``conv(x, weight * scale) + bias``.

    Args:
        num_in: input channels.
        num_out: output channels.
        kernel_size: side of the square filter.
        stride: step of the filter.
        padding: zeros on each side.
        bias: whether there is a bias.
    """

    def __init__(
        self, num_in: int, num_out: int, kernel_size: int, stride: int = 1, padding: int = 0, bias: bool = True
    ) -> None:
        super().__init__()
        shape = [num_out, num_in, kernel_size, kernel_size]
        self.weight = self.create_parameter(shape, default_initializer=nn.initializer.Normal(0.0, 1.0))
        zero = nn.initializer.Constant(0.0)
        self.bias = self.create_parameter([num_out], default_initializer=zero) if bias else None
        self.scale = 1.0 / math.sqrt(num_in * kernel_size**2)
        self.stride = stride
        self.padding = padding

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Map (N, num_in, H, W) to (N, num_out, H', W')."""
        return F.conv2d(x, self.weight * self.scale, self.bias, stride=self.stride, padding=self.padding)

    def extra_repr(self) -> str:
        """Return the shape, stride and padding, for ``print``."""
        num_out, num_in, kernel_size, _ = self.weight.shape
        return f"{num_in}, {num_out}, {kernel_size}, stride={self.stride}, padding={self.padding}"
