"""Hourglass modules with the convolution blocks of FAN (arXiv 1603.06937, section 3; arXiv 1703.07332, figure 2)."""

from __future__ import annotations

from typing import ClassVar

import paddle
import paddle.nn.functional as F
from paddle import nn

from ppgan_ext.nn.convolution import Chain, Convolution
from ppgan_ext.nn.doubling import double
from ppgan_ext.nn.forms import Form
from ppgan_ext.nn.normalization import InstanceNorm
from ppgan_ext.nn.reflection import Pad

_DEPTH = 4
MULTIPLE = 2**_DEPTH  # every side must be divisible by it


class ConvBlock(nn.Layer):
    """Three normalised convolutions in a row, whose results are joined and added to the input.

    Args:
        num_in: input channels.
        num_out: output channels, a multiple of 4; if they differ from ``num_in``, a 1x1 convolution is on the shortcut.
    """

    takes_form: ClassVar[bool] = True

    def __init__(self, num_in: int, num_out: int) -> None:
        super().__init__()
        half, quarter = num_out // 2, num_out // 4
        self.conv_block1 = _normalized(num_in, half)
        self.conv_block2 = _normalized(half, quarter)
        self.conv_block3 = _normalized(quarter, quarter)
        self.conv_skip = None
        if num_in != num_out:
            self.conv_skip = Chain(InstanceNorm(), nn.ReLU(), Convolution(num_in, num_out, 1, bias=False))

    def forward(self, x: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Map (N, num_in, H, W) to (N, num_out, H, W)."""
        first = self.conv_block1(x, form)
        second = self.conv_block2(first, form)
        third = self.conv_block3(second, form)
        shortcut = x if self.conv_skip is None else self.conv_skip(x, form)
        return shortcut + paddle.concat([first, second, third], axis=1)


class HourGlassBlock(nn.Layer):
    """Four levels of half the size each, with a block at every level on the way down, up and across.

    Args:
        num_channels: channels of input and output.
    """

    takes_form: ClassVar[bool] = True

    def __init__(self, num_channels: int) -> None:
        super().__init__()
        for index in range(_DEPTH):
            setattr(self, f"ConvBlockskip{index + 1}", ConvBlock(num_channels, num_channels))
        for index in range(2 * _DEPTH + 1):
            setattr(self, f"ConvBlock{index + 1}", ConvBlock(num_channels, num_channels))

    def forward(self, x: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Map (N, C, H, W), H and W multiples of 16, to the same shape."""
        across = []
        for index in range(_DEPTH):
            across.append(getattr(self, f"ConvBlockskip{index + 1}")(x, form))
            x = getattr(self, f"ConvBlock{index + 1}")(F.avg_pool2d(x, 2), form)
        x = getattr(self, f"ConvBlock{_DEPTH + 1}")(x, form)
        for index in range(_DEPTH):
            x = double(getattr(self, f"ConvBlock{_DEPTH + 2 + index}")(x, form)) + across.pop()
        return x


class HourGlass(nn.Layer):
    """An hourglass with a picture of three channels as an intermediate result.

    Args:
        num_channels: input channels.
        residual: add features and intermediate picture to the input; otherwise the picture is the result.
    """

    takes_form: ClassVar[bool] = True

    def __init__(self, num_channels: int, residual: bool = True) -> None:
        super().__init__()
        self.HG = Chain(
            HourGlassBlock(num_channels),
            ConvBlock(num_channels, num_channels),
            Convolution(num_channels, num_channels, 1, bias=False),
            InstanceNorm(),
            nn.ReLU(),
        )
        self.Conv1 = Convolution(num_channels, 3, 1)
        self.Conv2 = Convolution(num_channels, num_channels, 1) if residual else None
        self.Conv3 = Convolution(3, num_channels, 1) if residual else None

    def forward(self, x: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Map (N, C, H, W), H and W multiples of 16, to the same shape, or to (N, 3, H, W)."""
        features = self.HG(x, form)
        picture = self.Conv1(features, form)
        if self.Conv2 is None or self.Conv3 is None:
            return picture
        return x + self.Conv2(features, form) + self.Conv3(picture, form)


def _normalized(num_in: int, num_out: int) -> Chain:
    return Chain(InstanceNorm(), nn.ReLU(), Pad(1), Convolution(num_in, num_out, 3, bias=False))
