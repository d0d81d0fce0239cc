"""Normalisation layers of the image-to-image networks, under the names of PaddleGAN's ``norm_type``."""

from __future__ import annotations

from typing import Literal, TypeAlias

import paddle
import paddle.nn.functional as F
from paddle import nn

from ppgan_ext.nn.dropout import TestMode

NormType: TypeAlias = Literal["batch", "instance", "none"]


class BatchNorm(nn.BatchNorm2D):
    """Batch normalisation that in evaluation mode uses the batch's own statistics if ``test_mode`` is "train".

    That is what PaddleGAN's ``trainable_statistics`` does. The running statistics are not changed then.

    Args:
        num_channels: number of channels.
        test_mode: "train" or "eval".
    """

    def __init__(self, num_channels: int, test_mode: TestMode = "eval") -> None:
        super().__init__(num_channels)
        self.test_mode = test_mode

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Map (N, C, H, W) to the same shape."""
        if self.training or self.test_mode == "eval":
            return super().forward(x)
        centred = x - x.mean(axis=[0, 2, 3], keepdim=True)
        deviation = paddle.rsqrt((centred * centred).mean(axis=[0, 2, 3], keepdim=True) + self._epsilon)
        gain, bias = self.weight.reshape([1, -1, 1, 1]), self.bias.reshape([1, -1, 1, 1])
        return centred * (deviation * gain) + bias


class FixedInstanceNorm(nn.InstanceNorm2D):
    """Instance normalisation (arXiv 1607.08022) whose gain 1 and bias 0 are stored but not trained, as in PaddleGAN.

    Args:
        num_channels: number of channels.
    """

    def __init__(self, num_channels: int) -> None:
        super().__init__(num_channels)
        self.scale.stop_gradient = self.bias.stop_gradient = True
        self.scale.trainable = self.bias.trainable = False


class InstanceNorm(nn.Layer):
    """Instance normalisation without gain, bias and arrays in the state."""

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Map (N, C, H, W) to the same shape."""
        return F.instance_norm(x)


def norm_layer(norm_type: NormType, num_channels: int, test_mode: TestMode = "eval") -> nn.Layer:
    """Create the layer that ``norm_type`` names; "none" is the identity, which keeps the numbers of the layers."""
    if norm_type == "batch":
        return BatchNorm(num_channels, test_mode)
    return FixedInstanceNorm(num_channels) if norm_type == "instance" else nn.Identity()
