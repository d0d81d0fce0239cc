"""Metrics of a model's quality. Each figure's name contains the network that it rests on.

``METRICS`` maps the names of YAML files to classes. Importing this package does not import Paddle: networks are loaded
on first use.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ppgan_ext.errors import ConfigError, nearest
from ppgan_ext.metrics.base import Figures, Metric, OnProgress
from ppgan_ext.metrics.class_coverage import ClassCoverage
from ppgan_ext.metrics.face_identity import IdentitySimilarity
from ppgan_ext.metrics.fid import FID
from ppgan_ext.metrics.image_quality import PSNR, SSIM
from ppgan_ext.metrics.kid import KID
from ppgan_ext.metrics.lpips import LPIPSMetric
from ppgan_ext.metrics.model_outputs import ModelOutputs
from ppgan_ext.metrics.pose import PoseError
from ppgan_ext.metrics.ppl import PPL
from ppgan_ext.metrics.precision_recall import PrecisionRecall

# The name of ModelOutputs in earlier versions.
Subject = ModelOutputs

# FID, LPIPSMetric, PSNR and SSIM are PaddleGAN's names.
METRICS: dict[str, type[Metric]] = {
    "ClassCoverage": ClassCoverage,
    "FID": FID,
    "IdentitySimilarity": IdentitySimilarity,
    "KID": KID,
    "LPIPSMetric": LPIPSMetric,
    "PPL": PPL,
    "PSNR": PSNR,
    "PoseError": PoseError,
    "PrecisionRecall": PrecisionRecall,
    "SSIM": SSIM,
}


def build_metric(settings: Mapping[str, Any]) -> Metric:
    """Build a metric from a mapping as in a YAML file: ``name`` selects the class, the rest are its options.

    Raises:
        ConfigError: an unknown name, with the nearest one; or wrong options, all of them.

    Example:
        >>> build_metric({"name": "FID", "batch_size": 4}).options.batch_size
        4
    """
    options = dict(settings)
    name = options.pop("name", None)
    if name not in METRICS:
        raise ConfigError(f"there is no metric '{name}'", where="name", cure=nearest(str(name), METRICS))
    return METRICS[name](options)


def compute_all(metrics: Iterable[Metric], outputs: ModelOutputs, on_progress: OnProgress | None = None) -> Figures:
    """Compute the figures of several metrics, which share intermediate results through the outputs' cache.

    Args:
        metrics: the metrics.
        outputs: the model's outputs and the real images.
        on_progress: called by each metric in turn, with the number of its images done and its total.

    Raises:
        ConfigError: the outputs lack what a metric needs.
        InputError: too few images, or none that can be read.
    """
    figures = Figures()
    for metric in metrics:
        figures.merge(metric.compute(outputs, on_progress))
    return figures


__all__ = [
    "FID",
    "KID",
    "METRICS",
    "PPL",
    "PSNR",
    "SSIM",
    "ClassCoverage",
    "Figures",
    "IdentitySimilarity",
    "LPIPSMetric",
    "Metric",
    "ModelOutputs",
    "OnProgress",
    "PoseError",
    "PrecisionRecall",
    "Subject",
    "build_metric",
    "compute_all",
]
