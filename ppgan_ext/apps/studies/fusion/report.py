"""The fusion study's report: means over groups of yaw difference, as JSON, Markdown and a plot."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ppgan_ext import files
from ppgan_ext.apps.studies.fusion.measurement import PairMeasurement
from ppgan_ext.errors import ConfigError
from ppgan_ext.faces.descriptor import SAME_PERSON
from ppgan_ext.runtime import HOW_TO_GET_MATPLOTLIB

EDGES = (0.0, 10.0, 20.0, 25.0, 30.0, 40.0, 180.0)  # of the groups of yaw difference, degrees
_FIGURES = (
    "pose_error", "yaw_error", "pitch_error", "identity_to_target", "identity_to_source", "border_step",
    "border_step_photo", "sharpness", "seconds", "reached",
)  # fmt: skip
_PANELS = (
    ("pose_error", "pose error to the source, degrees"), ("identity_to_target", "identity distance to the target"),
    ("border_step", "colour step at the border minus the photo's"), ("seconds", "seconds"),
)  # fmt: skip


def summarise(measurements: Sequence[PairMeasurement]) -> dict[str, Any]:
    """Average the figures of each method, over all pairs and over each group of yaw difference.

    Returns:
        ``{"groups": [{"method", "yaw_from", "yaw_to", "pairs", "failed", figures}, ...]}``; means, and shares for
        ``same_person`` and ``reached``.
    """
    groups = []
    methods = list(dict.fromkeys(item.method for item in measurements))
    for low, high in [(EDGES[0], EDGES[-1]), *itertools.pairwise(EDGES)]:
        for method in methods:
            items = [m for m in measurements if m.method == method and not m.error and low <= m.yaw_difference < high]
            if not items:
                continue
            figures = {name: float(np.mean([getattr(m, name) for m in items])) for name in _FIGURES}
            whole = (low, high) == (EDGES[0], EDGES[-1])
            groups.append(
                {"method": method, "yaw_from": low, "yaw_to": high, "pairs": len(items), **figures}
                | {"failed": sum(bool(m.error) and m.method == method for m in measurements) if whole else 0}
                | {"same_person": float(np.mean([m.identity_to_target < SAME_PERSON for m in items]))}
            )
    return {"groups": groups}


def to_markdown(summary: Mapping[str, Any]) -> str:
    """Write the summary as a table."""
    lines = [
        "| yaw apart | method | pairs | failed | pose error | yaw | pitch | identity to target | same person |"
        " to source | border step | photo's own | sharpness | pose reached | seconds |",
        "|---" * 15 + "|",
    ]
    for group in summary["groups"]:
        apart = "all" if group["yaw_to"] == EDGES[-1] and not group["yaw_from"] else f"{group['yaw_from']:g} to "
        apart += "" if apart == "all" else (f"{group['yaw_to']:g}" if group["yaw_to"] < EDGES[-1] else "more")
        lines.append(
            f"| {apart} | {group['method']} | {group['pairs']} | {group['failed']} | {group['pose_error']:.2f} |"
            f" {group['yaw_error']:.2f} | {group['pitch_error']:.2f} | {group['identity_to_target']:.3f} |"
            f" {group['same_person']:.0%} | {group['identity_to_source']:.3f} | {group['border_step']:.2f} |"
            f" {group['border_step_photo']:.2f} | {group['sharpness']:.2f} |"
            f" {group['reached']:.0%} | {group['seconds']:.2f} |"
        )
    return "\n".join(lines) + "\n"


def check_matplotlib() -> None:
    """Check before the work starts that the plot can be drawn.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ConfigError("matplotlib is not installed", where="plot", cure=HOW_TO_GET_MATPLOTLIB) from error


def plot(measurements: Sequence[PairMeasurement], path: Path) -> None:
    """Plot each figure over the difference of yaw, as PNG: a dot for each pair, a line through the groups' means."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6.4), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, 2).ravel()
    methods = list(dict.fromkeys(item.method for item in measurements))
    for panel, (name, title) in zip(panels, _PANELS, strict=True):
        for number, method in enumerate(methods):
            items = [m for m in measurements if m.method == method and not m.error]
            x = np.array([m.yaw_difference for m in items])
            y = np.array([getattr(m, name) - (m.border_step_photo if name == "border_step" else 0.0) for m in items])
            panel.plot(x, y, ".", color=f"C{number}", alpha=0.35, markersize=4)
            panel.plot(*_group_means(x, y), "-o", color=f"C{number}", label=method, markersize=4)
        panel.set_title(title, fontsize=10)
        panel.set_xlabel("difference of yaw between the photos, degrees", fontsize=8)
        panel.tick_params(labelsize=8)
        panel.grid(alpha=0.3)
    panels[1].axhline(SAME_PERSON, color="grey", linewidth=0.8, linestyle="--")
    panels[2].axhline(0.0, color="grey", linewidth=0.8, linestyle="--")
    panels[3].set_yscale("log")
    panels[0].legend(fontsize=9)
    with files.atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def _group_means(x: npt.NDArray, y: npt.NDArray) -> tuple[list[float], list[float]]:
    groups = [(x >= low) & (x < high) for low, high in itertools.pairwise(EDGES)]
    return [float(x[g].mean()) for g in groups if g.any()], [float(y[g].mean()) for g in groups if g.any()]
