"""The interface of all sources of pictures, and sources composed of other sources.

A source is pickled to worker processes as its path and its names; each process opens its own file handles.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ppgan_ext.errors import InputError
from ppgan_ext.images import decode_image
from ppgan_ext.picture_listing import LeftOut
from ppgan_ext.types import Image


class BadFileError(InputError):
    """One picture of a source cannot be read; the others can be used without it."""


class BadPartnerError(BadFileError):
    """The other picture of a sample, which ``where`` names, cannot be read; the sample's own picture is good."""


class ImageSource(ABC):
    """Named pictures in a fixed order.

    Attributes:
        left_out: what the file or folder contains beside them.
    """

    left_out: Sequence[LeftOut] = ()

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of pictures."""

    @abstractmethod
    def name(self, index: int) -> str:
        """Return a picture's name: unique within the source, the same on every machine."""

    @abstractmethod
    def read(self, index: int) -> Image:
        """Decode a picture.

        Returns:
            (H, W, 3) RGB uint8, upright, owned by the caller.

        Raises:
            BadFileError: the file, which the error names, is not a picture, or it is damaged.
        """

    @abstractmethod
    def num_bytes(self, index: int) -> int:
        """Return the size of a picture's file in bytes, which reveals most changes without reading the file.

        Raises:
            BadFileError: the file no longer exists.
        """

    def column(self, name: str) -> npt.NDArray:
        """Return data about the pictures other than pixels, one row for each picture.

        Raises:
            InputError: the source has no such column.
        """
        raise InputError(f"there is no column '{name}'", where=self, cure="Only packs (.npz) have columns")

    @property
    @abstractmethod
    def path(self) -> Path:
        """The file or folder of the source."""

    def __str__(self) -> str:
        return str(self.path)


class JoinedSource(ImageSource):
    """Several sources, one after another."""

    def __init__(self, path: Path, sources: Sequence[ImageSource]) -> None:
        self._path = path
        self._sources = list(sources)
        self._ends = list(accumulate(len(source) for source in sources))
        self.left_out = [item for source in sources for item in source.left_out]

    @property
    def path(self) -> Path:
        """The folder that contains the sources."""
        return self._path

    def __len__(self) -> int:
        return self._ends[-1]

    def name(self, index: int) -> str:
        """Return a picture's name."""
        source, within = self._locate(index)
        return source.name(within)

    def read(self, index: int) -> Image:
        """Decode a picture."""
        source, within = self._locate(index)
        return source.read(within)

    def num_bytes(self, index: int) -> int:
        """Return the size of a picture's file in bytes."""
        source, within = self._locate(index)
        return source.num_bytes(within)

    def column(self, name: str) -> npt.NDArray:
        """Return a column of all sources."""
        return np.concatenate([source.column(name) for source in self._sources])

    def _locate(self, index: int) -> tuple[ImageSource, int]:
        position = range(len(self))[index]
        which = bisect_right(self._ends, position)
        return self._sources[which], position - (self._ends[which - 1] if which else 0)


class PartOfSource(ImageSource):
    """A range of another source.

    Args:
        source: the other source.
        rows: its pictures from ``rows.start`` to ``rows.stop - 1``.
    """

    def __init__(self, source: ImageSource, rows: range) -> None:
        self._source = source
        self._rows = rows
        self.left_out = source.left_out

    @property
    def path(self) -> Path:
        """The file or folder of the other source."""
        return self._source.path

    def __len__(self) -> int:
        return len(self._rows)

    def name(self, index: int) -> str:
        """Return a picture's name."""
        return self._source.name(self._rows[index])

    def read(self, index: int) -> Image:
        """Decode a picture."""
        return self._source.read(self._rows[index])

    def num_bytes(self, index: int) -> int:
        """Return the size of a picture's file in bytes."""
        return self._source.num_bytes(self._rows[index])

    def column(self, name: str) -> npt.NDArray:
        """Return the part of a column that belongs to these pictures."""
        return self._source.column(name)[self._rows.start : self._rows.stop]


def decode_or_raise(data: bytes, where: str) -> Image:
    """Decode the bytes of a picture, or raise `BadFileError`."""
    try:
        return decode_image(data, where)
    except InputError as error:
        raise BadFileError(error.what, where=error.where, cure=error.cure) from error
