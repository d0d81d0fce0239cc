"""Scale directions by their effect on images, so that one unit changes the image by one unit, not only the code.

A direction is fitted so that one unit raises the estimate of the code by one unit. The image of that code, encoded
again, changes less: the generator cannot render everything, and the encoder tends towards the average. Here codes are
moved both ways, rendered and encoded, and the direction is lengthened accordingly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.latents.directions import Direction
from ppgan_ext.types import FloatArray

# Codes (N, n_latent, D) -> the encoded codes (N, n_latent, D) of their images.
DrawAndEncode: TypeAlias = Callable[[FloatArray], FloatArray]

# Common amounts of edits; beyond them the response decreases.
USUAL_AMOUNTS: Mapping[str, float] = {"year": 20.0, "degree": 15.0, "sd": 1.0, "class": 0.5, "step": 1.0}
LARGEST_FACTOR = 4.0
_ROUNDS = 4
_NEAR = 0.02
_LEAST_RESPONSE = 0.05
_WORTH = 0.25  # least relative change of the response for a relative change of length


def response(direction: Direction, codes: FloatArray, draw_and_encode: DrawAndEncode, amount: float) -> float:
    """Return by how many units images change for each unit of a direction, as a mean over faces.

    Args:
        direction: a direction with a regressor.
        codes: (N, n_latent, D) of faces.
        draw_and_encode: renders codes and encodes the images.
        amount: units to move, both ways.

    Returns:
        The mean of (estimate at +amount - estimate at -amount) / (2 amount); 1 if images change by the amount.
    """
    steps = [codes + np.float32(sign * amount) * direction.vector for sign in (1.0, -1.0)]
    high, low = (
        np.array([direction.measure(code) for code in draw_and_encode(step.astype(np.float32))]) for step in steps
    )
    return float((high - low).mean() / (2.0 * amount))


def calibrate(
    direction: Direction, codes: FloatArray, draw_and_encode: DrawAndEncode, amount: float | None = None
) -> Direction:
    """Scale a direction so that images change by the requested amount.

    If lengthening does not change images any further, as at the limit of the generator, the shorter direction is kept.

    Args:
        direction: a direction with a regressor.
        codes: (N, n_latent, D) of faces, enough for a stable mean: about fifty.
        draw_and_encode: renders codes and encodes the images.
        amount: units at which request and change should agree; None takes the usual amount of the unit.

    Returns:
        The direction with its vector scaled, by at most `LARGEST_FACTOR`. Its statistics gain "stretch", the factor,
        which `Direction.gain` divides out, and "response", the change per unit after scaling.

    Raises:
        ConfigError: the direction has no regressor.
        InputError: there are no codes, or images do not follow the direction at all.
    """
    if direction.regressor is None:
        cure = "Fit it with tools/find_directions.py"
        raise ConfigError(f"the direction '{direction.name}' cannot measure: it has no regressor", cure=cure)
    if len(codes) == 0:
        raise InputError("there are no codes to measure with", where=direction.name, cure="Give codes of faces")
    amount = USUAL_AMOUNTS.get(direction.unit, 1.0) if amount is None else amount
    scaled, stretch, current = direction, 1.0, response(direction, codes, draw_and_encode, amount)
    if not current > _LEAST_RESPONSE:
        what = f"images do not follow '{direction.name}': {current:.2f} units for each unit"
        raise InputError(what, cure="Fit it on more faces, or leave it uncalibrated")
    for _ in range(_ROUNDS):
        if abs(current - 1.0) < _NEAR:
            break
        factor = float(np.clip(stretch / current, 1.0 / LARGEST_FACTOR, LARGEST_FACTOR))
        trial = replace(direction, vector=direction.vector * np.float32(factor))
        measured = response(trial, codes, draw_and_encode, amount)
        if abs(factor - stretch) < _NEAR or (measured - current) / current < _WORTH * (factor - stretch) / stretch:
            break
        scaled, stretch, current = trial, factor, measured
    before = direction.statistics.get("stretch", 1.0)
    return replace(scaled, statistics={**direction.statistics, "stretch": before * stretch, "response": current})
