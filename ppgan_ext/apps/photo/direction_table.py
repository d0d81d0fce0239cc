"""What each direction of a model does, for people who choose: unit, sensible range, and what else it changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from ppgan_ext.apps.sensible_amounts import beyond_notes
from ppgan_ext.latents.directions import Direction, load_directions
from ppgan_ext.weights import catalog, store

# Beyond two and a half standard deviations of the training faces, no face was seen that could teach the direction.
_DEVIATIONS = 2.5
_WIDEST = {"year": 50.0, "class": 1.0}
_WITHOUT_STATISTICS = 5.0
_STEPS = {"year": 1.0, "degree": 1.0, "sd": 0.1, "class": 0.05}
_UNITS = {"year": "years", "degree": "degrees", "sd": "standard deviations", "class": "(1: from one to the other)"}
# From here on a closed mouth of a portrait shows what the bundled model draws for teeth; at 1 lips and gums still meet.
_TEETH_SHOW = 1.5
# A side effect is told from here on, as a share of the other attribute's standard deviation.
_SEEN = 0.3
_MAX_SIDE_EFFECTS = 3
# The reference step for side effects: one standard deviation, or from one class to the other.
_WHOLE_UNITS = ("sd", "class")
# Direction of the bundled model -> what a positive amount does to a face, and what a negative one does.
_SIGNS: dict[str, tuple[str, str]] = {
    "age": ("older", "younger"),
    "eyes_open": ("opens the lids", "closes them"),
    "eye_distance": ("moves the eyes apart", "together"),
    "eye_eyebrow_distance": ("lifts the brows", "lowers them"),
    "eye_ratio": ("larger eyes", "smaller"),
    "gender": ("towards a woman's face", "a man's"),
    "lip_ratio": ("fuller lips", "thinner"),
    "mouth_open": ("parts the lips", "closes them"),
    "mouth_ratio": ("wider mouth", "narrower"),
    "nose_mouth_distance": ("longer upper lip", "shorter"),
    "nose_ratio": ("wider nose", "narrower"),
    "nose_tip": ("raises the tip of the nose", "lowers it"),
    "pitch": ("looks up", "down"),
    "roll": ("tilts counter-clockwise in the picture", "clockwise"),
    "smile": ("lifts the corners of the mouth", "lowers them"),
    "yaw": ("turns to the right in the picture", "to the left"),
}


class SideEffect(NamedTuple):
    """What else changes with a step of one standard deviation (or one class) of a direction.

    Attributes:
        name: of the other attribute.
        change: in its standard deviations.
    """

    name: str
    change: float


class DirectionInfo(NamedTuple):
    """One direction.

    Attributes:
        name: such as "smile".
        unit: see `Direction.unit`.
        reach: the largest sensible amount, either way.
        step: of a slider.
        side_effects: the strongest first.
    """

    name: str
    unit: str
    reach: float
    step: float
    side_effects: tuple[SideEffect, ...]


def describe_model_directions(model_type: str | None) -> list[DirectionInfo]:
    """Describe the directions that belong to a model of the catalog; the model itself is not loaded.

    Args:
        model_type: its name; None for the model that ships with the package.

    Raises:
        ConfigError: there is no such model.
        WeightsError: the file of directions cannot be fetched or read.
    """
    record = catalog.find(model_type or catalog.DEFAULT_MODEL)
    if record.directions is None:
        return []
    return describe_directions(load_directions(str(store.locate(record.directions)), record.n_latent))


def range_lines(infos: Iterable[DirectionInfo]) -> Iterator[str]:
    """Yield a line for each direction of the bundled model: name, sensible range, unit, and what + and - do."""
    for info in infos:
        line = f"{info.name:<21} {f'{-info.reach:g} to {info.reach:g} {_UNITS.get(info.unit, info.unit)}':<35}"
        signs = _SIGNS.get(info.name)
        yield (line if signs is None else f"{line} + {signs[0]}, - {signs[1]}").rstrip()


def range_notes(amounts: Mapping[str, float], directions: Mapping[str, Direction]) -> list[str]:
    """Say which amounts lie beyond the sensible range of their direction; a line for each."""
    notes: list[str] = []
    for name, amount in amounts.items():
        reach = _reach(directions[name])
        notes += beyond_notes(name, amount, -reach, reach, far=reach)
    return notes


def tooth_notes(amounts: Mapping[str, float], model_name: str) -> list[str]:
    """Say that the bundled model's teeth will show; a line, or none.

    Args:
        amounts: of the directions.
        model_name: of the model; larger ones draw teeth.
    """
    amount = amounts.get("mouth_open", 0.0)
    if model_name != catalog.DEFAULT_MODEL or amount < _TEETH_SHOW:
        return []
    return [f"mouth_open: at {amount:g} a mouth that is closed shows one white band: this small model draws no teeth"]


def amount_notes(amounts: Mapping[str, float], directions: Mapping[str, Direction], model_name: str) -> list[str]:
    """Say what is to be known of the amounts of edits, see `range_notes` and `tooth_notes`; a line for each."""
    return [*range_notes(amounts, directions), *tooth_notes(amounts, model_name)]


def describe_directions(directions: Mapping[str, Direction]) -> list[DirectionInfo]:
    """Describe directions by their own statistics and regressors, in their order."""
    infos = []
    for name, direction in directions.items():
        step = _step(direction)
        effects = [
            SideEffect(other, change)
            for other, to_measure in directions.items()
            if other != name and abs(change := _side_effect(direction, to_measure)) >= _SEEN
        ]
        effects.sort(key=lambda effect: -abs(effect.change))
        infos.append(DirectionInfo(name, direction.unit, _reach(direction), step, tuple(effects[:_MAX_SIDE_EFFECTS])))
    return infos


def _reach(direction: Direction) -> float:
    """Return the largest sensible amount of a direction, either way: a whole number of its slider's steps."""
    step = _step(direction)
    spread = direction.statistics.get("sd")
    reach = _WITHOUT_STATISTICS if spread is None else _DEVIATIONS * spread
    reach = min(reach, _WIDEST.get(direction.unit, reach))
    return max(step, round(reach / step) * step)


def _step(direction: Direction) -> float:
    return _STEPS.get(direction.unit, 0.1)


def _side_effect(direction: Direction, other: Direction) -> float:
    """Return how far a reference step of a direction moves another attribute, in its standard deviations."""
    regressor = other.regressor
    if regressor is None or regressor.shape[1] != direction.vector.shape[1]:
        return 0.0
    vector = np.broadcast_to(direction.vector, regressor.shape).astype(np.float64)
    step = 1.0 if direction.unit in _WHOLE_UNITS else direction.statistics.get("sd", 1.0)
    change = float((regressor.astype(np.float64) * vector).sum()) * step
    return change / other.statistics.get("stretch", 1.0) / other.statistics.get("sd", 1.0)
