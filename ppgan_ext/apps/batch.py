"""From one input or many to their results: each failure is kept, the rest goes on, and no result hides another.

Python calls and the command line share these functions: `open_inputs` decides what is a batch, `run_batch` is the loop.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import PIL.Image

from ppgan_ext.apps.result_names import ResultNames, result_stem
from ppgan_ext.apps.results import Made
from ppgan_ext.apps.shown_results import batch_as_html, describe_batch
from ppgan_ext.errors import InputError, PpganExtError
from ppgan_ext.file_names import cure_of_missing, folded, printable, unique
from ppgan_ext.images import HOW_TO_GIVE, file_content, is_content
from ppgan_ext.interrupts import came_of_interrupt
from ppgan_ext.own_files import is_own_file
from ppgan_ext.picture_listing import OWN_RESULT, SUBFOLDER, LeftOut, describe_left_out, list_pictures, no_pictures
from ppgan_ext.pictures import made_here

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Job:
    """One input and the names of its results, unique within the batch.

    Attributes:
        source: a path, PIL image or RGB uint8 array.
        stem: first part of the names of the result files.
        problem: why the input cannot be opened at all; such a job fails without being tried.
        subfolder: where in the output folder result files go whose names are always the same; None: into it directly.
        path: where the input lies in the folder that was given, with its suffix; of a single file its name.
        names: the names of results that the run has used; shared by its jobs.
    """

    source: Any
    stem: str
    problem: PpganExtError | None = None
    subfolder: str | None = None
    path: str = ""
    names: ResultNames = field(default_factory=ResultNames)

    @property
    def name(self) -> str:
        """What to call the input in a message."""
        return printable(self.source) if isinstance(self.source, (str, os.PathLike)) else self.stem


@dataclass(frozen=True, eq=False)
class Inputs:
    """What to work on.

    Attributes:
        jobs: one for each input; at least one.
        is_batch: whether several inputs were asked for, by a list or a folder, even if there is only one in it. Then
            the results are a `BatchResult`, and a failure ends only its own job.
        left_out: what the folders contain beside these inputs.
        names: the names of results that the run has used.
    """

    jobs: list[Job]
    is_batch: bool
    left_out: list[LeftOut] = field(default_factory=list)
    names: ResultNames = field(default_factory=ResultNames)


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
        left_out: what the folders contain beside the inputs.
        replaced: those of the files that an earlier run had left there.
        interrupted: whether Ctrl-C ended the batch early; the last result is then the best until then.
        notes: what there is to know about the results, each line with the name of its job; what holds for all of them
            alike is told once, without a name.
    """

    def __init__(self) -> None:
        super().__init__()
        self.failures: list[Outcome[Any]] = []
        self.files: list[Path] = []
        self.left_out: list[LeftOut] = []
        self.replaced: list[Path] = []
        self.interrupted = False
        self.notes: list[str] = []

    def __repr__(self) -> str:
        return describe_batch(self, self._failures())

    def _repr_html_(self) -> str:
        return batch_as_html(self, self._failures())

    def warn_of_failures(self, stacklevel: int) -> None:
        """Warn the caller of a batch of the inputs that failed, if there are any, and name the first."""
        failures = self._failures()
        if failures:
            name, error = failures[0]
            first = error if name in error else f"{name}: {error}"
            counts = f"{len(failures)} of {len(self) + len(failures)} inputs failed, see failures of the result"
            warnings.warn(printable(f"{counts}; the first: {first}"), FailedInputsWarning, stacklevel + 1)

    def _failures(self) -> list[tuple[str, str]]:
        return [(failure.job.name, str(failure.error)) for failure in self.failures]

    def add(self, outcome: Outcome[Made[Result]]) -> None:
        """Add the outcome of the next job."""
        made = outcome.result
        if made is None:
            self.failures.append(outcome)
            return
        self.append(made.result)
        self.files.extend(made.files)
        self.replaced.extend(made.replaced)
        self.interrupted = made.interrupted
        self.notes.extend(remark for remark in made.remarks if remark not in self.notes)
        self.notes.extend(f"{outcome.job.name}: {note}" for note in made.notes)


class FailedInputsWarning(UserWarning):
    """Some inputs of a batch failed; the others have results."""


class UnexpectedError(PpganExtError):
    """A bug in this software, kept as the failure of one input; its cause is the exception itself."""


