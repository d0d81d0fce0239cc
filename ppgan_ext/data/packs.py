"""Packs: all pictures of a data set in one ``.npz``, as concatenated files (WebP, PNG, JPEG) or as plain arrays.

A pack of files contains ``encoded`` uint8, the bytes of all files, and ``ends`` int, the end of each file. A pack of
arrays contains ``images`` (N, H, W, 3) uint8. Both may contain ``name`` (N,) text and further columns of N rows.
Members stored without compression are mapped into memory, which all processes share.
"""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt

from ppgan_ext.array_files import read_array, read_header
from ppgan_ext.data.image_source import ImageSource, decode_or_raise
from ppgan_ext.errors import InputError, nearest
from ppgan_ext.types import Image
from ppgan_ext.untrusted import budget_of, door

PACK_SUFFIX = ".npz"

_FILES = frozenset({"encoded", "ends"})
_ARRAYS = frozenset({"images"})
_CURE = "Write it with numpy.savez: encoded and ends, or images; see docs/data.md"


def is_pack(path: Path) -> bool:
    """Return whether an ``.npz`` contains pictures rather than other arrays.

    Raises:
        InputError: the file cannot be read.
    """
    names = _members(path)
    return names >= _FILES or names >= _ARRAYS


class PackSource(ImageSource):
    """The pictures of one pack, in its order.

    Raises:
        InputError: the file is not a pack, or it is empty or damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._columns = _members(path)
        if not is_pack(path):
            members = ", ".join(sorted(self._columns)) or "nothing"
            raise InputError(f"is not a pack of pictures; it contains {members}", where=path, cure=_CURE)
        self._is_files = self._columns >= _FILES
        self._data: npt.NDArray[np.uint8] | None = None
        self._ends = self._read_ends() if self._is_files else None
        self._length = len(self._ends) if self._ends is not None else self._check_images()
        if not self._length:
            raise InputError("contains no pictures", where=path, cure=_CURE)
        self._names = self._read_names()

    @property
    def path(self) -> Path:
        """The pack's file."""
        return self._path

    def __len__(self) -> int:
        return self._length

    def name(self, index: int) -> str:
        """Return the pack's file name, a slash, and the picture's name or number."""
        return self._names[index]

    def read(self, index: int) -> Image:
        """Decode a picture."""
        position = range(self._length)[index]
        data = self._pixels_or_bytes()
        if self._ends is None:
            return np.array(data[position])
        start = int(self._ends[position - 1]) if position else 0
        where = f"{self._path.parent}/{self._names[position]}"
        return decode_or_raise(data[start : int(self._ends[position])].tobytes(), where)

    def num_bytes(self, index: int) -> int:
        """Return the size of a picture's file or array in bytes."""
        position = range(self._length)[index]
        if self._ends is None:
            return int(self._pixels_or_bytes()[position].nbytes)
        return int(self._ends[position]) - (int(self._ends[position - 1]) if position else 0)

    def column(self, name: str) -> npt.NDArray:
        """Return one of the pack's columns.

        Raises:
            InputError: there is no such column, or it has the wrong length.
        """
        if name not in self._columns:
            raise InputError(f"there is no column '{name}'", where=self._path, cure=nearest(name, self._columns))
        values = _member(self._path, name)
        if values.ndim == 0 or len(values) != self._length:
            raise InputError(
                f"'{name}' has the shape {values.shape}, not one row for each of {self._length} pictures",
                where=self._path,
            )
        return np.array(values)

    def _read_ends(self) -> npt.NDArray[np.int64]:
        raw = _member(self._path, "ends")
        num_bytes = self._pixels_or_bytes().size
        if raw.ndim != 1 or raw.dtype.kind not in "iu":
            raise InputError(f"'ends' is {raw.dtype} {raw.shape}, not a row of integers", where=self._path, cure=_CURE)
        ends = raw.astype(np.int64)
        if len(ends) and (ends[0] < 0 or np.any(np.diff(ends) < 0) or ends[-1] > num_bytes):
            raise InputError("'ends' does not cut 'encoded' into files", where=self._path, cure=_CURE)
        return ends

    def _check_images(self) -> int:
        images = self._pixels_or_bytes()
        if images.ndim != 4 or images.shape[3] != 3 or 0 in images.shape[1:3]:
            raise InputError(f"'images' must be (N, H, W, 3), got {images.shape}", where=self._path, cure=_CURE)
        return len(images)

    def _read_names(self) -> list[str]:
        """Return the pictures' names, made unique because bad files are identified by name."""
        inner = [str(i) for i in range(self._length)]
        if "name" in self._columns:
            inner = [str(name) for name in self.column("name")]
            if len(set(inner)) != self._length:
                inner = [f"{name}#{i}" for i, name in enumerate(inner)]
        return [f"{self._path.name}/{name}" for name in inner]

    def _pixels_or_bytes(self) -> npt.NDArray[np.uint8]:
        if self._data is None:
            name = "encoded" if self._is_files else "images"
            data = _member(self._path, name)
            if data.dtype != np.uint8 or (self._is_files and data.ndim != 1):
                shown = f"{data.dtype} {data.shape}"
                raise InputError(f"'{name}' must be uint8, got {shown}", where=self._path, cure=_CURE)
            self._data = data
        return self._data

    def __getstate__(self) -> dict[str, object]:
        """Drop the data: each process maps or reads it for itself."""
        return {**self.__dict__, "_data": None}


def _members(path: Path) -> frozenset[str]:
    with door(path, InputError, "Copy it again or remove it", what="is not a readable .npz file"):
        with zipfile.ZipFile(path) as archive:
            return frozenset(name.removesuffix(".npy") for name in archive.namelist())


def _member(path: Path, name: str) -> npt.NDArray:
    """Map an uncompressed member into memory, or read a compressed one; refuse arrays of Python objects."""
    with door(path, InputError, "Copy the pack again", what=f"'{name}' cannot be read"):
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo(f"{name}.npy")
        if info.compress_type == zipfile.ZIP_STORED:
            return _map(path, info)
        with zipfile.ZipFile(path) as archive, archive.open(info) as stream:
            return read_array(cast(BinaryIO, stream), info.file_size, budget_of(path))


def _map(path: Path, info: zipfile.ZipInfo) -> npt.NDArray:
    with path.open("rb") as file:
        # A zip's local header has 30 bytes and ends with the lengths of the name and of the extra field behind it.
        file.seek(info.header_offset)
        name_length, extra_length = struct.unpack("<26x2H", file.read(30))
        file.seek(info.header_offset + 30 + name_length + extra_length)
        shape, is_fortran, dtype = read_header(file)
        offset = file.tell()
    if 0 in shape:
        return np.empty(shape, dtype)
    return np.memmap(path, dtype, "r", offset, shape, "F" if is_fortran else "C")
