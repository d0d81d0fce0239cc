"""dlib's models for detecting, aligning and recognising faces, each loaded once.

Their files are located by ``weights.dlib_models``. The 68-point predictor was trained on iBUG 300-W, whose licence
excludes commercial use.
"""

from __future__ import annotations

import functools
import threading
from pathlib import Path
from typing import Any

from ppgan_ext.errors import WeightsError
from ppgan_ext.weights.dlib_models import PACKAGE, descriptor_file, first_file, package_folder
from ppgan_ext.weights.store import search_folders

_LANDMARKS = "shape_predictor_68_face_landmarks.dat"
# PaddleGAN's download of the same predictor.
_PADDLEGAN_LANDMARKS = "lms.dat"

# dlib's detector and descriptor keep scratch memory in the object, so only one call at a time is allowed.
detector_lock = threading.Lock()
descriptor_lock = threading.Lock()
_loading = threading.Lock()


def landmark_file() -> Path:
    """Return the path of the 68-point predictor: the package's file, or the one that PaddleGAN downloads.

    Raises:
        WeightsError: neither file exists.
    """
    folder = package_folder()
    candidates = [folder / _LANDMARKS] if folder is not None else []
    return first_file([*candidates, *(cache / _PADDLEGAN_LANDMARKS for cache in search_folders())], _LANDMARKS)


def detector() -> Any:
    """Return dlib's frontal face detector (HOG). Use it under `detector_lock`."""
    with _loading:
        return _load_detector()


def predictor() -> Any:
    """Return dlib's 68-point shape predictor; it may be called from several threads."""
    with _loading:
        return _load_predictor(landmark_file())


def descriptor() -> Any:
    """Return dlib's face recognition network. Use it under `descriptor_lock`."""
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
        cure = f"Delete it, or reinstall {PACKAGE}"
        raise WeightsError(f"cannot be read as a dlib model ({error})", where=path, cure=cure) from error
