"""Packs: all pictures of a data set in one ``.npz``, as files (WebP, PNG, JPEG) laid end to end or as plain arrays.

Members of a pack of files: ``encoded`` uint8, the bytes of all files; ``ends`` int, where each of them ends. Of a pack
of arrays: ``images`` (N, H, W, 3) uint8. Either may carry ``name`` (N,) text, and columns of N rows under other names.
Members that are stored uncompressed are mapped into memory, which all processes then share.
"""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ppgan_ext.data.image_source import ImageSource, decode_or_raise
from ppgan_ext.errors import InputError, nearest
from ppgan_ext.types import Image

PACK_SUFFIX = ".npz"

_FILES = frozenset({"encoded", "ends"})
_ARRAYS = frozenset({"images"})
_CURE = "Write it with numpy.savez: encoded and ends, or images; see docs/data.md"


def is_pack(path: Path) -> bool:
    """Say whether an ``.npz`` holds pictures rather than other arrays.

    Raises:
        InputError: it cannot be read.
    """
    names = _members(path)
    return names >= _FILES or names >= _ARRAYS


class PackSource(ImageSource):
    """The pictures of one pack, in its order.

    Raises:
        InputError: not a pack, an empty or a damaged one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._columns = _members(path)
        if not is_pack(path):
            found = ", ".join(sorted(self._columns)) or "nothing"
            raise InputError(f"is not a pack of pictures; it holds {found}", where=path, cure=_CURE)
        self._is_files = self._columns >= _FILES
        self._data: npt.NDArray[np.uint8] | None = None
        self._ends = self._read_ends() if self._is_files else None
        self._length = len(self._ends) if self._ends is not None else self._check_images()
        if not self._length:
            raise InputError("holds no pictures", where=path, cure=_CURE)
        self._names = self._read_names()

    @property
    def path(self) -> Path:
        """The pack's file."""
        return self._path

    def __len__(self) -> int:
        return self._length

    def name(self, index: int) -> str:
        """Give the pack's file name, a slash, and the picture's name or number."""
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
        """Say how large a picture's file, or its array, is."""
        position = range(self._length)[index]
        if self._ends is None:
            return int(self._pixels_or_bytes()[position].nbytes)
        return int(self._ends[position]) - (int(self._ends[position - 1]) if position else 0)

    def column(self, name: str) -> npt.NDArray:
        """Read one of the pack's columns.

        Raises:
            InputError: no such column, or one of another length.
        """
        if name not in self._columns:
            raise InputError(f"there is no column '{name}'", where=self._path, cure=nearest(name, self._columns))
        values = _member(self._path, name)
        if values.ndim == 0 or len(values) != self._length:
            raise InputError(
                f"'{name}' has the shape {values.shape}, not a row for each of {self._length} pictures",
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
        """Read the pictures' names and make them unique: bad files are told apart by their names."""
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
        """Leave the data behind: each process maps or reads it for itself."""
        return {**self.__dict__, "_data": None}


def _members(path: Path) -> frozenset[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return frozenset(name.removesuffix(".npy") for name in archive.namelist())
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise InputError(
            f"is not an .npz that can be read ({error})", where=path, cure="Copy it anew or take it away"
        ) from error


def _member(path: Path, name: str) -> npt.NDArray:
    """Map a stored member into memory, or read a compressed one; arrays of Python objects are refused."""
    try:
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo(f"{name}.npy")
        if info.compress_type == zipfile.ZIP_STORED:
            return _map(path, info)
        with np.load(path, allow_pickle=False) as arrays:
            return arrays[name]
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, struct.error) as error:
        raise InputError(f"'{name}' cannot be read ({error})", where=path, cure="Copy the pack anew") from error


def _map(path: Path, info: zipfile.ZipInfo) -> npt.NDArray:
    with path.open("rb") as file:
        # A zip's local header: 30 bytes, of which the last two numbers are the lengths of a name and an extra field.
        file.seek(info.header_offset)
        name_length, extra_length = struct.unpack("<26x2H", file.read(30))
        file.seek(info.header_offset + 30 + name_length + extra_length)
        version = np.lib.format.read_magic(file)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in read_header:
            raise ValueError(f"array format {version}")
        shape, is_fortran, dtype = read_header[version](file)
        if dtype.hasobject:
            raise ValueError("an array of Python objects")
        offset = file.tell()
    if 0 in shape:
        return np.empty(shape, dtype)
    return np.memmap(path, dtype, "r", offset, shape, "F" if is_fortran else "C")
