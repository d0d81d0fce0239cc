"""A network in W+ that turns heads: it predicts how a code changes with yaw and pitch.

A direction is the same step for every face, however far the head is turned already. This network adds to the step of
the directions a correction that depends on the code and on the turn: the rows of the code are tokens, which are mixed
with one another and over their channels (MLP-Mixer, arXiv 2105.01601), scaled and shifted depending on the turn (FiLM,
arXiv 1709.07871). Before training the correction is 0; for a turn of 0 it is always 0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn

from ppgan_ext.errors import InputError, WeightsError
from ppgan_ext.types import FloatArray

_DEGREES = 20.0  # unit of turns inside the network
_SMALLEST_SCALE = 1e-6


class _Mixing(nn.Layer):
    """Residual block on tokens (N, n_latent, width)."""

    def __init__(self, n_latent: int, width: int) -> None:
        super().__init__()
        self.over_rows = nn.Linear(n_latent, n_latent)
        self.widen = nn.Linear(width, 2 * width)
        self.narrow = nn.Linear(2 * width, width)
        self._width = width

    def forward(self, tokens: paddle.Tensor, scale: paddle.Tensor, shift: paddle.Tensor) -> paddle.Tensor:
        modulated = F.layer_norm(tokens, [self._width]) * (1 + scale) + shift
        tokens = tokens + self.over_rows(modulated.transpose([0, 2, 1])).transpose([0, 2, 1])
        return tokens + self.narrow(F.gelu(self.widen(F.layer_norm(tokens, [self._width]))))


class LatentRotator(nn.Layer):
    """Turn codes by degrees of yaw and pitch.

    Args:
        n_latent: number of rows of a code.
        style_dim: length of a row.
        width: length of the tokens.
        num_blocks: number of mixing blocks.

    Attributes:
        mean: buffer (n_latent, style_dim), the mean latent.
        scale: buffer (1,), the standard deviation of the numbers in a code.
        axes: buffer (2, n_latent, style_dim), the directions of yaw and pitch, per degree.
    """

    def __init__(self, n_latent: int, style_dim: int, width: int = 128, num_blocks: int = 3) -> None:
        super().__init__()
        self.n_latent, self.style_dim = n_latent, style_dim
        self.read = nn.Linear(style_dim, width)
        self.rows = self.create_parameter([1, n_latent, width])
        self.turn_in = nn.Linear(2, width)
        self.turn_out = nn.Linear(width, num_blocks * 2 * width)
        self.blocks = nn.LayerList([_Mixing(n_latent, width) for _ in range(num_blocks)])
        zero = paddle.ParamAttr(initializer=nn.initializer.Constant(0.0))
        self.write = nn.Linear(width, style_dim, weight_attr=zero, bias_attr=False)
        self.register_buffer("mean", paddle.zeros([n_latent, style_dim]))
        self.register_buffer("scale", paddle.ones([1]))
        self.register_buffer("axes", paddle.zeros([2, n_latent, style_dim]))

    @classmethod
    def from_state(cls, state: Mapping[str, Any], where: object) -> LatentRotator:
        """Create a rotator with the architecture of a state dict; the arrays themselves are not loaded.

        Args:
            state: array name -> array.
            where: the file of the arrays, for the message.

        Raises:
            WeightsError: the arrays are not those of a rotator.
        """
        try:
            _, n_latent, style_dim = state["axes"].shape
            width = state["read.weight"].shape[1]
            if not state["axes"].size or not state["read.weight"].size:
                raise ValueError("arrays without elements could state any size")
        except (KeyError, ValueError, IndexError) as error:
            cure = "Use the weights that training with model.name LatentRotatorModel has written"
            raise WeightsError("contains no rotator of codes", where=where, cure=cure) from error
        blocks = {match[1] for name in state if (match := re.match(r"blocks\.(\d{1,3})\.", name))}
        return cls(n_latent, style_dim, width, len(blocks))

    def set_statistics(self, mean: FloatArray, scale: float, axes: FloatArray) -> None:
        """Set the statistics of the model's codes and the directions.

        Args:
            mean: mean latent, (style_dim,) or (n_latent, style_dim).
            scale: standard deviation of the numbers in a code.
            axes: directions of yaw and pitch, per degree, (2, n_latent, style_dim).
        """
        shape = (self.n_latent, self.style_dim)
        self.mean.set_value(np.ascontiguousarray(np.broadcast_to(np.asarray(mean, np.float32), shape)))
        self.scale.set_value(np.full(1, max(scale, _SMALLEST_SCALE), np.float32))
        self.axes.set_value(np.ascontiguousarray(np.broadcast_to(np.asarray(axes, np.float32), (2, *shape))))

    def forward(self, w_plus: paddle.Tensor, turn: paddle.Tensor) -> paddle.Tensor:
        """Turn codes.

        Args:
            w_plus: (N, n_latent, style_dim).
            turn: yaw and pitch to turn by in degrees, (N, 2).

        Returns:
            Turned codes, (N, n_latent, style_dim).

        Raises:
            InputError: the shapes are wrong.
        """
        count = w_plus.shape[0]
        if tuple(w_plus.shape) != (count, self.n_latent, self.style_dim) or tuple(turn.shape) != (count, 2):
            what = f"expected codes (N, {self.n_latent}, {self.style_dim}) and turns (N, 2)"
            raise InputError(f"{what}, got {tuple(w_plus.shape)} and {tuple(turn.shape)}", where="w_plus")
        return w_plus + self.straight(turn) + self.scale * self.bend(w_plus, turn)

    def straight(self, turn: paddle.Tensor) -> paddle.Tensor:
        """Return the step along the directions for turns (N, 2) in degrees: (N, n_latent, style_dim)."""
        return paddle.matmul(turn, self.axes.reshape([2, -1])).reshape([-1, self.n_latent, self.style_dim])

    def bend(self, w_plus: paddle.Tensor, turn: paddle.Tensor) -> paddle.Tensor:
        """Return the correction to the step along the directions, in standard deviations: (N, n_latent, style_dim)."""
        tokens = self.read((w_plus - self.mean) / self.scale) + self.rows
        return self.write(self._mixed(tokens, turn) - self._mixed(tokens, paddle.zeros_like(turn)))

    def _mixed(self, tokens: paddle.Tensor, turn: paddle.Tensor) -> paddle.Tensor:
        films = self.turn_out(F.gelu(self.turn_in(turn / _DEGREES))).unsqueeze(1).split(2 * len(self.blocks), axis=2)
        for number, block in enumerate(self.blocks):
            tokens = block(tokens, films[2 * number], films[2 * number + 1])
        return tokens
