"""Kernel inception distance (arXiv 1801.01401): an unbiased estimate of the features' squared MMD."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from ppgan_ext import seeding
from ppgan_ext.errors import InputError
from ppgan_ext.metrics.base import Figures, OnProgress
from ppgan_ext.metrics.feature_metric import FeatureMetric, FeatureOptions
from ppgan_ext.metrics.model_outputs import ModelOutputs
from ppgan_ext.types import FloatArray

_DEGREE = 3
_FEWEST = 4  # images on either side: two subsets of two


@dataclass(frozen=True)
class Estimate:
    """An estimate with its standard error.

    Attributes:
        value: the estimate.
        error: its standard error.
        subset_size: images on either side of one subset.
        num_subsets: number of subsets averaged.
    """

    value: float
    error: float
    subset_size: int
    num_subsets: int


def polynomial_mmd(x: FloatArray, y: FloatArray) -> float:
    """Return the unbiased estimate of MMD^2 (arXiv 1801.01401, section 4) with the kernel (x.y / F + 1)^3.

    Args:
        x: features, (M, F), M at least 2.
        y: features of the other set, (N, F), N at least 2.

    Returns:
        The estimate; near zero, and possibly negative, if both sets have the same distribution.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    within_x, within_y, between = _kernel(x, x), _kernel(y, y), _kernel(x, y)
    m, n = len(x), len(y)
    return float(
        (within_x.sum() - np.trace(within_x)) / (m * (m - 1))
        + (within_y.sum() - np.trace(within_y)) / (n * (n - 1))
        - 2 * between.mean()
    )


def _kernel(x: FloatArray, y: FloatArray) -> FloatArray:
    return (x @ y.T / x.shape[1] + 1.0) ** _DEGREE


def kernel_distance(
    x: FloatArray, y: FloatArray, num_subsets: int = 100, subset_size: int = 1000, seed: int = 0
) -> Estimate:
    """Average :func:`polynomial_mmd` over random subsets.

    Subsets are drawn in rounds. Within a round they are disjoint, so their estimates are independent and their scatter
    yields a standard error; the published code draws overlapping subsets, whose scatter does not. Averaging several
    rounds lowers the variance further, so the error is then too large: by a few per cent if the sets differ, by up to
    the root of the number of subsets in a round if they hardly do.

    Args:
        x: features, (M, F).
        y: features of the other set, (N, F).
        num_subsets: least number of subsets.
        subset_size: images of either set in a subset; at most half of the smaller set.
        seed: for drawing the subsets.

    Raises:
        InputError: fewer than 4 images in a set.
    """
    smallest = min(len(x), len(y))
    if smallest < _FEWEST:
        what = f"at least {_FEWEST} images on either side are needed, got {smallest}"
        raise InputError(what, where="KID", cure="Give more real images, or raise num")
    size = max(min(subset_size, smallest // 2), 2)
    per_round = smallest // size
    rng = seeding.generator(seed)
    rounds = []
    for _ in range(-(-num_subsets // per_round)):
        rows_x, rows_y = rng.permutation(len(x)), rng.permutation(len(y))
        blocks = [slice(first, first + size) for first in range(0, per_round * size, size)]
        rounds.append([polynomial_mmd(x[rows_x[block]], y[rows_y[block]]) for block in blocks])
    values = np.array(rounds)
    error = np.sqrt(values.var(axis=1, ddof=1).mean() / per_round)
    return Estimate(float(values.mean()), float(error), size, values.size)


class KIDOptions(FeatureOptions):
    """Options of :class:`KID`.

    Attributes:
        num_subsets: see :func:`kernel_distance`, also for the next two.
        subset_size: images on either side of a subset.
        seed: for drawing the subsets.
    """

    num_subsets: int = Field(100, ge=1)
    subset_size: int = Field(1000, ge=2)
    seed: int = Field(0, ge=0, le=seeding.MAX_SEED)


class KID(FeatureMetric):
    """Kernel distance between generated and real images, "kid_<network>", and its standard error "kid_error_<network>".

    Of a translation: "kid_a2b_<network>" and "kid_error_a2b_<network>".
    """

    Options = KIDOptions

    def measure(self, outputs: ModelOutputs, on_progress: OnProgress | None) -> Figures:
        """Compute the figures of one comparison; see :meth:`FeatureMetric.measure`."""
        options = self.options
        collector, num = self.collector(outputs, on_progress)
        real, fakes = collector.real(num), collector.fakes(num)
        estimate = kernel_distance(real, fakes, options.num_subsets, options.subset_size, options.seed)
        name = self.figure_name("kid")
        figures = Figures({name: estimate.value, self.figure_name("kid_error"): estimate.error}, collector.notes)
        if estimate.subset_size < options.subset_size:
            figures.notes.append(
                f"{name}: subsets of {estimate.subset_size} images instead of {options.subset_size}, "
                f"as there are {len(fakes)} {self.fakes} and {len(real)} real ones"
            )
        return figures
