"""Frechet inception distance (arXiv 1706.08500): the distance of two Gaussians fitted to features."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ppgan_ext.errors import InputError
from ppgan_ext.metrics.base import Figures, OnProgress
from ppgan_ext.metrics.feature_metric import FeatureMetric, FeatureOptions
from ppgan_ext.metrics.model_outputs import MAX_NUM, ModelOutputs
from ppgan_ext.metrics.moments import Moments
from ppgan_ext.types import FloatArray

# Images per feature below which a note mentions the bias. Two sets of N images of one distribution are about F / 2N of
# its total variance apart, exactly if the F features are white: 5% here, a quarter at two images per feature.
_FEW = 10


def frechet_distance(a: Moments, b: Moments) -> float:
    """Return |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)), at least 0.

    The trace of the square root is computed as the sum of the singular values of A^T B, where A A^T = C_a and
    B B^T = C_b come from the symmetric eigenvalue problem. This avoids the root of a product that is not symmetric,
    complex numbers and an offset on the diagonal, and loses no digits if a covariance is singular.

    Args:
        a: moments of one set of features, mean (F,) and covariance (F, F).
        b: moments of the other set.

    Raises:
        InputError: the sets differ in the number of features.

    Example:
        >>> one = Moments(9, np.zeros(2), np.diag([4.0, 0.0]))
        >>> round(frechet_distance(one, Moments(9, np.array([3.0, 0.0]), np.diag([1.0, 0.0]))), 9)
        10.0
    """
    if a.mean.shape != b.mean.shape:
        raise InputError(f"{a.mean.size} and {b.mean.size} features cannot be compared", where="Frechet distance")
    difference = a.mean - b.mean
    product = _factor(a.covariance).T @ _factor(b.covariance)
    root_trace = np.linalg.svd(product, compute_uv=False).sum()
    distance = difference @ difference + np.trace(a.covariance) + np.trace(b.covariance) - 2 * root_trace
    return max(float(distance), 0.0)


def _factor(covariance: FloatArray) -> FloatArray:
    """Return A with A A^T = covariance, (F, F); eigenvalues within rounding of zero are zero."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    floor = max(float(values[-1]), 0.0) * len(values) * np.finfo(np.float64).eps
    return vectors * np.sqrt(np.where(values > floor, values, 0.0))


class FIDOptions(FeatureOptions):
    """Options of :class:`FID`, under PaddleGAN's names.

    Attributes:
        use_GPU: accepted and without effect: networks run on the device of the process.
        dims: 2048, PaddleGAN's default and the only value for which its code works.
    """

    use_GPU: bool = True
    dims: Literal[2048] = 2048


class FID(FeatureMetric):
    """Frechet distance between generated and all real images, "fid_<network>"; of a translation "fid_a2b_<network>"."""

    Options = FIDOptions

    def measure(self, outputs: ModelOutputs, on_progress: OnProgress | None) -> Figures:
        """Compute the figures of one comparison; see :meth:`FeatureMetric.measure`."""
        collector, num = self.collector(outputs, on_progress, all_real=True)
        network, name = self.network(), self.figure_name("fid")
        real, fakes = collector.real_moments(), collector.fake_moments(num)
        figures = Figures({name: frechet_distance(real, fakes)}, collector.notes)
        if min(real.count, fakes.count) < min(_FEW * network.num_features, MAX_NUM):
            figures.notes.append(
                f"{name} of {fakes.count} {self.fakes} and {real.count} real images in {network.num_features} "
                "dimensions: too high by a bias that depends on these numbers, so compare it with figures of the same "
                "numbers only"
            )
        return figures
