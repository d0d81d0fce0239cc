"""Sheets of faces: a row for each, the photo first and its results beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ppgan_ext import pictures
from ppgan_ext.apps.studies.photos.measurement import Measurement
from ppgan_ext.faces.align import crop_matrix
from ppgan_ext.faces.warp import warp
from ppgan_ext.types import FloatArray, Image

_GREY = 127.0


class SheetWriter:
    """Writes the sheets ``NAME_01.png``, ``NAME_02.png`` ..., each as soon as it is full.

    Args:
        folder: where they go.
        num_rows: faces on a sheet.
        tile: side of each picture, pixels.
    """

    def __init__(self, folder: Path, num_rows: int, tile: int) -> None:
        self._folder, self._num_rows, self._tile = folder, num_rows, tile
        self._rows: dict[str, list[Image]] = {}
        self._written: dict[str, int] = {}
        self.files: list[Path] = []

    def add(self, sheet: str, pictures_of_face: Sequence[Image], landmarks: FloatArray, labels: Sequence[str]) -> None:
        """Add the row of one face.

        Args:
            sheet: first part of the file's name.
            pictures_of_face: the photo and its results, (H, W, 3) RGB uint8 each.
            landmarks: (68, 2) of the face in the photo.
            labels: one for each picture.
        """
        tiles = [face_tile(picture, landmarks, self._tile) for picture in pictures_of_face]
        rows = self._rows.setdefault(sheet, [])
        rows.append(pictures.strip(tiles, labels, self._tile))
        if len(rows) == self._num_rows:
            self._write(sheet)

    def finish(self) -> None:
        """Write the sheets that are not full."""
        for sheet in self._rows:
            self._write(sheet)

    def _write(self, sheet: str) -> None:
        rows = self._rows[sheet]
        if not rows:
            return
        number = self._written[sheet] = self._written.get(sheet, 0) + 1
        width = max(row.shape[1] for row in rows)  # a failed edit makes a row shorter
        padded = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
        path = self._folder / f"{sheet}_{number:02d}.png"
        self.files.append(pictures.write_image(path, np.concatenate(padded), "Photos, and edits by a neural network"))
        rows.clear()


def face_tile(image: Image, landmarks: FloatArray, size: int) -> Image:
    """Cut out a face, upright, with most of its hair, (size, size, 3)."""
    return warp(image, crop_matrix(landmarks, "ffhq", size), (size, size), border_value=_GREY)


def photo_label(measurement: Measurement) -> str:
    """Label the photo's tile."""
    words = [Path(measurement.photo).stem]
    if not math.isnan(measurement.table_age):
        words.append(f"{measurement.table_age:g} by the table")
    if not math.isnan(measurement.years_before):
        words.append(f"looks {measurement.years_before:.0f}")
    return ", ".join(words)


def result_label(measurement: Measurement) -> str:
    """Label a result's tile."""
    words = [measurement.blend if measurement.section == "blends" else measurement.request]
    if not math.isnan(measurement.years_after):
        words.append(f"looks {measurement.years_after:.0f} ({measurement.years:+.0f})")
    if measurement.attribute in ("yaw", "pitch") and not math.isnan(measurement.measured_after):
        words.append(f"turned by {measurement.measured_change:+.0f}")
    words += [f"dlib {measurement.identity:.2f}", f"sharp {measurement.sharpness:.2f}"]
    return ", ".join(words)
