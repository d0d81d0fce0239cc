"""IR-SE-50, the trunk of ArcFace's network and of pSp's encoders.

Residual blocks of arXiv 1801.07698, section 3.2.2, each with the channel gate of arXiv 1709.01507. State-dict names
are PaddleGAN's, hence InsightFace_Pytorch's.
"""

from __future__ import annotations

from typing import ClassVar

import paddle
import paddle.nn.functional as F
from paddle import nn

from ppgan_ext.nn import Form
from ppgan_ext.nn.convolution import Chain, Convolution

_STAGES = ((1, 3), (2, 4), (4, 14), (8, 3))  # (width as a multiple of the first width, number of blocks)


class SqueezeExcite(nn.Layer):
    """Scale each channel by a gate that is computed from all channel means (arXiv 1709.01507).

    Args:
        num_channels: number of channels, at least ``reduction``.
        reduction: factor of the bottleneck.
    """

    def __init__(self, num_channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.fc1 = nn.Conv2D(num_channels, num_channels // reduction, 1, bias_attr=False)
        self.fc2 = nn.Conv2D(num_channels // reduction, num_channels, 1, bias_attr=False)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Map (N, C, H, W) to the same shape."""
        mean = x.mean(axis=[2, 3], keepdim=True)
        return x * F.sigmoid(self.fc2(F.relu(self.fc1(mean))))


class BottleneckIRSE(nn.Layer):
    """One residual block of the IR-SE trunk.

    Args:
        num_in: input channels.
        num_out: output channels; if they equal ``num_in``, the shortcut has no parameters.
        stride: 2 halves the sides.
    """

    takes_form: ClassVar[bool] = True

    def __init__(self, num_in: int, num_out: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.shortcut_layer = None
        if num_in != num_out:
            self.shortcut_layer = Chain(Convolution(num_in, num_out, 1, stride, bias=False), nn.BatchNorm2D(num_out))
        self.res_layer = Chain(
            nn.BatchNorm2D(num_in),
            Convolution(num_in, num_out, 3, 1, 1, bias=False),
            nn.PReLU(num_out),
            Convolution(num_out, num_out, 3, stride, 1, bias=False),
            nn.BatchNorm2D(num_out),
            SqueezeExcite(num_out),
        )

    def forward(self, x: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Map (N, num_in, H, W) to (N, num_out, H / stride, W / stride)."""
        if self.shortcut_layer is not None:
            shortcut = self.shortcut_layer(x, form)
        else:
            shortcut = x[:, :, :: self.stride, :: self.stride] if self.stride > 1 else x
        return self.res_layer(x, form) + shortcut


def input_layer(num_in: int, width: int) -> Chain:
    """Build the layers before the blocks: (N, num_in, H, W) to (N, width, H, W)."""
    return Chain(Convolution(num_in, width, 3, 1, 1, bias=False), nn.BatchNorm2D(width), nn.PReLU(width))


def body(width: int) -> Chain:
    """Build the 24 blocks, (N, width, H, W) to (N, 8 width, H / 16, W / 16); each of four stages halves the sides."""
    blocks = []
    num_in = width
    for factor, count in _STAGES:
        for index in range(count):
            blocks.append(BottleneckIRSE(num_in, width * factor, stride=1 if index else 2))
            num_in = width * factor
    return Chain(*blocks)
