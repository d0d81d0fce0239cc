"""The base of all metrics: options checked before work starts, and ``compute``, which returns named figures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ppgan_ext import config
from ppgan_ext.files import expand_user

if TYPE_CHECKING:
    from ppgan_ext.metrics.model_outputs import ModelOutputs

OnProgress: TypeAlias = Callable[[int, int], None]  # steps done, total number of steps


class Figures(dict[str, float]):
    """Named figures, and ``notes`` on what weakens them: few samples, files left out."""

    def __init__(self, figures: Mapping[str, float] | None = None, notes: Iterable[str] = ()) -> None:
        super().__init__(figures or {})
        self.notes = list(notes)

    def merge(self, other: Mapping[str, float]) -> None:
        """Add the figures of another metric, and those of its notes that are new."""
        self.update(other)
        self.notes += [note for note in getattr(other, "notes", []) if note not in self.notes]


class Progress:
    """Counts steps for a callback.

    Args:
        total: total number of steps.
        report: called with the number of steps done and the total, or None.
    """

    def __init__(self, total: int, report: OnProgress | None = None) -> None:
        self.done = 0
        self.total = total
        self._report = report

    def advance(self, count: int = 1) -> None:
        """Count steps that are done, or that proved unnecessary."""
        self.done += count
        if self._report is not None and count:
            self._report(self.done, self.total)


class MetricOptions(BaseModel):
    """Options of all metrics.

    Attributes:
        batch_size: images in one pass of a network; the figures do not depend on it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch_size: int = Field(default=8, ge=1)


def existing_file(value: Path | None) -> Path | None:
    """Refuse a path without a file, before work starts."""
    if value is None:
        return None
    path = expand_user(value)
    if not path.is_file():
        raise ValueError("no such file")
    return path


LocalFile: TypeAlias = Annotated[Path | None, AfterValidator(existing_file)]


class Metric(ABC):
    """A metric with its options.

    Args:
        options: an instance of the class's ``Options``, or a mapping of its fields; None for the defaults.

    Raises:
        ConfigError: with every wrong key and value.
    """

    Options: ClassVar[type[MetricOptions]] = MetricOptions

    def __init__(self, options: MetricOptions | Mapping[str, Any] | None = None) -> None:
        if options is None or isinstance(options, Mapping):
            options = config.load_options(self.Options, overrides=options)
        self.options: Any = options

    def load_networks(self) -> None:  # noqa: B027  most metrics have nothing to load
        """Load the networks now instead of on first use, so that a missing file is reported before training starts.

        Raises:
            WeightsError: a file is missing and cannot be downloaded, or has other contents.
        """

    @abstractmethod
    def check(self, outputs: ModelOutputs) -> None:
        """Check that everything the metric needs is there, without loading or computing anything.

        Raises:
            ConfigError: the outputs lack what the metric needs.
            InputError: the set of real images is empty.
        """

    @abstractmethod
    def compute(self, outputs: ModelOutputs, on_progress: OnProgress | None = None) -> Figures:
        """Compute the figures.

        Args:
            outputs: the model's outputs and the real images.
            on_progress: called with the number of images done and the total.

        Returns:
            Figures whose names end with the network that they rest on, if any.

        Raises:
            ConfigError: the outputs lack what the metric needs.
            InputError: too few images, or none that can be read.
        """
