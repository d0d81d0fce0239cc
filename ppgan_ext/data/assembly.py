"""From a position in a training run to a batch. The calling process and the worker processes run the same code."""

from __future__ import annotations

from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from ppgan_ext.data.image_source import BadFileError, BadPartnerError, ImageSource
from ppgan_ext.data.order import SampleOrder, replacement, sample_generator
from ppgan_ext.errors import InputError

Sample: TypeAlias = dict[str, npt.NDArray]
Batch: TypeAlias = dict[str, npt.NDArray]

_SIZE_CURE = "Add Resize to the pipeline, use FacesDataset, or align the photos with tools/prepare_faces.py"


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


@runtime_checkable
class PositionedDataset(Protocol):
    """A data set whose training samples depend on their position in the run, beside their number."""

    def sample_at(self, index: int, position: int, attempt: int, seed: int) -> Sample:
        """Return a sample's arrays by key; see `Dataset.sample`.

        Args:
            index: number of the sample.
            position: position in the run, from 0; see `order`.
            attempt: how many files could not be read at this position so far.
            seed: seed of the order.

        Raises:
            BadPartnerError: a further picture cannot be read; the next attempt has to use another.
            BadFileError: the sample's own picture cannot be read.
        """


class Assembler:
    """Assembles batches. A batch depends on its first position alone.

    Args:
        dataset: the samples.
        order: the order of the samples.

    Attributes:
        bad_files: name -> reason, of the files so far that cannot be read.
    """

    def __init__(self, dataset: Dataset, order: SampleOrder) -> None:
        self._dataset = dataset
        self._order = order
        self._reference: tuple[str, Sample] | None = None
        self._bad_indices: set[int] = set()
        self._unreported: dict[str, str] = {}
        self.bad_files: dict[str, str] = {}

    def batch(self, first: int, count: int) -> Batch:
        """Assemble the batch of ``count`` positions from ``first`` on.

        Returns:
            The samples' arrays, stacked by key, and "index" (B,) int64, the numbers of the samples.

        Raises:
            InputError: no file can be read, or one differs in size from the others.
        """
        indices = np.empty(count, np.int64)
        samples: list[Sample] = []
        for i, index in enumerate(self._order.indices(first, count)):
            indices[i], sample = self._sample(first + i, int(index))
            self._check(self._dataset.name(int(indices[i])), sample)
            samples.append(sample)
        batch = {key: np.stack([sample[key] for sample in samples]) for key in samples[0]}
        return {**batch, "index": indices}

    def batch_and_new_bad_files(self, place: tuple[int, int]) -> tuple[Batch, dict[str, str]]:
        """Assemble a batch at (first position, count); also return bad files that no earlier call returned.

        Returns:
            The batch, and name -> reason of the bad files.
        """
        batch = self.batch(*place)
        new_bad_files, self._unreported = self._unreported, {}
        return batch, new_bad_files

    def _sample(self, position: int, index: int) -> tuple[int, Sample]:
        """Read the sample at a position, or the first of its replacements that can be read."""
        for attempt in range(len(self._dataset)):
            candidate = replacement(self._order.seed, position, attempt, index, len(self._dataset))
            if candidate in self._bad_indices:
                continue
            try:
                return candidate, self._read(candidate, position, attempt)
            except BadFileError as error:
                if isinstance(error, BadPartnerError):
                    name = str(error.where)
                else:
                    self._bad_indices.add(candidate)
                    name = self._dataset.name(candidate)
                self.bad_files[name] = self._unreported[name] = error.what
        name, reason = next(iter(self.bad_files.items()))
        count = len(self._dataset)
        what = f"none of the {count} files can be read; {name} {reason}" if count > 1 else f"cannot be read: {reason}"
        where = None if count > 1 else name
        raise InputError(what, where=where, cure="Check that the files are complete and readable")

    def _read(self, index: int, position: int, attempt: int) -> Sample:
        seed = self._order.seed
        if isinstance(self._dataset, PositionedDataset):
            return self._dataset.sample_at(index, position, attempt, seed)
        return self._dataset.sample(index, sample_generator(seed, position))

    def _reference_sample(self) -> tuple[str, Sample]:
        """Return name and arrays of the sample that sets the sizes: that of position 0, the same in every process."""
        if self._reference is None:
            index, sample = self._sample(0, int(self._order.indices(0, 1)[0]))
            self._reference = self._dataset.name(index), sample
        return self._reference

    def _check(self, name: str, sample: Sample) -> None:
        reference_name, reference = self._reference_sample()
        for key, array in sample.items():
            if array.shape != reference[key].shape:
                sizes = f"is {_size(array)} where {reference_name} is {_size(reference[key])}"
                raise InputError(f"{sizes}; all samples must have one size", where=name, cure=_SIZE_CURE)

    def __getstate__(self) -> dict[str, object]:
        """Drop the pixels of the reference sample."""
        return {**self.__dict__, "_reference": None}


def _size(array: npt.NDArray) -> str:
    """Describe the size of an array; pixels (C, H, W) as width x height."""
    return f"{array.shape[2]} x {array.shape[1]} pixels" if array.ndim == 3 else f"of shape {array.shape}"
