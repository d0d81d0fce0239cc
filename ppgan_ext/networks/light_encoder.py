"""A light image-to-W+ encoder: pSp's three levels of style (arXiv 2008.00951) on StyleGAN2's residual trunk."""

from __future__ import annotations

import paddle
import paddle.nn.functional as F
from paddle import nn

from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.networks.sizes import channel_table, check_size
from ppgan_ext.nn import ConvLayer, EqualLinear, Form, ResidualBlock, check_form

HIDDEN = 512
LEVEL_SIDES = (4, 8, 16)


class LightEncoder(nn.Layer):
    """Map images to offsets of w_plus from a mean code.

    The coarse, middle and fine styles are computed from the feature maps of side 4, 8 and 16, each averaged to 4x4.

    Args:
        size: side of its images and of the generator's: a power of two from 16 to 1024.
        channel_base: channels are ``min(channel_base // resolution, channel_cap)``.
        channel_cap: see ``channel_base``.
        style_dim: length of w.
        coarse: number of styles from the 4x4 map.
        middle: number of styles from the 8x8 map; the remaining styles are fine.

    Attributes:
        input_size: side of the input, ``size``.
        style_dim: length of w.
        n_latent: number of styles, 2 log2(size) - 2.
        groups: numbers of coarse, middle and fine styles; a level without styles has no head.

    Raises:
        ConfigError: the size is impossible, or the numbers of styles do not fit it.
    """

    def __init__(
        self,
        size: int,
        channel_base: int,
        channel_cap: int,
        style_dim: int = 512,
        coarse: int = 3,
        middle: int = 4,
    ) -> None:
        super().__init__()
        log_size = check_size(size, smallest=16)
        channels = channel_table(channel_base=channel_base, channel_cap=channel_cap, size=size)
        self.input_size = size
        self.style_dim = style_dim
        self.n_latent = 2 * log_size - 2
        if not (1 <= coarse <= self.n_latent and middle >= 0):
            what = f"coarse {coarse} and middle {middle} do not fit {self.n_latent} styles"
            cure = f"Use a coarse from 1 to {self.n_latent} and a middle of at least 0"
            raise ConfigError(what, where="encoder", cure=cure)
        middle = min(middle, self.n_latent - coarse)
        self.groups = (coarse, middle, self.n_latent - coarse - middle)
        convs: list[nn.Layer] = [ConvLayer(3, channels[size], 3)]
        for log in range(log_size, 2, -1):
            convs.append(ResidualBlock(channels[2**log], channels[2 ** (log - 1)]))
        self.convs = nn.Sequential(*convs)
        self.levels = [level for level, num_styles in enumerate(self.groups) if num_styles]
        self.heads = nn.LayerList()
        for level in self.levels:
            hidden = EqualLinear(channels[LEVEL_SIDES[level]] * 16, HIDDEN, activation=True)
            self.heads.append(nn.Sequential(hidden, EqualLinear(HIDDEN, self.groups[level] * style_dim)))

    def forward(self, pixels: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Encode images.

        Args:
            pixels: (N, 3, input_size, input_size), [-1, 1], RGB, in the crop that the encoder was trained on.
            form: "fast", or "smooth" to differentiate twice; the same numbers.

        Returns:
            Offsets from the mean code, (N, n_latent, style_dim).

        Raises:
            InputError: the images have another shape.
            ConfigError: the form is unknown.
        """
        check_form(form)
        if pixels.ndim != 4 or tuple(pixels.shape[1:]) != (3, self.input_size, self.input_size):
            expected = f"(N, 3, {self.input_size}, {self.input_size})"
            raise InputError(f"expected {expected}, got {tuple(pixels.shape)}", where="pixels")
        maps = []
        x = pixels
        for layer in self.convs:
            x = layer(x, form)
            maps.append(x)
        styles = []
        for index, level in enumerate(self.levels):
            # The last map has side 4, the ones before 8 and 16: averages over 1, 2 and 4 pixels leave 4x4.
            pooled = F.avg_pool2d(maps[-1 - level], kernel_size=2**level, stride=2**level)
            head = self.heads[index](pooled.reshape([-1, pooled.shape[1] * 16]))
            styles.append(head.reshape([-1, self.groups[level], self.style_dim]))
        return paddle.concat(styles, axis=1)
