"""FacesDataset: squares of one size from any collection of pictures."""

from __future__ import annotations

import os
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pydantic

from ppgan_ext.data.assembly import Sample
from ppgan_ext.data.dataset_options import DatarootOptions, DatasetOptions
from ppgan_ext.data.image_source import ImageSource, PartOfSource
from ppgan_ext.data.sources import open_source
from ppgan_ext.data.squares import square
from ppgan_ext.errors import ConfigError
from ppgan_ext.images import to_pixels
from ppgan_ext.option_types import Count
from ppgan_ext.types import Image

MAX_CACHE_BYTES = 4 * 2**30


def _number_or_share(value: float) -> int | float:
    if 0 < abs(value) < 1:
        return value
    if not value.is_integer():
        raise ValueError(f"{value:g} is neither a whole number of pictures nor a share below 1, such as 0.1")
    return int(value)


Exclude: TypeAlias = Annotated[float, pydantic.AfterValidator(_number_or_share)]


class FacesOptions(DatasetOptions, DatarootOptions):
    """Options of `FacesDataset`."""

    name: Literal["FacesDataset"]
    size: int = pydantic.Field(ge=4, le=4096)
    flip: bool = True
    limit: Count | None = None
    exclude: Exclude | None = None
    cache: bool = False


class FacesDataset:
    """Pictures of any size as squares of one size, half of them mirrored.

    Each picture's largest centred square is cut out and area-averaged down to ``size``, or enlarged bicubically.

    Args:
        dataroot: folder, ``.zip`` or ``.npz``.
        size: side of the squares in pixels.
        flip: mirror each sample with probability 1/2.
        limit: use only this many pictures, the first ones.
        exclude: hold back the last ``exclude`` pictures, or this share of all (above 0, below 1: at least one picture);
            if negative, use only those, for testing.
        cache: keep decoded squares in memory, in each worker process.

    Raises:
        InputError: there are no pictures.
        ConfigError: ``exclude`` leaves nothing, or ``cache`` would take more than 4 GiB.
    """

    Options: ClassVar[type[DatasetOptions]] = FacesOptions

    def __init__(
        self,
        dataroot: str | os.PathLike[str],
        size: int,
        flip: bool = True,
        limit: int | None = None,
        exclude: int | float | None = None,
        cache: bool = False,
    ) -> None:
        self.source: ImageSource = _select(open_source(dataroot), limit, exclude)
        self.size = size
        self._flip = flip
        self._cache = _Cache(len(self.source), size) if cache else None

    def __len__(self) -> int:
        return len(self.source)

    def name(self, index: int) -> str:
        """Return a picture's path relative to the data set."""
        return self.source.name(index)

    def image(self, index: int) -> Image:
        """Return a square, (size, size, 3) RGB uint8, never mirrored.

        Raises:
            BadFileError: the file is not a picture, or it is damaged.
        """
        if self._cache is None:
            return square(self.source.read(index), self.size)
        image = self._cache.get(index)
        if image is None:
            image = square(self.source.read(index), self.size)
            self._cache.put(index, image)
        return image

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Return ``{"A": pixels}``, (3, size, size) float32 in [-1, 1].

        Raises:
            BadFileError: the file is not a picture, or it is damaged.
        """
        image = self.image(index)
        if self._flip and rng.random() < 0.5:
            image = image[:, ::-1]
        return {"A": to_pixels(image)[0]}


class _Cache:
    """Decoded squares. The operating system provides the memory only as it is filled."""

    def __init__(self, num_images: int, size: int) -> None:
        self._shape = (num_images, size, size, 3)
        if np.prod(self._shape, dtype=np.int64) > MAX_CACHE_BYTES:
            what = f"{num_images} pictures of {size} x {size} pixels take more than {MAX_CACHE_BYTES >> 30} GiB"
            raise ConfigError(what, where="cache", cure="Set cache: false")
        self._allocate()

    def get(self, index: int) -> Image | None:
        """Return a copy of a cached square, or None."""
        return self._images[index].copy() if self._is_cached[index] else None

    def put(self, index: int, image: Image) -> None:
        """Store a square."""
        self._images[index] = image
        self._is_cached[index] = True

    def _allocate(self) -> None:
        self._images: npt.NDArray[np.uint8] = np.zeros(self._shape, np.uint8)
        self._is_cached = np.zeros(self._shape[0], bool)

    def __getstate__(self) -> dict[str, object]:
        """Drop the squares: each process caches what it decodes."""
        return {"_shape": self._shape}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._shape = state["_shape"]
        self._allocate()


def _select(source: ImageSource, limit: int | None, exclude: int | float | None) -> ImageSource:
    """Return the part of a source that ``exclude`` and ``limit`` leave."""
    total, num_held_back = len(source), _count(exclude or 0, len(source))
    if num_held_back >= total and exclude:
        pictures = "1 picture" if total == 1 else f"{total} pictures"
        cure = f"Choose a number below {total}, or a share, such as 0.1" if total > 1 else "Leave exclude out"
        raise ConfigError(f"{exclude} leaves nothing on one side of {pictures}", where="exclude", cure=cure)
    rows = range(total - num_held_back, total) if (exclude or 0) < 0 else range(total - num_held_back)
    rows = rows[:limit]
    return source if len(rows) == total else PartOfSource(source, rows)


def _count(exclude: int | float, total: int) -> int:
    """Return how many of ``total`` pictures a number or a share holds back."""
    exclude = abs(exclude)
    return max(1, min(round(exclude * total), total - 1)) if 0 < exclude < 1 else int(exclude)
