"""From the record of single faces to figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ppgan_ext.apps.studies.models.faces import age_group, skin_group
from ppgan_ext.apps.studies.models.learned import Learned
from ppgan_ext.apps.studies.models.reconstruction import EDITS, METHODS
from ppgan_ext.faces.descriptor import SAME_PERSON
from ppgan_ext.types import FloatArray

Entry = Mapping[str, Any]
# Name -> the group that a photo is in.
GROUPINGS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "age_group": lambda photo: age_group(photo["age"]),
    "gender": lambda photo: photo["gender"] or "unknown",
    "skin_group": lambda photo: skin_group(photo["typology_angle"]),
}


def reconstruction_figures(entries: Sequence[Entry]) -> dict[str, Any]:
    """Sum up all faces by method, the edits of tuned faces, and the groups.

    Args:
        entries: of `reconstruction.measure_face`.
    """
    learned_error = _label_error(entries)
    figures: dict[str, Any] = {
        "num_faces": len(entries),
        "num_without_face": sum(not entry["photo"]["has_face"] for entry in entries),
        "methods": {method: method_figures(entries, method) for method in METHODS if _with(entries, method)},
        "edits": {name: edit_figures(entries, name) for name in EDITS if _edited(entries, name)},
        "groups": {},
    }
    if learned_error is not None:
        figures["age_of_photos_mean_absolute_error"] = learned_error
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
    """Sum up one method: means, and identity among the photos in which a face was found.

    A copy in which no face is found counts as another person; its distance is in no mean.
    """
    found = [entry[method] for entry in _with(entries, method)]
    with_face = [entry[method]["distance"] for entry in _with(entries, method) if entry["photo"]["has_face"]]
    return {
        "num_faces": len(found),
        "psnr": _mean(one["psnr"] for one in found),
        "ssim": _mean(one["ssim"] for one in found),
        "perceptual": _mean(one["perceptual"] for one in found),
        **_identity(with_face),
    }


def edit_figures(entries: Sequence[Entry], name: str) -> dict[str, Any]:
    """Sum up an edit of tuned faces: how far the measured value moves, whether in order, and who is still seen.

    ``move`` is the mean over both sides, towards the side asked for; ``error`` the mean absolute difference between
    what was asked, the unedited picture's measured value plus the amount, and what was measured.
    """
    edits, moves, errors, in_order = _edited(entries, name), [], [], []
    num_unseen = 0
    distances: list[float | None] = []
    for entry in edits:
        minus, none, plus = entry["edits"][name]
        if entry["photo"]["has_face"]:
            distances += [minus["distance"], plus["distance"]]
        values = [step["value"] for step in (minus, none, plus)]
        if any(value is None for value in values):
            num_unseen += 1
            continue
        low, middle, high = values
        changes = (low - middle, high - middle)
        moves += [-changes[0], changes[1]]
        errors += [abs(change - amount) for change, amount in zip(changes, EDITS[name], strict=True)]
        in_order.append(low < middle < high)
    return {
        "amounts": list(EDITS[name]),
        "num_faces": len(edits),
        "num_not_measured": num_unseen,
        "move": _mean(moves),
        "error": _mean(errors),
        "share_in_order": _mean(in_order),
        **_identity(distances),
    }


def direction_figures(
    entries: Sequence[Entry], amounts: Mapping[str, float], deviations: Mapping[str, float]
) -> dict[str, Any]:
    """Sum up what each direction changes.

    Args:
        entries: of `moving.move_face`.
        amounts: how far each direction was followed.
        deviations: standard deviation of each attribute over photos of real faces, measured as the pictures were.

    Returns:
        For each direction: the number of faces, those lost on the way, the change of its own attribute per unit, in
        the direction's unit where the attribute is measured in it and otherwise in standard deviations; identity
        against the unmoved picture; and "leakage": the change of every attribute, in its deviations, for a step meant
        to move the direction's own attribute by one.
    """
    seen = [entry for entry in entries if entry["reference"] is not None]
    figures: dict[str, Any] = {"num_faces": len(entries), "num_without_face": len(entries) - len(seen)}
    figures["deviations"] = dict(deviations)
    figures["directions"] = {
        name: _direction(seen, name, amount, deviations) for name, amount in amounts.items() if seen
    }
    return figures


def _direction(seen: Sequence[Entry], name: str, amount: float, deviations: Mapping[str, float]) -> dict[str, Any]:
    pairs = [entry["moved"][name] for entry in seen]
    whole = [pair for pair in pairs if pair["minus"] is not None and pair["plus"] is not None]
    changes = {
        attribute: _mean(
            (pair["plus"]["attributes"][attribute] - pair["minus"]["attributes"][attribute]) / (2 * amount)
            for pair in whole
        )
        for attribute in deviations
    }
    # One deviation of what the direction's unit counts: years, degrees and classes as measured; "sd" are their own.
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
    """Return directions, attributes and their changes (D, A), NaN where nothing was measured."""
    directions = list(figures["directions"])
    attributes = [name for name in directions if name in figures["deviations"]]
    rows = [[figures["directions"][name]["leakage"].get(other) for other in attributes] for name in directions]
    return directions, attributes, np.array(rows, np.float64)


def photo_deviations(entries: Sequence[Entry]) -> dict[str, float]:
    """Standard deviation of every attribute over the photos in which a face was found."""
    found = [entry["photo"]["attributes"] for entry in entries if entry["photo"]["has_face"]]
    names = found[0] if found else {}
    deviations = {name: float(np.nanstd([one[name] for one in found])) for name in names}
    return {name: deviation for name, deviation in deviations.items() if deviation > 0}


def learned_figures(learned: Learned) -> dict[str, Any]:
    """Say how well age and gender are told on faces that were not learned from."""
    told = {name: {"r2": r.r2, "mae": r.mae, "slope": r.slope} for name, r in learned.ridges.items()}
    return {"num_faces": learned.num_faces, **told}


def _label_error(entries: Sequence[Entry]) -> float | None:
    """Mean absolute difference of the learned and the labelled age over the photos, years."""
    pairs = [(entry["photo"]["attributes"].get("age"), entry["photo"]["age"]) for entry in entries]
    return _mean(abs(told - age) for told, age in pairs if told is not None and age is not None)


def _identity(distances: Sequence[float | None]) -> dict[str, Any]:
    found = [distance for distance in distances if distance is not None]
    same = sum(distance < SAME_PERSON for distance in found)
    return {
        "identity_distance": _mean(found),
        "identity_same": same / len(distances) if distances else None,
        "identity_lost": len(distances) - len(found),
        "identity_num": len(distances),
    }


def _with(entries: Sequence[Entry], method: str) -> list[Entry]:
    return [entry for entry in entries if method in entry]


def _edited(entries: Sequence[Entry], name: str) -> list[Entry]:
    is_whole: Callable[[Entry], bool] = lambda entry: name in entry.get("edits", {})  # noqa: E731
    return [entry for entry in entries if is_whole(entry)]


def _mean(values: Iterable[float]) -> float | None:
    """Return the mean of what is finite; None of nothing."""
    finite = [float(value) for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else None
