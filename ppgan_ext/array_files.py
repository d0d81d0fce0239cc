"""Arrays as NumPy writes them: NumPy reads the header, and what it states is checked before memory is allocated."""

from __future__ import annotations

import math
from typing import BinaryIO

import numpy as np
import numpy.lib.format
import numpy.typing as npt

from ppgan_ext.untrusted import Budget

_KINDS = "biufcSU"
_MAX_DIMENSIONS, _MAX_SIDE = 32, 2**62


class NotNumbersError(ValueError):
    """An array of Python objects or records, which cannot be read without running code or guessing."""


def read_header(stream: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Read a header from a stream's current position.

    Returns:
        Shape, whether in Fortran order, and type: numbers, truth values or text.

    Raises:
        NotNumbersError: another type.
        ValueError: the header is damaged, or its shape is impossible. NumPy raises other errors too.
    """
    version = numpy.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise NotNumbersError("an array of records")
    read = numpy.lib.format.read_array_header_1_0 if version == (1, 0) else numpy.lib.format.read_array_header_2_0
    shape, is_fortran, dtype = read(stream)
    if dtype.kind not in _KINDS:
        raise NotNumbersError("Python objects" if dtype.hasobject else "an array of records")
    if len(shape) > _MAX_DIMENSIONS or not all(type(side) is int and 0 <= side < _MAX_SIDE for side in shape):
        raise ValueError("an array without a proper shape")
    return shape, bool(is_fortran), dtype


def read_array(stream: BinaryIO, num_bytes: int, budget: Budget) -> npt.NDArray:
    """Read one array from the start of a stream; bytes after it are ignored, as NumPy does.

    Args:
        stream: a binary file.
        num_bytes: of the stream.
        budget: is charged with the array.

    Returns:
        A writable array.

    Raises:
        NotNumbersError: an array of Python objects or records.
        ValueError: the array is longer than the stream. See also `read_header`.
        BudgetError: the array is too large.
    """
    shape, is_fortran, dtype = read_header(stream)
    count = math.prod(shape)
    needed = count * dtype.itemsize
    if needed > num_bytes - stream.tell() or (count and not dtype.itemsize):
        raise ValueError(f"an array of {needed:,} bytes in a file of {num_bytes:,}")
    budget.allocate(needed)
    array = np.empty(count, dtype)
    view, done = array.view(np.uint8).data if needed else memoryview(b""), 0
    while done < needed:
        read = stream.readinto(view[done:])  # type: ignore[attr-defined]
        if not read:
            raise ValueError(f"an array of {needed:,} bytes that ends after {done:,}")
        done += read
    return array.reshape(shape, order="F" if is_fortran else "C")
