"""Data sets by the names that YAML files use: PaddleGAN's SingleDataset, FacesDataset for any folder, Multi-PIE."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import cv2
import numpy as np
import numpy.typing as npt
import pydantic

from ppgan_ext import config
from ppgan_ext.data.assembly import Dataset, Sample
from ppgan_ext.data.image_source import ImageSource, PartOfSource
from ppgan_ext.data.multipie import MultiPieSource, Part, open_multipie
from ppgan_ext.data.sources import open_source
from ppgan_ext.data.transforms import LoadImageFromFile, Pipeline, Step, Transforms, build_pipeline
from ppgan_ext.errors import ConfigError, InputError, nearest
from ppgan_ext.images import to_pixels
from ppgan_ext.types import Image

MAX_CACHE_BYTES = 4 * 2**30


class DatasetOptions(pydantic.BaseModel):
    """What every data set takes; ``batch_size`` and the rest belong to whoever loads it.

    Attributes:
        name: of the class, a key of `DATASETS`.
        dataroot: folder, ``.zip`` or ``.npz``.
        batch_size: samples in a batch of one process.
        num_workers: processes that load.
        use_shared_memory: PaddleGAN's; accepted, and without effect: nothing lies in shared memory here.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False)

    name: str
    dataroot: str
    batch_size: int = pydantic.Field(1, ge=1)
    num_workers: int = pydantic.Field(0, ge=0)
    use_shared_memory: bool = True


class SingleOptions(DatasetOptions):
    """Options of `SingleDataset`."""

    preprocess: list[Step]

    @pydantic.field_validator("preprocess")
    @classmethod
    def _fit_together(cls, value: list[LoadImageFromFile | Transforms]) -> list[LoadImageFromFile | Transforms]:
        Pipeline(value)
        return value


class FacesOptions(DatasetOptions):
    """Options of `FacesDataset`."""

    size: int = pydantic.Field(ge=4, le=4096)
    flip: bool = True
    limit: int | None = pydantic.Field(None, ge=1)
    exclude: int | None = None
    cache: bool = False


class MultiPieOptions(DatasetOptions):
    """Options of `MultiPieDataset`."""

    size: int = pydantic.Field(ge=4, le=4096)
    setting: Literal[1, 2] = 2
    part: Part = "train"
    max_yaw: float = pydantic.Field(90, ge=0, le=90)
    illuminations: list[int] | None = None
    pairs: bool = False
    flip: bool = True


