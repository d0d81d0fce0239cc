"""The data sets of a run, opened once, and the samples that its pictures show again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ppgan_ext.data.datasets import build_dataset
from ppgan_ext.errors import InputError
from ppgan_ext.types import FloatArray

if TYPE_CHECKING:
    from ppgan_ext.training.random_streams import RandomStreams
    from ppgan_ext.training.settings import Settings


class SampleSets:
    """Training set and test set.

    Args:
        train: the data set to train on.
        test: the data set to measure on and to show; None: the training set.
        random: of the run; it draws what transforms of shown samples need.

    Attributes:
        train: as given.
        test: as given, or the training set.
    """

    def __init__(self, train: Any, test: Any | None, random: RandomStreams) -> None:
        self.train, self.test = train, train if test is None else test
        self._random = random

    @classmethod
    def open(cls, settings: Settings, random: RandomStreams) -> SampleSets:
        """Open the data sets of a configuration.

        Raises:
            InputError: there are no pictures.
        """
        dataset = settings.dataset
        test = None if dataset.test is None else build_dataset(dataset.test)
        return cls(build_dataset(dataset.train), test, random)

    def first(self, count: int, *, training: bool = False, key: str = "A") -> list[FloatArray]:
        """Read the first samples of the test set that can be read.

        Args:
            count: how many at most.
            training: read the training set instead.
            key: which array of a sample.

        Returns:
            (3, H, H) in [-1, 1] each.

        Raises:
            InputError: none can be read.
        """
        dataset = self.train if training else self.test
        arrays: list[FloatArray] = []
        problem: InputError | None = None
        for index in range(len(dataset)):
            if len(arrays) == count:
                break
            try:
                arrays.append(dataset.sample(index, self._random.generator("pictures", index))[key])
            except InputError as error:
                problem = error
        if not arrays:
            raise problem or InputError("there is no picture to show", where="dataset")
        return arrays
