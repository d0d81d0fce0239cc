"""StyleGAN2's residual discriminator (arXiv 1912.04958, section 4.1), with PaddleGAN's state-dict names."""

from __future__ import annotations

import math
from collections.abc import Sequence

import paddle
from paddle import nn

from ppgan_ext.errors import InputError
from ppgan_ext.networks.sizes import channel_table, check_size
from ppgan_ext.nn import ConvLayer, EqualLinear, Form, ResidualBlock, check_form

STDDEV_GROUP = 4


def minibatch_stddev(x: paddle.Tensor) -> paddle.Tensor:
    """Append one channel that measures how much the images of a group differ.

    Progressive GAN, arXiv 1710.10196, section 3. Departs from PaddleGAN in the size of a group: gcd(N, 4) images
    instead of min(N, 4), so that every batch can be divided. Image n belongs to group n mod (N / gcd(N, 4)).

    Args:
        x: features, (N, C, H, W).

    Returns:
        (N, C + 1, H, W).
    """
    batch, channels, height, width = x.shape
    group = math.gcd(batch, STDDEV_GROUP)
    y = x.reshape([group, -1, channels, height, width])
    y = y - y.mean(axis=0, keepdim=True)
    # sqrt(v) as v * rsqrt(v), because these operators have a second derivative.
    variance = (y * y).mean(axis=0) + 1e-8
    deviation = (variance * paddle.rsqrt(variance)).mean(axis=[1, 2, 3]).reshape([-1, 1, 1, 1])
    return paddle.concat([x, deviation.tile([group, 1, height, width])], axis=1)


class StyleGANv2Discriminator(nn.Layer):
    """Score images: positive for images that it considers real.

    Args:
        size: side of the image, a power of two from 8 to 1024.
        channel_multiplier: see :func:`ppgan_ext.networks.sizes.channel_table`.
        blur_kernel: taps of the low-pass filters.
        channel_base: if set, the channels are ``min(channel_base // resolution, channel_cap)``.
        channel_cap: see ``channel_base``.

    Raises:
        ConfigError: the size is impossible, or a resolution would have no channels.
    """

    def __init__(
        self,
        size: int,
        channel_multiplier: float = 2,
        blur_kernel: Sequence[float] = (1, 3, 3, 1),
        *,
        channel_base: int | None = None,
        channel_cap: int = 512,
    ) -> None:
        super().__init__()
        log_size = check_size(size)
        channels = channel_table(channel_multiplier, channel_base, channel_cap, size=size)
        self.size = size
        convs: list[nn.Layer] = [ConvLayer(3, channels[size], 1)]
        for log in range(log_size, 2, -1):
            convs.append(ResidualBlock(channels[2**log], channels[2 ** (log - 1)], blur_kernel))
        self.convs = nn.Sequential(*convs)
        last = channels[4]
        self.final_conv = ConvLayer(last + 1, last, 3)
        self.final_linear = nn.Sequential(EqualLinear(last * 16, last, activation=True), EqualLinear(last, 1))

    def forward(
        self, x: paddle.Tensor, features: bool = False, form: Form = "fast"
    ) -> paddle.Tensor | tuple[paddle.Tensor, list[paddle.Tensor]]:
        """Score a batch.

        Args:
            x: images, (N, 3, size, size), [-1, 1], RGB.
            features: also return the output of every residual block.
            form: "fast", or "smooth" to differentiate twice; the same numbers.

        Returns:
            Scores (N, 1); with ``features`` also the list of (N, C, r, r), r = size / 2 down to 4.

        Raises:
            InputError: the images have another shape.
            ConfigError: the form is unknown.
        """
        check_form(form)
        maps = self.feature_maps(x, form)
        y = self.final_conv(minibatch_stddev(maps[-1]), form)
        # reshape, because Paddle's flatten has no second derivative
        score = self.final_linear(y.reshape([y.shape[0], -1]))
        return (score, maps) if features else score

    def feature_maps(self, x: paddle.Tensor, form: Form = "fast") -> list[paddle.Tensor]:
        """Return the output of every residual block without computing a score.

        Args:
            x: images, (N, 3, size, size), [-1, 1], RGB.
            form: see :meth:`forward`.

        Returns:
            Tensors (N, C, r, r), r = size / 2 down to 4.

        Raises:
            InputError: the images have another shape.
        """
        if x.ndim != 4 or tuple(x.shape[1:]) != (3, self.size, self.size):
            raise InputError(f"expected (N, 3, {self.size}, {self.size}), got {tuple(x.shape)}", where="images")
        maps = []
        for index, layer in enumerate(self.convs):
            x = layer(x, form)
            if index > 0:
                maps.append(x)
        return maps