class SingleDataset:
    """PaddleGAN's data set of single images: what is done to them is written in `preprocess`.

    Args:
        dataroot: folder, ``.zip`` or ``.npz``.
        preprocess: as in a YAML file, or already validated.

    Raises:
        InputError: there are no pictures.
        ConfigError: a step that is unknown, or out of place.
    """

    Options: ClassVar[type[DatasetOptions]] = SingleOptions

    def __init__(self, dataroot: str | os.PathLike[str], preprocess: Sequence[Mapping[str, Any] | Any]) -> None:
        items = [step.model_dump() if isinstance(step, pydantic.BaseModel) else step for step in preprocess]
        self._pipeline = build_pipeline(items)
        self.source: ImageSource = open_source(dataroot)

    def __len__(self) -> int:
        return len(self.source)

    def name(self, index: int) -> str:
        """Name a picture, relative to the data set."""
        return self.source.name(index)

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Give ``{"A": (3, H, W) float32}`` as the pipeline makes it.

        Raises:
            BadFileError: it is not a picture, or a damaged one.
            InputError: it is too small for the pipeline.
        """
        image = self.source.read(index)
        try:
            return dict(self._pipeline(image, rng))
        except InputError as error:
            raise InputError(error.what, where=self.name(index), cure=error.cure) from error


class FacesDataset:
    """Pictures of any size as squares of one size, half of them mirrored.

    A picture's largest centred square is cut out, area-averaged down to ``size``, or enlarged bicubically.

    Args:
        dataroot: folder, ``.zip`` or ``.npz``.
        size: side of the squares in pixels.
        flip: mirror every sample with probability 1/2.
        limit: use so many pictures only, the first ones.
        exclude: hold the last ``exclude`` pictures back; negative: use only those, to test with.
        cache: keep the squares in memory once they are decoded, in each worker process.

    Raises:
        InputError: there are no pictures.
        ConfigError: nothing is left by ``exclude``, or ``cache`` would take more than 4 GiB.
    """

    Options: ClassVar[type[DatasetOptions]] = FacesOptions

    def __init__(
        self,
        dataroot: str | os.PathLike[str],
        size: int,
        flip: bool = True,
        limit: int | None = None,
        exclude: int | None = None,
        cache: bool = False,
    ) -> None:
        self.source: ImageSource = _choose(open_source(dataroot), limit, exclude)
        self.size = size
        self._flip = flip
        self._cache = _Cache(len(self.source), size) if cache else None

    def __len__(self) -> int:
        return len(self.source)

    def name(self, index: int) -> str:
        """Name a picture, relative to the data set."""
        return self.source.name(index)

    def image(self, index: int) -> Image:
        """Give the square itself, (size, size, 3) RGB uint8, not mirrored.

        Raises:
            BadFileError: it is not a picture, or a damaged one.
        """
        if self._cache is None:
            return square(self.source.read(index), self.size)
        kept = self._cache.get(index)
        if kept is None:
            kept = square(self.source.read(index), self.size)
            self._cache.put(index, kept)
        return kept

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Give ``{"A": pixels}``, (3, size, size) float32 in [-1, 1]."""
        image = self.image(index)
        if self._flip and rng.random() < 0.5:
            image = image[:, ::-1]
        return {"A": to_pixels(image)[0]}


class _Cache:
    """Decoded squares; memory is taken as they come."""

    def __init__(self, num_images: int, size: int) -> None:
        self._shape = (num_images, size, size, 3)
        if np.prod(self._shape, dtype=np.int64) > MAX_CACHE_BYTES:
            shown = f"{num_images} pictures of {size} x {size} pixels take more than {MAX_CACHE_BYTES >> 30} GiB"
            raise ConfigError(shown, where="cache", cure="Set cache: false")
        self._make()

    def get(self, index: int) -> Image | None:
        """Return a kept square, or None."""
        return self._images[index].copy() if self._is_kept[index] else None

    def put(self, index: int, image: Image) -> None:
        """Keep a square."""
        self._images[index] = image
        self._is_kept[index] = True

    def _make(self) -> None:
        self._images: npt.NDArray[np.uint8] = np.zeros(self._shape, np.uint8)
        self._is_kept = np.zeros(self._shape[0], bool)

    def __getstate__(self) -> dict[str, object]:
        """Leave the pixels behind: each process keeps what it decodes."""
        return {"_shape": self._shape}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._shape = state["_shape"]
        self._make()


def square(image: Image, size: int) -> Image:
    """Cut the largest centred square out of a picture and bring it to ``size``.

    Where a side is odd by one pixel, the square lies half a pixel to the left or the top.

    Returns:
        (size, size, 3) uint8: area-averaged where it shrinks, bicubic where it grows.
    """
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    cut = image[top : top + side, left : left + side]
    if side == size:
        return np.ascontiguousarray(cut)
    interpolation = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(cut, (size, size), interpolation=interpolation))


def _choose(source: ImageSource, limit: int | None, exclude: int | None) -> ImageSource:
    """Take the part of a source that ``exclude`` and ``limit`` leave."""
    total, held_back = len(source), abs(exclude or 0)
    if held_back >= total and exclude:
        shown = "1 picture" if total == 1 else f"{total} pictures"
        cure = f"Choose a number below {total}" if total > 1 else "Leave exclude out"
        raise ConfigError(f"{exclude} leaves nothing on one side of {shown}", where="exclude", cure=cure)
    chosen = range(total - held_back, total) if (exclude or 0) < 0 else range(total - held_back)
    chosen = chosen[:limit]
    return source if len(chosen) == total else PartOfSource(source, chosen)


