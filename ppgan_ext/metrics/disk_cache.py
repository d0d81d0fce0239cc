"""A cache on disk of what was computed from real images, for the next evaluation.

A file's name is a hash of everything that its content depends on: the network and its weights, the names, sizes and
modification times of the image files, the size and number of images. The files are plain ``.npz`` in
``<home>/metrics`` and may be deleted at any time.
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
from ppgan_ext.metrics.model_outputs import DEFAULT_DOMAIN, ModelOutputs
from ppgan_ext.weights import readers, store

Arrays = dict[str, npt.NDArray]
_FORMAT = 1
_PROBES = 16


def folder() -> Path:
    """Return the folder of the cache; it need not exist."""
    return store.home() / "metrics"


def load_or_compute(key: dict[str, Any] | None, compute: Callable[[], Arrays], shapes: dict[str, tuple]) -> Arrays:
    """Load arrays from the cache, or compute and save them.

    Args:
        key: everything that the arrays depend on, as JSON values; None computes them every time.
        compute: called if the file is missing or damaged.
        shapes: name -> shape of each array; None in a shape fits any length.

    Returns:
        The arrays named in ``shapes``.
    """
    if key is None:
        return compute()
    text = json.dumps({"format": _FORMAT, **key}, sort_keys=True)
    path = folder() / f"{key['kind']}-{key['network']}-{hashlib.sha256(text.encode()).hexdigest()[:32]}.npz"
    cached = _read(path, shapes)
    if cached is not None:
        return cached
    arrays = compute()
    with contextlib.suppress(OutputError):  # a read-only home or a full disk costs time, not the result
        with files.atomic_path(path) as temporary:
            np.savez(temporary, allow_pickle=False, **{name: arrays[name] for name in shapes})
    return arrays


def _read(path: Path, shapes: dict[str, tuple]) -> Arrays | None:
    """Read a file; return None if it is missing or damaged."""
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


def fingerprint(outputs: ModelOutputs, domain: str = DEFAULT_DOMAIN) -> str | None:
    """Return a hash that distinguishes the real images of a domain from other sets, without reading all of them.

    It covers the names, sizes and modification times of the files. For a dataset, whose pipeline counts too, it also
    covers sixteen of its samples.

    Returns:
        A hexadecimal hash, or None for images that do not come from files.
    """
    real = outputs.require_real("this metric", domain)
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
        digest.update(f"{real.name(index)} {stamps[file]}\n".encode(errors="surrogateescape"))
    if source is not real:
        digest.update(type(real).__name__.encode())
        if domain != DEFAULT_DOMAIN:
            digest.update(f" domain {domain}".encode())
        for index in sorted({len(real) * i // _PROBES for i in range(_PROBES)}):
            with contextlib.suppress(InputError):
                digest.update(outputs.real_image(index, domain).tobytes())
    return digest.hexdigest()


def _file_of(root: Path, name: str) -> Path:
    """Return the file that contains an image: its own, or the archive in its name or at the set's path."""
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
