"""NumPy's ``.npy`` and ``.npz``, without arrays of Python objects.

NumPy reads the header; the sizes that it states are checked against the file and its budget before memory is allocated.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.lib.format
import numpy.typing as npt

from ppgan_ext.weights.readers import zip_files
from ppgan_ext.weights.readers.records import ForbiddenError, Reading, checked_shape, count_of

_KINDS = "biufcSU"


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
    """Read one array from the start of a stream of that length; bytes after it are ignored, as NumPy does."""
    version = numpy.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ForbiddenError("for an array of records")
    start = numpy.lib.format.read_array_header_1_0 if version == (1, 0) else numpy.lib.format.read_array_header_2_0
    sides, is_fortran, dtype = start(stream)
    if dtype.kind not in _KINDS:
        raise ForbiddenError("for Python objects" if dtype.hasobject else "for an array of records")
    shape = checked_shape(sides)
    needed = count_of(shape) * dtype.itemsize
    if needed > num_bytes - stream.tell() or (not dtype.itemsize and count_of(shape)):
        raise ValueError(f"an array of {needed:,} bytes in a file of {num_bytes:,}")
    reading.budget.allocate(needed)
    array = np.empty(count_of(shape), dtype)
    view, done = array.view(np.uint8).data if needed else memoryview(b""), 0
    while done < needed:
        count = stream.readinto(view[done:])  # type: ignore[attr-defined]
        if not count:
            raise ValueError(f"an array of {needed:,} bytes that ends after {done:,}")
        done += count
    return array.reshape(shape, order="F" if is_fortran else "C")
