"""dlib's models for detecting, aligning and recognising faces, each loaded once.

Their files are located by ``weights.dlib_models``. The 68-point predictor was trained on iBUG 300-W, whose licence
excludes commercial use.
"""

from __future__ import annotations

import functools
import threading
from pathlib import Path
from typing import Any, TypeAlias

from ppgan_ext.errors import ConfigError, OutputError, WeightsError
from ppgan_ext.faces.regression_trees import DlibTrees, TreeEnsemble
from ppgan_ext.files import make_folder
from ppgan_ext.weights import readers
from ppgan_ext.weights.dlib_models import PACKAGE, descriptor_file, first_file, package_folder
from ppgan_ext.weights.store import home, search_folders

Predictor: TypeAlias = TreeEnsemble | DlibTrees

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


def predictor() -> Predictor:
    """Return the 68-point predictor; it may be called from several threads.

    dlib takes a third of a second to read its file of 99 MB. So its numbers are laid out once as arrays in the
    package's home, 65 MB of which a prediction looks at a twentieth, and are mapped from there. Where that folder
    cannot be written, dlib reads its file. Both predict the same.
    """
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
def _load_predictor(path: Path) -> Predictor:
    try:
        return TreeEnsemble(readers.map_arrays(_laid_out(path)))
    except (ConfigError, OutputError, WeightsError, OSError):
        import dlib

        return DlibTrees(_read_model(dlib.shape_predictor, path))


def _laid_out(path: Path) -> Path:
    """Return the file of arrays made from a predictor's file, after making it if it is missing."""
    status = path.stat()
    laid_out = home() / "landmarks" / f"trees-1-{status.st_size:x}-{status.st_mtime_ns:x}.safetensors"
    if not laid_out.is_file():
        make_folder(laid_out.parent)  # reading takes two seconds, so learn before whether it serves
        readers.write(laid_out, readers.read(path))
    return laid_out


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
