"""pSp encoders: "Encoding in Style: a StyleGAN Encoder for Image-to-Image Translation", arXiv 2008.00951.

The trunk is ArcFace's IR-SE-50 (arXiv 1801.07698 with the blocks of arXiv 1709.01507). Names and shapes of the state
dicts are PaddleGAN's. Departs from PaddleGAN in two ways: the decoder may have any number of layers, not only 18, and
no tensor of the caller is modified.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn

from ppgan_ext.errors import ConfigError, InputError, nearest
from ppgan_ext.networks.codes import broadcast_code
from ppgan_ext.networks.ir_se import body, input_layer
from ppgan_ext.networks.sizes import check_size
from ppgan_ext.networks.stylegan2 import StyleGANv2Generator
from ppgan_ext.nn import EqualLinear, Form, check_form
from ppgan_ext.nn.convolution import Chain, Convolution
from ppgan_ext.types import FloatArray

INPUT_SIZE = 256
NUM_COARSE = 3
NUM_MIDDLE = 4
_TAPS = (6, 20, 23)  # last blocks of the stages with 1/4, 1/8 and 1/16 of the input's side


class _Trunk(nn.Layer):
    """IR-SE-50 with the attributes that all pSp encoders share.

    Args:
        size: side of the decoder's images, which determines ``n_latent``.
        input_nc: channels of the input, 3 for photos.
        style_dim: length of w and last width of the trunk; 512 in the published networks.

    Attributes:
        input_size: side of the input in pixels, 256 for every decoder.
        input_nc: channels of the input.
        style_dim: length of w.
        n_latent: number of rows of a w_plus.
    """

    def __init__(self, size: int, input_nc: int, style_dim: int) -> None:
        super().__init__()
        self.n_latent = 2 * check_size(size) - 2
        if style_dim % 128 or style_dim < 128:
            cure = "Use 512 for the published networks"
            raise ConfigError(f"must be a multiple of 128, got {style_dim}", where="style_dim", cure=cure)
        self.input_size = INPUT_SIZE
        self.input_nc = input_nc
        self.style_dim = style_dim
        width = style_dim // 8
        self.input_layer = input_layer(input_nc, width)
        self.body = body(width)

    def feature_maps(self, pixels: paddle.Tensor, form: Form = "fast") -> list[paddle.Tensor]:
        """Return the feature maps of side 64, 32 and 16, with style_dim / 4, / 2 and / 1 channels.

        Args:
            pixels: (N, input_nc, 256, 256), [-1, 1].
            form: see `PSPEncoder.forward`.

        Raises:
            InputError: the shape is wrong.
            ConfigError: the form is unknown.
        """
        check_form(form)
        if pixels.ndim != 4 or tuple(pixels.shape[1:]) != (self.input_nc, INPUT_SIZE, INPUT_SIZE):
            expected = f"(N, {self.input_nc}, {INPUT_SIZE}, {INPUT_SIZE})"
            raise InputError(f"expected {expected}, got {tuple(pixels.shape)}", where="pixels")
        x = self.input_layer(pixels, form)
        maps = []
        for index, block in enumerate(self.body):
            x = block(x, form)
            if index in _TAPS:
                maps.append(x)
        return maps


class GradualStyleBlock(nn.Layer):
    """Reduce a feature map to one style by convolutions of stride 2 (pSp's map2style).

    Args:
        style_dim: number of channels of the map, and length of the style.
        side: side of the map, a power of two.
    """

    def __init__(self, style_dim: int, side: int) -> None:
        super().__init__()
        layers: list[nn.Layer] = []
        for _ in range(side.bit_length() - 1):
            layers += [Convolution(style_dim, style_dim, 3, 2, 1), nn.LeakyReLU(0.01)]
        self.convs = Chain(*layers)
        self.linear = EqualLinear(style_dim, style_dim)

    def forward(self, x: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Map (N, style_dim, side, side) to (N, style_dim)."""
        return self.linear(self.convs(x, form).flatten(1))


class PSPEncoder(_Trunk):
    """Map aligned photos to offsets of w_plus: PaddleGAN's ``GradualStyleEncoder`` (50 layers, "ir_se").

    Styles 0-2 are computed from the map of side 16, styles 3-6 from side 32, the others from side 64. The bilinearly
    enlarged map of the coarser level is added to the maps of sides 32 and 64.

    Args:
        size: side of the decoder's images; 256, 512 and 1024 result in 14, 16 and 18 styles.
        input_nc: channels of the input, 3 for photos.
        style_dim: length of w, which determines the widths of the trunk; 512 in the published networks.

    Raises:
        ConfigError: the size is impossible, or ``style_dim`` is not a multiple of 128.
    """

    def __init__(self, size: int, input_nc: int = 3, *, style_dim: int = 512) -> None:
        super().__init__(size, input_nc, style_dim)
        sides = [16] * NUM_COARSE + [32] * NUM_MIDDLE + [64] * self.n_latent
        self.styles = nn.LayerList([GradualStyleBlock(style_dim, side) for side in sides[: self.n_latent]])
        self.latlayer1 = Convolution(style_dim // 2, style_dim, 1)
        self.latlayer2 = Convolution(style_dim // 4, style_dim, 1)

    def forward(self, pixels: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Encode photos.

        Args:
            pixels: (N, input_nc, 256, 256), [-1, 1], RGB, FFHQ crop.
            form: "fast", or "fused" for the fastest dygraph on a CPU; the same numbers.

        Returns:
            Offsets from ``latent_avg``, (N, n_latent, style_dim).

        Raises:
            InputError: the shape is wrong.
            ConfigError: the form is unknown.
        """
        fine, middle, coarse = self.feature_maps(pixels, form)
        middle = _enlarge_and_add(coarse, self.latlayer1(middle, form))
        fine = _enlarge_and_add(middle, self.latlayer2(fine, form))
        codes = []
        for index, style in enumerate(self.styles):
            level = coarse if index < NUM_COARSE else middle if index < NUM_COARSE + NUM_MIDDLE else fine
            codes.append(style(level, form))
        return paddle.stack(codes, axis=1)


def _enlarge_and_add(top: paddle.Tensor, lateral: paddle.Tensor) -> paddle.Tensor:
    """Resize ``top`` bilinearly to the size of ``lateral``, with the corners aligned, and add both.

    Uses matrix products, because oneDNN programs do not support ``interpolate``, on three axes, because oneDNN computes
    wrong results with four.
    """
    batch, channels, height, width = top.shape
    rows = paddle.to_tensor(_bilinear_matrix(height, lateral.shape[2]))
    columns = paddle.to_tensor(_bilinear_matrix(width, lateral.shape[3]))
    planes = paddle.matmul(rows, top.reshape([-1, height, width]))
    planes = paddle.matmul(planes, columns, transpose_y=True)
    return planes.reshape([batch, channels, *lateral.shape[2:]]) + lateral


def _bilinear_matrix(num_from: int, num_to: int) -> FloatArray:
    """Return the weights (num_to, num_from), float32, of linear interpolation between samples with aligned ends."""
    at = np.linspace(0, num_from - 1, num_to)
    distance = np.abs(at[:, None] - np.arange(num_from)[None, :])
    return np.maximum(0, 1 - distance).astype(np.float32)


class BackboneEncoderUsingLastLayerIntoW(_Trunk):
    """Map photos to one offset of w each, from the trunk's last map; arguments as for :class:`PSPEncoder`."""

    def __init__(self, size: int, input_nc: int = 3, *, style_dim: int = 512) -> None:
        super().__init__(size, input_nc, style_dim)
        self.linear = EqualLinear(style_dim, style_dim)

    def forward(self, pixels: paddle.Tensor) -> paddle.Tensor:
        """Map (N, input_nc, 256, 256) in [-1, 1] to offsets of w, (N, style_dim)."""
        return self.linear(self.feature_maps(pixels)[-1].mean(axis=[2, 3]))


class BackboneEncoderUsingLastLayerIntoWPlus(_Trunk):
    """Map photos to offsets of w_plus, from the trunk's last map alone; arguments as for :class:`PSPEncoder`."""

    def __init__(self, size: int, input_nc: int = 3, *, style_dim: int = 512) -> None:
        super().__init__(size, input_nc, style_dim)
        self.output_layer_2 = nn.Sequential(
            nn.BatchNorm2D(style_dim),
            nn.AdaptiveAvgPool2D(7),
            nn.Flatten(),
            nn.Linear(style_dim * 49, style_dim),
        )
        self.linear = EqualLinear(style_dim, style_dim * self.n_latent)

    def forward(self, pixels: paddle.Tensor) -> paddle.Tensor:
        """Map (N, input_nc, 256, 256) in [-1, 1] to offsets of w_plus, (N, n_latent, style_dim)."""
        codes = self.linear(self.output_layer_2(self.feature_maps(pixels)[-1]))
        return codes.reshape([-1, self.n_latent, self.style_dim])


ENCODERS: dict[str, type[_Trunk]] = {
    "GradualStyleEncoder": PSPEncoder,
    "BackboneEncoderUsingLastLayerIntoW": BackboneEncoderUsingLastLayerIntoW,
    "BackboneEncoderUsingLastLayerIntoWPlus": BackboneEncoderUsingLastLayerIntoWPlus,
}

# Defaults of the options that a checkpoint lacks: those of the published FFHQ inversion.
DEFAULT_OPTIONS: dict[str, Any] = {
    "encoder_type": "GradualStyleEncoder",
    "input_nc": 3,
    "size": 1024,
    "style_dim": 512,
    "n_mlp": 8,
    "channel_multiplier": 2,
    "start_from_latent_avg": True,
    "learn_in_w": False,
}


class Pixel2Style2Pixel(nn.Layer):
    """Encoder and StyleGAN2 decoder in one network (PaddleGAN's class).

    Args:
        opts: training options as a mapping or an object with attributes. Missing ones are taken from
            ``DEFAULT_OPTIONS``; unknown ones are stored in ``opts`` and ignored. Two further keys, ``channel_base`` and
            ``channel_cap``, are arguments of the decoder.

    Attributes:
        opts: all options.
        encoder: the encoder.
        decoder: the generator.
        style_dim: length of w.
        n_latent: number of rows of a w_plus.
        latent_avg: buffer (1, n_latent, style_dim), or (1, style_dim) with ``learn_in_w``, which is added to the
            encoder's offsets; None without ``start_from_latent_avg``.

    Raises:
        ConfigError: the type of the encoder is unknown, or a size is impossible.
    """

    def __init__(self, opts: Mapping[str, Any] | object) -> None:
        super().__init__()
        options = dict(opts) if isinstance(opts, Mapping) else vars(opts)
        self.opts = opts = SimpleNamespace(**{**DEFAULT_OPTIONS, **options})
        if opts.encoder_type not in ENCODERS:
            cure = nearest(opts.encoder_type, ENCODERS)
            raise ConfigError(f"unknown encoder {opts.encoder_type!r}", where="encoder_type", cure=cure)
        self.encoder = ENCODERS[opts.encoder_type](opts.size, opts.input_nc, style_dim=opts.style_dim)
        channels = {key: options[key] for key in ("channel_base", "channel_cap") if key in options}
        self.decoder = StyleGANv2Generator(opts.size, opts.style_dim, opts.n_mlp, opts.channel_multiplier, **channels)
        self.style_dim = self.decoder.style_dim
        self.n_latent = self.decoder.n_latent
        if opts.start_from_latent_avg:
            shape = [1, self.style_dim] if opts.learn_in_w else [1, self.n_latent, self.style_dim]
            self.register_buffer("latent_avg", paddle.zeros(shape))
        else:
            self.latent_avg = None

    def encode(self, pixels: paddle.Tensor) -> paddle.Tensor:
        """Map photos (N, input_nc, 256, 256) in [-1, 1] to w_plus (N, n_latent, style_dim), the mean code included."""
        codes = broadcast_code(self.encoder(pixels), self.n_latent, self.style_dim)
        if self.latent_avg is None:
            return codes
        return codes + broadcast_code(self.latent_avg, self.n_latent, self.style_dim)

    def forward(
        self,
        x: paddle.Tensor,
        resize: bool = True,
        latent_mask: Sequence[int] | None = None,
        input_code: bool = False,
        randomize_noise: bool = True,
        inject_latent: paddle.Tensor | None = None,
        return_latents: bool = False,
        alpha: float | None = None,
    ) -> paddle.Tensor | tuple[paddle.Tensor, paddle.Tensor]:
        """Encode and render (PaddleGAN's interface).

        Args:
            x: photos (N, input_nc, 256, 256) in [-1, 1]; with ``input_code`` codes z (N, style_dim).
            resize: return images of 256 pixels, whatever the decoder's size.
            latent_mask: rows of w_plus that are replaced by ``inject_latent``, or by zeros without it.
            input_code: ``x`` contains codes.
            randomize_noise: use random noise, otherwise the fixed noise.
            inject_latent: (1 or N, n_latent, style_dim).
            return_latents: also return the rendered w_plus.
            alpha: share of ``inject_latent`` in the masked rows, 0 to 1; None: 1.

        Returns:
            Images (N, 3, S, S), about [-1, 1]; with ``return_latents`` also the w_plus (N, n_latent, style_dim).

        Raises:
            InputError: a shape does not fit, or a row does not exist.
        """
        codes = self.decoder.mapping(x) if input_code else self.encode(x)
        codes = broadcast_code(codes, self.n_latent, self.style_dim)
        if latent_mask is not None:
            codes = self._replace_rows(codes, latent_mask, inject_latent, alpha)
        image, w_plus = self.decoder(
            [codes], input_is_latent=True, randomize_noise=randomize_noise, return_latents=return_latents
        )
        if resize:
            image = F.adaptive_avg_pool2d(image, [INPUT_SIZE, INPUT_SIZE])
        return (image, w_plus) if return_latents else image

    def _replace_rows(
        self, codes: paddle.Tensor, rows: Sequence[int], inject: paddle.Tensor | None, alpha: float | None
    ) -> paddle.Tensor:
        if any(not -self.n_latent <= row < self.n_latent for row in rows):
            cure = f"Use rows from 0 to {self.n_latent - 1}"
            raise InputError(f"some of the rows {list(rows)} do not exist", where="latent_mask", cure=cure)
        masked_rows = {row % self.n_latent for row in rows}
        share = 1.0 if alpha is None or inject is None else alpha
        mask = [[[share if row in masked_rows else 0.0] for row in range(self.n_latent)]]
        weight = paddle.to_tensor(mask, dtype=codes.dtype)
        other = paddle.zeros_like(codes)
        if inject is not None:
            other = broadcast_code(inject, self.n_latent, self.style_dim)
        return other * weight + codes * (1.0 - weight)
