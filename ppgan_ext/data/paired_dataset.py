"""PairedDataset, PaddleGAN's data set of pairs: each picture shows A on its left half and B on its right half."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import pydantic

from ppgan_ext.data.assembly import Sample
from ppgan_ext.data.dataset_options import DatarootOptions, DatasetOptions
from ppgan_ext.data.image_source import ImageSource
from ppgan_ext.data.pipeline import AnyStep, Pipeline, PreprocessStep, build_pipeline
from ppgan_ext.data.sources import open_source
from ppgan_ext.errors import InputError

PAIR_KEY = "pair"
"""PaddleGAN's key of the picture that shows both."""
DOMAINS = ("A", "B")


def check_keys(pipeline: Pipeline, loaded: Sequence[str]) -> None:
    """Check that a pipeline loads these keys and makes A and B of them.

    Raises:
        ValueError: it loads another picture, or makes something else.
    """
    if set(pipeline.loaded) != set(loaded):
        keys = " and ".join(loaded)
        raise ValueError(f"must load the keys {keys}, one LoadImageFromFile each, but it loads {pipeline.loaded}")
    missing = [key for key in DOMAINS if key not in pipeline.keys]
    if missing:
        raise ValueError(f"makes no '{missing[0]}'; add SplitPairedImage with key: {PAIR_KEY} after LoadImageFromFile")


class PairedOptions(DatasetOptions, DatarootOptions):
    """Options of `PairedDataset`."""

    name: Literal["PairedDataset"]
    preprocess: list[AnyStep]
    shared_draws: bool = True

    @pydantic.field_validator("preprocess")
    @classmethod
    def _fit_together(cls, steps: list[PreprocessStep]) -> list[PreprocessStep]:
        check_keys(Pipeline(steps), [PAIR_KEY])
        return steps


class PairedDataset:
    """Pairs of pictures that show the same thing, side by side in one file each, processed by `preprocess`.

    Args:
        dataroot: folder, ``.zip`` or ``.npz``.
        preprocess: steps as in a YAML file, or validated.
        shared_draws: one draw of a random transform serves both halves; PaddleGAN cuts and mirrors them alike only with
            the transforms whose names begin with Paired.

    Raises:
        InputError: there are no pictures.
        ConfigError: a step is unknown or out of place.
    """

    Options: ClassVar[type[DatasetOptions]] = PairedOptions

    def __init__(
        self,
        dataroot: str | os.PathLike[str],
        preprocess: Sequence[Mapping[str, Any] | PreprocessStep],
        shared_draws: bool = True,
    ) -> None:
        self._pipeline = build_pipeline(preprocess, AnyStep)
        self._shared_draws = shared_draws
        self.source: ImageSource = open_source(dataroot)

    def __len__(self) -> int:
        return len(self.source)

    def name(self, index: int) -> str:
        """Return a picture's path relative to the data set."""
        return self.source.name(index)

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Return the pipeline's result, ``{"A": (C, H, W), "B": (C, H, W)}`` float32.

        Raises:
            BadFileError: the file is not a picture, or it is damaged.
            InputError: the picture is too small for the pipeline.
        """
        picture = self.source.read(index)
        try:
            return self._pipeline({PAIR_KEY: picture}, rng, shared_draws=self._shared_draws)
        except InputError as error:
            raise InputError(error.what, where=self.name(index), cure=error.cure) from error

    def domains(self) -> dict[str, PairedDataset]:
        """Return the data set of each domain, of which metrics take the entry of that name."""
        return dict.fromkeys(DOMAINS, self)
