"""Scale directions by what is seen: a unit shall change the picture by a unit, not only the code.

A direction is fitted so that a unit raises the estimate of the code by one unit. The picture of that code, encoded
again, shows less: what the generator cannot draw, and what the encoder takes for the average, is lost on the way. Here
codes are moved both ways, drawn and encoded, and the direction is made longer by what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.latents.directions import Direction
from ppgan_ext.types import FloatArray

# Codes (N, n_latent, D) -> the codes of their pictures.
DrawAndEncode: TypeAlias = Callable[[FloatArray], FloatArray]

# Amounts that are commonly asked for; what lies beyond them responds less.
USUAL_AMOUNTS: Mapping[str, float] = {"year": 20.0, "degree": 15.0, "sd": 1.0, "class": 0.5, "step": 1.0}
LARGEST_FACTOR = 4.0
_ROUNDS = 4
_NEAR = 0.02
_LEAST_RESPONSE = 0.05
_WORTH = 0.25  # what must be seen of a further lengthening, as a share of it


def response(direction: Direction, codes: FloatArray, again: DrawAndEncode, amount: float) -> float:
    """Measure by how many units pictures change for each unit, as a mean over faces.

    Args:
        direction: with a regression.
        codes: (N, n_latent, D) of faces.
        again: draws codes and encodes the pictures.
        amount: units to move, both ways.

    Returns:
        The mean of (estimate at +amount - estimate at -amount) / (2 amount); 1 where pictures show what is asked for.
    """
    steps = [codes + np.float32(sign * amount) * direction.vector for sign in (1.0, -1.0)]
    high, low = (np.array([direction.measure(code) for code in again(step.astype(np.float32))]) for step in steps)
    return float((high - low).mean() / (2.0 * amount))


def calibrate(direction: Direction, codes: FloatArray, again: DrawAndEncode, amount: float | None = None) -> Direction:
    """Make a direction as long as it takes for pictures to change by the amount that is asked for.

    Where a longer one changes pictures no more, as at the end of what a generator can draw, the shorter one stays.

    Args:
        direction: with a regression.
        codes: (N, n_latent, D) of faces, as many as make the mean stable: some fifty.
        again: draws codes and encodes the pictures.
        amount: units at which they shall agree; None takes the usual one of the unit.

    Returns:
        The direction with its vector scaled, by at most `LARGEST_FACTOR`. Its statistics get "stretch", the factor,
        which `Direction.gain` leaves out again, and "response", what a unit changes then.

    Raises:
        ConfigError: the direction came without a regression.
        InputError: no codes, or pictures do not follow the direction at all.
    """
    if direction.regressor is None:
        cure = "Fit it with tools/find_directions.py"
        raise ConfigError(f"the direction '{direction.name}' cannot measure: it came without a regression", cure=cure)
    if len(codes) == 0:
        raise InputError("there are no codes to measure with", where=direction.name)
    amount = USUAL_AMOUNTS.get(direction.unit, 1.0) if amount is None else amount
    made, stretch, found = direction, 1.0, response(direction, codes, again, amount)
    if not found > _LEAST_RESPONSE:
        what = f"pictures do not follow '{direction.name}': {found:.2f} units for each unit"
        raise InputError(what, cure="Fit it on more faces, or leave it as it is")
    for _ in range(_ROUNDS):
        if abs(found - 1.0) < _NEAR:
            break
        longer = float(np.clip(stretch / found, 1.0 / LARGEST_FACTOR, LARGEST_FACTOR))
        tried = replace(direction, vector=direction.vector * np.float32(longer))
        seen = response(tried, codes, again, amount)
        if abs(longer - stretch) < _NEAR or (seen - found) / found < _WORTH * (longer - stretch) / stretch:
            break
        made, stretch, found = tried, longer, seen
    before = direction.statistics.get("stretch", 1.0)
    return replace(made, statistics={**direction.statistics, "stretch": before * stretch, "response": found})
