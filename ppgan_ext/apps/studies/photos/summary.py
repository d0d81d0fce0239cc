"""Summarise the measurements of single faces: by request, starting age and sex."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ppgan_ext.apps.studies.photos.judge import LIMIT
from ppgan_ext.apps.studies.photos.measurement import Measurement

AGE_GROUPS = ((18, 40), (41, 55), (56, 200))
FIGURES = (
    "years", "model_change", "measured_change", "yaw_change", "pitch_change", "identity", "sharpness", "iris_change",
    "iris_color", "skin_l", "skin_a", "skin_b", "paint", "darkening", "chroma_added", "border_added",
)  # fmt: skip
_SD_OF_UNIT = 1e-9


def summarise(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """Summarise all measurements.

    Returns:
        For JSON: "requests", for each section, request and blend the statistics of every figure over all faces and over
        the groups of starting age and sex, and how many results are "at_limit", the end of the judge's scale; "order",
        whether the results of one face lie in the order of the years asked for; "leakage", for each direction the
        change of every attribute in its standard deviations over the photos; "judge", the judge's years of the photos
        against the table's; "seconds" by section; "failures".
    """
    good = [one for one in measurements if not one.error]
    return {
        "requests": [_request(key, ones) for key, ones in _grouped(good, _request_key).items()],
        "order": _order([one for one in good if one.section == "age"]),
        "leakage": _leakage(good),
        "judge": _judge(good),
        "seconds": _seconds(good),
        "failures": [
            {"photo": one.photo, "face": one.face, "request": one.request, "error": one.error}
            for one in measurements
            if one.error
        ],
    }


def statistics(values: Iterable[float]) -> dict[str, float] | None:
    """Return n, mean, standard deviation, smallest, largest, and the 5th and 95th percentile of the finite values."""
    finite = np.array([value for value in values if math.isfinite(value)], np.float64)
    if not len(finite):
        return None
    low, high = np.percentile(finite, (5, 95))
    numbers = (len(finite), finite.mean(), finite.std(), finite.min(), finite.max(), low, high)
    names = ("n", "mean", "sd", "min", "max", "p5", "p95")
    return {name: _rounded(number) for name, number in zip(names, numbers, strict=True)}


def group_of_age(age: float) -> str:
    """Return the group of a starting age: "18-40", "41-55", "56+", or "other"."""
    for low, high in AGE_GROUPS:
        if low <= round(age) <= high if math.isfinite(age) else False:
            return f"{low}-{high}" if high < AGE_GROUPS[-1][1] else f"{low}+"
    return "other"


def _request_key(one: Measurement) -> tuple[str, str, str]:
    return one.section, one.request, one.blend


def _request(key: tuple[str, str, str], ones: Sequence[Measurement]) -> dict[str, Any]:
    section, request, blend = key
    groups = {"all": list(ones)}
    by_age = _grouped(ones, lambda one: group_of_age(one.starting_age))
    groups |= dict(sorted(by_age.items()))
    groups |= dict(sorted(_grouped([one for one in ones if one.sex], lambda one: one.sex).items()))
    figures = {
        name: {
            "at_limit": sum(one.years_after >= LIMIT for one in members),
            **{figure: statistics(getattr(one, figure) for one in members) for figure in FIGURES},
        }
        for name, members in groups.items()
    }
    amount = ones[0].amount
    return {
        "section": section, "request": request, "attribute": ones[0].attribute, "amount": amount, "blend": blend,
        "num_faces": len(ones), "groups": figures,
    }  # fmt: skip


def _order(ones: Sequence[Measurement]) -> dict[str, Any]:
    """Return the share of faces whose results are in the order of the years, the photo between them.

    Two results at the end of the judge's scale are taken to be in order.
    """
    faces = _grouped(ones, lambda one: (one.photo, one.face, one.blend))
    shares: dict[str, Any] = {}
    scales = (("judge", "years_before", "years_after", LIMIT), ("model", "model_before", "model_after", math.inf))
    for name, before, after, limit in scales:
        in_order = []
        for members in faces.values():
            steps = sorted(
                [(0.0, getattr(members[0], before)), *((one.amount, getattr(one, after)) for one in members)]
            )
            values = [value for _, value in steps]
            if len(values) > 1 and all(map(math.isfinite, values)):
                in_order.append(all(a < b or min(a, b) >= limit for a, b in itertools.pairwise(values)))
        shares[name] = {"n": len(in_order), "share": float(np.mean(in_order)) if in_order else None}
    return shares


def _leakage(ones: Sequence[Measurement]) -> dict[str, dict[str, float]]:
    """Return for each direction the change of every attribute from one side to the other, halved, in its deviations."""
    moved = [one for one in ones if one.section == "directions"]
    names = list(moved[0].changes) if moved else []
    deviations = {name: _deviation(moved, name) for name in names}
    leakage: dict[str, dict[str, float]] = {}
    for attribute, members in _grouped(moved, lambda one: one.attribute).items():
        changes = {}
        for name in names:
            sides = [math.copysign(1.0, one.amount) * one.changes[name] for one in members]
            mean = _mean(sides)
            if mean is not None and deviations[name] > _SD_OF_UNIT:
                changes[name] = _rounded(mean / deviations[name])
        leakage[attribute] = changes
    return leakage


def _deviation(ones: Sequence[Measurement], name: str) -> float:
    """Return the standard deviation of an attribute over the photos."""
    values = {(one.photo, one.face): one.before.get(name, math.nan) for one in ones}
    finite = [value for value in values.values() if math.isfinite(value)]
    return float(np.std(finite)) if len(finite) > 1 else 0.0


def _judge(ones: Sequence[Measurement]) -> dict[str, float] | None:
    """Compare the judge's years of the photos with the table's."""
    photos = {(one.photo, one.face): (one.table_age, one.years_before) for one in ones}
    pairs = np.array([pair for pair in photos.values() if all(map(math.isfinite, pair))], np.float64)
    if len(pairs) < 3 or pairs[:, 0].std() == 0 or pairs[:, 1].std() == 0:
        return None
    table, judged = pairs.T
    figures = {
        "n": len(pairs),
        "mean_difference": (judged - table).mean(),
        "mean_absolute_difference": np.abs(judged - table).mean(),
        "correlation": np.corrcoef(table, judged)[0, 1],
        "slope": np.polyfit(table, judged, 1)[0],
    }
    return {name: _rounded(float(value)) for name, value in figures.items()}


def _seconds(ones: Sequence[Measurement]) -> dict[str, Any]:
    """Return the seconds of a predictor's call by section, each call counted once."""
    seconds: dict[str, Any] = {}
    for section, members in _grouped(ones, lambda one: one.section).items():
        calls = {(one.photo, one.seconds): one for one in members}.values()
        seconds[section] = {
            "results": statistics(one.results for one in calls),
            "wall": statistics(one.seconds for one in calls),
            "cpu": statistics(one.cpu_seconds for one in calls),
        }
    return seconds


def _grouped(ones: Iterable[Measurement], key: Callable[[Measurement], Any]) -> dict[Any, list[Measurement]]:
    groups: dict[Any, list[Measurement]] = {}
    for one in ones:
        groups.setdefault(key(one), []).append(one)
    return groups


def _mean(values: Sequence[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    return float(np.mean(finite)) if finite else None


def _rounded(value: float) -> float:
    return float(f"{value:.5g}")