class MultiPieDataset:
    """A user's own copy of CMU Multi-PIE, aligned: the training or test subjects of one of its two settings.

    Args:
        dataroot: the folder that holds ``session01`` and so on; see `multipie`.
        size: side of the squares in pixels; what is larger is cut as `FacesDataset` cuts.
        setting: 1 or 2.
        part: "train" or "test".
        max_yaw: leave out cameras that see a larger angle, in degrees; 75 leaves the eleven poses of TP-GAN.
        illuminations: use these only, of 0 to 19; None for all.
        pairs: give the frontal picture of the same moment too, and leave out pictures that have none.
        flip: mirror every sample with probability 1/2.

    Raises:
        InputError: there are no such pictures.
        ConfigError: there is no such setting or illumination.
    """

    Options: ClassVar[type[DatasetOptions]] = MultiPieOptions

    def __init__(
        self,
        dataroot: str | os.PathLike[str],
        size: int,
        setting: int = 2,
        part: Part = "train",
        max_yaw: float = 90,
        illuminations: Sequence[int] | None = None,
        pairs: bool = False,
        flip: bool = True,
    ) -> None:
        source = open_multipie(dataroot, setting, part, max_yaw=max_yaw, illuminations=illuminations)
        if pairs:
            source = source.with_frontals()
        self.source: MultiPieSource = source
        self.size = size
        self._pairs = pairs
        self._flip = flip

    def __len__(self) -> int:
        return len(self.source)

    def name(self, index: int) -> str:
        """Name a picture, relative to the data set."""
        return self.source.name(index)

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Give ``{"A": pixels}``, (3, size, size) float32 in [-1, 1].

        With ``pairs`` also "B", the frontal picture of the same moment, and "yaw", () float32, the degrees of A,
        positive to image right; a mirrored sample is mirrored in all three.

        Raises:
            BadFileError: a picture cannot be read.
        """
        mirrored = self._flip and rng.random() < 0.5
        sample = {"A": self._pixels(index, mirrored)}
        if self._pairs:
            frontal = self.source.frontal(index)
            assert frontal is not None
            yaw = self.source.shots[index].yaw
            sample |= {"B": self._pixels(frontal, mirrored), "yaw": np.array(-yaw if mirrored else yaw, np.float32)}
        return sample

    def _pixels(self, index: int, mirrored: bool) -> npt.NDArray[np.float32]:
        image = square(self.source.read(index), self.size)
        return to_pixels(image[:, ::-1] if mirrored else image)[0]


DATASETS: dict[str, Any] = {
    "SingleDataset": SingleDataset,
    "FacesDataset": FacesDataset,
    "MultiPieDataset": MultiPieDataset,
}


def build_dataset(settings: Mapping[str, Any] | pydantic.BaseModel) -> Dataset:
    """Build the data set that a YAML file's ``dataset.train`` or ``dataset.test`` describes.

    Args:
        settings: ``name`` and what belongs to it, as in the file or validated.

    Raises:
        ConfigError: lists every unknown name and wrong value.
        InputError: there are no pictures.
    """
    data = settings.model_dump() if isinstance(settings, pydantic.BaseModel) else dict(settings)
    name = data.get("name")
    if name not in DATASETS:
        raise ConfigError(f"there is no data set '{name}'", where="name", cure=nearest(str(name), DATASETS))
    kind = DATASETS[name]
    options: DatasetOptions | None
    options, mistakes = config.validate(kind.Options, data, {}, None)
    config.refuse(mistakes)
    assert options is not None
    own = {key: getattr(options, key) for key in options.model_fields_set - DatasetOptions.model_fields.keys()}
    return kind(options.dataroot, **own)
