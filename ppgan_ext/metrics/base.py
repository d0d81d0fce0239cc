"""What every metric is: options checked before work starts, and ``compute``, from a subject to named figures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ppgan_ext import config

if TYPE_CHECKING:
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

    def prepare(self) -> None:  # noqa: B027  most metrics have nothing to load
        """Load the networks now instead of at the first figure, so that a missing file shows before training starts.

        Raises:
            WeightsError: a file cannot be had or is something else.
        """

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
