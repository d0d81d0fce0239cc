"""Photo2Cartoon's generator: U-GAT-IT (arXiv 1907.10830) with hourglasses and soft-AdaLIN, with PaddleGAN's names.

After minivision's photo2cartoon, for which there is no paper.
"""

from __future__ import annotations

from typing import ClassVar

import paddle
import paddle.nn.functional as F
from paddle import nn

from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.networks.ugatit import Translation, doubling_layers, style_layers
from ppgan_ext.nn.class_activation import class_activation
from ppgan_ext.nn.convolution import Chain, Convolution
from ppgan_ext.nn.forms import Form
from ppgan_ext.nn.hourglass import HourGlass
from ppgan_ext.nn.initial_weights import init_normal
from ppgan_ext.nn.layer_instance_norm import SoftAdaLIN
from ppgan_ext.nn.normalization import InstanceNorm
from ppgan_ext.nn.normalized_residual import NormalizedResidual
from ppgan_ext.nn.reflection import Pad, pad


class ResnetUGATITP2CGenerator(nn.Layer):
    """Translate photos of faces to cartoons.

    Args:
        input_nc: channels of the input.
        output_nc: channels of the output.
        ngf: channels after the first layer, a multiple of 4.
        img_size: side of the images; a generator that is not light takes no other.
        n_blocks: number of residual blocks before the attention, and again after it.
        light: see `ppgan_ext.networks.ugatit.ResnetUGATITGenerator`.
        linear_bias: whether fully connected layers have biases, as in minivision's code; PaddleGAN's have none.

    Raises:
        ConfigError: ngf is not a multiple of 4.
    """

    def __init__(
        self,
        input_nc: int = 3,
        output_nc: int = 3,
        ngf: int = 32,
        img_size: int = 256,
        n_blocks: int = 4,
        light: bool = True,
        *,
        linear_bias: bool = False,
    ) -> None:
        super().__init__()
        if ngf % 4:
            raise ConfigError(f"must be a multiple of 4, got {ngf}", where="ngf")
        self.n_blocks, self.img_size, self.light = n_blocks, img_size, light
        width, bias_attr = 4 * ngf, None if linear_bias else False
        down: list[nn.Layer] = [Pad(3), Convolution(input_nc, ngf, 7, bias=False), InstanceNorm(), nn.ReLU()]
        down += [HourGlass(ngf), HourGlass(ngf)]
        for factor in (1, 2):
            down += [Pad(1), Convolution(factor * ngf, 2 * factor * ngf, 3, 2, bias=False), InstanceNorm(), nn.ReLU()]
        self.DownBlock = Chain(*down)
        for index in range(n_blocks):
            block = NormalizedResidual(width, [InstanceNorm(), InstanceNorm()], bias=False)
            setattr(self, f"EncodeBlock{index + 1}", block)
        self.gap_fc = nn.Linear(width, 1, bias_attr=bias_attr)
        self.gmp_fc = nn.Linear(width, 1, bias_attr=bias_attr)
        self.conv1x1 = Convolution(2 * width, width, 1)
        num_inputs = width if light else (img_size // 4) ** 2 * width
        self.FC = nn.Sequential(*style_layers(num_inputs, width, linear_bias))
        for index in range(n_blocks):
            setattr(self, f"DecodeBlock{index + 1}", SoftAdaptiveBlock(width, linear_bias))
        up: list[nn.Layer] = []
        for factor in (4, 2):
            up += [*doubling_layers(factor * ngf), nn.ReLU()]
        up += [HourGlass(ngf), HourGlass(ngf, residual=False)]
        up += [Pad(3), Convolution(3, output_nc, 7, bias=False), nn.Tanh()]
        self.UpBlock = Chain(*up)
        init_normal(self)

    def forward(self, x: paddle.Tensor, form: Form = "fast") -> Translation:
        """Translate images (N, input_nc, H, W) in [-1, 1]; H and W are multiples of 16.

        Raises:
            InputError: a generator that is not light got another size than ``img_size``.
        """
        if not self.light and tuple(x.shape[2:]) != (self.img_size, self.img_size):
            raise InputError(
                f"a generator of {self.img_size} pixels cannot take {x.shape[3]}x{x.shape[2]}", where="images"
            )
        x = self.DownBlock(x, form)
        contents = []
        for index in range(self.n_blocks):
            x = getattr(self, f"EncodeBlock{index + 1}")(x, form)
            contents.append(x.mean(axis=[2, 3]))
        attention = class_activation(x, self.gap_fc, self.gmp_fc, self.conv1x1, form=form)
        x = attention.features
        style = self.FC(x.mean(axis=[2, 3]) if self.light else x.flatten(1))
        for index in range(self.n_blocks):
            x = getattr(self, f"DecodeBlock{index + 1}")(x, contents.pop(), style, form)
        return Translation(self.UpBlock(x, form), attention.logits, attention.heatmap)


class SoftAdaptiveBlock(nn.Layer):
    """The residual block of the decoder, with soft-AdaLIN.

    Args:
        num_channels: channels of input and output.
        linear_bias: see `ResnetUGATITP2CGenerator`.
    """

    takes_form: ClassVar[bool] = True

    def __init__(self, num_channels: int, linear_bias: bool = False) -> None:
        super().__init__()
        self.conv1 = Convolution(num_channels, num_channels, 3, bias=False)
        self.norm1 = SoftAdaLIN(num_channels, linear_bias)
        self.conv2 = Convolution(num_channels, num_channels, 3, bias=False)
        self.norm2 = SoftAdaLIN(num_channels, linear_bias)

    def forward(
        self, x: paddle.Tensor, content: paddle.Tensor, style: paddle.Tensor, form: Form = "fast"
    ) -> paddle.Tensor:
        """Map (N, C, H, W) with content and style vectors, both (N, C), to the same shape."""
        y = F.relu(self.norm1(self.conv1(pad(x, 1, form=form), form), content, style))
        return x + self.norm2(self.conv2(pad(y, 1, form=form), form), content, style)
