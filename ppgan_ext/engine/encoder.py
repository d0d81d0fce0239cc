"""Fast inference of encoders on any device: from pixels to codes."""

from __future__ import annotations

from typing import Protocol, cast

import cv2
import numpy as np
import paddle
from paddle import nn

from ppgan_ext.engine.compiled import CompiledProgram, ProgramSpec
from ppgan_ext.engine.network_engine import NetworkEngine
from ppgan_ext.errors import InputError
from ppgan_ext.types import FloatArray


class Encoder(Protocol):
    """The interface of encoder networks: ``forward(pixels)`` returns (N, n_latent, style_dim) offsets from the mean."""

    input_size: int
    n_latent: int
    style_dim: int


class EncoderEngine(NetworkEngine):
    """Encode aligned crops as w_plus codes.

    Like `Synthesizer`, it owns the network, and on a CPU runs a compiled program once that pays.

    Args:
        encoder: the network with its weights.
        latent_avg: added to its output, (style_dim,) or (n_latent, style_dim).
        name: of the model, for messages and the cache.
        weights_hash: identifies the weights; None hashes them.
        device: "cpu" or "gpu:0"; None lets `runtime.choose_device` decide.
        half: convolve in float16; GPU only.
        compiled: None compiles on the CPU when that pays (`compile_rule`), and falls back to dygraph with a warning;
            True insists on a program; False never compiles.

    Raises:
        ConfigError: ``half`` on a CPU, ``compiled`` on a GPU, or a value of PPGAN_EXT_COMPILE that is none.
        InputError: ``latent_avg`` has the wrong shape.
    """

    def __init__(
        self,
        encoder: nn.Layer,
        latent_avg: FloatArray,
        *,
        name: str = "encoder",
        weights_hash: str | None = None,
        device: str | None = None,
        half: bool = False,
        compiled: bool | None = None,
    ) -> None:
        super().__init__(encoder, name=name, weights_hash=weights_hash, device=device, half=half, compiled=compiled)
        self.encoder = encoder
        network = cast(Encoder, encoder)
        self.input_size = network.input_size
        self.n_latent = network.n_latent
        self.style_dim = network.style_dim
        self.latent_avg = np.asarray(latent_avg, dtype=np.float32)
        if self.latent_avg.shape not in ((self.style_dim,), (self.n_latent, self.style_dim)):
            expected = f"({self.style_dim},) or ({self.n_latent}, {self.style_dim})"
            cure = "Pass the mean code of the generator that the encoder belongs to"
            raise InputError(f"expected {expected}, got {self.latent_avg.shape}", where="latent_avg", cure=cure)

    def encode(self, pixels: FloatArray) -> FloatArray:
        """Encode aligned crops.

        Args:
            pixels: (N, 3, H, H) in [-1, 1], RGB; resized to the network's input size if H differs.

        Returns:
            w_plus, (N, n_latent, style_dim) float32, including the mean code.

        Raises:
            InputError: ``pixels`` has the wrong shape.
        """
        batch = np.asarray(pixels, dtype=np.float32)
        if batch.ndim != 4 or batch.shape[1] != 3 or batch.shape[2] != batch.shape[3] or batch.shape[2] == 0:
            cure = "Pass a batch of square RGB crops, channels first"
            raise InputError(f"{self.name} needs pixels (N, 3, H, H), got {batch.shape}", where="pixels", cure=cure)
        program = self._choose_program(len(batch)) if len(batch) else None
        codes = [self._encode_one(program, resize_square(one, self.input_size)[None]) for one in batch]
        offsets = np.concatenate(codes) if codes else np.zeros((0, self.n_latent, self.style_dim), np.float32)
        return offsets + self.latent_avg

    def _program_spec(self) -> ProgramSpec:
        shape = (1, 3, self.input_size, self.input_size)
        return ProgramSpec(f"{self.name}-encoding", self.encoder, self.encoder.forward, [shape], self._weights_hash)

    def _encode_one(self, program: CompiledProgram | None, pixels: FloatArray) -> FloatArray:
        if program is not None:
            return program.run(pixels)
        with paddle.no_grad(), self._autocast():
            return self.encoder(self._tensor(pixels)).astype("float32").numpy()


def resize_square(pixels: FloatArray, size: int) -> FloatArray:
    """Resize one image (3, H, H) to (3, size, size), by area if it shrinks, else bilinearly."""
    side = pixels.shape[1]
    if side == size:
        return pixels
    method = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    resized = cv2.resize(np.ascontiguousarray(pixels.transpose(1, 2, 0)), (size, size), interpolation=method)
    return np.ascontiguousarray(resized.transpose(2, 0, 1))
