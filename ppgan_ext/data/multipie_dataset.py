"""MultiPieDataset: training or test pictures of CMU Multi-PIE, single or paired with the frontal view."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pydantic

from ppgan_ext.data.assembly import Sample
from ppgan_ext.data.dataset_options import DatarootOptions, DatasetOptions
from ppgan_ext.data.multipie import MultiPieSource, Part, open_multipie
from ppgan_ext.data.squares import square
from ppgan_ext.images import to_pixels


class MultiPieOptions(DatasetOptions, DatarootOptions):
    """Options of `MultiPieDataset`."""

    name: Literal["MultiPieDataset"]
    size: int = pydantic.Field(ge=4, le=4096)
    setting: Literal[1, 2] = 2
    part: Part = "train"
    max_yaw: float = pydantic.Field(90, ge=0, le=90)
    illuminations: list[int] | None = None
    pairs: bool = False
    flip: bool = True


class MultiPieDataset:
    """A user's own aligned copy of CMU Multi-PIE: the training or test subjects of one of its two settings.

    Args:
        dataroot: the folder that contains ``session01`` and so on; see `multipie`.
        size: side of the squares in pixels; other shapes are cut as by `FacesDataset`.
        setting: 1 or 2.
        part: "train" or "test".
        max_yaw: largest camera angle in degrees; 75 leaves the eleven poses of TP-GAN.
        illuminations: use only these, of 0 to 19; None for all.
        pairs: add the frontal picture of the same moment, and leave out pictures that have none.
        flip: mirror each sample with probability 1/2.

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
        """Return a picture's path relative to the data set."""
        return self.source.name(index)

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Return ``{"A": pixels}``, (3, size, size) float32 in [-1, 1].

        With ``pairs`` also "B", the frontal picture of the same moment, and "yaw", () float32: the yaw of A in degrees,
        positive to image right. Mirroring changes all three.

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
