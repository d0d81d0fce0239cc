"""What FID, KID, precision and recall share: the features of a model's images and of real ones."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from ppgan_ext.metrics.base import Figures, LocalFile, Metric, MetricOptions, OnProgress, Progress
from ppgan_ext.metrics.feature_collector import FeatureCollector
from ppgan_ext.metrics.model_outputs import DEFAULT_DOMAIN, ModelOutputs

if TYPE_CHECKING:
    from ppgan_ext.metrics.features import FeatureNetwork


class FeatureOptions(MetricOptions):
    """Options of the metrics that compare the features of a model's images with those of real ones.

    Attributes:
        num: number of images to generate, and the most real images used by KID, precision and recall; None for as many
            as there are real ones, at most 50,000.
        network: see ``features.choose``.
        weight_path: local file of the network.
        premodel_path: PaddleGAN's name of ``weight_path``.
        domain: domain of the real images that generated ones are compared with; None for "A".
        translation: measure a translation instead of samples: with "a2b" the real images of domain "A" are translated
            and compared with the real images of domain "B". ``num`` then limits the images translated. None measures
            every translation of a model that makes no samples.
    """

    num: int | None = Field(None, ge=2)
    network: Literal["inception-v3", "faces-128-features"] | None = None
    weight_path: LocalFile = None
    premodel_path: LocalFile = None
    domain: str | None = None
    translation: str | None = None

    @model_validator(mode="after")
    def _one_file(self) -> FeatureOptions:
        if self.weight_path is not None and self.premodel_path is not None:
            raise ValueError("weight_path and premodel_path are two names of one option; give one")
        if self.network == "faces-128-features" and (self.weight_path or self.premodel_path) is not None:
            raise ValueError(f"{self.network} comes with the package and takes no file; choose inception-v3")
        return self

    @model_validator(mode="after")
    def _one_comparison(self) -> FeatureOptions:
        if self.domain is not None and self.translation is not None:
            raise ValueError("a translation determines its domain; give either domain or translation")
        return self


class FeatureMetric(Metric):
    """A metric on the features of a network.

    Args:
        options: see :class:`Metric`.
        network: used instead of the network of the options.
    """

    Options: ClassVar[type[MetricOptions]] = FeatureOptions

    def __init__(
        self, options: MetricOptions | Mapping[str, Any] | None = None, network: FeatureNetwork | None = None
    ) -> None:
        super().__init__(options)
        self._network = network

    def load_networks(self) -> None:
        """Load the feature network; see :meth:`Metric.load_networks`."""
        self.network()

    def network(self) -> FeatureNetwork:
        """Return the feature network, loaded on first use."""
        if self._network is None:
            from ppgan_ext.metrics import features

            self._network = features.choose(
                self.options.network, self.options.weight_path or self.options.premodel_path
            )
        return self._network

    def check(self, outputs: ModelOutputs) -> None:
        """Refuse outputs without the samples, translation or real images compared; see :meth:`Metric.check`."""
        for metric in self._comparisons(outputs):
            metric._real_domain(outputs)

    def compute(self, outputs: ModelOutputs, on_progress: OnProgress | None = None) -> Figures:
        """Compute the figures; see :meth:`Metric.compute`."""
        self.check(outputs)
        self.network()  # loaded once for all comparisons
        figures = Figures()
        for metric in self._comparisons(outputs):
            figures.merge(metric.measure(outputs, on_progress))
        return figures

    @abstractmethod
    def measure(self, outputs: ModelOutputs, on_progress: OnProgress | None) -> Figures:
        """Compute the figures of the samples, or of the translation of the options."""

    def _comparisons(self, outputs: ModelOutputs) -> list[FeatureMetric]:
        """Return this metric, or one for each translation of a model that makes no samples."""
        options = self.options
        if outputs.generate is not None or not outputs.translate or options.translation or options.domain:
            return [self]
        names = list(outputs.translate)
        return [type(self)(options.model_copy(update={"translation": name}), self._network) for name in names]

    def collector(
        self, outputs: ModelOutputs, on_progress: OnProgress | None, *, all_real: bool = False
    ) -> tuple[FeatureCollector, int]:
        """Check the outputs, load the network, and determine the number of images to make.

        Args:
            outputs: the model's outputs and the real images.
            on_progress: called for each image, real and made by the model.
            all_real: use all real images, however few the model makes.

        Returns:
            The collector of features, and the number of images to generate or translate.

        Raises:
            ConfigError: the outputs lack what the metric needs.
            InputError: the set of real images is empty.
        """
        domain, translation = self._real_domain(outputs), self.options.translation
        num = outputs.num_fakes(self.options.num, domain=domain, translation=translation)
        total = num + outputs.num_real(None if all_real else num, domain)
        progress, size = Progress(total, on_progress), self.options.batch_size
        collector = FeatureCollector(outputs, self.network(), size, progress, domain=domain, translation=translation)
        return collector, num

    def figure_name(self, figure: str) -> str:
        """Return the full name of a figure: "fid_<network>", or "fid_a2b_<network>" with the option."""
        option = self.options.translation or self.options.domain
        return "_".join([figure, *([option] if option else []), self.network().name])

    @property
    def fakes(self) -> str:
        """What the model's images are, for notes: "generated" or "translated"."""
        return "generated" if self.options.translation is None else "translated"

    def _real_domain(self, outputs: ModelOutputs) -> str:
        """Return the domain of the real images on the other side, after a check that everything compared is there."""
        options, metric = self.options, type(self).__name__
        if options.translation is not None:
            return outputs.require_translation(metric, options.translation)[1]
        outputs.require("generate", metric)
        domain = options.domain or DEFAULT_DOMAIN
        outputs.require_real(metric, domain)
        return domain
