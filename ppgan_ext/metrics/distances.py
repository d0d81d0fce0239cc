"""The perceptual distance that a figure rests on, selected by name or by the files on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import model_validator

from ppgan_ext.losses.network_names import DistanceName
from ppgan_ext.metrics.base import LocalFile, Metric, MetricOptions

if TYPE_CHECKING:
    from ppgan_ext.losses.perceptual import Perceptual


class DistanceOptions(MetricOptions):
    """Options of the metrics that rest on a perceptual distance.

    Attributes:
        distance: "lpips-vgg16", downloaded if necessary, or "faces-128-features". None never downloads: it selects
            LPIPS if its file is given or on this machine, otherwise the other.
        weight_path: local file of LPIPS' trunk, PaddleGAN's ``vgg16_official.pdparams``.
    """

    distance: DistanceName | None = None
    weight_path: LocalFile = None

    @model_validator(mode="after")
    def _file_of_lpips(self) -> DistanceOptions:
        if self.distance == "faces-128-features" and self.weight_path is not None:
            raise ValueError(f"{self.distance} comes with the package and takes no file; choose lpips-vgg16")
        return self


class DistanceMetric(Metric):
    """A metric that rests on a perceptual distance.

    Args:
        options: see :class:`Metric`; a `DistanceOptions`.
        distance: used instead of the distance of the options.
    """

    def __init__(
        self, options: MetricOptions | Mapping[str, Any] | None = None, distance: Perceptual | None = None
    ) -> None:
        super().__init__(options)
        self._distance = distance

    def load_networks(self) -> None:
        """Load the distance; see :meth:`Metric.load_networks`."""
        self.distance()

    def distance(self) -> Perceptual:
        """Return the distance, loaded on first use."""
        if self._distance is None:
            self._distance = choose_distance(self.options.distance, self.options.weight_path)
        return self._distance


def choose_distance(name: str | None, weight_path: Path | None) -> Perceptual:
    """Load a perceptual distance; see :class:`DistanceOptions`.

    Raises:
        WeightsError: the file is missing and cannot be downloaded, or has other contents.
    """
    from ppgan_ext.losses import perceptual

    if name == "faces-128-features":
        return perceptual.bundled_distance()
    if name is None and weight_path is None:
        return perceptual.default_perceptual()
    return perceptual.lpips_vgg(weight_path)
