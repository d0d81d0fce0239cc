"""UnpairedDataset, PaddleGAN's data set of two collections of pictures that do not belong together."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import numpy as np
import pydantic

from ppgan_ext.data.assembly import Sample
from ppgan_ext.data.dataset_options import DatasetOptions, NamedOptions
from ppgan_ext.data.image_source import BadFileError, BadPartnerError, ImageSource, JoinedSource, PartOfSource
from ppgan_ext.data.order import SampleOrder, replacement, sample_generator
from ppgan_ext.data.paired_dataset import DOMAINS, check_keys
from ppgan_ext.data.pipeline import AnyStep, Pipeline, PreprocessStep, build_pipeline
from ppgan_ext.data.sources import open_source
from ppgan_ext.errors import InputError
from ppgan_ext.option_types import Count

# Added to the seed, so that two folders of one size are not shuffled alike.
_SEED_OF_SMALLER = 0x5EED
_MAX_SEED = 2**32


def _no_limit(value: object) -> object:
    """Take the infinity of YAML files, .inf or PaddleGAN's inf, as no limit."""
    is_infinite = isinstance(value, float) and math.isinf(value) and value > 0
    return None if is_infinite or value == "inf" else value


MaxSize: TypeAlias = Annotated[Count | None, pydantic.BeforeValidator(_no_limit)]


class UnpairedRootOptions(NamedOptions):
    """The locations of the two collections."""

    dataroot_a: str
    dataroot_b: str


class UnpairedOptions(DatasetOptions, UnpairedRootOptions):
    """Options of `UnpairedDataset`."""

    name: Literal["UnpairedDataset"]
    max_size: MaxSize = None
    is_train: bool = True
    preprocess: list[AnyStep]

    @pydantic.field_validator("preprocess")
    @classmethod
    def _fit_together(cls, steps: list[PreprocessStep]) -> list[PreprocessStep]:
        check_keys(Pipeline(steps), DOMAINS)
        return steps


class UnpairedDataset:
    """Pictures of A beside pictures of B that have nothing to do with them.

    An epoch shows every picture of the larger collection once. The smaller one has its own epochs, each in a new
    shuffle, so both are used whole and no picture of A keeps a partner.

    Args:
        dataroot_a: folder, ``.zip`` or ``.npz`` of domain A.
        dataroot_b: the same of domain B.
        max_size: use at most this many pictures of each, the first ones; None: all.
        is_train: draw partners at random; else sample i has picture i of each side, counted round in the smaller one.
        preprocess: steps as in a YAML file, or validated.

    Raises:
        InputError: a collection has no pictures.
        ConfigError: a step is unknown or out of place.
    """

    Options: ClassVar[type[DatasetOptions]] = UnpairedOptions

    def __init__(
        self,
        dataroot_a: str | os.PathLike[str],
        dataroot_b: str | os.PathLike[str],
        preprocess: Sequence[Mapping[str, Any] | PreprocessStep],
        max_size: float | None = None,
        is_train: bool = True,
    ) -> None:
        self._pipeline = build_pipeline(preprocess, AnyStep)
        self._is_train = is_train
        limit = None if max_size is None or math.isinf(max_size) else int(max_size)
        roots = {"A": dataroot_a, "B": dataroot_b}
        self._sides = {key: _first(open_source(root), limit) for key, root in roots.items()}
        self._larger, self._smaller = sorted(DOMAINS, key=lambda key: -len(self._sides[key]))
        sources = [self._sides[key] for key in DOMAINS]
        both = os.path.commonpath([source.path.absolute() for source in sources])
        self.source: ImageSource = JoinedSource(Path(both), sources)
        self._order: tuple[int, SampleOrder] | None = None

    def __len__(self) -> int:
        return len(self._sides[self._larger])

    @property
    def looks_paired(self) -> bool:
        """Whether both collections have pictures of the same names, suffixes apart."""
        first, second = (
            sorted(str(Path(side.name(i)).with_suffix("")) for i in range(len(side))) for side in self._sides.values()
        )
        return first == second

    def name(self, index: int) -> str:
        """Return the path of a sample's picture in the larger collection."""
        return self._sides[self._larger].name(index)

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Return ``{"A": (C, H, W), "B": (C, H, W)}`` float32, of picture ``index`` of each side.

        Raises:
            BadFileError: a file is not a picture, or it is damaged.
            InputError: a picture is too small for the pipeline.
        """
        return self._run(index, index % len(self._sides[self._smaller]), rng)

    def sample_at(self, index: int, position: int, attempt: int, seed: int) -> Sample:
        """Return a sample of a training run; its partner depends on the position; see `assembly.PositionedDataset`."""
        rng, count = sample_generator(seed, position), len(self._sides[self._smaller])
        if not self._is_train:
            return self._run(index, (index + attempt) % count, rng)
        if self._order is None or self._order[0] != seed:
            self._order = seed, SampleOrder(count, (seed + _SEED_OF_SMALLER) % _MAX_SEED)
        partner = int(self._order[1].indices(position, 1)[0])
        return self._run(index, replacement(seed, position, attempt % count, partner, count), rng)

    def domains(self) -> dict[str, OneSide]:
        """Return the two collections, each as a data set of its own."""
        return {key: OneSide(key, self._sides[key], self._pipeline) for key in DOMAINS}

    def _run(self, index: int, partner: int, rng: np.random.Generator) -> Sample:
        larger, smaller = self._sides[self._larger], self._sides[self._smaller]
        images = {self._larger: larger.read(index)}
        try:
            images[self._smaller] = smaller.read(partner)
        except BadFileError as error:
            raise BadPartnerError(error.what, where=smaller.name(partner), cure=error.cure) from error
        try:
            return self._pipeline({key: images[key] for key in DOMAINS}, rng)
        except InputError as error:
            where = f"{larger.name(index)} with {smaller.name(partner)}"
            raise InputError(error.what, where=where, cure=error.cure) from error

    def __getstate__(self) -> dict[str, object]:
        """Drop the shuffled partners: each worker process computes its own."""
        return {**self.__dict__, "_order": None}


class OneSide:
    """The pictures of one side of an `UnpairedDataset`, after the same pipeline.

    Args:
        key: "A" or "B".
        source: its pictures.
        pipeline: of both sides.
    """

    def __init__(self, key: str, source: ImageSource, pipeline: Pipeline) -> None:
        self.source = source
        self._key, self._pipeline = key, pipeline

    def __len__(self) -> int:
        return len(self.source)

    def name(self, index: int) -> str:
        """Return a picture's path relative to its collection."""
        return self.source.name(index)

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Return ``{key: (C, H, W) float32}``.

        Raises:
            BadFileError: the file is not a picture, or it is damaged.
            InputError: the picture is too small for the pipeline.
        """
        image = self.source.read(index)
        try:
            # The pipeline wants both keys; a picture beside itself draws as the first of two.
            return {self._key: self._pipeline(dict.fromkeys(DOMAINS, image), rng)[self._key]}
        except InputError as error:
            raise InputError(error.what, where=self.name(index), cure=error.cure) from error


def _first(source: ImageSource, limit: int | None) -> ImageSource:
    return source if limit is None or limit >= len(source) else PartOfSource(source, range(limit))
