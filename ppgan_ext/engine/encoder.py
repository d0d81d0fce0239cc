"""The encoder made fast: pixels in, codes out, on whichever device."""

from __future__ import annotations

from functools import cached_property
from typing import Protocol, cast

import cv2
import numpy as np
import paddle
from paddle import nn

from ppgan_ext.engine.compiled import CompiledProgram, ProgramSpec, try_open_program
from ppgan_ext.engine.synthesizer import freeze, settle_device
from ppgan_ext.errors import InputError
from ppgan_ext.types import FloatArray


class Encoder(Protocol):
    """What every encoder network has: ``forward(pixels)`` gives (N, n_latent, style_dim) offsets from the mean."""

    input_size: int
    n_latent: int
    style_dim: int


class EncoderEngine:
    """Turn aligned crops into w_plus codes.

    Like `Synthesizer` it owns the network, and on a CPU it runs a compiled program.

    Args:
        encoder: the network with its weights.
        latent_avg: added to its output, (style_dim,) or (n_latent, style_dim).
        name: of the model, for messages and the cache.
        weights_hash: identifies the weights; None hashes them.
        device: "cpu" or "gpu:0"; None lets `runtime.choose_device` decide.
        half: convolve in float16; GPU only.
        compiled: None compiles on the CPU and falls back to dygraph with a warning; True insists; False never does.

    Raises:
        ConfigError: ``half`` on a CPU, or ``compiled`` on a GPU.
        InputError: ``latent_avg`` of another shape.
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
        self.device = settle_device(device, half, compiled)
        self.encoder = encoder
        self.name = name
        known = cast(Encoder, encoder)
        self.input_size = known.input_size
        self.n_latent = known.n_latent
        self.style_dim = known.style_dim
        self.half = half
        self.latent_avg = np.asarray(latent_avg, dtype=np.float32)
        if self.latent_avg.shape not in ((self.style_dim,), (self.n_latent, self.style_dim)):
            expected = f"({self.style_dim},) or ({self.n_latent}, {self.style_dim})"
            raise InputError(f"expected {expected}, got {self.latent_avg.shape}", where="latent_avg")
        freeze(encoder, self.device)
        self._compiled = self.device == "cpu" if compiled is None else compiled
        self._required = bool(compiled)
        self._weights_hash = weights_hash

    def encode(self, pixels: FloatArray) -> FloatArray:
        """Encode aligned crops.

        Args:
            pixels: (N, 3, H, H) in [-1, 1], RGB; resized to the network's input where H differs.

        Returns:
            w_plus, (N, n_latent, style_dim) float32, the mean code included.

        Raises:
            InputError: another shape.
        """
        batch = np.asarray(pixels, dtype=np.float32)
        if batch.ndim != 4 or batch.shape[1] != 3 or batch.shape[2] != batch.shape[3] or batch.shape[2] == 0:
            raise InputError(f"{self.name} needs pixels (N, 3, H, H), got {batch.shape}", where="pixels")
        codes = [self._encode_one(resize_square(one, self.input_size)[None]) for one in batch]
        offsets = np.concatenate(codes) if codes else np.zeros((0, self.n_latent, self.style_dim), np.float32)
        return offsets + self.latent_avg

    @cached_property
    def _program(self) -> CompiledProgram | None:
        """The compiled program, opened at the first crop."""
        if not self._compiled:
            return None
        shape = (1, 3, self.input_size, self.input_size)
        spec = ProgramSpec(f"{self.name}-encoding", self.encoder, self.encoder.forward, [shape], self._weights_hash)
        return try_open_program(spec, self._required)

    def _encode_one(self, pixels: FloatArray) -> FloatArray:
        program = self._program
        if program is not None:
            return program.run(pixels)
        amp = paddle.amp.auto_cast(enable=self.half, dtype="float16", level="O1")
        with paddle.no_grad(), amp:
            return self.encoder(paddle.to_tensor(pixels, place=self.device)).astype("float32").numpy()


def resize_square(pixels: FloatArray, size: int) -> FloatArray:
    """Resize one picture (3, H, H) to (3, size, size): by area when shrinking, bilinear when growing."""
    side = pixels.shape[1]
    if side == size:
        return pixels
    method = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    resized = cv2.resize(np.ascontiguousarray(pixels.transpose(1, 2, 0)), (size, size), interpolation=method)
    return np.ascontiguousarray(resized.transpose(2, 0, 1))
