"""Improved precision and recall (arXiv 1904.06991): the share of plausible images, and of real ones covered."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydantic import Field

from ppgan_ext.errors import InputError
from ppgan_ext.metrics.base import Figures, OnProgress
from ppgan_ext.metrics.feature_metric import FeatureMetric, FeatureOptions
from ppgan_ext.metrics.model_outputs import ModelOutputs
from ppgan_ext.types import FloatArray

_ROWS = 1024  # of the distance matrix at a time


def precision_recall(real: FloatArray, generated: FloatArray, k: int = 3) -> tuple[float, float]:
    """Return precision and recall (arXiv 1904.06991, equations 1 and 2).

    The manifold of a set is the union of balls about its points, each as large as the distance to the point's k-th
    nearest neighbour, not counting the point itself. Precision is the share of generated points in the real manifold,
    recall the share of real points in the generated manifold; a point on a ball's surface is inside.

    Args:
        real: features, (M, F).
        generated: features, (N, F).
        k: number of neighbours, at least 1.

    Raises:
        InputError: a set has k or fewer points.

    Example:
        >>> real = np.array([[0.0], [1.0], [2.0], [3.0]])
        >>> precision_recall(real, np.array([[0.5], [0.6], [0.7], [9.0]]), k=1)
        (0.75, 1.0)
    """
    for name, points in (("real", real), ("generated", generated)):
        if len(points) <= k:
            what = f"more than {k} {name} images are needed, got {len(points)}"
            raise InputError(what, where="PrecisionRecall", cure="Give more real images, or raise num")
    # About a common origin, so that the squares of distant means cost no digits.
    origin = np.asarray(real, np.float64).mean(axis=0)
    real, generated = np.asarray(real, np.float64) - origin, np.asarray(generated, np.float64) - origin
    return _covered(generated, real, _radii(real, k)), _covered(real, generated, _radii(generated, k))


def _radii(points: FloatArray, k: int) -> FloatArray:
    """Return the squared distance of each point (N, F) to its k-th nearest neighbour, (N,)."""
    radii = []
    for first, squares in _squared_distances(points, points):
        rows = np.arange(len(squares))
        squares[rows, first + rows] = np.inf
        radii.append(np.partition(squares, k - 1, axis=1)[:, k - 1])
    return np.concatenate(radii)


def _covered(points: FloatArray, centres: FloatArray, radii: FloatArray) -> float:
    """Return the share of points (N, F) in at least one ball about the centres (M, F); radii squared, (M,)."""
    inside = [(squares <= radii).any(axis=1) for _, squares in _squared_distances(points, centres)]
    return float(np.concatenate(inside).mean())


def _squared_distances(x: FloatArray, y: FloatArray) -> Iterator[tuple[int, FloatArray]]:
    """Yield the (N, M) matrix of squared distances in blocks of rows, each with the index of its first row."""
    lengths = np.square(y).sum(axis=1)
    for first in range(0, len(x), _ROWS):
        block = x[first : first + _ROWS]
        yield first, np.maximum(np.square(block).sum(axis=1)[:, None] + lengths - 2 * (block @ y.T), 0.0)


class PrecisionRecallOptions(FeatureOptions):
    """Options of :class:`PrecisionRecall`.

    Attributes:
        k: number of neighbours; 3 in the paper.
    """

    k: int = Field(3, ge=1)


class PrecisionRecall(FeatureMetric):
    """Precision and recall of generated images, "precision_<network>" and "recall_<network>".

    Of a translation: "precision_a2b_<network>" and "recall_a2b_<network>".
    """

    Options = PrecisionRecallOptions

    def measure(self, outputs: ModelOutputs, on_progress: OnProgress | None) -> Figures:
        """Compute the figures of one comparison; see :meth:`FeatureMetric.measure`."""
        collector, num = self.collector(outputs, on_progress)
        real, fakes = collector.real(num), collector.fakes(num)
        precision, recall = precision_recall(real, fakes, self.options.k)
        names = self.figure_name("precision"), self.figure_name("recall")
        figures = Figures({names[0]: precision, names[1]: recall}, collector.notes)
        if len(real) != len(fakes):
            figures.notes.append(
                f"precision and recall of {len(fakes)} {self.fakes} and {len(real)} real images: they depend on the "
                "numbers, which should be equal"
            )
        return figures
