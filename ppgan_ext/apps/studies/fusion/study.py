"""The fusion study: fuse many pairs of photos by each method, measure every result, and write the report."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from ppgan_ext import files, pictures
from ppgan_ext.apps.fusion.predictor import FaceFusionPredictor
from ppgan_ext.apps.predictor import Progress, no_progress
from ppgan_ext.apps.studies.fusion import report
from ppgan_ext.apps.studies.fusion.measurement import PairMeasurement, measure_pair
from ppgan_ext.apps.studies.fusion.options import FusionStudyOptions
from ppgan_ext.apps.studies.fusion.pairs import PhotoPair, choose_pairs
from ppgan_ext.types import Image

_NUM_EXAMPLES = 12
_EXAMPLE_HEIGHT = 192


def run_study(options: FusionStudyOptions, progress: Progress = no_progress) -> list[Path]:
    """Measure every pair by every method, and write tables, plot and examples into the output folder.

    Writes ``pairs.csv`` (line by line, as the pairs are measured), ``fusion.json``, ``fusion.md``, ``fusion.png`` and
    ``examples.png``.

    Args:
        options: pairs, methods, and options of the fusion.
        progress: called during the work.

    Returns:
        The files written.

    Raises:
        ConfigError: neither or both of ``input`` and ``csv``, or matplotlib is missing.
        InputError: photos cannot be opened, or there are no such pairs.
    """
    report.check_matplotlib()
    folder = files.make_folder(options.output_path)
    pairs = choose_pairs(options, progress)
    predictor = FaceFusionPredictor.from_options(options.model_copy(update={"output_path": None}))
    for method in options.methods:
        predictor.check_before_pairs(options.with_method(method))
    table = folder / "pairs.csv"
    measurements, examples = _measure_pairs(predictor, pairs, options, table, progress)
    summary = report.summarise(measurements)
    written = [table, folder / "fusion.json", folder / "fusion.md", folder / "fusion.png"]
    files.write_bytes(written[1], json.dumps(summary, indent=1).encode())
    files.write_bytes(written[2], report.to_markdown(summary).encode())
    report.plot(measurements, written[3])
    if examples:
        written.append(pictures.write_image(folder / "examples.png", _stack_rows(examples)))
    return written


def _measure_pairs(
    predictor: FaceFusionPredictor,
    pairs: Sequence[PhotoPair],
    options: FusionStudyOptions,
    table: Path,
    progress: Progress,
) -> tuple[list[PairMeasurement], list[Image]]:
    """Measure all pairs, and write a line of the table for each; return the figures and rows of example pictures."""
    measurements: list[PairMeasurement] = []
    examples: list[Image] = []
    files.write_bytes(table, _csv_line([field.name for field in fields(PairMeasurement)]).encode())
    for done, pair in enumerate(pairs):
        progress("fusing pairs", done, len(pairs))
        tiles = list(pair.read())
        for method in options.methods:
            measurement, result = measure_pair(predictor, pair, options.with_method(method), method)
            files.append_text(table, _csv_line(asdict(measurement).values()))
            measurements.append(measurement)
            tiles += [] if result is None else [result.image]
        if len(examples) < _NUM_EXAMPLES and len(tiles) == 2 + len(options.methods):
            labels = _labels(measurements[-len(options.methods) :])
            examples.append(pictures.strip(tiles, labels, _EXAMPLE_HEIGHT))
    return measurements, examples


def _labels(of_pair: Sequence[PairMeasurement]) -> list[str]:
    return [
        "source",
        f"target, {of_pair[0].yaw_difference:.0f} degrees apart",
        *(f"{m.method}: pose {m.pose_error:.1f}, identity {m.identity_to_target:.2f}" for m in of_pair),
    ]


def _stack_rows(rows: Sequence[Image]) -> Image:
    """Stack pictures of different widths, padded with white on the right."""
    width = max(row.shape[1] for row in rows)
    padded = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    return np.concatenate(padded)


def _csv_line(values: Iterable[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(f"{v:.6g}" if isinstance(v, float) else v for v in values)
    return line.getvalue()
