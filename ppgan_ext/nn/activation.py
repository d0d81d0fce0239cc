"""Leaky ReLU with a bias per channel and a gain that preserves the variance (He et al., arXiv 1502.01852)."""

from __future__ import annotations

import math

import paddle
import paddle.nn.functional as F
from paddle import nn

SLOPE = 0.2
ROOT2 = math.sqrt(2.0)


def leaky_relu(x: paddle.Tensor) -> paddle.Tensor:
    """Return the leaky ReLU with slope 0.2, times sqrt(2): the activation of every StyleGAN2 layer. Any shape."""
    return F.leaky_relu(x, SLOPE) * ROOT2


class BiasedLeakyReLU(nn.Layer):
    """Add a bias per channel, then :func:`leaky_relu`.

    Args:
        num_channels: size of axis 1 of the input.
    """

    def __init__(self, num_channels: int) -> None:
        super().__init__()
        zero = nn.initializer.Constant(0.0)
        self.bias = self.create_parameter([num_channels], default_initializer=zero)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Map (N, C) or (N, C, H, W) to the same shape."""
        return leaky_relu(x + self.bias.reshape([1, -1] + [1] * (x.ndim - 2)))
