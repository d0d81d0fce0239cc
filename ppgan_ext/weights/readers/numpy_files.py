"""NumPy's ``.npy`` and ``.npz``, without arrays of Python objects."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy.typing as npt

from ppgan_ext.array_files import NotNumbersError, read_array
from ppgan_ext.weights.readers import zip_files
from ppgan_ext.weights.readers.records import ForbiddenError, Reading


def read_npy(path: Path, reading: Reading) -> npt.NDArray:
    """Read one array."""
    with path.open("rb") as stream:
        return _read(stream, path.stat().st_size, reading)


def read_npz(path: Path, reading: Reading) -> dict[str, npt.NDArray]:
    """Read all arrays of an archive."""
    arrays = {}
    with zip_files.opened(path) as archive:
        for entry in archive.infolist():
            name = reading.checked_key(entry.filename.removesuffix(".npy"))
            with archive.open(entry) as stream:
                arrays[name] = _read(stream, entry.file_size, reading)  # type: ignore[arg-type]
    return arrays


def _read(stream: BinaryIO, num_bytes: int, reading: Reading) -> npt.NDArray:
    try:
        return read_array(stream, num_bytes, reading.budget)
    except NotNumbersError as error:
        raise ForbiddenError(f"for {error}") from None
