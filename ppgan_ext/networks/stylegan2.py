"""StyleGAN2 generator: "Analyzing and Improving the Image Quality of StyleGAN", arXiv 1912.04958, config F.

Names and shapes of the state dict and the public methods are PaddleGAN's, so its ``.pdparams`` load as they are.
Departs from it in arrangement (see :mod:`ppgan_ext.nn.modulated`), in truncation by layer, and in that nothing is
written into a caller's tensor.
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
    layer, with n_latent = 2 log2(size) - 2. Layer i reads w_plus[:, i]; to-RGB reads the row of the following layer.

    Args:
        size: side of the image, a power of two from 8 to 1024.
        style_dim: length of z and w.
        n_mlp: layers of the mapping network.
        channel_multiplier: see :func:`ppgan_ext.networks.sizes.channel_table`.
        blur_kernel: taps of all resampling filters.
        lr_mlp: learning-rate multiplier of the mapping network.
        is_concat: noise inputs are feature maps, one per resolution, concatenated to the features (GPEN); they must
            then be given to :meth:`render` or :meth:`synthesis`.
        channel_base: with this the channels are ``min(channel_base // resolution, channel_cap)``.
        channel_cap: see ``channel_base``.

    Attributes:
        w_avg: (style_dim,) mean w, the centre of truncation; zeros until :meth:`set_w_avg`. Not in the state dict.
        w_idx_lst: row of w_plus that each entry of :meth:`style_affine` reads.
        style_layers: which entries of :meth:`style_affine` belong to convolutions, not to-RGB layers.

    Raises:
        ConfigError: a size that does not exist, or no channels left.

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
            InputError: z has another shape.
        """
        if z.ndim != 2 or z.shape[1] != self.style_dim:
            raise InputError(f"expected (N, {self.style_dim}), got {tuple(z.shape)}", where="z")
        return self.style(z)

    def get_latent(self, z: paddle.Tensor) -> paddle.Tensor:
        """PaddleGAN's name of :meth:`mapping`."""
        return self.mapping(z)

    @paddle.no_grad()
    def mean_latent(self, n_latent: int, seed: int | None = None) -> paddle.Tensor:
        """Return the mean w of ``n_latent`` random z, (1, style_dim).

        Args:
            n_latent: number of samples (PaddleGAN's name), at least 1.
            seed: of a generator of its own; None draws from Paddle's global one.
        """
        if n_latent < 1:
            raise ConfigError(f"at least one sample is needed, got {n_latent}", where="n_latent")
        rng = None if seed is None else seeding.generator(seed)
        total = paddle.zeros_like(self.w_avg)
        for start in range(0, n_latent, _BATCH):
            shape = [min(_BATCH, n_latent - start), self.style_dim]
            z = paddle.randn(shape) if rng is None else paddle.to_tensor(rng.standard_normal(shape, np.float32))
            total = total + self.style(z.astype(total.dtype)).sum(axis=0)
        return (total / n_latent).unsqueeze(0)

    def get_mean_style(self, n_sample: int = 10, n_latent: int = 1024, seed: int | None = None) -> paddle.Tensor:
        """Return the mean w of ``n_sample * n_latent`` random z, (1, style_dim)."""
        return self.mean_latent(n_sample * n_latent, seed)

    def set_w_avg(self, w_avg: paddle.Tensor | FloatArray) -> None:
        """Take a copy of ``w_avg``, (style_dim,) or (1, style_dim), as the centre of truncation.

        Raises:
            InputError: another shape.
        """
        array = np.array(w_avg.numpy() if isinstance(w_avg, paddle.Tensor) else w_avg, dtype=np.float32)
        if array.size != self.style_dim or array.shape[-1] != self.style_dim:
            raise InputError(f"expected ({self.style_dim},), got {array.shape}", where="w_avg")
        self.w_avg.set_value(paddle.to_tensor(array.reshape(-1)).astype(self.w_avg.dtype))
        self._has_w_avg = True

    def ensure_w_avg(self, seed: int = 0) -> paddle.Tensor:
        """Return ``w_avg`` (style_dim,), estimated once from 10240 seeded samples if nobody has set it."""
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
        """Return the truncated code of z (or of w, w_plus with ``input_is_latent``).

        Args:
            inputs: (N, style_dim), or (N, n_latent, style_dim) with ``input_is_latent``.
            truncation: psi, at least 0; 1 changes nothing, 0 gives the mean.
            truncation_cutoff: only the layers before this one are truncated; then the result is a w_plus.
            truncation_latent: centre, a w or a w_plus; default :meth:`ensure_w_avg`.
            input_is_latent: ``inputs`` have already gone through the mapping.

        Returns:
            The shape of the code given, or (N, n_latent, style_dim) where layers differ.
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
        """
        latent = broadcast_code(latent, self.n_latent, self.style_dim)
        layers: list[Any] = [self.conv1, self.to_rgb1]
        for block in range(self.log_size - 2):
            layers += [self.convs[2 * block], self.convs[2 * block + 1], self.to_rgbs[block]]
        # No zip: Paddle's translation to a static program refuses its ``strict``.
        return [layers[index].conv.modulation(latent[:, row]) for index, row in enumerate(self.w_idx_lst)]

    def get_latent_S(self, inputs: paddle.Tensor) -> list[paddle.Tensor]:
        """Map z (N, style_dim) to the style of every modulated convolution."""
        return self.style_affine(self.mapping(inputs))

    # ---- noise

    def make_noise(self) -> list[paddle.Tensor]:
        """Draw one noise image per layer, (1, 1, r, r), from Paddle's global generator."""
        return [paddle.randn([1, 1, side, side]) for side in self.noise_sides()]

    def noise_sides(self) -> list[int]:
        """Side of the noise image of every layer: 4, 8, 8, 16, 16, ..."""
        return [2 ** ((index + 5) // 2) for index in range(self.num_layers)]

    def fixed_noise(self) -> list[paddle.Tensor]:
        """Return the noise buffers that belong to the weights."""
        return [getattr(self.noises, f"noise_{index}") for index in range(self.num_layers)]

    def _noise_list(self, noise: Noise, style: paddle.Tensor) -> list[paddle.Tensor | None]:
        if isinstance(noise, str):
            if self.is_concat and noise != "none":
                raise ConfigError(f"is_concat networks have no {noise} noise", where="noise", cure="Give a list")
            if noise == "fixed":
                return list(self.fixed_noise())
            if noise == "none":
                return [None] * self.num_layers
            if noise == "random":
                return [_random_noise(style, side) for side in self.noise_sides()]
            raise ConfigError(
                f"unknown noise {noise!r}", where="noise", cure="Use 'fixed', 'random', 'none' or a list of tensors"
            )
        if self.is_concat:
            # One feature map per resolution, read by both of its layers.
            noise = [noise[(index + 1) // 2] for index in range(self.num_layers)]
        if len(noise) != self.num_layers:
            raise InputError(f"expected {self.num_layers} tensors, got {len(noise)}", where="noise")
        return [self._one_noise(noise[index], side, style) for index, side in enumerate(self.noise_sides())]

    def _one_noise(self, given: paddle.Tensor | None, side: int, style: paddle.Tensor) -> paddle.Tensor:
        """Check one given noise image; None stands for a random one, as in PaddleGAN."""
        if given is None and not self.is_concat:
            return _random_noise(style, side)
        if given is None or given.ndim != 4 or tuple(given.shape[2:]) != (side, side):
            shape = None if given is None else tuple(given.shape)
            raise InputError(f"expected (N, channels, {side}, {side}), got {shape}", where="noise")
        return given

    # ---- images

    def render(
        self, w_plus: paddle.Tensor, noise: Noise = "fixed", form: Form = "fast", stop_at: int | None = None
    ) -> paddle.Tensor:
        """Draw the images of codes.

        Args:
            w_plus: (N, n_latent, style_dim), or a w (N, style_dim) for all layers.
            noise: "fixed" (the buffers of the weights), "random" (Paddle's global generator), "none", or one tensor
                (1 or N, 1, r, r) per layer; an entry None is drawn at random.
            form: "fast"; "smooth" to differentiate twice; "fused" for the fastest dygraph on a CPU, with derivatives by
                ``backward`` only. The same numbers.
            stop_at: return the skip image of this resolution; another image than the full one shrunk.

        Returns:
            (N, 3, size, size), or (N, 3, stop_at, stop_at), about [-1, 1], RGB, not clipped.

        Raises:
            InputError: a code or noise of another shape.
            ConfigError: unknown noise, form or resolution.
        """
        return self._draw(self.style_affine(w_plus), noise, form, stop_at)

    def _draw(
        self, styles: Sequence[paddle.Tensor], noise: Noise, form: Form, stop_at: int | None = None
    ) -> paddle.Tensor:
        check_form(form)
        last = self.log_size if stop_at is None else check_size(stop_at, smallest=4)
        if last > self.log_size:
            raise ConfigError(f"{stop_at} is more than the network's {self.size} pixels", where="stop_at")
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
        """Draw the images of style-space codes (PaddleGAN's interface).

        Args:
            latent: what :meth:`style_affine` returns; with ``is_w_latent`` a w or w_plus.
            noise: one tensor per layer; an entry None is drawn at random.
            randomize_noise: where ``noise`` is None: random noise, otherwise the fixed one.
            is_w_latent: see ``latent``.
        """
        styles = self.style_affine(latent) if is_w_latent else latent
        chosen: Noise = ("random" if randomize_noise else "fixed") if noise is None else noise
        return self._draw(styles, chosen, "fast")

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
        """Draw images from z, w or w_plus (PaddleGAN's interface).

        Args:
            styles: one batch of codes, or two whose layers are mixed.
            return_latents: also return the w_plus that was drawn.
            inject_index: layers before it come from the first code, the others from the second; None draws it from
                Paddle's global generator.
            truncation: see :meth:`get_latents`, as are the next two.
            truncation_cutoff: see :meth:`get_latents`.
            truncation_latent: see :meth:`get_latents`.
            input_is_latent: the codes are w or w_plus, not z.
            noise: see :meth:`synthesis`.
            randomize_noise: see :meth:`synthesis`.

        Returns:
            Images (N, 3, size, size) and the w_plus (N, n_latent, style_dim), or None.
        """
        limits = (truncation, truncation_cutoff, truncation_latent)
        codes = [self.get_latents(style, *limits, input_is_latent=input_is_latent) for style in styles]
        w_plus = blend_styles(codes, inject_index, self.n_latent, self.style_dim)
        image = self.synthesis(self.style_affine(w_plus), noise, randomize_noise)
        return image, w_plus if return_latents else None


def _random_noise(style: paddle.Tensor, side: int) -> paddle.Tensor:
    """Draw one noise image per row of a style, in the style's precision."""
    return paddle.randn([style.shape[0], 1, side, side], dtype=style.dtype)
