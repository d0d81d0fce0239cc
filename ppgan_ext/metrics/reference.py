"""What was computed from the real images, kept on disk for the next evaluation.

A file's name is a hash of all that its content depends on: the network and its weights, the names, sizes and times of
change of the real files, the size and number of images. The files are plain ``.npz`` in ``<home>/metrics``; they may be
deleted at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ppgan_ext import files
from ppgan_ext.errors import InputError, OutputError, WeightsError
from ppgan_ext.metrics.subject import Subject
from ppgan_ext.weights import readers, store

Arrays = dict[str, npt.NDArray]
_FORMAT = 1
_PROBES = 16


def folder() -> Path:
    """Where the files are kept; it need not exist."""
    return store.home() / "metrics"


def remembered(key: dict[str, Any] | None, compute: Callable[[], Arrays], shapes: dict[str, tuple]) -> Arrays:
    """Return arrays from the disk, or compute them and put them there.

    Args:
        key: all that the arrays depend on, as JSON values; None computes them every time.
        compute: called where there is no file, or one that is damaged.
        shapes: name -> shape that each array must have; None in a shape fits any length.

    Returns:
        The arrays named in ``shapes``.
    """
    if key is None:
        return compute()
    text = json.dumps({"format": _FORMAT, **key}, sort_keys=True)
    path = folder() / f"{key['kind']}-{key['network']}-{hashlib.sha256(text.encode()).hexdigest()[:32]}.npz"
    found = _read(path, shapes)
    if found is not None:
        return found
    arrays = compute()
    with contextlib.suppress(OutputError):  # a read-only home or a full disk costs time, not the result
        with files.atomic_path(path) as temporary:
            np.savez(temporary, allow_pickle=False, **{name: arrays[name] for name in shapes})
    return arrays


def _read(path: Path, shapes: dict[str, tuple]) -> Arrays | None:
    """Read a file if it is whole; one that is not is as good as none."""
    if not path.is_file():
        return None
    try:
        arrays = readers.read(path)
    except WeightsError:
        return None
    if not isinstance(arrays, dict) or set(arrays) != set(shapes):
        return None
    for name, shape in shapes.items():
        array = arrays[name]
        fits = array.ndim == len(shape) and all(
            want in (None, got) for want, got in zip(shape, array.shape, strict=True)
        )
        if not fits or array.dtype.kind not in "fiu" or not np.isfinite(array).all():
            return None
    return arrays


def identity(subject: Subject) -> str | None:
    """Hash what tells one set of real images from another, without reading them all.

    The files' names, sizes and times of change; for a dataset, which is more than its files, also sixteen of its
    samples, which show what its pipeline does.

    Returns:
        A hexadecimal hash, or None for a set that does not come from files.
    """
    real = subject.need("real", "this")
    source = getattr(real, "source", real)
    path = getattr(source, "path", None)
    if path is None or not Path(path).exists():
        return None
    root, digest = Path(path), hashlib.sha256()
    stamps: dict[Path, str] = {}
    for index in range(len(real)):
        file = _file_of(root, real.name(index))
        if file not in stamps:
            stamps[file] = _stamp(file)
        digest.update(f"{real.name(index)} {stamps[file]}\n".encode())
    if source is not real:
        digest.update(type(real).__name__.encode())
        for index in sorted({len(real) * i // _PROBES for i in range(_PROBES)}):
            with contextlib.suppress(InputError):
                digest.update(subject.real_image(index).tobytes())
    return digest.hexdigest()


def _file_of(root: Path, name: str) -> Path:
    """Return the file in which a picture lies: its own, or the archive that its name or the set's path leads into."""
    if root.is_file():
        return root
    inner = root / name
    return next((path for path in (inner, *inner.parents) if path.is_file() or path == root), root)


def _stamp(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return "missing"
    return f"{status.st_size} {status.st_mtime_ns}"
