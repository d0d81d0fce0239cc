"""StyleGAN2 generator: "Analyzing and Improving the Image Quality of StyleGAN", arXiv 1912.04958, config F.

Names and shapes of the state dict and the public methods are PaddleGAN's, so its ``.pdparams`` files load unchanged.
Departs from PaddleGAN in three ways: the order of the operations (see :mod:`ppgan_ext.nn.modulated`), truncation by
layer, and that no tensor of the caller is modified.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import paddle
from paddle import nn

from ppgan_ext import seeding
from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.networks.codes import blend_styles, broadcast_code, truncate_code
from ppgan_ext.networks.sizes import channel_table, check_size
from ppgan_ext.nn import EqualLinear, Form, check_form
from ppgan_ext.nn.styled import ConstantInput, PixelNorm, StyledConv, ToRGB
from ppgan_ext.types import FloatArray

Noise: TypeAlias = str | Sequence[paddle.Tensor | None]

W_AVG_SAMPLES = 10240
_BATCH = 1024


class StyleGANv2Generator(nn.Layer):
    """Map codes to images in about [-1, 1], RGB.

    A code is z (N, 512), normally distributed; w = mapping(z) (N, 512); or w_plus (N, n_latent, 512), one w per
    layer, with n_latent = 2 log2(size) - 2. Layer i uses w_plus[:, i]; a to-RGB layer uses the row of the following
    layer.

    Args:
        size: side of the image, a power of two from 8 to 1024.
        style_dim: length of z and w.
        n_mlp: number of layers of the mapping network.
        channel_multiplier: see :func:`ppgan_ext.networks.sizes.channel_table`.
        blur_kernel: taps of all resampling filters.
        lr_mlp: learning-rate multiplier of the mapping network.
        is_concat: noise inputs are feature maps, one per resolution, which are concatenated to the features (GPEN);
            :meth:`render` and :meth:`synthesis` then require them.
        channel_base: if set, the channels are ``min(channel_base // resolution, channel_cap)``.
        channel_cap: see ``channel_base``.

    Attributes:
        size: side of the image.
        style_dim: length of z and w.
        n_latent: number of rows of a w_plus.
        num_layers: number of layers with noise.
        w_avg: mean w (style_dim,), the centre of truncation; zeros until :meth:`set_w_avg`. Not in the state dict.
        w_idx_lst: row of w_plus that each entry of :meth:`style_affine` uses.
        style_layers: indices of the entries of :meth:`style_affine` that belong to convolutions, not to-RGB layers.

    Raises:
        ConfigError: the size is impossible, or a resolution would have no channels.

    Example:
        >>> generator = StyleGANv2Generator(16, channel_base=64)
        >>> list(generator.render(generator.mapping(paddle.randn([2, 512]))).shape)
        [2, 3, 16, 16]
    """

    def __init__(
        self,
        size: int,
        style_dim: int = 512,
        n_mlp: int = 8,
        channel_multiplier: float = 2,
        blur_kernel: Sequence[float] = (1, 3, 3, 1),
        lr_mlp: float = 0.01,
        is_concat: bool = False,
        *,
        channel_base: int | None = None,
        channel_cap: int = 512,
    ) -> None:
        super().__init__()
        self.log_size = check_size(size)
        self.size = size
        self.style_dim = style_dim
        self.is_concat = is_concat
        self.num_layers = 2 * self.log_size - 3
        self.n_latent = 2 * self.log_size - 2
        self.channels = channel_table(channel_multiplier, channel_base, channel_cap, size=size)
        self.style_layers = [0] + [3 * block + row for block in range(self.log_size - 2) for row in (2, 3)]
        self.w_idx_lst = [0, 1] + [2 * block + row for block in range(self.log_size - 2) for row in (1, 2, 3)]

        mlp = [EqualLinear(style_dim, style_dim, lr_mul=lr_mlp, activation=True) for _ in range(n_mlp)]
        self.style = nn.Sequential(PixelNorm(), *mlp)
        self._build_synthesis(blur_kernel)
        self.register_buffer("w_avg", paddle.zeros([style_dim]), persistable=False)
        self._has_w_avg = False

    def _build_synthesis(self, blur_kernel: Sequence[float]) -> None:
        wide = 2 if self.is_concat else 1
        dim, concat = self.style_dim, self.is_concat
        channels = self.channels[4]
        self.input = ConstantInput(channels)
        self.conv1 = StyledConv(channels, channels, dim, False, blur_kernel, concat)
        self.to_rgb1 = ToRGB(channels * wide, dim, upsample=False)
        self.convs = nn.LayerList()
        self.to_rgbs = nn.LayerList()
        # Inputs of the convolutions in the order of style_affine, for style-space editing.
        self.channels_lst = [channels, channels * wide]
        for log in range(3, self.log_size + 1):
            narrow = self.channels[2**log]
            self.convs.append(StyledConv(channels * wide, narrow, dim, True, blur_kernel, concat))
            self.convs.append(StyledConv(narrow * wide, narrow, dim, False, blur_kernel, concat))
            self.to_rgbs.append(ToRGB(narrow * wide, dim, blur_kernel=blur_kernel))
            self.channels_lst += [channels * wide, narrow * wide, narrow * wide]
            channels = narrow
        self.noises = nn.Layer()
        for index, noise in enumerate(self.make_noise()):
            self.noises.register_buffer(f"noise_{index}", noise)

    # ---- codes

    def mapping(self, z: paddle.Tensor) -> paddle.Tensor:
        """Map z (N, style_dim) to w (N, style_dim).

        Raises:
            InputError: the shape is wrong.
        """
        if z.ndim != 2 or z.shape[1] != self.style_dim:
            raise InputError(f"expected (N, {self.style_dim}), got {tuple(z.shape)}", where="z")
        return self.style(z)

    def get_latent(self, z: paddle.Tensor) -> paddle.Tensor:
        """Map z (N, style_dim) to w (N, style_dim): PaddleGAN's name of :meth:`mapping`."""
        return self.mapping(z)

    @paddle.no_grad()
    def mean_latent(self, n_latent: int, seed: int | None = None) -> paddle.Tensor:
        """Return the mean w of ``n_latent`` random z, (1, style_dim).

        Args:
            n_latent: number of samples (PaddleGAN's name), at least 1.
            seed: seed of a separate random generator; None: use Paddle's global one.

        Raises:
            ConfigError: ``n_latent`` is below 1.
        """
        if n_latent < 1:
            raise ConfigError(f"must be at least 1, got {n_latent}", where="n_latent", cure="Use 10000 or more")
        rng = None if seed is None else seeding.generator(seed)
        total = paddle.zeros_like(self.w_avg)
        for start in range(0, n_latent, _BATCH):
            shape = [min(_BATCH, n_latent - start), self.style_dim]
            z = paddle.randn(shape) if rng is None else paddle.to_tensor(rng.standard_normal(shape, np.float32))
            total = total + self.style(z.astype(total.dtype)).sum(axis=0)
        return (total / n_latent).unsqueeze(0)

    def get_mean_style(self, n_sample: int = 10, n_latent: int = 1024, seed: int | None = None) -> paddle.Tensor:
        """Return the mean w of ``n_sample * n_latent`` random z, (1, style_dim), as :meth:`mean_latent`."""
        return self.mean_latent(n_sample * n_latent, seed)

    def set_w_avg(self, w_avg: paddle.Tensor | FloatArray) -> None:
        """Set the centre of truncation to a copy of ``w_avg``, (style_dim,) or (1, style_dim).

        Raises:
            InputError: the shape is wrong.
        """
        array = np.array(w_avg.numpy() if isinstance(w_avg, paddle.Tensor) else w_avg, dtype=np.float32)
        if array.size != self.style_dim or array.shape[-1] != self.style_dim:
            raise InputError(f"expected ({self.style_dim},), got {array.shape}", where="w_avg")
        self.w_avg.set_value(paddle.to_tensor(array.reshape(-1)).astype(self.w_avg.dtype))
        self._has_w_avg = True

    def ensure_w_avg(self, seed: int = 0) -> paddle.Tensor:
        """Return ``w_avg`` (style_dim,); if it has not been set, estimate it once from 10240 seeded samples."""
        if not self._has_w_avg:
            self.set_w_avg(self.mean_latent(W_AVG_SAMPLES, seed))
        return self.w_avg

    def get_latents(
        self,
        inputs: paddle.Tensor,
        truncation: float = 1.0,
        truncation_cutoff: int | None = None,
        truncation_latent: paddle.Tensor | None = None,
        input_is_latent: bool = False,
    ) -> paddle.Tensor:
        """Return the truncated code of a z, or of a w or w_plus with ``input_is_latent``.

        Args:
            inputs: (N, style_dim), or (N, n_latent, style_dim) with ``input_is_latent``.
            truncation: psi, at least 0; 1 changes nothing, 0 returns the mean.
            truncation_cutoff: truncate only the layers before this one; the result is then a w_plus.
            truncation_latent: centre, a w or a w_plus; default: :meth:`ensure_w_avg`.
            input_is_latent: the inputs are w or w_plus instead of z.

        Returns:
            A code of the shape of the inputs, or (N, n_latent, style_dim) if the layers differ.

        Raises:
            ConfigError: psi or the cutoff is out of range.
            InputError: a shape does not fit.
        """
        code = inputs if input_is_latent else self.mapping(inputs)
        if truncation == 1.0:
            return code
        centre = self.ensure_w_avg() if truncation_latent is None else truncation_latent
        return truncate_code(code, centre, truncation, truncation_cutoff, self.n_latent)

    # ---- style space

    def style_affine(self, latent: paddle.Tensor) -> list[paddle.Tensor]:
        """Map w (N, style_dim) or w_plus (N, n_latent, style_dim) to the style of every modulated convolution.

        Returns:
            Tensors (N, channels): conv1, to_rgb1, then (conv, conv, to_rgb) per resolution.

        Raises:
            InputError: the shape is wrong.
        """
        latent = broadcast_code(latent, self.n_latent, self.style_dim)
        layers: list[Any] = [self.conv1, self.to_rgb1]
        for block in range(self.log_size - 2):
            layers += [self.convs[2 * block], self.convs[2 * block + 1], self.to_rgbs[block]]
        # Not zip: Paddle's translation to a static program does not support its ``strict``.
        return [layers[index].conv.modulation(latent[:, row]) for index, row in enumerate(self.w_idx_lst)]

    def get_latent_S(self, inputs: paddle.Tensor) -> list[paddle.Tensor]:
        """Map z (N, style_dim) to the style of every modulated convolution, as :meth:`style_affine`."""
        return self.style_affine(self.mapping(inputs))

    # ---- noise

    def make_noise(self) -> list[paddle.Tensor]:
        """Draw one noise image per layer, (1, 1, r, r), from Paddle's global generator."""
        return [paddle.randn([1, 1, side, side]) for side in self.noise_sides()]

    def noise_sides(self) -> list[int]:
        """Return the side of the noise image of every layer: 4, 8, 8, 16, 16, ..."""
        return [2 ** ((index + 5) // 2) for index in range(self.num_layers)]

    def fixed_noise(self) -> list[paddle.Tensor]:
        """Return the noise buffers that belong to the weights, (1, 1, r, r) for every layer."""
        return [getattr(self.noises, f"noise_{index}") for index in range(self.num_layers)]

    def _noise_list(self, noise: Noise, style: paddle.Tensor) -> list[paddle.Tensor | None]:
        """Return the noise of every layer for a batch of styles; None: a layer without noise."""
        if isinstance(noise, str):
            if self.is_concat and noise != "none":
                cure = "Use a list of tensors"
                raise ConfigError(f"is_concat networks have no {noise} noise", where="noise", cure=cure)
            if noise == "fixed":
                return list(self.fixed_noise())
            if noise == "none":
                return [None] * self.num_layers
            if noise == "random":
                return [_random_noise(style, side) for side in self.noise_sides()]
            cure = "Use 'fixed', 'random', 'none' or a list of tensors"
            raise ConfigError(f"unknown noise {noise!r}", where="noise", cure=cure)
        if self.is_concat:
            # One feature map per resolution, used by both of its layers.
            noise = [noise[(index + 1) // 2] for index in range(self.num_layers)]
        if len(noise) != self.num_layers:
            raise InputError(f"expected {self.num_layers} tensors, got {len(noise)}", where="noise")
        return [self._one_noise(noise[index], side, style) for index, side in enumerate(self.noise_sides())]

    def _one_noise(self, noise: paddle.Tensor | None, side: int, style: paddle.Tensor) -> paddle.Tensor:
        """Check a noise image and return it; for None return a random one, as in PaddleGAN."""
        if noise is None and not self.is_concat:
            return _random_noise(style, side)
        if noise is None or noise.ndim != 4 or tuple(noise.shape[2:]) != (side, side):
            shape = None if noise is None else tuple(noise.shape)
            raise InputError(f"expected (N, channels, {side}, {side}), got {shape}", where="noise")
        return noise

    # ---- images

    def render(
        self, w_plus: paddle.Tensor, noise: Noise = "fixed", form: Form = "fast", stop_at: int | None = None
    ) -> paddle.Tensor:
        """Render codes.

        Args:
            w_plus: (N, n_latent, style_dim), or a w (N, style_dim) for all layers.
            noise: "fixed" (the buffers of the weights), "random" (Paddle's global generator), "none", or one tensor
                (1 or N, 1, r, r) per layer; random noise for an entry None.
            form: "fast"; "smooth" to differentiate twice; "fused" for the fastest dygraph on a CPU, with derivatives by
                ``backward`` only. All compute the same numbers.
            stop_at: return the skip image of this resolution, which is not the full image in a smaller size.

        Returns:
            (N, 3, size, size), or (N, 3, stop_at, stop_at), about [-1, 1], RGB, not clipped.

        Raises:
            InputError: a code or noise has a wrong shape.
            ConfigError: noise, form or resolution is unknown.
        """
        return self._synthesise(self.style_affine(w_plus), noise, form, stop_at)

    def _synthesise(
        self, styles: Sequence[paddle.Tensor], noise: Noise, form: Form, stop_at: int | None = None
    ) -> paddle.Tensor:
        check_form(form)
        last = self.log_size if stop_at is None else check_size(stop_at, smallest=4)
        if last > self.log_size:
            cure = f"Use a resolution up to {self.size}"
            raise ConfigError(f"{stop_at} is more than the network's {self.size} pixels", where="stop_at", cure=cure)
        if len(styles) != len(self.w_idx_lst):
            raise InputError(f"expected {len(self.w_idx_lst)} tensors, got {len(styles)}", where="styles")
        noises = self._noise_list(noise, styles[0])
        x = self.conv1(self.input(), styles[0], noises[0], form)
        image = self.to_rgb1(x, styles[1], None, form)
        for block in range(last - 2):
            at = 3 * block + 2
            x = self.convs[2 * block](x, styles[at], noises[2 * block + 1], form)
            x = self.convs[2 * block + 1](x, styles[at + 1], noises[2 * block + 2], form)
            image = self.to_rgbs[block](x, styles[at + 2], image, form)
        return image

    def synthesis(
        self,
        latent: Sequence[paddle.Tensor] | paddle.Tensor,
        noise: Sequence[paddle.Tensor | None] | None = None,
        randomize_noise: bool = True,
        is_w_latent: bool = False,
    ) -> paddle.Tensor:
        """Render style-space codes (PaddleGAN's interface).

        Args:
            latent: styles as :meth:`style_affine` returns them; with ``is_w_latent`` a w or w_plus.
            noise: one tensor per layer, with random noise for an entry None; None: see ``randomize_noise``.
            randomize_noise: without ``noise``, use random noise, otherwise the fixed noise.
            is_w_latent: ``latent`` is a w or w_plus.

        Returns:
            (N, 3, size, size), about [-1, 1], RGB, not clipped.

        Raises:
            InputError: a code or noise has a wrong shape.
        """
        styles = self.style_affine(latent) if is_w_latent else latent
        layer_noise: Noise = ("random" if randomize_noise else "fixed") if noise is None else noise
        return self._synthesise(styles, layer_noise, "fast")

    def forward(
        self,
        styles: Sequence[paddle.Tensor],
        return_latents: bool = False,
        inject_index: int | None = None,
        truncation: float = 1.0,
        truncation_cutoff: int | None = None,
        truncation_latent: paddle.Tensor | None = None,
        input_is_latent: bool = False,
        noise: Sequence[paddle.Tensor | None] | None = None,
        randomize_noise: bool = True,
    ) -> tuple[paddle.Tensor, paddle.Tensor | None]:
        """Render z, w or w_plus (PaddleGAN's interface).

        Args:
            styles: one batch of codes, or two whose layers are mixed.
            return_latents: also return the rendered w_plus.
            inject_index: number of layers that come from the first code, the others come from the second; None: a
                random number from Paddle's global generator.
            truncation: see :meth:`get_latents`.
            truncation_cutoff: see :meth:`get_latents`.
            truncation_latent: see :meth:`get_latents`.
            input_is_latent: the codes are w or w_plus instead of z.
            noise: see :meth:`synthesis`.
            randomize_noise: see :meth:`synthesis`.

        Returns:
            Images (N, 3, size, size), and the w_plus (N, n_latent, style_dim) or None.

        Raises:
            InputError: a shape does not fit, or there are not one or two batches.
            ConfigError: psi, cutoff or index is out of range.
        """
        limits = (truncation, truncation_cutoff, truncation_latent)
        codes = [self.get_latents(style, *limits, input_is_latent=input_is_latent) for style in styles]
        w_plus = blend_styles(codes, inject_index, self.n_latent, self.style_dim)
        image = self.synthesis(self.style_affine(w_plus), noise, randomize_noise)
        return image, w_plus if return_latents else None


def _random_noise(style: paddle.Tensor, side: int) -> paddle.Tensor:
    """Draw one noise image (1, side, side) per row of a style, in the style's precision."""
    return paddle.randn([style.shape[0], 1, side, side], dtype=style.dtype)
