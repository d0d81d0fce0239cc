"""SingleDataset, PaddleGAN's data set of single pictures: one image per sample, under the key "A"."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import numpy as np
import pydantic

from ppgan_ext.data.assembly import Sample
from ppgan_ext.data.dataset_options import DatarootOptions, DatasetOptions
from ppgan_ext.data.image_source import ImageSource
from ppgan_ext.data.pipeline import LoadImageFromFile, Pipeline, PreprocessStep, Transforms, build_pipeline
from ppgan_ext.data.sources import open_source
from ppgan_ext.errors import InputError

KEY = "A"
"""PaddleGAN's key of the only image of a sample."""


def _check_only_key(keys: Any) -> Any:
    if keys not in ([KEY], (KEY,)):
        raise ValueError(f"a SingleDataset has one image; write [{KEY}]")
    return keys


OnlyKey: TypeAlias = Annotated[tuple[Literal["A"]], pydantic.BeforeValidator(_check_only_key)]


class LoadSingleImage(LoadImageFromFile):
    """LoadImageFromFile for the only image."""

    key: Literal["A"]


class SingleImageTransforms(Transforms):
    """Transforms of the only image."""

    input_keys: OnlyKey
    output_keys: OnlyKey | None = None


SingleStep: TypeAlias = Annotated[LoadSingleImage | SingleImageTransforms, pydantic.Field(discriminator="name")]


class SingleOptions(DatasetOptions, DatarootOptions):
    """Options of `SingleDataset`."""

    name: Literal["SingleDataset"]
    preprocess: list[SingleStep]

    @pydantic.field_validator("preprocess")
    @classmethod
    def _fit_together(cls, steps: list[SingleStep]) -> list[SingleStep]:
        Pipeline(steps)
        return steps


class SingleDataset:
    """PaddleGAN's data set of single pictures, processed by the steps of `preprocess`.

    Args:
        dataroot: folder, ``.zip`` or ``.npz``.
        preprocess: steps as in a YAML file, or validated.

    Raises:
        InputError: there are no pictures.
        ConfigError: a step is unknown or out of place.
    """

    Options: ClassVar[type[DatasetOptions]] = SingleOptions

    def __init__(
        self, dataroot: str | os.PathLike[str], preprocess: Sequence[Mapping[str, Any] | PreprocessStep]
    ) -> None:
        self._pipeline = build_pipeline(preprocess, SingleStep)
        self.source: ImageSource = open_source(dataroot)

    def __len__(self) -> int:
        return len(self.source)

    def name(self, index: int) -> str:
        """Return a picture's path relative to the data set."""
        return self.source.name(index)

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Return the pipeline's result, ``{"A": (3, H, W) float32}``.

        Raises:
            BadFileError: the file is not a picture, or it is damaged.
            InputError: the picture is too small for the pipeline.
        """
        image = self.source.read(index)
        try:
            return self._pipeline({KEY: image}, rng)
        except InputError as error:
            raise InputError(error.what, where=self.name(index), cure=error.cure) from error
