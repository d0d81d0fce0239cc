"""The residual block of CycleGAN, U-GAT-IT and Photo2Cartoon (arXiv 1603.08155, supplement): no ReLU after the sum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import paddle
from paddle import nn

from ppgan_ext.nn.convolution import Chain, Convolution
from ppgan_ext.nn.forms import Form
from ppgan_ext.nn.reflection import Pad, Padding


class NormalizedResidual(nn.Layer):
    """Two normalised 3x3 convolutions, whose result is added to the input.

    Args:
        num_channels: channels of input and output.
        norms: normalisation after the first and after the second convolution.
        bias: whether the convolutions have biases.
        padding: how the border is padded; "zero" is done by the convolutions, without layers of its own.
        between: layers after the first activation.
    """

    takes_form: ClassVar[bool] = True

    def __init__(
        self,
        num_channels: int,
        norms: Sequence[nn.Layer],
        bias: bool,
        padding: Padding = "reflect",
        between: Sequence[nn.Layer] = (),
    ) -> None:
        super().__init__()

        def convolution() -> list[nn.Layer]:
            if padding == "zero":
                return [Convolution(num_channels, num_channels, 3, 1, 1, bias)]
            return [Pad(1, padding), Convolution(num_channels, num_channels, 3, bias=bias)]

        first, second = norms
        self.conv_block = Chain(*convolution(), first, nn.ReLU(), *between, *convolution(), second)

    def forward(self, x: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Map (N, C, H, W) to the same shape."""
        return x + self.conv_block(x, form)
