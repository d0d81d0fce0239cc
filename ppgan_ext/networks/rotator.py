"""A network on W+ that turns heads: how a code has to change for another yaw and pitch, for this very code.

A direction is the same step for every face, however far it is turned already. Here the step is that of the directions
plus what depends on the code and on how far the head is to be turned: rows of the code as tokens, mixed with one
another and through channels (MLP-Mixer, arXiv 2105.01601), scaled and shifted by the turn (FiLM, arXiv 1709.07871). The
network starts as the directions alone, and a turn by nothing changes nothing, whatever it has learnt.
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

_DEGREES = 20.0  # a turn that counts as one
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
        shown = F.layer_norm(tokens, [self._width]) * (1 + scale) + shift
        tokens = tokens + self.over_rows(shown.transpose([0, 2, 1])).transpose([0, 2, 1])
        return tokens + self.narrow(F.gelu(self.widen(F.layer_norm(tokens, [self._width]))))


class LatentRotator(nn.Layer):
    """Turn codes by degrees of yaw and pitch.

    Args:
        n_latent: rows of a code.
        style_dim: length of a row.
        width: of the tokens.
        num_blocks: blocks of mixing.
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
        """Make one of the shape that arrays have; it still has to be filled with them.

        Raises:
            WeightsError: they are not a rotator's.
        """
        try:
            _, n_latent, style_dim = state["axes"].shape
            width = state["read.weight"].shape[1]
        except (KeyError, ValueError, IndexError) as error:
            cure = "Give what training with model.name LatentRotatorModel has written"
            raise WeightsError("holds no rotator of codes", where=where, cure=cure) from error
        blocks = {match[1] for name in state if (match := re.match(r"blocks\.(\d+)\.", name))}
        return cls(n_latent, style_dim, width, len(blocks))

    def settle(self, mean: FloatArray, scale: float, axes: FloatArray) -> None:
        """Take what is known of the model's codes.

        Args:
            mean: (style_dim,) or (n_latent, style_dim), the mean latent.
            scale: standard deviation of a number of a code.
            axes: (2, n_latent, style_dim), the directions of yaw and pitch, per degree.
        """
        shape = (self.n_latent, self.style_dim)
        self.mean.set_value(np.ascontiguousarray(np.broadcast_to(np.asarray(mean, np.float32), shape)))
        self.scale.set_value(np.full(1, max(scale, _SMALLEST_SCALE), np.float32))
        self.axes.set_value(np.ascontiguousarray(np.broadcast_to(np.asarray(axes, np.float32), (2, *shape))))

    def forward(self, w_plus: paddle.Tensor, turn: paddle.Tensor) -> paddle.Tensor:
        """Turn codes.

        Args:
            w_plus: (N, n_latent, style_dim).
            turn: (N, 2), degrees of yaw and of pitch to turn by.

        Returns:
            (N, n_latent, style_dim).

        Raises:
            InputError: other shapes.
        """
        count = w_plus.shape[0]
        if tuple(w_plus.shape) != (count, self.n_latent, self.style_dim) or tuple(turn.shape) != (count, 2):
            what = f"expected codes (N, {self.n_latent}, {self.style_dim}) and turns (N, 2)"
            raise InputError(f"{what}, got {tuple(w_plus.shape)} and {tuple(turn.shape)}", where="w_plus")
        return w_plus + self.straight(turn) + self.scale * self.bend(w_plus, turn)

    def straight(self, turn: paddle.Tensor) -> paddle.Tensor:
        """Return the directions' part of turns (N, 2): (N, n_latent, style_dim)."""
        return paddle.matmul(turn, self.axes.reshape([2, -1])).reshape([-1, self.n_latent, self.style_dim])

    def bend(self, w_plus: paddle.Tensor, turn: paddle.Tensor) -> paddle.Tensor:
        """Return what is added to the directions' part, in standard deviations: (N, n_latent, style_dim)."""
        tokens = self.read((w_plus - self.mean) / self.scale) + self.rows
        return self.write(self._mixed(tokens, turn) - self._mixed(tokens, paddle.zeros_like(turn)))

    def _mixed(self, tokens: paddle.Tensor, turn: paddle.Tensor) -> paddle.Tensor:
        films = self.turn_out(F.gelu(self.turn_in(turn / _DEGREES))).unsqueeze(1).split(2 * len(self.blocks), axis=2)
        for number, block in enumerate(self.blocks):
            tokens = block(tokens, films[2 * number], films[2 * number + 1])
        return tokens
