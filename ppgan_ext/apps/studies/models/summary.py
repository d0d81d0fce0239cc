"""Summarise the records of single faces as figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ppgan_ext.apps.studies.models.age_gender import AgeGenderRegression
from ppgan_ext.apps.studies.models.face_groups import age_group, skin_group
from ppgan_ext.apps.studies.models.reconstruction import EDITS, METHODS
from ppgan_ext.faces.descriptor import SAME_PERSON
from ppgan_ext.types import FloatArray

Entry = Mapping[str, Any]
# Name of a grouping -> function that returns a photo's group.
GROUPINGS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "age_group": lambda photo: age_group(photo["age"]),
    "gender": lambda photo: photo["gender"] or "unknown",
    "skin_group": lambda photo: skin_group(photo["typology_angle"]),
}


def reconstruction_figures(entries: Sequence[Entry]) -> dict[str, Any]:
    """Summarise all faces by method, the edits of tuned faces, and the groups.

    Args:
        entries: records of `reconstruction.measure_reconstruction`.
    """
    age_error = _age_error(entries)
    figures: dict[str, Any] = {
        "num_faces": len(entries),
        "num_without_face": sum(not entry["photo"]["has_face"] for entry in entries),
        "methods": {method: method_figures(entries, method) for method in METHODS if _with(entries, method)},
        "edits": {name: edit_figures(entries, name) for name in EDITS if _edited(entries, name)},
        "groups": {},
    }
    if age_error is not None:
        figures["age_of_photos_mean_absolute_error"] = age_error
    for grouping, group_of in GROUPINGS.items():
        members: dict[str, list[Entry]] = {}
        for entry in entries:
            members.setdefault(group_of(entry["photo"]), []).append(entry)
        figures["groups"][grouping] = {
            name: {method: method_figures(own, method) for method in METHODS if _with(own, method)}
            for name, own in sorted(members.items())
        }
    return figures


def method_figures(entries: Sequence[Entry], method: str) -> dict[str, Any]:
    """Summarise one method: means, and identity among the photos in which a face was found.

    A reconstruction without a face counts as another person and is left out of the mean distance.
    """
    measured = [entry[method] for entry in _with(entries, method)]
    distances = [entry[method]["distance"] for entry in _with(entries, method) if entry["photo"]["has_face"]]
    return {
        "num_faces": len(measured),
        "psnr": _mean(one["psnr"] for one in measured),
        "ssim": _mean(one["ssim"] for one in measured),
        "perceptual": _mean(one["perceptual"] for one in measured),
        **_identity(distances),
    }


def edit_figures(entries: Sequence[Entry], name: str) -> dict[str, Any]:
    """Summarise an edit of tuned faces: change of the measured value, order of the values, and identity.

    ``move`` is the mean change over both sides, towards the requested side. ``error`` is the mean absolute difference
    between the measured value and the requested one, which is the unedited picture's value plus the amount.
    """
    edits, moves, errors, in_order = _edited(entries, name), [], [], []
    num_not_measured = 0
    distances: list[float | None] = []
    for entry in edits:
        minus, none, plus = entry["edits"][name]
        if entry["photo"]["has_face"]:
            distances += [minus["distance"], plus["distance"]]
        values = [step["value"] for step in (minus, none, plus)]
        if any(value is None for value in values):
            num_not_measured += 1
            continue
        low, middle, high = values
        changes = (low - middle, high - middle)
        moves += [-changes[0], changes[1]]
        errors += [abs(change - amount) for change, amount in zip(changes, EDITS[name], strict=True)]
        in_order.append(low < middle < high)
    return {
        "amounts": list(EDITS[name]),
        "num_faces": len(edits),
        "num_not_measured": num_not_measured,
        "move": _mean(moves),
        "error": _mean(errors),
        "share_in_order": _mean(in_order),
        **_identity(distances),
    }


def direction_figures(
    entries: Sequence[Entry], amounts: Mapping[str, float], deviations: Mapping[str, float]
) -> dict[str, Any]:
    """Summarise what each direction changes.

    Args:
        entries: records of `direction_effects.measure_directions`.
        amounts: how far the faces were moved along each direction.
        deviations: standard deviation of each attribute over photos of real faces, measured in the same way.

    Returns:
        Under "directions", for each direction: "num_lost", the pictures without a face; "own_change_per_unit", the
        change of its own attribute per unit, in the direction's unit if the attribute is measured in it, else in
        standard deviations; the identity compared with the unmoved picture; and "leakage", the change of every
        attribute, in its standard deviations, for a step meant to move the direction's own attribute by one deviation.
    """
    with_face = [entry for entry in entries if entry["reference"] is not None]
    figures: dict[str, Any] = {"num_faces": len(entries), "num_without_face": len(entries) - len(with_face)}
    figures["deviations"] = dict(deviations)
    figures["directions"] = {
        name: _direction(with_face, name, amount, deviations) for name, amount in amounts.items() if with_face
    }
    return figures


def _direction(entries: Sequence[Entry], name: str, amount: float, deviations: Mapping[str, float]) -> dict[str, Any]:
    pairs = [entry["moved"][name] for entry in entries]
    complete = [pair for pair in pairs if pair["minus"] is not None and pair["plus"] is not None]
    changes = {
        attribute: _mean(
            (pair["plus"]["attributes"][attribute] - pair["minus"]["attributes"][attribute]) / (2 * amount)
            for pair in complete
        )
        for attribute in deviations
    }
    # One standard deviation in the direction's unit: measured for years, degrees and classes, 1 for "sd".
    is_absolute = name in ("age", "gender", "yaw", "pitch", "roll")
    step = deviations.get(name, 1.0) if is_absolute else 1.0
    own = changes.get(name)
    if own is not None and not is_absolute:
        own = own / deviations[name]
    leakage = {
        attribute: None if change is None else change * step / deviations[attribute]
        for attribute, change in changes.items()
    }
    sides = [side for pair in pairs for side in (pair["minus"], pair["plus"])]
    return {
        "amount": amount,
        "num_lost": sum(side is None for side in sides),
        "own_change_per_unit": own,
        **_identity([None if side is None else side["distance"] for side in sides]),
        "leakage": leakage,
    }


def leakage_matrix(figures: Mapping[str, Any]) -> tuple[list[str], list[str], FloatArray]:
    """Return directions, attributes, and the changes (D, A); NaN where nothing was measured."""
    directions = list(figures["directions"])
    attributes = [name for name in directions if name in figures["deviations"]]
    rows = [[figures["directions"][name]["leakage"].get(other) for other in attributes] for name in directions]
    return directions, attributes, np.array(rows, np.float64)


def photo_deviations(entries: Sequence[Entry]) -> dict[str, float]:
    """Return the standard deviation of every attribute over the photos in which a face was found."""
    measured = [entry["photo"]["attributes"] for entry in entries if entry["photo"]["has_face"]]
    names = measured[0] if measured else {}
    deviations = {name: float(np.nanstd([one[name] for one in measured])) for name in names}
    return {name: deviation for name, deviation in deviations.items() if deviation > 0}


def age_gender_figures(regression: AgeGenderRegression) -> dict[str, Any]:
    """Return how accurate age and gender are on faces that the regression was not fitted on."""
    accuracy = {name: {"r2": r.r2, "mae": r.mae, "slope": r.slope} for name, r in regression.ridges.items()}
    return {"num_faces": regression.num_faces, **accuracy}


def _age_error(entries: Sequence[Entry]) -> float | None:
    """Return the mean absolute difference of estimated and labelled age over the photos, years."""
    pairs = [(entry["photo"]["attributes"].get("age"), entry["photo"]["age"]) for entry in entries]
    return _mean(abs(estimate - age) for estimate, age in pairs if estimate is not None and age is not None)


def _identity(distances: Sequence[float | None]) -> dict[str, Any]:
    measured = [distance for distance in distances if distance is not None]
    same = sum(distance < SAME_PERSON for distance in measured)
    return {
        "identity_distance": _mean(measured),
        "identity_same": same / len(distances) if distances else None,
        "identity_lost": len(distances) - len(measured),
        "identity_num": len(distances),
    }


def _with(entries: Sequence[Entry], method: str) -> list[Entry]:
    return [entry for entry in entries if method in entry]


def _edited(entries: Sequence[Entry], name: str) -> list[Entry]:
    return [entry for entry in entries if name in entry.get("edits", {})]


def _mean(values: Iterable[float]) -> float | None:
    """Return the mean of the finite values; None without any."""
    finite = [float(value) for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else None
