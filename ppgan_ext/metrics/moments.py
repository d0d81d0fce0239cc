"""Mean and covariance of features, accumulated batch by batch, so that memory does not grow with their number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ppgan_ext.errors import InputError
from ppgan_ext.types import FloatArray

_BLOCK = 1024  # vectors converted to float64 at a time


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean and covariance of a set of feature vectors.

    Attributes:
        count: number of feature vectors.
        mean: (F,) float64.
        covariance: (F, F) float64, unbiased (divided by count - 1).
    """

    count: int
    mean: FloatArray
    covariance: FloatArray


class MomentSums:
    """Running sums in float64.

    Batches are merged by the pairwise update of Chan, Golub and LeVeque (1979), which never subtracts large sums.

    Args:
        num_features: F.

    Example:
        >>> sums = MomentSums(1)
        >>> sums.add(np.array([[1.0], [2.0], [6.0]]))
        >>> sums.moments().covariance.tolist()
        [[7.0]]
    """

    def __init__(self, num_features: int) -> None:
        self._count = 0
        self._mean = np.zeros(num_features)
        self._scatter = np.zeros((num_features, num_features))

    def add(self, features: FloatArray) -> None:
        """Add feature vectors, (N, F)."""
        batch = np.asarray(features, np.float64)
        mean = batch.mean(axis=0)
        centred, shift = batch - mean, mean - self._mean
        total = self._count + len(batch)
        self._scatter += centred.T @ centred
        self._scatter += np.outer(shift, shift) * (self._count * len(batch) / total)
        self._mean += shift * (len(batch) / total)
        self._count = total

    def moments(self) -> Moments:
        """Return the moments of all feature vectors added.

        Raises:
            InputError: fewer than two vectors, which have no covariance, or numbers that are not finite.
        """
        if self._count < 2:
            what = f"a covariance needs at least 2 images, got {self._count}"
            raise InputError(what, where="features", cure="Give more images")
        if not np.isfinite(self._scatter).all():
            raise InputError(
                "the features are not finite", where="features", cure="Check the images and the network's weights"
            )
        return Moments(self._count, self._mean.copy(), self._scatter / (self._count - 1))


def moments_of(features: FloatArray) -> Moments:
    """Return the moments of feature vectors, (N, F) of any float type.

    Raises:
        InputError: fewer than two vectors, or numbers that are not finite.
    """
    sums = MomentSums(features.shape[1])
    for first in range(0, len(features), _BLOCK):
        sums.add(features[first : first + _BLOCK])
    return sums.moments()
