"""Find the faces of a photo with the best detector that is installed, and choose among them.

Measured on faces of all sizes, tilts and lights in docs/detection.md.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np

from ppgan_ext.errors import ConfigError, InputError, NoFaceError, nearest
from ppgan_ext.faces.detectors import libfacedetection
from ppgan_ext.types import Face, Image

DetectorName: TypeAlias = Literal["libfacedetection", "hog"]
# Name -> module with the function `find`; the first that is installed is used.
DETECTORS: dict[DetectorName, str] = {
    "libfacedetection": "ppgan_ext.faces.detectors.libfacedetection",
    "hog": "ppgan_ext.faces.detectors.hog",
}


def default_detector() -> DetectorName:
    """Return the detector that is used where none is named: libfacedetection where it is installed, else dlib's HOG."""
    return "libfacedetection" if libfacedetection.is_installed() else "hog"


def find_faces(image: Image, detector: DetectorName | None = None) -> list[Face]:
    """Detect all faces in a photo, with their landmarks.

    The same photo always yields the same list.

    Args:
        image: the photo, (H, W, 3) RGB uint8.
        detector: a key of `DETECTORS`; None for `default_detector`.

    Returns:
        The faces by area, largest first; empty if there are none. Boxes are those of dlib's detector, whichever found
        the face: square, as wide as the jaw, from the brows to the chin.

    Raises:
        InputError: the array has another shape or type.
        WeightsError: the landmark model is not installed.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise InputError(
            f"faces are detected in (H, W, 3) uint8 images, got {image.shape} {image.dtype}",
            cure="Read the photo with ppgan_ext.images.read_image",
        )
    module = importlib.import_module(DETECTORS[detector or default_detector()])
    faces: list[Face] = module.find(image)
    return faces


def choose(faces: Sequence[Face], which: str | int | Sequence[int] = "all") -> list[Face]:
    """Select among the faces of a photo.

    Args:
        faces: the faces as `find_faces` returns them, largest first.
        which: "all", "largest", or one or more face numbers as in the numbered preview: 1 is the largest.

    Returns:
        The selected faces, in the order of ``which``, each once.

    Raises:
        NoFaceError: there are no faces, or none with that number.
        ConfigError: ``which`` is invalid.
    """
    if isinstance(which, str) and which not in ("all", "largest"):
        raise ConfigError(
            f"'{which}' does not name a face", cure=f"{nearest(which, ('all', 'largest'))}, or give numbers from 1 on"
        )
    if not faces:
        raise NoFaceError(
            "no face was found",
            cure="Give a photo in which the face is larger, brighter, or turned more to the camera; 40 pixels is small",
        )
    if which == "all":
        return list(faces)
    if which == "largest":
        return [faces[0]]
    numbers = _numbers(which)
    for number in numbers:
        if not 1 <= number <= len(faces):
            shown = "1 face, numbered 1" if len(faces) == 1 else f"{len(faces)} faces, numbered 1 to {len(faces)}"
            raise NoFaceError(
                f"there is no face {number}; the photo shows {shown}",
                cure="'ppgan-ext age --list_faces' draws the numbers on the photo",
            )
    return [faces[number - 1] for number in dict.fromkeys(numbers)]


def _numbers(which: object) -> list[int]:
    entries = list(which) if isinstance(which, Sequence) else [which]
    numbers = [int(n) for n in entries if isinstance(n, (int, np.integer)) and not isinstance(n, bool)]
    if not numbers or len(numbers) != len(entries):
        raise ConfigError(f"{which!r} does not name a face", cure="Give 'all', 'largest', or numbers from 1 on")
    return numbers
