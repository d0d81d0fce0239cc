"""From a position of a training run to a batch: what the calling process and every worker process do alike."""

from __future__ import annotations

from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from ppgan_ext.data.image_source import BadFileError, ImageSource
from ppgan_ext.data.order import SampleOrder, replacement, sample_generator
from ppgan_ext.errors import InputError

Sample: TypeAlias = dict[str, npt.NDArray]
Batch: TypeAlias = dict[str, npt.NDArray]

_SIZES_CURE = "Add Resize to the pipeline, use FacesDataset, or align the photos with tools/prepare_faces.py"


class Dataset(Protocol):
    """Numbered samples. A data set is pickled to worker processes."""

    @property
    def source(self) -> ImageSource:
        """The pictures that the samples are made of."""

    def __len__(self) -> int:
        """Return the number of samples."""

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Return a sample's arrays by key: pixels (3, H, W), or numbers of any fixed shape, () for a label.

        The key "index" is reserved for batches.

        Raises:
            BadFileError: a file cannot be read; another sample takes the place of this one.
        """

    def name(self, index: int) -> str:
        """Return a sample's name, for messages."""


class Assembler:
    """Puts batches together; a batch is a function of its first position alone.

    Args:
        dataset: what is loaded.
        order: which sample comes when.

    Attributes:
        bad_files: name to reason of the files met so far that cannot be read.
    """

    def __init__(self, dataset: Dataset, order: SampleOrder) -> None:
        self._dataset = dataset
        self._order = order
        self._model: tuple[str, Sample] | None = None
        self._bad: dict[int, str] = {}
        self._untold: dict[str, str] = {}
        self.bad_files: dict[str, str] = {}

    def batch(self, first: int, count: int) -> Batch:
        """Put together the batch of the ``count`` samples at the positions from ``first`` on.

        Returns:
            The samples' arrays, stacked under their names, and "index" (B,) int64, the samples that came.

        Raises:
            InputError: no file can be read, or one has another size than the others.
        """
        wanted = self._order.indices(first, count)
        indices = np.empty(count, np.int64)
        samples: list[Sample] = []
        for i, index in enumerate(wanted):
            indices[i], sample = self._sample(first + i, int(index))
            self._check(self._dataset.name(int(indices[i])), sample)
            samples.append(sample)
        batch = {key: np.stack([sample[key] for sample in samples]) for key in samples[0]}
        return {**batch, "index": indices}

    def batch_and_news(self, place: tuple[int, int]) -> tuple[Batch, dict[str, str]]:
        """Put together a batch at (first position, count), and return the bad files not reported before."""
        batch = self.batch(*place)
        news, self._untold = self._untold, {}
        return batch, news

    def _sample(self, position: int, index: int) -> tuple[int, Sample]:
        """Read the sample at a position, or the first of its stand-ins that can be read."""
        for attempt in range(len(self._dataset)):
            candidate = replacement(self._order.seed, position, attempt, index, len(self._dataset))
            if candidate in self._bad:
                continue
            try:
                return candidate, self._dataset.sample(candidate, sample_generator(self._order.seed, position))
            except BadFileError as error:
                self._bad[candidate] = error.what
                name = self._dataset.name(candidate)
                self.bad_files[name] = self._untold[name] = error.what
        name, reason = next(iter(self.bad_files.items()))
        count = len(self._dataset)
        what = f"none of the {count} files can be read; {name} {reason}" if count > 1 else f"cannot be read: {reason}"
        where = None if count > 1 else name
        raise InputError(what, where=where, cure="Check that the files are whole pictures and may be read")

    def _reference(self) -> tuple[str, Sample]:
        """Give the sample whose size all others must have: that of position 0, the same one in every process."""
        if self._model is None:
            index, sample = self._sample(0, int(self._order.indices(0, 1)[0]))
            self._model = self._dataset.name(index), sample
        return self._model

    def _check(self, name: str, sample: Sample) -> None:
        model_name, model = self._reference()
        for key, array in sample.items():
            expected = model[key].shape
            if array.shape != expected:
                what = f"is {_size(array)} where {model_name} is {_size(model[key])}; a batch holds one size"
                raise InputError(what, where=name, cure=_SIZES_CURE)

    def __getstate__(self) -> dict[str, object]:
        """Leave the pixels behind."""
        return {**self.__dict__, "_model": None}


def _size(array: npt.NDArray) -> str:
    """Say the size of pixels (C, H, W) as people do."""
    return f"{array.shape[2]} x {array.shape[1]} pixels" if array.ndim == 3 else f"of shape {array.shape}"
