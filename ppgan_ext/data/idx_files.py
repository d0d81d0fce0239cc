"""The IDX files of MNIST and its relatives: a block of grey pictures, and a block of labels, gzipped or not.

A file begins with 0, 0, the type of its numbers (8: bytes) and the number of its axes, then the length of each axis as
a big-endian 32-bit number, then the numbers. Any number of pictures is read; Paddle's own reader wants hundreds.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import os
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ppgan_ext.data.image_source import ImageSource
from ppgan_ext.errors import InputError
from ppgan_ext.types import Image
from ppgan_ext.untrusted import budget_of, door

_GZIP = b"\x1f\x8b"
_BYTES = 8  # the code of unsigned bytes
_MAX_CLASSES = 256
_CURE = "Copy or download the whole file again"


def read_idx(path: str | os.PathLike[str], num_axes: int) -> npt.NDArray[np.uint8]:
    """Read an IDX file of bytes.

    Args:
        path: the file, gzipped or not, whatever its name is.
        num_axes: 3 for pictures (N, H, W), 1 for labels (N,).

    Raises:
        InputError: the file is missing, is no IDX file, has another number of axes, is truncated, or holds more than it
            says.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError("no such file", where=file, cure="Check image_path and label_path")
    with door(file, InputError, _CURE):
        budget = budget_of(file)
        data = file.read_bytes()
        if data[:2] == _GZIP:
            with gzip.open(io.BytesIO(data)) as stream:
                data = stream.read(budget.max_bytes + 1)
            budget.allocate(len(data))
        return _parse(data, num_axes, file)


def _parse(data: bytes, num_axes: int, file: Path) -> npt.NDArray[np.uint8]:
    kinds = {1: "labels", 3: "pictures"}
    if len(data) < 4 or data[:3] != bytes([0, 0, _BYTES]):
        cure = f"Name an IDX file of {kinds[num_axes]}, such as MNIST's, or its .gz"
        raise InputError("is no IDX file of bytes", where=file, cure=cure)
    if data[3] != num_axes:
        what = f"contains {kinds.get(data[3], f'blocks of {data[3]} axes')}, not {kinds[num_axes]}"
        raise InputError(what, where=file, cure="Exchange image_path and label_path")
    start = 4 + 4 * num_axes
    if len(data) < start:
        raise InputError("is truncated: its header is incomplete", where=file, cure=_CURE)
    shape = struct.unpack(f">{num_axes}I", data[4:start])
    expected, found = math.prod(shape), len(data) - start
    if expected != found:
        state = "is truncated" if found < expected else "is damaged"
        what = f"{state}: its header announces {' x '.join(map(str, shape))} bytes, and {found} follow"
        raise InputError(what, where=file, cure=_CURE)
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


class IdxSource(ImageSource):
    """The pictures of an IDX file, with their labels.

    Args:
        image_path: the file of pictures.
        label_path: the file of labels; None: there are none.

    Attributes:
        labels: (N,) int64, or None.

    Raises:
        InputError: a file cannot be read, there are no pictures, or the files differ in their number.
    """

    def __init__(self, image_path: str | os.PathLike[str], label_path: str | os.PathLike[str] | None) -> None:
        self._path = Path(image_path)
        self._images = read_idx(image_path, 3)
        if 0 in self._images.shape:
            raise InputError("contains no pictures", where=self._path, cure=_CURE)
        labels = None if label_path is None else read_idx(label_path, 1)
        if labels is not None and len(labels) != len(self._images):
            what = f"has {len(labels)} labels for the {len(self._images)} pictures of {self._path.name}"
            raise InputError(what, where=label_path, cure="Take both files from the same part of the data set")
        self.labels = None if labels is None else labels.astype(np.int64)

    @property
    def path(self) -> Path:
        """The file of pictures."""
        return self._path

    def __len__(self) -> int:
        return len(self._images)

    def name(self, index: int) -> str:
        """Return the file's name, a slash, and the picture's number."""
        return f"{self._path.name}/{range(len(self))[index]}"

    def read(self, index: int) -> Image:
        """Return a picture, (H, W, 3)."""
        return np.repeat(self.grey(index), 3, axis=2)

    def grey(self, index: int) -> npt.NDArray[np.uint8]:
        """Return a picture as the file has it, (H, W, 1) uint8."""
        return self._images[index][:, :, None].copy()

    def num_bytes(self, index: int) -> int:
        """Return the size of a picture in bytes."""
        return int(self._images[index].nbytes)


def md5_of(path: Path) -> str:
    """Return a file's md5 in hexadecimal, which is what Paddle states of its copies of data sets."""
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
