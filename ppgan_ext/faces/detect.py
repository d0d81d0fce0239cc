"""Find the faces of a photo with the best detector that is installed, and choose among them.

Measured on faces of all sizes, tilts and lights in docs/detection.md.
"""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import Literal, TypeAlias

import numpy as np

from ppgan_ext.errors import InputError
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
    return [replace(face, number=number) for number, face in enumerate(faces, start=1)]
