"""The detection study: every detector that is installed, on scenes made from a folder of portraits."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data

from ppgan_ext import files, images, picture_listing
from ppgan_ext.apps.predictor import Progress, no_progress
from ppgan_ext.apps.studies.detection.measurement import Detector, measure
from ppgan_ext.apps.studies.detection.options import DetectionStudyOptions
from ppgan_ext.apps.studies.detection.report import to_markdown
from ppgan_ext.apps.studies.detection.scenes import Portrait, Scene, make_scenes
from ppgan_ext.errors import InputError
from ppgan_ext.faces.detect import DetectorName, find_faces
from ppgan_ext.faces.detectors import libfacedetection
from ppgan_ext.types import Box, Image

# Pictures without a face that come with scikit-image.
_EMPTY = (
    "coffee", "chelsea", "rocket", "brick", "grass", "gravel", "coins", "clock", "page", "text", "moon",
    "immunohistochemistry", "retina", "hubble_deep_field", "horse", "colorwheel", "logo", "cell", "checkerboard",
)  # fmt: skip


def run_study(options: DetectionStudyOptions, progress: Progress = no_progress) -> tuple[dict[str, Any], list[Path]]:
    """Measure recall, false faces and processor time, and write ``detection.json`` and ``detection.md``.

    Where a portrait's face is, dlib's detector says, whose place is exact on upright faces of that size. A portrait in
    which it finds none is left out and counted.

    Returns:
        The record, and the files written.

    Raises:
        InputError: there is no portrait with a face.
    """
    if not options.input:
        raise InputError("--input is missing", cure="Give a folder of portraits")
    folder = Path(options.input)
    names = picture_listing.list_pictures(folder).names
    names = names[:: max(1, len(names) // options.num)][: options.num] if options.num else names
    portraits, left_out = _open(folder, names, progress)
    if not portraits:
        raise InputError("no picture in it shows a face", where=folder, cure="Give portraits of one person each")
    detectors = _detectors()
    scenes = _counted(make_scenes(portraits, [_as_photo(getattr(skimage.data, name)()) for name in _EMPTY]), progress)
    measured = measure(scenes, detectors)
    rows = [
        {"kind": kind, "setting": setting}
        | {name: dataclasses.asdict(measured[name].of(kind, setting)) for name in detectors}
        for kind, settings in measured[next(iter(detectors))].tallies.items()
        for setting in settings
    ]
    record = {"portraits": len(portraits), "left_out": left_out, "detectors": list(detectors), "rows": rows}
    files.make_folder(options.output_path)
    written = [Path(options.output_path) / name for name in ("detection.json", "detection.md")]
    files.write_bytes(written[0], json.dumps(record, indent=1).encode())
    files.write_bytes(written[1], to_markdown(record).encode())
    return record, written


def _open(folder: Path, names: Sequence[str], progress: Progress) -> tuple[list[Portrait], list[str]]:
    portraits, left_out = [], []
    for number, name in enumerate(names):
        image = images.read_image(folder / name)
        faces = find_faces(image, "hog")
        if faces:
            portraits.append(Portrait(name, image, faces[0].landmarks))
        else:
            left_out.append(name)
        progress("reading portraits", number + 1, len(names))
    return portraits, left_out


def _detectors() -> dict[str, Detector]:
    names: list[DetectorName] = ["libfacedetection"] if libfacedetection.is_installed() else []
    return {name: functools.partial(_boxes, detector=name) for name in [*names, "hog"]}


def _boxes(image: Image, detector: DetectorName) -> list[Box]:
    return [face.box for face in find_faces(image, detector)]


def _counted(scenes: Iterator[Scene], progress: Progress) -> Iterator[Scene]:
    for number, scene in enumerate(scenes):
        progress("looking for faces", number, 0)
        yield scene


def _as_photo(picture: np.ndarray) -> Image:
    """Return any of scikit-image's pictures as (H, W, 3) uint8."""
    if picture.dtype != np.uint8:
        low, high = float(picture.min()), float(picture.max())
        picture = np.rint((picture.astype(np.float64) - low) * (255 / (high - low))).astype(np.uint8)
    return np.ascontiguousarray(np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture[..., :3])
