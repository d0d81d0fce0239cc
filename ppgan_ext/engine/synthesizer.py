"""Fast inference of generators on any device: from codes to images."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import paddle

from ppgan_ext.engine.compiled import CompiledProgram, ProgramSpec
from ppgan_ext.engine.network_engine import NetworkEngine
from ppgan_ext.errors import InputError
from ppgan_ext.networks.stylegan2 import StyleGANv2Generator
from ppgan_ext.nn import Form
from ppgan_ext.types import FloatArray

# Images per step on a GPU: enough to keep it busy, few enough for 1024 px on a small one.
_GPU_BATCH = 4


class Synthesizer(NetworkEngine):
    """Render codes as images with a StyleGAN2 generator.

    On a CPU, images are rendered by a compiled program (`ppgan_ext.engine.compiled`) once that pays, before that and on
    a GPU by dygraph; the numbers agree within 1e-4. The engine owns the generator: it is moved to the device, frozen
    and put into evaluation mode, and must not change afterwards.

    Args:
        generator: the network with its weights.
        name: of the model, for messages and the cache.
        weights_hash: identifies the weights; None hashes them.
        device: "cpu" or "gpu:0"; None lets `runtime.choose_device` decide.
        half: convolve in float16; GPU only.
        compiled: None compiles on the CPU when that pays (`compile_rule`), and falls back to dygraph with a warning;
            True insists on a program; False never compiles.

    Raises:
        ConfigError: ``half`` on a CPU, ``compiled`` on a GPU, or a value of PPGAN_EXT_COMPILE that is none.

    Example:
        >>> engine = Synthesizer(StyleGANv2Generator(16, channel_base=64), compiled=False)
        >>> engine.render(np.zeros((1, 6, 512), np.float32)).shape
        (1, 3, 16, 16)
    """

    def __init__(
        self,
        generator: StyleGANv2Generator,
        *,
        name: str = "generator",
        weights_hash: str | None = None,
        device: str | None = None,
        half: bool = False,
        compiled: bool | None = None,
    ) -> None:
        super().__init__(
            generator,
            name=name,
            weights_hash=weights_hash,
            device=device,
            half=half,
            compiled=compiled,
            can_compile=not generator.is_concat,
        )
        self.generator = generator
        self.size: int = generator.size
        self.n_latent: int = generator.n_latent
        self.style_dim: int = generator.style_dim
        self._fixed_noise = [] if generator.is_concat else [tensor.numpy() for tensor in generator.fixed_noise()]

    @cached_property
    def w_avg(self) -> FloatArray:
        """The mean w, (style_dim,) float32, estimated from seeded samples if the weights lack it."""
        return self.generator.ensure_w_avg().numpy()

    def map(self, z: FloatArray) -> FloatArray:
        """Map z (N, style_dim) to w (N, style_dim), float32, untruncated."""
        with paddle.no_grad():
            return self.generator.mapping(self._tensor(z)).numpy()

    def render(self, w_plus: FloatArray, noise: Sequence[FloatArray] | None = None) -> FloatArray:
        """Render codes as images.

        Args:
            w_plus: (N, n_latent, style_dim).
            noise: (1, 1, r, r) or (N, 1, r, r) per layer; None uses the fixed noise that belongs to the weights.

        Returns:
            (N, 3, size, size) float32, about [-1, 1], RGB, not clipped. All images of a call are rendered in the same
            way, and equal codes give equal bits.

        Raises:
            InputError: codes or noise have the wrong shape.
        """
        codes = np.asarray(w_plus, dtype=np.float32)
        if codes.ndim != 3 or codes.shape[1:] != (self.n_latent, self.style_dim):
            expected = f"(N, {self.n_latent}, {self.style_dim})"
            cure = "Add the batch axis, or encode the photos with this model"
            raise InputError(f"{self.name} needs codes {expected}, got {codes.shape}", where="w_plus", cure=cure)
        if noise is None and self.generator.is_concat:
            raise InputError(f"{self.name} has no fixed noise", where="noise", cure="Pass its feature maps")
        maps = self._fixed_noise if noise is None else self._check_noise(noise, len(codes))
        if len(codes) == 0:
            return np.zeros((0, 3, self.size, self.size), np.float32)
        program = self._choose_program(len(codes))
        step = 1 if self.device == "cpu" else _GPU_BATCH
        parts = []
        for start in range(0, len(codes), step):
            rows = slice(start, start + step)
            part = [map_ if len(map_) == 1 else map_[rows] for map_ in maps]
            parts.append(self._render_part(program, codes[rows], part))
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def render_tensor(
        self, w_plus: paddle.Tensor, noise: Sequence[paddle.Tensor] | None = None, stop_at: int | None = None
    ) -> paddle.Tensor:
        """Render images in dygraph, differentiable by ``backward`` in codes and noise, but not in the weights.

        Args:
            w_plus: (N, n_latent, style_dim).
            noise: (1 or N, 1, r, r) per layer; None uses the fixed noise.
            stop_at: return the skip image of this resolution, which is not the full image scaled down.

        Returns:
            (N, 3, size, size), or (N, 3, stop_at, stop_at), not clipped.
        """
        form: Form = "fused" if self.device == "cpu" else "fast"
        with self._autocast():
            pixels = self.generator.render(w_plus, "fixed" if noise is None else list(noise), form, stop_at)
        return pixels.astype("float32")

    def _program_spec(self) -> ProgramSpec:
        generator = self.generator
        shapes = [(1, self.n_latent, self.style_dim), *((1, 1, side, side) for side in generator.noise_sides())]

        def draw(w_plus: paddle.Tensor, *noise: paddle.Tensor) -> paddle.Tensor:
            return generator.render(w_plus, list(noise))

        return ProgramSpec(f"{self.name}-synthesis-{self.size}", generator, draw, shapes, self._weights_hash)

    def _render_part(
        self, program: CompiledProgram | None, codes: FloatArray, noise: Sequence[FloatArray]
    ) -> FloatArray:
        if program is not None:
            return program.run(codes, *noise)
        with paddle.no_grad():
            return self.render_tensor(self._tensor(codes), [self._tensor(map_) for map_ in noise]).numpy()

    def _check_noise(self, noise: Sequence[FloatArray], batch: int) -> list[FloatArray]:
        sides = self.generator.noise_sides()
        maps = [np.asarray(map_, dtype=np.float32) for map_ in noise]
        if self.generator.is_concat:
            return maps  # feature maps, which the generator checks
        cure = f"Pass one map per layer, with sides {', '.join(map(str, sides))}, or None for the fixed noise"
        if len(maps) != len(sides):
            raise InputError(f"{self.name} needs {len(sides)} noise maps, got {len(maps)}", where="noise", cure=cure)
        for map_, side in zip(maps, sides, strict=True):
            if map_.shape not in ((1, 1, side, side), (batch, 1, side, side)):
                raise InputError(f"expected ({batch}, 1, {side}, {side}), got {map_.shape}", where="noise", cure=cure)
        return maps
