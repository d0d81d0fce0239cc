"""Ways to turn a code by yaw and pitch: along the directions, or by a trained network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import paddle

from ppgan_ext.latents.directions import Direction, apply
from ppgan_ext.networks.rotator import LatentRotator
from ppgan_ext.types import FloatArray

AXES = ("yaw", "pitch")
# A code (n_latent, D) and the amounts (2,) of yaw and pitch -> the turned code.
Turn: TypeAlias = Callable[[FloatArray, FloatArray], FloatArray]


def turn_along(directions: Mapping[str, Direction], layers: Sequence[int] | None = None) -> Turn:
    """Return a turn along the directions "yaw" and "pitch", in their units, of some layers or all (None)."""

    def turn(w_plus: FloatArray, amounts: FloatArray) -> FloatArray:
        by_name = {name: float(amount) for name, amount in zip(AXES, amounts, strict=True)}
        return apply(w_plus, directions, by_name, layers=layers)

    return turn


def turn_by(rotator: LatentRotator) -> Turn:
    """Return a turn by a network, in degrees."""

    def turn(w_plus: FloatArray, amounts: FloatArray) -> FloatArray:
        code, degrees = (np.ascontiguousarray(value, np.float32)[None] for value in (w_plus, amounts))
        with paddle.no_grad():
            return rotator(paddle.to_tensor(code), paddle.to_tensor(degrees))[0].numpy()

    return turn
