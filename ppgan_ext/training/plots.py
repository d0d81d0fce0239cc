"""Plots of a run's log.jsonl: losses, learning rates and metrics over the iterations."""

from __future__ import annotations

import fnmatch
import json
import math
import operator
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ppgan_ext import files
from ppgan_ext.argument_parser import RepeatableParser
from ppgan_ext.errors import ConfigError, InputError, nearest
from ppgan_ext.runtime import HOW_TO_GET_MATPLOTLIB

# Groups in a line of the log; "metrics" contains the figures of a validation.
_GROUPS = ("losses", "learning_rate", "metrics")

Curve = tuple[list[int], list[float]]


def read_log(path: str | os.PathLike[str]) -> dict[str, Curve]:
    """Read the curves of a run.

    Args:
        path: folder of the run, or its log.jsonl.

    Returns:
        Name -> (iterations, values), iterations ascending; weights may be measured long after they were written. The
        learning rate of optimG is "learning_rate.optimG".

    Raises:
        InputError: the log does not exist, is damaged, or contains no numbers.
    """
    file = Path(path) / "log.jsonl" if Path(path).is_dir() else Path(path)
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("cannot be read as a training log", where=file, cure="Name the folder of a run") from error
    points: dict[str, list[tuple[int, float]]] = {}
    for number, line in enumerate(lines, 1):
        try:
            content = json.loads(line)
            iteration = int(content["iteration"])
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines):  # a run is writing it at this moment
                break
            cure = "Remove the line, or name the log.jsonl of a run"
            raise InputError("is not a line of a training log", where=f"{file}:{number}", cure=cure) from error
        for name, value in _numbers(content):
            points.setdefault(name, []).append((iteration, value))
    if not points:
        cure = "Wait for the first log line (log_config.interval)"
        raise InputError("the log contains no numbers yet", where=file, cure=cure)
    return {name: _curve(found) for name, found in points.items()}


def _curve(points: list[tuple[int, float]]) -> Curve:
    ordered = sorted(points, key=operator.itemgetter(0))
    return [iteration for iteration, _ in ordered], [value for _, value in ordered]


def _numbers(content: dict[str, Any]) -> list[tuple[str, float]]:
    numbers = []
    for group in _GROUPS:
        prefix = "learning_rate." if group == "learning_rate" else ""
        for name, value in (content.get(group) or {}).items():
            if isinstance(value, (int, float)) and math.isfinite(value):
                numbers.append((prefix + name, float(value)))
    return numbers


def choose(curves: dict[str, Curve], patterns: Sequence[str]) -> dict[str, Curve]:
    """Select curves by names or patterns such as ``fid_*``; without patterns all of them.

    Raises:
        ConfigError: a pattern matches no curve; the message contains the nearest name.
    """
    if not patterns:
        return curves
    for pattern in patterns:
        if not fnmatch.filter(curves, pattern):
            raise ConfigError(f"no curve matches '{pattern}'", where="--keys", cure=nearest(pattern, curves))
    return {name: curve for name, curve in curves.items() if any(fnmatch.fnmatch(name, p) for p in patterns)}


def plot(curves: dict[str, Curve], output: str | os.PathLike[str], title: str = "") -> None:
    """Plot each curve in its own panel.

    Args:
        curves: as `read_log` returns them.
        output: a .png, .svg or .pdf, written atomically.
        title: title above the panels.

    Raises:
        ConfigError: matplotlib is not installed, or the file type is not supported.
    """
    kind = Path(output).suffix.lower()
    if kind not in (".png", ".svg", ".pdf"):
        raise ConfigError(f"'{kind}' is not a supported file type", where=output, cure="Use .png, .svg or .pdf")
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError("matplotlib is not installed", where="plot", cure=HOW_TO_GET_MATPLOTLIB) from error
    num_columns = min(3, len(curves))
    num_rows = -(-len(curves) // num_columns)
    figure = Figure(figsize=(4.6 * num_columns, 2.8 * num_rows), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(num_rows, num_columns, squeeze=False).ravel()
    for panel, (name, (iterations, values)) in zip(panels, curves.items(), strict=False):
        panel.plot(iterations, values, marker="o" if len(values) < 25 else None, markersize=3, linewidth=1.2)
        panel.set_title(name, fontsize=10)
        panel.set_xlabel("iteration", fontsize=8)
        panel.tick_params(labelsize=8)
        panel.grid(alpha=0.3)
    for panel in panels[len(curves) :]:
        panel.set_visible(False)
    figure.suptitle(title, fontsize=11)
    with files.atomic_path(output) as temporary:
        figure.savefig(temporary, format=kind[1:], dpi=120)


def main(argv: Sequence[str] | None = None) -> int:
    """Run tools/plot_log.py and return its exit code.

    Args:
        argv: the words after the script's name; by default those of this process.
    """
    from ppgan_ext import console

    parser = RepeatableParser(prog="plot_log.py", description="Plot the curves of a training run.")
    parser.add_argument("run", help="folder of the run, or its log.jsonl")
    parser.add_argument("--keys", nargs="*", default=[], help="names or patterns such as 'fid_*' (default: all)")
    parser.add_argument("--output", help="the plot, .png, .svg or .pdf (default: curves.png in the run's folder)")

    def work() -> int:
        options = parser.parse_args(argv)
        folder = Path(options.run) if Path(options.run).is_dir() else Path(options.run).parent
        output = Path(options.output) if options.output else folder / "curves.png"
        plot(choose(read_log(options.run), options.keys), output, folder.resolve().name)
        print(f"written to {output}")
        return 0

    return console.run(work, False, "interrupted")
