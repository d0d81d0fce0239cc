"""The evaluation's report: tables in Markdown, and a plot of the leakage matrix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ppgan_ext import files
from ppgan_ext.apps.studies.models.summary import leakage_matrix
from ppgan_ext.errors import ConfigError
from ppgan_ext.runtime import HOW_TO_GET_MATPLOTLIB

_METHODS = {
    "encoder": "encoder alone",
    "projector": "encoder + {fit_steps} projector steps",
    "tuning": "... + {tune} tuning steps",
}
_GROUPINGS = {
    "age_group": "age (label)",
    "gender": "gender (label)",
    "skin_group": "skin tone (typology angle of the cheeks; a proxy)",
}


def markdown(results: Mapping[str, Any]) -> str:
    """Write all figures as Markdown."""
    setting = results["settings"]
    lines = [
        f"# {setting['model']}: figures on faces held back from training",
        "",
        f"Weights {setting['weights_hash'][:16]}, {setting['num_faces']} of {setting['num_held_back']} held-back faces "
        f"of `{Path(setting['input']).name}`, {setting['size']} px.",
        "",
    ]
    if "reconstruction" in results:
        lines += _reconstruction(results["reconstruction"], setting)
    if "learned" in results:
        lines += _age_gender(results["learned"])
    if "directions" in results:
        lines += _directions(results["directions"])
    if results.get("samples"):
        lines += ["## Samples", "", *_table(("figure", "value"), results["samples"].items()), ""]
    if results["notes"]:
        lines += ["## Notes", "", *(f"* {note}" for note in results["notes"]), ""]
    return "\n".join(lines)


def plot_leakage(figures: Mapping[str, Any], path: Path) -> None:
    """Plot the leakage matrix.

    Args:
        figures: from `summary.direction_figures`.
        path: the .png to write, atomically.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        cure = f"{HOW_TO_GET_MATPLOTLIB}; run the command again: nothing is measured twice"
        raise ConfigError("the leakage matrix is not drawn without matplotlib", where="plot", cure=cure) from error
    directions, attributes, matrix = leakage_matrix(figures)
    figure = Figure(figsize=(2.6 + 0.62 * len(attributes), 1.9 + 0.42 * len(directions)), layout="constrained")
    FigureCanvasAgg(figure)
    panel = figure.subplots()
    shown = panel.imshow(matrix, cmap="RdBu_r", vmin=-1.5, vmax=1.5, aspect="auto")
    panel.set_xticks(range(len(attributes)), attributes, rotation=45, ha="right", fontsize=8)
    panel.set_yticks(range(len(directions)), directions, fontsize=8)
    panel.set_xlabel("what is measured")
    panel.set_ylabel("direction moved along")
    for row, column in np.ndindex(*matrix.shape):
        value = matrix[row, column]
        if np.isfinite(value):
            ink = "white" if abs(value) > 1 else "black"
            panel.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=6.5, color=ink)
    figure.colorbar(shown, label="change in standard deviations\nfor a step meant as one")
    num_faces = figures["num_faces"] - figures["num_without_face"]
    figure.suptitle(f"What each direction changes, mean over {num_faces} held-back faces", fontsize=11)
    with files.atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=130)


def _reconstruction(figures: Mapping[str, Any], setting: Mapping[str, Any]) -> list[str]:
    perceptual = f"perceptual, {setting['perceptual']}"
    head: tuple[str, ...] = (
        "",
        "faces",
        "PSNR, dB",
        "SSIM",
        perceptual,
        "dlib distance",
        "below 0.6",
        "no face found again",
    )
    rows: list[tuple[Any, ...]] = [
        (_METHODS[method].format(**setting), *_method_cells(one)) for method, one in figures["methods"].items()
    ]
    lines = ["## Reconstruction", "", *_table(head, rows), ""]
    lines += [
        f"No face was found in {figures['num_without_face']} of {figures['num_faces']} photos; identity is that of the "
        "others. A copy in which none is found counts as another person.",
        "",
    ]
    if figures["edits"]:
        head = ("edit, after tuning", "faces", "moves by", "error", "in order", "below 0.6", "not measured")
        rows = [
            (
                f"{name} {one['amounts'][0]:+g}, {one['amounts'][1]:+g}",
                one["num_faces"],
                _number(one["move"], 1),
                _number(one["error"], 1),
                _share(one["share_in_order"]),
                _share(one["identity_same"]),
                one["num_not_measured"],
            )
            for name, one in figures["edits"].items()
        ]
        lines += ["## Edits", "", *_table(head, rows), ""]
    for grouping, groups in figures["groups"].items():
        head = (
            _GROUPINGS[grouping],
            "faces",
            *(f"{kind}, {method}" for method in figures["methods"] for kind in _KINDS),
        )
        rows = [
            (
                name,
                max(one["num_faces"] for one in methods.values()),
                *(cell for method in figures["methods"] for cell in _group_cells(methods.get(method))),
            )
            for name, methods in groups.items()
        ]
        lines += [*_table(head, rows), ""]
    return lines


_KINDS = ("PSNR", "below 0.6")


def _group_cells(figures: Mapping[str, Any] | None) -> tuple[str, str]:
    if figures is None:
        return "", ""
    return _number(figures["psnr"], 2), _share(figures["identity_same"])


def _method_cells(figures: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        figures["num_faces"],
        _number(figures["psnr"], 2),
        _number(figures["ssim"], 3),
        _number(figures["perceptual"], 4),
        _number(figures["identity_distance"], 3),
        _share(figures["identity_same"]),
        f"{figures['identity_lost']} of {figures['identity_num']}",
    )


def _age_gender(figures: Mapping[str, Any]) -> list[str]:
    rows = [
        (name, _number(figures[name]["mae"], 2), _number(figures[name]["r2"], 3), _number(figures[name]["slope"], 2))
        for name in figures
        if name != "num_faces"
    ]
    head = ("told from a picture", "mean absolute error", "R2", "slope")
    return ["## How age and gender are measured", "", *_table(head, rows), ""]


def _directions(figures: Mapping[str, Any]) -> list[str]:
    head = (
        "direction",
        "followed by",
        "own change per unit",
        "dlib distance",
        "below 0.6",
        "no face found",
        "leaks most into",
    )
    rows = []
    for name, one in figures["directions"].items():
        others = {key: value for key, value in one["leakage"].items() if key != name and value is not None}
        worst = sorted(others, key=lambda key, others=others: -abs(others[key]))[:3]  # type: ignore[misc]
        rows.append(
            (
                name,
                f"±{one['amount']:g}",
                _number(one["own_change_per_unit"], 2),
                _number(one["identity_distance"], 3),
                _share(one["identity_same"]),
                f"{one['num_lost']} of {one['identity_num']}",
                ", ".join(f"{key} {others[key]:+.2f}" for key in worst),
            )
        )
    return ["## Directions", "", *_table(head, rows), "", "![Leakage](leakage.png)", ""]


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines]


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _number(value: float | None, digits: int) -> str:
    return "not measured" if value is None else f"{value:.{digits}f}"


def _share(value: float | None) -> str:
    return "not measured" if value is None else f"{100 * value:.0f}%"
