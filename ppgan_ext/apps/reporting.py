"""Run a command over its inputs and report: results and files on stdout, errors and counts on stderr, an exit code."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TextIO, TypeVar

from tqdm import tqdm

from ppgan_ext.apps.batch import Inputs, Job, Outcome, open_inputs, run_batch, run_single
from ppgan_ext.apps.progress import Bar, make_bar
from ppgan_ext.apps.results import Made
from ppgan_ext.console import DONE, FAILED, INTERRUPTED
from ppgan_ext.errors import ConfigError, PpganExtError
from ppgan_ext.file_names import printable
from ppgan_ext.interrupts import came_of_interrupt
from ppgan_ext.picture_listing import describe_left_out

Result = TypeVar("Result")
_MAX_NAMED = 3  # of the files that were replaced


def describe_nothing(result: object) -> Iterable[str]:
    """Describe a result by no lines: its files say enough."""
    return ()


def open_photos(paths: Sequence[str], recursive: bool = False, results: str | None = None) -> Inputs:
    """List the photos that the words of a command line name; several words, or a folder, are a batch.

    Args:
        paths: photos and folders.
        recursive: search subfolders too.
        results: the output folder.

    Raises:
        ConfigError: there are none.
    """
    if not paths:
        raise ConfigError("--input_image is missing", cure="Give a photo or a folder of photos")
    source = paths[0] if len(paths) == 1 else list(paths)
    return open_inputs(source, recursive, None if results is None else Path(results))


@dataclass(frozen=True, eq=False)
class BatchWork(Generic[Result]):
    """What a command does with its inputs.

    Attributes:
        do: returns what it made of one.
        describe: lines to print about a result.
        check: called before a batch; it raises faults that would fail every input alike.
    """

    do: Callable[[Job], Made[Result]]
    describe: Callable[[Result], Iterable[str]] = describe_nothing
    check: Callable[[], object] = lambda: None

    def lines(self, job: Job) -> Made[list[str]]:
        """Do the work on one input of a batch, and return the lines to print about it, without its files."""
        made = self.do(job)
        return made.with_result([*self.describe(made.result), *made.notes])


def run_and_report(
    inputs: Inputs,
    work: Callable[[Job], Made[Result]],
    describe: Callable[[Result], Iterable[str]] = describe_nothing,
    before_batch: Callable[[], object] = lambda: None,
    noun: str = "photos",
) -> int:
    """Run ``work`` on all inputs and return the exit code. Of a batch, results are not kept in memory.

    Args:
        inputs: one input or a batch.
        work: returns what it made of one.
        describe: lines to print about a result.
        before_batch: called before a batch; it raises faults that would fail every input alike.
        noun: what the inputs are called.

    Raises:
        PpganExtError: the only input failed, or ``before_batch`` did.
        KeyboardInterrupt: Ctrl-C ended the work on the only input early.
    """
    raise_only_problem(inputs)
    if not inputs.is_batch:
        return report_made(run_single(inputs.jobs[0], work), describe)
    before_batch()
    batch_work = BatchWork(work, describe)
    return report_batch(inputs, lambda report: run_batch(inputs.jobs, batch_work.lines, report).interrupted, noun)


def raise_only_problem(inputs: Inputs) -> None:
    """Raise why the only input cannot be opened, before anything is loaded.

    Raises:
        PpganExtError: there is only one input, and it cannot be opened.
    """
    first = inputs.jobs[0]
    if len(inputs.jobs) == 1 and first.problem is not None:
        raise first.problem


def report_batch(
    inputs: Inputs,
    run: Callable[[Callable[[Outcome[Made[list[str]]]], None]], bool],
    noun: str = "photos",
    remarks: Sequence[str] = (),
) -> int:
    """Report a batch while it runs, and return the exit code.

    Args:
        inputs: the batch.
        run: does the work; it calls its argument with the outcome of each job, whose result is the lines to print, and
            returns whether Ctrl-C ended the batch early.
        noun: what the inputs are called.
        remarks: what else to say at the end; read then.
    """
    left_out = describe_left_out(inputs.left_out)
    if left_out:
        print_lines([f"note: left out: {left_out}"], sys.stderr)
    with contextlib.closing(make_bar(noun, len(inputs.jobs))) as bar:
        report = _BatchReport(len(inputs.jobs), noun, bar)
        try:
            interrupted = run(report)
        except KeyboardInterrupt:
            interrupted = True
        except Exception as error:
            if not came_of_interrupt(error):
                raise
            interrupted = True
    text = "; ".join([str(report), *remarks])
    print_lines([f"interrupted: {text}" if interrupted else text], sys.stderr)
    return INTERRUPTED if interrupted else FAILED if report.num_failed else DONE


def report_made(made: Made[Result], describe: Callable[[Result], Iterable[str]] = describe_nothing) -> int:
    """Print what was made of the only input and return the exit code.

    Raises:
        KeyboardInterrupt: Ctrl-C ended the work early, which becomes the exit code 130.
    """
    print_lines([*describe(made.result), *made.all_notes, *map(str, made.files)], sys.stdout)
    if made.replaced:
        print_lines([f"note: {_replaced(len(made.replaced), made.replaced)}"], sys.stderr)
    if made.interrupted:
        raise KeyboardInterrupt
    return DONE


def report_error(error: PpganExtError, job: Job) -> None:
    """Print why a job failed, with the name of its input unless the error names it."""
    text, name = str(error), printable(job.name)
    print_lines([f"error: {text}" if name in text else f"error: {name}: {text}"], sys.stderr)


def _replaced(number: int, first: Sequence[Path]) -> str:
    """Say how many files were replaced, and name the first of them."""
    named = [printable(path) for path in first[:_MAX_NAMED]]
    more = [f"and {number - len(named)} more"] if number > len(named) else []
    return f"replaced {number} {'file' if number == 1 else 'files'} of an earlier run: {', '.join([*named, *more])}"


def print_lines(lines: Iterable[str], stream: TextIO) -> None:
    """Print lines without tearing a progress bar apart."""
    for line in lines:
        tqdm.write(line, file=stream)


class _BatchReport:
    """Prints the outcome of each job of a batch at once, and counts them."""

    def __init__(self, num_jobs: int, noun: str, bar: Bar) -> None:
        self._num_jobs, self._noun, self._bar = num_jobs, noun, bar
        self.num_done = self.num_failed = self._num_replaced = 0
        self._replaced: list[Path] = []
        self._told: set[str] = set()

    def __call__(self, outcome: Outcome[Made[list[str]]]) -> None:
        made = outcome.result
        if made is not None:
            self.num_done += 1
            self._num_replaced += len(made.replaced)
            self._replaced += made.replaced[: _MAX_NAMED - len(self._replaced)]
            name = printable(outcome.job.name)
            remarks = [remark for remark in made.remarks if remark not in self._told]
            self._told.update(remarks)
            lines = (f"{name}: {line}" for line in made.result)
            print_lines([*remarks, *lines, *map(str, made.files)], sys.stdout)
        else:
            assert outcome.error is not None
            self.num_failed += 1
            report_error(outcome.error, outcome.job)
        self._bar.update()

    def __str__(self) -> str:
        parts = [f"{self.num_done} of {self._num_jobs} {self._noun} done, {self.num_failed} failed"]
        if self._num_replaced:
            parts.append(_replaced(self._num_replaced, self._replaced))
        return "; ".join(parts)
