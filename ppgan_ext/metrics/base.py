"""What every metric is: options checked before work starts, and ``compute``, from a subject to named figures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ppgan_ext import config

if TYPE_CHECKING:
    from ppgan_ext.metrics.features import FeatureNetwork
    from ppgan_ext.metrics.subject import Subject

OnProgress: TypeAlias = Callable[[int, int], None]  # steps done, steps in all


class Figures(dict[str, float]):
    """Named figures, and in ``notes`` what a reader has to know to trust them: few samples, files left out."""

    def __init__(self, figures: Mapping[str, float] | None = None, notes: Iterable[str] = ()) -> None:
        super().__init__(figures or {})
        self.notes = list(notes)

    def merge(self, other: Mapping[str, float]) -> None:
        """Take over the figures of another metric, and its notes, each once."""
        self.update(other)
        self.notes += [note for note in getattr(other, "notes", []) if note not in self.notes]


class Progress:
    """Counts steps for a callback.

    Args:
        total: number of steps in all.
        report: told how many are done; None for nobody.
    """

    def __init__(self, total: int, report: OnProgress | None = None) -> None:
        self.done = 0
        self.total = total
        self._report = report

    def advance(self, count: int = 1) -> None:
        """Count steps that have been done, or turned out not to be needed."""
        self.done += count
        if self._report is not None and count:
            self._report(self.done, self.total)


class MetricOptions(BaseModel):
    """Options of all metrics.

    Attributes:
        batch_size: images in one pass of a network; no figure depends on it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch_size: int = Field(default=8, ge=1)


def existing_file(value: Path | None) -> Path | None:
    """Refuse a path at which there is no file, before work starts."""
    if value is not None and not value.expanduser().is_file():
        raise ValueError("no such file")
    return None if value is None else value.expanduser()


LocalFile: TypeAlias = Annotated[Path | None, AfterValidator(existing_file)]


class Metric(ABC):
    """A metric with its options.

    Args:
        options: an instance of the class's ``Options``, or a mapping that is checked as one; None for the defaults.

    Raises:
        ConfigError: names every wrong key and value.
    """

    Options: ClassVar[type[MetricOptions]] = MetricOptions

    def __init__(self, options: MetricOptions | Mapping[str, Any] | None = None) -> None:
        if options is None or isinstance(options, Mapping):
            options = config.load_options(self.Options, overrides=options)
        self.options: Any = options

    @abstractmethod
    def compute(self, subject: Subject, on_progress: OnProgress | None = None) -> Figures:
        """Measure.

        Args:
            subject: what is measured.
            on_progress: called with the number of images done and in all.

        Returns:
            Figures whose keys name the network that they rest on, if any.

        Raises:
            ConfigError: the subject lacks what the metric needs.
            InputError: too few images, or none that can be read.
        """


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
    network: str | None = None
    weight_path: LocalFile = None
    premodel_path: LocalFile = None

    @model_validator(mode="after")
    def _one_file(self) -> FeatureOptions:
        if self.weight_path is not None and self.premodel_path is not None:
            raise ValueError("weight_path and premodel_path are two names of one thing; give one")
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

    def network(self) -> FeatureNetwork:
        """Return the network of features, loaded when first asked for."""
        if self._network is None:
            from ppgan_ext.metrics import features

            self._network = features.choose(
                self.options.network, self.options.weight_path or self.options.premodel_path
            )
        return self._network
