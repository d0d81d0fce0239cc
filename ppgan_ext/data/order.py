"""The order of the samples and their random numbers, as pure functions of the seed and the position.

A *position* counts the samples of a whole training run from 0, over all processes. A run can therefore be resumed
anywhere without saved state, and nothing depends on the number of processes or workers. The numbers come from Philox
(Salmon et al., SC 2011) with keys from NumPy's SeedSequence; NumPy guarantees the same bits of both in all versions.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ppgan_ext.seeding import check_seed

# Keep the uses of one seed independent.
_EPOCH, _SAMPLE, _REPLACEMENT = 1, 2, 3
_KEPT_EPOCHS = 2  # a batch may span the end of one epoch and the start of the next


class SampleOrder:
    """The endless order of the samples: every epoch contains each sample once, in a new shuffle.

    Args:
        num_samples: size of the data set, at least 1.
        seed: in [0, 2**32 - 1].
        shuffle: False repeats 0, 1, 2, ... in every epoch.

    Raises:
        ValueError: there are no samples.
        ConfigError: the seed is out of range.
    """

    def __init__(self, num_samples: int, seed: int, shuffle: bool = True) -> None:
        if num_samples < 1:
            raise ValueError(f"an order needs at least one sample, got {num_samples}")
        self.num_samples = num_samples
        self.seed = check_seed(seed)
        self.shuffle = shuffle
        self._epochs: dict[int, npt.NDArray[np.int64]] = {}

    def indices(self, first: int, count: int) -> npt.NDArray[np.int64]:
        """Return the samples at the positions ``first`` to ``first + count - 1``.

        Returns:
            (count,) int64 in [0, num_samples), independent of earlier calls.

        Raises:
            ValueError: an argument is negative.
        """
        if first < 0 or count < 0:
            raise ValueError(f"positions and counts must not be negative, got {first} and {count}")
        epochs, within = np.divmod(np.arange(first, first + count, dtype=np.int64), self.num_samples)
        if not self.shuffle:
            return within
        result = np.empty(count, np.int64)
        for epoch in np.unique(epochs):
            in_epoch = epochs == epoch
            result[in_epoch] = self._epoch(int(epoch))[within[in_epoch]]
        return result

    def _epoch(self, epoch: int) -> npt.NDArray[np.int64]:
        if epoch not in self._epochs:
            while len(self._epochs) >= _KEPT_EPOCHS:
                del self._epochs[min(self._epochs)]
            # Sorting random words gives a shuffle. Generator.permutation may change between versions of NumPy.
            words = _philox(self.seed, _EPOCH, epoch).random_raw(self.num_samples)
            self._epochs[epoch] = np.argsort(words, kind="stable").astype(np.int64)
        return self._epochs[epoch]

    def __getstate__(self) -> dict[str, object]:
        """Drop the shuffled epochs: each worker process computes its own."""
        return {**self.__dict__, "_epochs": {}}


def sample_generator(seed: int, position: int) -> np.random.Generator:
    """Return the generator that flips, crops and so on draw from, for the sample at a position."""
    return np.random.Generator(_philox(seed, _SAMPLE, position))


def replacement(seed: int, position: int, attempt: int, index: int, num_samples: int) -> int:
    """Return the sample that replaces one that cannot be read.

    Attempts 0 to ``num_samples - 1`` visit all samples, from ``index`` on, with a stride that depends on the seed and
    the position, so the replacements for a block of bad files are spread over the data set.

    Args:
        seed: seed of the order.
        position: position of the sample.
        attempt: number of the attempt; 0 returns ``index`` itself.
        index: the sample to replace.
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
