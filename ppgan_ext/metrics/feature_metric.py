"""What FID, KID, precision and recall share: features of generated images beside those of real ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from ppgan_ext.metrics.base import LocalFile, Metric, MetricOptions, OnProgress, Progress
from ppgan_ext.metrics.gather import Gatherer, num_real
from ppgan_ext.metrics.subject import Subject

if TYPE_CHECKING:
    from ppgan_ext.metrics.features import FeatureNetwork


class FeatureOptions(MetricOptions):
    """Options of the metrics that compare features of generated images with those of real ones.

    Attributes:
        num: how many images to generate, and the most real images that are used where both are compared one by one;
            None for as many as there are real ones, at most 50,000.
        network: see ``features.choose``.
        weight_path: local file of the network.
        premodel_path: PaddleGAN's name of ``weight_path``.
    """

    num: int | None = Field(None, ge=2)
    network: Literal["inception-v3", "faces-128-features"] | None = None
    weight_path: LocalFile = None
    premodel_path: LocalFile = None

    @model_validator(mode="after")
    def _one_file(self) -> FeatureOptions:
        if self.weight_path is not None and self.premodel_path is not None:
            raise ValueError("weight_path and premodel_path are two names of one thing; give one")
        if self.network == "faces-128-features" and (self.weight_path or self.premodel_path) is not None:
            raise ValueError(f"{self.network} comes with the package and takes no file; choose inception-v3")
        return self


class FeatureMetric(Metric):
    """A metric on the features of a network.

    Args:
        options: see :class:`Metric`.
        network: takes the place of what the options name.
    """

    Options: ClassVar[type[MetricOptions]] = FeatureOptions

    def __init__(
        self, options: MetricOptions | Mapping[str, Any] | None = None, network: FeatureNetwork | None = None
    ) -> None:
        super().__init__(options)
        self._network = network

    def prepare(self) -> None:
        """Load the network of features; see :meth:`Metric.prepare`."""
        self.network()

    def network(self) -> FeatureNetwork:
        """Return the network of features, loaded when first asked for."""
        if self._network is None:
            from ppgan_ext.metrics import features

            self._network = features.choose(
                self.options.network, self.options.weight_path or self.options.premodel_path
            )
        return self._network

    def gatherer(
        self, subject: Subject, on_progress: OnProgress | None, *, all_real: bool = False
    ) -> tuple[Gatherer, int]:
        """Check the subject, load the network, and settle how many images to generate.

        Args:
            subject: what is measured.
            on_progress: told of each image, real and generated.
            all_real: all real images count, however few are generated.

        Raises:
            ConfigError: the subject lacks what the metric needs.
            InputError: no real images.
        """
        for part in ("generate", "real"):
            subject.need(part, type(self).__name__)
        num = subject.count(self.options.num)
        total = num + num_real(subject, None if all_real else num)
        return Gatherer(subject, self.network(), self.options.batch_size, Progress(total, on_progress)), num
