"""U-GAT-IT (arXiv 1907.10830): generator and discriminator with attention, with PaddleGAN's state-dict names.

Those are also the names of the authors' PyTorch code, except for the constants of instance normalisation.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import paddle
from paddle import nn

from ppgan_ext.errors import InputError
from ppgan_ext.nn.class_activation import class_activation
from ppgan_ext.nn.convolution import Chain, Convolution, ResizeConvolution
from ppgan_ext.nn.forms import Form
from ppgan_ext.nn.initial_weights import init_normal
from ppgan_ext.nn.layer_instance_norm import LIN, AdaLIN
from ppgan_ext.nn.normalization import NormType, norm_layer
from ppgan_ext.nn.normalized_residual import NormalizedResidual
from ppgan_ext.nn.reflection import Pad, pad
from ppgan_ext.nn.spectral import SpectralConvolution, SpectralLinear

_SLOPE = 0.2


class Translation(NamedTuple):
    """The outputs of a generator with attention.

    Attributes:
        images: (N, output_nc, H, W) in [-1, 1].
        logits: of the attention's two classifiers, (N, 2): positive for images of the other domain.
        heatmap: where the attention lies, (N, 1, H / 4, W / 4).
    """

    images: paddle.Tensor
    logits: paddle.Tensor
    heatmap: paddle.Tensor


class Judgement(NamedTuple):
    """The outputs of a discriminator with attention.

    Attributes:
        scores: of patches, (N, 1, H', W').
        logits: of the attention's two classifiers, (N, 2).
        heatmap: where the attention lies, (N, 1, H'', W'').
    """

    scores: paddle.Tensor
    logits: paddle.Tensor
    heatmap: paddle.Tensor


class ResnetUGATITGenerator(nn.Layer):
    """Translate images with attention and adaptive layer-instance normalisation.

    Args:
        input_nc: channels of the input.
        output_nc: channels of the output.
        ngf: channels after the first layer.
        n_blocks: number of residual blocks before the attention, and again after it.
        img_size: side of the images; a full generator takes no other.
        light: compute gain and bias of the normalisation from the features' means, instead of from all features by a
            layer of (img_size / 4)**2 * (4 ngf)**2 weights.
        norm_type: normalisation of the encoder.
    """

    def __init__(
        self,
        input_nc: int,
        output_nc: int,
        ngf: int = 64,
        n_blocks: int = 6,
        img_size: int = 256,
        light: bool = False,
        norm_type: NormType = "instance",
    ) -> None:
        super().__init__()
        self.n_blocks, self.img_size, self.light = n_blocks, img_size, light
        width = 4 * ngf
        down: list[nn.Layer] = [
            Pad(3),
            Convolution(input_nc, ngf, 7, bias=False),
            norm_layer(norm_type, ngf),
            nn.ReLU(),
        ]
        for factor in (1, 2):
            down += [Pad(1), Convolution(factor * ngf, 2 * factor * ngf, 3, 2, bias=False)]
            down += [norm_layer(norm_type, 2 * factor * ngf), nn.ReLU()]
        for _ in range(n_blocks):
            down.append(NormalizedResidual(width, [norm_layer(norm_type, width) for _ in range(2)], bias=False))
        self.DownBlock = Chain(*down)
        self.gap_fc = nn.Linear(width, 1, bias_attr=False)
        self.gmp_fc = nn.Linear(width, 1, bias_attr=False)
        self.conv1x1 = Convolution(2 * width, width, 1)
        num_inputs = width if light else (img_size // 4) ** 2 * width
        self.FC = nn.Sequential(*style_layers(num_inputs, width, bias=False))
        self.gamma = nn.Linear(width, width, bias_attr=False)
        self.beta = nn.Linear(width, width, bias_attr=False)
        for index in range(n_blocks):
            setattr(self, f"UpBlock1_{index + 1}", AdaptiveBlock(width))
        up: list[nn.Layer] = []
        for factor in (4, 2):
            up += [*doubling_layers(factor * ngf), nn.ReLU()]
        up += [Pad(3), Convolution(ngf, output_nc, 7, bias=False), nn.Tanh()]
        self.UpBlock2 = Chain(*up)
        init_normal(self)

    def forward(self, x: paddle.Tensor, form: Form = "fast") -> Translation:
        """Translate images (N, input_nc, H, W) in [-1, 1]; H and W are multiples of 4.

        Raises:
            InputError: a full generator got another size than ``img_size``.
        """
        if not self.light and tuple(x.shape[2:]) != (self.img_size, self.img_size):
            raise InputError(
                f"a full generator of {self.img_size} pixels cannot take {x.shape[3]}x{x.shape[2]}", where="images"
            )
        attention = class_activation(self.DownBlock(x, form), self.gap_fc, self.gmp_fc, self.conv1x1, form=form)
        x = attention.features
        style = self.FC(x.mean(axis=[2, 3]) if self.light else x.flatten(1))
        gamma, beta = self.gamma(style), self.beta(style)
        for index in range(self.n_blocks):
            x = getattr(self, f"UpBlock1_{index + 1}")(x, gamma, beta, form)
        return Translation(self.UpBlock2(x, form), attention.logits, attention.heatmap)


class AdaptiveBlock(nn.Layer):
    """The residual block of the decoder, with adaptive layer-instance normalisation.

    Args:
        num_channels: channels of input and output.
    """

    takes_form: ClassVar[bool] = True

    def __init__(self, num_channels: int) -> None:
        super().__init__()
        self.conv1 = Convolution(num_channels, num_channels, 3, bias=False)
        self.norm1 = AdaLIN(num_channels)
        self.conv2 = Convolution(num_channels, num_channels, 3, bias=False)
        self.norm2 = AdaLIN(num_channels)

    def forward(
        self, x: paddle.Tensor, gamma: paddle.Tensor, beta: paddle.Tensor, form: Form = "fast"
    ) -> paddle.Tensor:
        """Map (N, C, H, W) with gain and bias, both (N, C), to the same shape."""
        y = nn.functional.relu(self.norm1(self.conv1(pad(x, 1, form=form), form), gamma, beta))
        return x + self.norm2(self.conv2(pad(y, 1, form=form), form), gamma, beta)


def style_layers(num_in: int, width: int, bias: bool) -> list[nn.Layer]:
    """Return the two fully connected layers that read the style from features."""
    bias_attr = None if bias else False
    first, second = nn.Linear(num_in, width, bias_attr=bias_attr), nn.Linear(width, width, bias_attr=bias_attr)
    return [first, nn.ReLU(), second, nn.ReLU()]


def doubling_layers(num_channels: int) -> list[nn.Layer]:
    """Return the layers that double the sides and halve the channels in a decoder, without activation."""
    half = num_channels // 2
    # Numbered as in PaddleGAN, where doubling and padding are layers of their own.
    return [nn.Identity(), nn.Identity(), ResizeConvolution(num_channels, half, bias=False), LIN(half)]


class UGATITDiscriminator(nn.Layer):
    """Score patches of images, with attention; all convolutions but one are spectrally normalised.

    Args:
        input_nc: channels of the images.
        ndf: channels after the first layer.
        n_layers: 7 for the global, 5 for the local discriminator; two of the layers keep the sides.
    """

    def __init__(self, input_nc: int, ndf: int = 64, n_layers: int = 5) -> None:
        super().__init__()
        layers: list[nn.Layer] = []
        num_in = input_nc
        for depth in range(n_layers - 1):
            num_out, stride = ndf * 2**depth, 2 if depth < n_layers - 2 else 1
            layers += [Pad(1), SpectralConvolution(num_in, num_out, 4, stride), nn.LeakyReLU(_SLOPE)]
            num_in = num_out
        self.model = Chain(*layers)
        self.gap_fc = SpectralLinear(num_in, 1, bias=False)
        self.gmp_fc = SpectralLinear(num_in, 1, bias=False)
        self.conv1x1 = Convolution(2 * num_in, num_in, 1)
        self.conv = SpectralConvolution(num_in, 1, 4, bias=False)
        init_normal(self)

    def forward(self, x: paddle.Tensor, form: Form = "fast") -> Judgement:
        """Judge images (N, input_nc, H, W) in [-1, 1]."""
        features = self.model(x, form)
        attention = class_activation(features, self.gap_fc, self.gmp_fc, self.conv1x1, _SLOPE, form)
        scores = self.conv(pad(attention.features, 1, form=form), form)
        return Judgement(scores, attention.logits, attention.heatmap)
