"""What a source of pictures offers, whatever it is kept in; and sources made of sources.

A source is pickled to worker processes as its path and its names; handles are opened where they are used.
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
from ppgan_ext.types import Image


class BadFileError(InputError):
    """One picture of a source cannot be read; the others can do without it."""


class ImageSource(ABC):
    """Pictures under names, in a fixed order."""

    @abstractmethod
    def __len__(self) -> int:
        """Count the pictures."""

    @abstractmethod
    def name(self, index: int) -> str:
        """Name a picture: unique within the source, the same on every machine."""

    @abstractmethod
    def read(self, index: int) -> Image:
        """Decode a picture.

        Returns:
            (H, W, 3) RGB uint8, upright, owned by the caller.

        Raises:
            BadFileError: it is not a picture, or a damaged one; names the file.
        """

    @abstractmethod
    def num_bytes(self, index: int) -> int:
        """Say how large a picture's file is, by which a changed file can be told without being read.

        Raises:
            BadFileError: it is gone.
        """

    def column(self, name: str) -> npt.NDArray:
        """Read what a source knows about its pictures beside their pixels, one row for each.

        Raises:
            InputError: this source has no such column.
        """
        raise InputError(f"there is no column '{name}'", where=self, cure="Only packs (.npz) carry columns")

    @property
    @abstractmethod
    def path(self) -> Path:
        """The file or folder that was opened."""

    def __str__(self) -> str:
        return str(self.path)


class JoinedSource(ImageSource):
    """Several sources, one after the other."""

    def __init__(self, path: Path, sources: Sequence[ImageSource]) -> None:
        self._path = path
        self._sources = list(sources)
        self._ends = list(accumulate(len(source) for source in sources))

    @property
    def path(self) -> Path:
        """The folder that holds them."""
        return self._path

    def __len__(self) -> int:
        return self._ends[-1]

    def name(self, index: int) -> str:
        """Name a picture."""
        source, within = self._locate(index)
        return source.name(within)

    def read(self, index: int) -> Image:
        """Decode a picture."""
        source, within = self._locate(index)
        return source.read(within)

    def num_bytes(self, index: int) -> int:
        """Say how large a picture's file is."""
        source, within = self._locate(index)
        return source.num_bytes(within)

    def column(self, name: str) -> npt.NDArray:
        """Read a column of all sources."""
        return np.concatenate([source.column(name) for source in self._sources])

    def _locate(self, index: int) -> tuple[ImageSource, int]:
        position = range(len(self))[index]
        which = bisect_right(self._ends, position)
        return self._sources[which], position - (self._ends[which - 1] if which else 0)


class PartOfSource(ImageSource):
    """A stretch of another source.

    Args:
        source: the whole.
        chosen: its pictures from ``chosen.start`` to ``chosen.stop - 1``.
    """

    def __init__(self, source: ImageSource, chosen: range) -> None:
        self._source = source
        self._chosen = chosen

    @property
    def path(self) -> Path:
        """The file or folder of the whole."""
        return self._source.path

    def __len__(self) -> int:
        return len(self._chosen)

    def name(self, index: int) -> str:
        """Name a picture."""
        return self._source.name(self._chosen[index])

    def read(self, index: int) -> Image:
        """Decode a picture."""
        return self._source.read(self._chosen[index])

    def num_bytes(self, index: int) -> int:
        """Say how large a picture's file is."""
        return self._source.num_bytes(self._chosen[index])

    def column(self, name: str) -> npt.NDArray:
        """Read the stretch of a column."""
        return self._source.column(name)[self._chosen.start : self._chosen.stop]


def decode_or_raise(data: bytes, where: str) -> Image:
    """Decode the bytes of a picture, or raise `BadFileError`."""
    try:
        return decode_image(data, where)
    except InputError as error:
        raise BadFileError(error.what, where=error.where, cure=error.cure) from error
