"""Photos that visitors choose: checked before they are decoded, and their faces found and numbered."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ppgan_ext import images, pictures
from ppgan_ext.apps.batch import open_inputs
from ppgan_ext.apps.photo.age import AgeEditingPredictor
from ppgan_ext.errors import InputError, PpganExtError
from ppgan_ext.picture_decoding import picture_size
from ppgan_ext.picture_formats import HEAD_BYTES, recognise

MAX_MEGABYTES = 20
MAX_MEGAPIXELS = 24.0
# What browsers show; other formats get a preview.
_SHOWN_BY_BROWSERS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF")
_PREVIEW_NOTE = "A visitor's photo in another format, not edited"


@dataclass(frozen=True, eq=False)
class Upload:
    """A photo that was checked.

    Attributes:
        path: the file as it came.
        shown: the file to show: the same, or a preview in a format that browsers know.
        numbered: the photo with its faces numbered.
        numbered_size: its width and height.
        boxes: left, top, right, bottom of each face as shares of width and height; the largest face first.
        made: `time.time` of it.
    """

    path: Path
    shown: Path
    numbered: Path
    numbered_size: tuple[int, int]
    boxes: tuple[tuple[float, float, float, float], ...]
    made: float = field(default_factory=time.time)

    def face_at(self, x: float, y: float) -> int | None:
        """Return the number of the face at a place, given in shares of width and height; None if there is none."""
        inside = [
            (abs((left + right) / 2 - x) + abs((top + bottom) / 2 - y), number)
            for number, (left, top, right, bottom) in enumerate(self.boxes, start=1)
            if left <= x <= right and top <= y <= bottom
        ]
        return min(inside)[1] if inside else None


def check_upload(path: Path) -> None:
    """Refuse a file that is too large, no picture, or of too many pixels, by its header alone.

    Raises:
        InputError: it cannot be used.
    """
    if path.stat().st_size > MAX_MEGABYTES * 2**20:
        raise InputError(f"is larger than {MAX_MEGABYTES} MB", where=path, cure="Scale it down first")
    width, height = picture_size(path)
    if width * height > MAX_MEGAPIXELS * 1e6:
        raise InputError(f"has more than {MAX_MEGAPIXELS:.0f} megapixels", where=path, cure="Scale it down first")


def open_upload(path: Path, folder: Path) -> Upload:
    """Check a photo and find its faces.

    Args:
        path: the file.
        folder: for the numbered photo and the preview.

    Raises:
        InputError: it cannot be used.
        NoFaceError: it shows no face.
    """
    check_upload(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", images.AnimatedImageWarning)  # the first frame is what the page shows
        finder = AgeEditingPredictor(output_path=folder)
        made = finder.number_faces(open_inputs(path).jobs[0])
        photo = None if is_shown_by_browsers(path) else images.read_image(path)
    height, width = made.result.preview.shape[:2]
    scale = max(width, height) / max(picture_size(path))
    shown = path
    if photo is not None:
        shown = pictures.write_image(folder / f"{path.stem}.preview.jpg", photo, _PREVIEW_NOTE)
    boxes = tuple(
        (face.box.left * scale / width, face.box.top * scale / height, face.box.right * scale / width,
         face.box.bottom * scale / height)
        for face in made.result.faces
    )  # fmt: skip
    return Upload(path, shown, made.files[0], (width, height), boxes)


def warm_up_detection() -> None:
    """Load the detector and its landmarks, by looking for faces where there are none."""
    finder = AgeEditingPredictor(output_path=None)
    with contextlib.suppress(PpganExtError):
        finder.number_faces(open_inputs(np.zeros((160, 160, 3), np.uint8)).jobs[0])


def chosen_numbers(upload: Upload, chosen: Sequence[Any] | None, only_one: bool = False) -> list[int]:
    """Return the chosen faces of a photo that exist; without a choice, all of them, or the largest one.

    Args:
        upload: the photo.
        chosen: numbers, as the page sends them.
        only_one: whether one face is wanted.
    """
    numbers = sorted({int(number) for number in chosen or () if str(number).isdigit()})
    numbers = [number for number in numbers if 1 <= number <= len(upload.boxes)]
    numbers = numbers or list(range(1, len(upload.boxes) + 1))
    return numbers[:1] if only_one else numbers


def is_shown_by_browsers(path: Path) -> bool:
    """Return whether browsers show a file, by its first bytes."""
    with path.open("rb") as file:
        found = recognise(file.read(HEAD_BYTES), path.name)
    return found is not None and found.name in _SHOWN_BY_BROWSERS
