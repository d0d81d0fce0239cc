"""Which sample comes when, and with which random numbers: pure functions of the seed and the position.

A *position* counts the samples of a whole training run from 0, over all processes. Nothing has to be saved to go on in
the middle, and nothing depends on the number of processes or workers. The numbers come from Philox (Salmon et al.,
SC 2011) under keys mixed by NumPy's SeedSequence; of both NumPy promises the same bits in all versions.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ppgan_ext.seeding import check_seed

# Keeps the uses of one seed apart.
_EPOCH, _SAMPLE, _REPLACEMENT = 1, 2, 3
_KEPT_EPOCHS = 2  # a batch may lie across the border of two


class SampleOrder:
    """The endless order of the samples: every epoch shows each of them once, shuffled anew.

    Args:
        num_samples: size of the data set, at least 1.
        seed: in [0, 2**32 - 1].
        shuffle: False repeats 0, 1, 2, ... in every epoch.
    """

    def __init__(self, num_samples: int, seed: int, shuffle: bool = True) -> None:
        if num_samples < 1:
            raise ValueError(f"an order needs at least one sample, got {num_samples}")
        self.num_samples = num_samples
        self.seed = check_seed(seed)
        self.shuffle = shuffle
        self._epochs: dict[int, npt.NDArray[np.int64]] = {}

    def indices(self, first: int, count: int) -> npt.NDArray[np.int64]:
        """Give the samples at the positions ``first`` to ``first + count - 1``.

        Returns:
            (count,) int64 in [0, num_samples); the same whatever was asked for before.
        """
        if first < 0 or count < 0:
            raise ValueError(f"positions and counts are not negative, got {first} and {count}")
        epochs, within = np.divmod(np.arange(first, first + count, dtype=np.int64), self.num_samples)
        if not self.shuffle:
            return within
        result = np.empty(count, np.int64)
        for epoch in np.unique(epochs):
            chosen = epochs == epoch
            result[chosen] = self._epoch(int(epoch))[within[chosen]]
        return result

    def _epoch(self, epoch: int) -> npt.NDArray[np.int64]:
        if epoch not in self._epochs:
            while len(self._epochs) >= _KEPT_EPOCHS:
                del self._epochs[min(self._epochs)]
            # Sorting random words shuffles them. Generator.permutation would too, but may change with NumPy's version.
            words = _philox(self.seed, _EPOCH, epoch).random_raw(self.num_samples)
            self._epochs[epoch] = np.argsort(words, kind="stable").astype(np.int64)
        return self._epochs[epoch]

    def __getstate__(self) -> dict[str, object]:
        """Leave the shuffled epochs behind: a worker process makes its own."""
        return {**self.__dict__, "_epochs": {}}


def sample_generator(seed: int, position: int) -> np.random.Generator:
    """Give the random numbers with which the sample at a position is flipped, cropped and so on."""
    return np.random.Generator(_philox(seed, _SAMPLE, position))


def replacement(seed: int, position: int, attempt: int, index: int, num_samples: int) -> int:
    """Give the sample that takes the place of one that cannot be read.

    Attempts 0 to ``num_samples - 1`` go through all samples, from ``index`` on in steps whose width depends on the seed
    and the position, so that the stand-ins of a block of bad files are spread over the data set.

    Args:
        seed: of the order.
        position: where the sample is wanted.
        attempt: 0 gives ``index`` itself.
        index: the sample that should have come.
        num_samples: size of the data set.
    """
    if attempt == 0 or num_samples == 1:
        return index
    stride = 1 + int(_philox(seed, _REPLACEMENT, position).random_raw()) % (num_samples - 1)
    while math.gcd(stride, num_samples) != 1:
        stride = stride % (num_samples - 1) + 1
    return (index + attempt * stride) % num_samples


def _philox(seed: int, use: int, number: int) -> np.random.Philox:
    return np.random.Philox(np.random.SeedSequence(seed, spawn_key=(use, number)))
