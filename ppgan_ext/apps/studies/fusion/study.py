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
from ppgan_ext.apps.fusion.predictor import FaceFusionPredictor, FusionResult
from ppgan_ext.apps.predictor import Progress, no_progress
from ppgan_ext.apps.studies.fusion import report
from ppgan_ext.apps.studies.fusion.measurement import PairMeasurement, measure_pair
from ppgan_ext.apps.studies.fusion.options import FusionStudyOptions
from ppgan_ext.apps.studies.fusion.pairs import PhotoPair, choose_pairs
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.faces.skin import face_size
from ppgan_ext.faces.warp import warp
from ppgan_ext.types import FloatArray, Image

_ROWS = 5  # pairs on a sheet
_SURROUNDINGS = 0.9  # of a face's size on each side of its middle that a sheet shows


def run_study(options: FusionStudyOptions, progress: Progress = no_progress) -> list[Path]:
    """Measure every pair by every method, and write tables, plot and sheets into the output folder.

    Writes ``pairs.csv`` (line by line, as the pairs are measured), ``fusion.json``, ``fusion.md``, ``fusion.png``, and
    ``sheets/01.jpg`` and so on: photo, person and result of each pair, cut to the face.

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
    sheets = _Sheets(folder / "sheets", options.sheet_height)
    measurements = _measure_pairs(predictor, pairs, options, table, sheets, progress)
    summary = report.summarise(measurements)
    written = [table, folder / "fusion.json", folder / "fusion.md", folder / "fusion.png"]
    files.write_bytes(written[1], json.dumps(summary, indent=1).encode())
    files.write_bytes(written[2], report.to_markdown(summary).encode())
    report.plot(measurements, written[3])
    return written + sheets.finish()


class _Sheets:
    """Writes rows of pictures, some to a sheet."""

    def __init__(self, folder: Path, height: int) -> None:
        self._folder, self._height = folder, height
        self._rows: list[Image] = []
        self._written: list[Path] = []

    def add(self, pair: tuple[Image, Image], results: Sequence[FusionResult], labels: Sequence[str]) -> None:
        """Add a pair with its results; a sheet that is full is written."""
        faces = [find_faces(photo) for photo in pair]
        if not all(faces):
            return
        places = [found[0].landmarks for found in faces]
        pictures_of = [(pair[0], places[0]), (pair[1], places[1]), *((result.image, places[0]) for result in results)]
        tiles = [_cut(picture, landmarks, self._height) for picture, landmarks in pictures_of]
        self._rows.append(pictures.strip(tiles, list(labels), self._height))
        if len(self._rows) == _ROWS:
            self._write()

    def finish(self) -> list[Path]:
        """Write the last sheet, and return the paths of all."""
        if self._rows:
            self._write()
        return self._written

    def _write(self) -> None:
        files.make_folder(self._folder)
        path = self._folder / f"{len(self._written) + 1:02d}.jpg"
        self._written.append(pictures.write_image(path, _stack_rows(self._rows)))
        self._rows = []


def _cut(photo: Image, landmarks: FloatArray, height: int) -> Image:
    """Cut a face out of a photo, (height, height, 3)."""
    reach = _SURROUNDINGS * face_size(landmarks)
    middle = landmarks.mean(axis=0) - (0.0, 0.2 * reach)
    scale = height / (2 * reach)
    matrix = np.array([[scale, 0.0, height / 2 - scale * middle[0]], [0.0, scale, height / 2 - scale * middle[1]]])
    return warp(photo, matrix, (height, height))


def _measure_pairs(
    predictor: FaceFusionPredictor,
    pairs: Sequence[PhotoPair],
    options: FusionStudyOptions,
    table: Path,
    sheets: _Sheets,
    progress: Progress,
) -> list[PairMeasurement]:
    """Measure all pairs, and write a line of the table for each."""
    measurements: list[PairMeasurement] = []
    files.write_bytes(table, _csv_line([field.name for field in fields(PairMeasurement)]).encode())
    for done, pair in enumerate(pairs):
        progress("fusing pairs", done, len(pairs))
        of_pair, results = [], []
        for method in options.methods:
            measurement, result = measure_pair(predictor, pair, options.with_method(method), method)
            files.append_text(table, _csv_line(asdict(measurement).values()))
            of_pair.append(measurement)
            results += [] if result is None else [result]
        measurements += of_pair
        if len(results) == len(options.methods):
            sheets.add(pair.read(), results, _labels(done + 1, of_pair))
    return measurements


def _labels(number: int, of_pair: Sequence[PairMeasurement]) -> list[str]:
    return [
        f"{number}: photo",
        f"person, {of_pair[0].yaw_difference:.0f} degrees apart",
        *(
            f"{m.method}: pose {m.pose_error:.1f}, identity {m.identity_to_target:.2f}, sharpness {m.sharpness:.2f}"
            for m in of_pair
        ),
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