def open_inputs(source: object, recursive: bool = False, results: Path | None = None) -> Inputs:
    """List the inputs of a call: folders are opened, repeated files dropped, stems made unique.

    A list, a tuple and a folder are a batch. Two inputs called ``photo.jpg`` and ``photo.png`` get the stems ``photo``
    and ``photo-2``. An input in memory is called ``image``. Stems of files in subfolders contain the subfolder.

    Args:
        source: a path, a folder, a PIL image, an RGB uint8 array or the content of a file, or a list of these.
        recursive: search subfolders too.
        results: the output folder: results of earlier runs that lie there are no inputs of a batch.

    Raises:
        InputError: the list is empty, or a path is.
    """
    items = list(source) if isinstance(source, (list, tuple)) else [source]
    for item in items:
        if isinstance(item, str) and not item.strip():
            raise InputError("a path is empty", where="input", cure="Give a photo; a shell variable may be unset")
    is_batch = isinstance(source, (list, tuple)) or (_is_path(source) and Path(str(source)).is_dir())
    inputs = Inputs([], is_batch)
    seen_files: set[str] = set()
    stems: set[str] = set()
    for found in _open_folders(items, recursive, results, inputs.left_out):
        if _is_path(found.item):
            real = os.path.realpath(found.item)
            if real in seen_files:
                continue
            seen_files.add(real)
            inputs.names.protect(real)
        stem = unique(result_stem(found.path), stems)
        stems.add(folded(stem))
        inputs.jobs.append(Job(found.item, stem, found.problem, stem if is_batch else None, found.path, inputs.names))
    if not inputs.jobs:
        cure = "Give at least one photo or a folder with photos"
        if inputs.left_out:
            cure = f"Left out: {describe_left_out(inputs.left_out)}"
        raise InputError("there is nothing to work on", cure=cure)
    return inputs


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
    except Exception as error:
        if came_of_interrupt(error):
            raise KeyboardInterrupt from error
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


class _Found(NamedTuple):
    """An input, where it lies in the folder that was given, and the error why it cannot be opened."""

    item: Any
    path: str
    problem: PpganExtError | None = None


def _open_folders(
    items: Sequence[object], recursive: bool, results: Path | None, left_out: list[LeftOut]
) -> Iterator[_Found]:
    """Yield every input; folders become their pictures, and what else they contain is added to ``left_out``."""
    real_results = None if results is None else Path(os.path.realpath(results))
    for item in items:
        if _is_path(item):
            path = Path(str(item))
            if path.is_dir():
                yield from _open_folder(path, recursive, real_results, left_out)
            elif not path.exists() and not path.is_symlink():
                problem = InputError("no such file or folder", where=path, cure=cure_of_missing(path))
                yield _Found(item, path.name, problem)
            elif len(items) > 1 and _lies_in(path, real_results) and made_here(path):
                left_out.append(LeftOut(str(path), OWN_RESULT))
            else:
                yield _Found(item, path.name)
        elif isinstance(item, PIL.Image.Image) or hasattr(item, "__array_interface__"):
            yield _Found(item, "image")
        elif is_content(item):
            yield _open_content(item)
        else:
            cure = HOW_TO_GIVE
            yield _Found(item, "image", InputError(f"cannot use a {type(item).__name__} as an image", cure=cure))


def _open_content(item: Any) -> _Found:
    """Read an open file at once, as a pipe can be read only once and a file may be closed before its turn comes."""
    try:
        return _Found(file_content(item), "image")
    except InputError as error:
        return _Found(item, "image", error)


def _open_folder(folder: Path, recursive: bool, results: Path | None, left_out: list[LeftOut]) -> Iterator[_Found]:
    def reason(path: Path) -> str | None:
        return OWN_RESULT if _lies_in(path, results) and made_here(path) else None

    try:
        listing = list_pictures(folder, recursive, reason)
        if not listing.names:
            raise no_pictures(folder, listing.left_out)
    except PpganExtError as error:
        yield _Found(folder, folder.name, error)
        return
    for item in listing.left_out:
        is_result = (
            item.reason == SUBFOLDER and _lies_in(folder / item.name, results) and _holds_results(folder / item.name)
        )
        left_out.append(LeftOut(item.name, OWN_RESULT) if is_result else item)
    yield from (_Found(folder / name, name) for name in listing.names)


def _holds_results(folder: Path) -> bool:
    """Return whether a folder holds nothing but what was written here, as of a photo with several results."""
    try:
        paths = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError:
        return False
    return bool(paths) and all(path.is_file() and (made_here(path) or is_own_file(path)) for path in paths)


def _is_path(item: object) -> bool:
    return isinstance(item, (str, os.PathLike))


def _lies_in(path: Path, folder: Path | None) -> bool:
    return folder is not None and folder in Path(os.path.realpath(path)).parents
