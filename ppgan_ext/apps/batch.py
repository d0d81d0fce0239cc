"""Many inputs, one after the other: each failure is kept, the rest goes on, and no result hides another."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import PIL.Image

from ppgan_ext.errors import InputError, PpganExtError
from ppgan_ext.images import list_images

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Job:
    """One input and the stem that its result files get, unique within the batch.

    Attributes:
        source: a path, PIL image or RGB uint8 array.
        stem: first part of the names of the result files.
        problem: why the input cannot be opened at all; such a job fails without being tried.
    """

    source: Any
    stem: str
    problem: PpganExtError | None = None

    @property
    def name(self) -> str:
        """What to call the input in a message."""
        return str(self.source) if isinstance(self.source, (str, os.PathLike)) else self.stem


@dataclass(frozen=True, eq=False)
class Outcome(Generic[Result]):
    """What became of a job: its result, or the error."""

    job: Job
    result: Result | None
    error: PpganExtError | None


class BatchResult(list[Result]):
    """The results of a batch in the order of the inputs, without those that failed.

    Attributes:
        failures: the outcomes that ended in an error.
    """

    def __init__(self, outcomes: Iterable[Outcome[Result]]) -> None:
        super().__init__()
        self.failures: list[Outcome[Result]] = []
        for outcome in outcomes:
            if outcome.error is None and outcome.result is not None:
                self.append(outcome.result)
            else:
                self.failures.append(outcome)


class UnexpectedError(PpganExtError):
    """A fault of this software, kept as the failure of one input; its cause is the exception itself."""


def is_batch(source: object) -> bool:
    """Say whether an input means several: a list, a tuple or a folder."""
    if isinstance(source, (list, tuple)):
        return True
    return isinstance(source, (str, os.PathLike)) and Path(source).is_dir()


def make_jobs(source: object) -> list[Job]:
    """List the jobs of an input: folders are opened, repeated files dropped, stems made unique.

    Two inputs called ``photo.jpg`` and ``photo.png`` get the stems ``photo`` and ``photo-2``. An input in memory is
    called ``image``.

    Raises:
        InputError: there is no input at all.
    """
    sources = list(source) if isinstance(source, (list, tuple)) else [source]
    found: list[tuple[Any, PpganExtError | None]] = []
    for item in sources:
        found.extend(_open_folder(item))
    jobs: list[Job] = []
    seen: set[Path] = set()
    taken: set[str] = set()
    for item, problem in found:
        if isinstance(item, (str, os.PathLike)):
            path = Path(item)
            if path.resolve() in seen:
                continue
            seen.add(path.resolve())
            stem = path.stem
        else:
            stem = "image"
        jobs.append(Job(item, _unique(stem or "image", taken), problem))
    if not jobs:
        raise InputError("there is nothing to work on", cure="Give at least one photo or a folder with photos")
    return jobs


def run_batch(jobs: Iterable[Job], work: Callable[[Job], Result]) -> Iterator[Outcome[Result]]:
    """Run ``work`` on each job and yield its outcome at once; an error ends its job, never the batch.

    Ctrl-C passes through: what has been yielded, and written, stays.
    """
    for job in jobs:
        try:
            if job.problem is not None:
                raise job.problem
            result = work(job)
        except PpganExtError as error:
            outcome: Outcome[Result] = Outcome(job, None, error)
        except MemoryError:
            shortage = InputError("there is not enough memory for it", where=job.name, cure="Scale it down first")
            outcome = Outcome(job, None, shortage)
        except Exception as error:  # noqa: BLE001 - one odd picture must not cost a night's work
            outcome = Outcome(job, None, _unexpected(error, job))
        else:
            outcome = Outcome(job, result, None)
        yield outcome


def _unexpected(error: Exception, job: Job) -> UnexpectedError:
    cure = "Run it alone with --debug and report what it prints"
    wrapped = UnexpectedError(f"unexpected {type(error).__name__}: {error}", where=job.name, cure=cure)
    wrapped.__cause__ = error
    return wrapped


def _open_folder(item: object) -> list[tuple[Any, PpganExtError | None]]:
    if isinstance(item, (str, os.PathLike)):
        path = Path(item)
        if not path.exists():
            return [(item, InputError("no such file or folder", where=path, cure="Check the path"))]
        try:
            return [(found, None) for found in list_images(path)] if path.is_dir() else [(item, None)]
        except PpganExtError as error:
            return [(item, error)]
    if isinstance(item, PIL.Image.Image) or hasattr(item, "__array_interface__"):
        return [(item, None)]
    kind = type(item).__name__
    return [(item, InputError(f"cannot use a {kind} as an image", cure="Give a path, a PIL image or a uint8 array"))]


def _unique(stem: str, taken: set[str]) -> str:
    """Return ``stem``, or ``stem-2``, ``stem-3``...; case is ignored, since some file systems ignore it too."""
    candidate, number = stem, 2
    while candidate.casefold() in taken:
        candidate, number = f"{stem}-{number}", number + 1
    taken.add(candidate.casefold())
    return candidate
