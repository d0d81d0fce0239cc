"""From one input or many to their results: each failure is kept, the rest goes on, and no result hides another.

Python calls and the command line share these functions: `open_inputs` decides what is a batch, `run_batch` is the loop.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import PIL.Image

from ppgan_ext.apps.results import Made
from ppgan_ext.errors import InputError, PpganExtError
from ppgan_ext.images import list_images

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Job:
    """One input and the names of its results, unique within the batch.

    Attributes:
        source: a path, PIL image or RGB uint8 array.
        stem: first part of the names of the result files.
        problem: why the input cannot be opened at all; such a job fails without being tried.
        subfolder: where in the output folder result files go whose names are always the same; None: into it directly.
    """

    source: Any
    stem: str
    problem: PpganExtError | None = None
    subfolder: str | None = None

    @property
    def name(self) -> str:
        """What to call the input in a message."""
        return str(self.source) if isinstance(self.source, (str, os.PathLike)) else self.stem


@dataclass(frozen=True, eq=False)
class Inputs:
    """What to work on.

    Attributes:
        jobs: one for each input; at least one.
        is_batch: whether several inputs were asked for, by a list or a folder, even if there is only one in it. Then
            the results are a `BatchResult`, and a failure ends only its own job.
    """

    jobs: list[Job]
    is_batch: bool


@dataclass(frozen=True, eq=False)
class Outcome(Generic[Result]):
    """The result of a job, or the error that ended it."""

    job: Job
    result: Result | None
    error: PpganExtError | None


class BatchResult(list[Result]):
    """The results of a batch in the order of the inputs, without those that failed.

    Attributes:
        failures: the outcomes that ended in an error.
        files: result files of all jobs, in the order they were written.
        interrupted: whether Ctrl-C ended the batch early; the last result is then the best until then.
        notes: what there is to know about the results, each line with the name of its job.
    """

    def __init__(self) -> None:
        super().__init__()
        self.failures: list[Outcome[Any]] = []
        self.files: list[Path] = []
        self.interrupted = False
        self.notes: list[str] = []

    def add(self, outcome: Outcome[Made[Result]]) -> None:
        """Add the outcome of the next job."""
        made = outcome.result
        if made is None:
            self.failures.append(outcome)
            return
        self.append(made.result)
        self.files.extend(made.files)
        self.interrupted = made.interrupted
        self.notes.extend(f"{outcome.job.name}: {note}" for note in made.notes)


class UnexpectedError(PpganExtError):
    """A bug in this software, kept as the failure of one input; its cause is the exception itself."""


def open_inputs(source: object) -> Inputs:
    """List the inputs of a call: folders are opened, repeated files dropped, stems made unique.

    A list, a tuple and a folder are a batch. Two inputs called ``photo.jpg`` and ``photo.png`` get the stems ``photo``
    and ``photo-2``. An input in memory is called ``image``.

    Args:
        source: a path, a folder, a PIL image or an RGB uint8 array, or a list of these.

    Raises:
        InputError: the list is empty.
    """
    items = list(source) if isinstance(source, (list, tuple)) else [source]
    is_batch = isinstance(source, (list, tuple)) or (isinstance(source, (str, os.PathLike)) and Path(source).is_dir())
    jobs: list[Job] = []
    seen_files: set[Path] = set()
    stems: set[str] = set()
    for item, problem in _open_folders(items):
        stem = "image"
        if isinstance(item, (str, os.PathLike)):
            path = Path(item)
            if path.resolve() in seen_files:
                continue
            seen_files.add(path.resolve())
            stem = path.stem or stem
        stem = _unique(stem, stems)
        jobs.append(Job(item, stem, problem, stem if is_batch else None))
    if not jobs:
        raise InputError("there is nothing to work on", cure="Give at least one photo or a folder with photos")
    return Inputs(jobs, is_batch)


def attempt(job: Job, work: Callable[[Job], Result]) -> Outcome[Result]:
    """Run ``work`` on a job; an error becomes part of the outcome. Ctrl-C passes through."""
    try:
        if job.problem is not None:
            raise job.problem
        return Outcome(job, work(job), None)
    except PpganExtError as error:
        return Outcome(job, None, error)
    except MemoryError:
        return Outcome(job, None, _out_of_memory(job))
    except Exception as error:  # noqa: BLE001 - one odd picture must not cost a night's work
        return Outcome(job, None, _unexpected(error, job))


def run_single(job: Job, work: Callable[[Job], Result]) -> Result:
    """Run ``work`` on the only input.

    Raises:
        PpganExtError: the job failed; a file is named as the place unless the error names another.
    """
    if job.problem is not None:
        raise job.problem
    try:
        return work(job)
    except MemoryError as error:
        raise _out_of_memory(job) from error
    except PpganExtError as error:
        if isinstance(job.source, (str, os.PathLike)):
            error.where = error.where or job.name
        raise


def run_batch(
    jobs: Iterable[Job],
    work: Callable[[Job], Made[Result]],
    report: Callable[[Outcome[Made[Result]]], None] = lambda outcome: None,
) -> BatchResult[Result]:
    """Run ``work`` on each job, one after the other; an error ends its job, never the batch.

    Ctrl-C ends the batch: with the job at hand where that can still return a result, otherwise by the exception. What
    has been written stays.

    Args:
        jobs: the inputs.
        work: returns what it made of one.
        report: called with each outcome at once.

    Raises:
        KeyboardInterrupt: Ctrl-C, where the job at hand has no result yet.
    """
    batch: BatchResult[Result] = BatchResult()
    for job in jobs:
        outcome = attempt(job, work)
        batch.add(outcome)
        report(outcome)
        if batch.interrupted:
            break
    return batch


def _out_of_memory(job: Job) -> InputError:
    return InputError("there is not enough memory for it", where=job.name, cure="Scale it down first")


def _unexpected(error: Exception, job: Job) -> UnexpectedError:
    cure = "Run it alone with --debug and report what it prints"
    wrapped = UnexpectedError(f"unexpected {type(error).__name__}: {error}", where=job.name, cure=cure)
    wrapped.__cause__ = error
    return wrapped


def _open_folders(sources: Iterable[object]) -> Iterable[tuple[Any, PpganExtError | None]]:
    """Yield every input, with the error why it cannot be opened; folders become their pictures."""
    for item in sources:
        if isinstance(item, (str, os.PathLike)):
            path = Path(item)
            if not path.exists():
                yield item, InputError("no such file or folder", where=path, cure="Check the path")
            elif path.is_dir():
                try:
                    yield from ((file, None) for file in list_images(path))
                except PpganExtError as error:
                    yield item, error
            else:
                yield item, None
        elif isinstance(item, PIL.Image.Image) or hasattr(item, "__array_interface__"):
            yield item, None
        else:
            cure = "Give a path, a PIL image or a uint8 array"
            yield item, InputError(f"cannot use a {type(item).__name__} as an image", cure=cure)


def _unique(stem: str, taken: set[str]) -> str:
    """Return ``stem``, or ``stem-2``, ``stem-3``...; case is ignored, since some file systems ignore it too."""
    candidate, number = stem, 2
    while candidate.casefold() in taken:
        candidate, number = f"{stem}-{number}", number + 1
    taken.add(candidate.casefold())
    return candidate
