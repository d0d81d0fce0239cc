"""Run a command over its inputs and report: results and files on stdout, errors and counts on stderr, an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TextIO, TypeVar

from tqdm import tqdm

from ppgan_ext.apps.batch import Inputs, Job, Outcome, open_inputs, run_batch, run_single
from ppgan_ext.apps.progress import make_bar
from ppgan_ext.apps.results import Made
from ppgan_ext.console import DONE, FAILED, INTERRUPTED
from ppgan_ext.errors import ConfigError, PpganExtError

Result = TypeVar("Result")


def describe_nothing(result: object) -> Iterable[str]:
    """Describe a result by no lines: its files say enough."""
    return ()


def open_photos(paths: Sequence[str]) -> Inputs:
    """List the photos that the words of a command line name; several words, or a folder, are a batch.

    Raises:
        ConfigError: there are none.
    """
    if not paths:
        raise ConfigError("--input_image is missing", cure="Give a photo or a folder of photos")
    return open_inputs(paths[0] if len(paths) == 1 else list(paths))


def run_and_report(
    inputs: Inputs,
    work: Callable[[Job], Made[Result]],
    describe: Callable[[Result], Iterable[str]] = describe_nothing,
    before_batch: Callable[[], object] = lambda: None,
) -> int:
    """Run ``work`` on all inputs and return the exit code.

    Args:
        inputs: one input or a batch.
        work: returns what it made of one.
        describe: lines to print about a result.
        before_batch: called before a batch; it raises faults that would fail every input alike.

    Raises:
        PpganExtError: the only input failed, or ``before_batch`` did.
        KeyboardInterrupt: Ctrl-C ended the work on the only input early.
    """
    first = inputs.jobs[0]
    if len(inputs.jobs) == 1 and first.problem is not None:
        raise first.problem
    if not inputs.is_batch:
        return report_made(run_single(first, work), describe)
    before_batch()
    with make_bar("photos", len(inputs.jobs)) as bar:
        report = _BatchReport(len(inputs.jobs), describe, bar)
        try:
            interrupted = run_batch(inputs.jobs, work, report).interrupted
        except KeyboardInterrupt:
            interrupted = True
    print_lines([f"interrupted: {report}" if interrupted else str(report)], sys.stderr)
    return INTERRUPTED if interrupted else FAILED if report.num_failed else DONE


def report_made(made: Made[Result], describe: Callable[[Result], Iterable[str]] = describe_nothing) -> int:
    """Print what was made of the only input and return the exit code.

    Raises:
        KeyboardInterrupt: Ctrl-C ended the work early, which becomes the exit code 130.
    """
    print_lines([*describe(made.result), *made.notes, *map(str, made.files)], sys.stdout)
    if made.interrupted:
        raise KeyboardInterrupt
    return DONE


def report_error(error: PpganExtError, job: Job) -> None:
    """Print why a job failed, with the name of its input unless the error names it."""
    text = str(error)
    print_lines([f"error: {text}" if job.name in text else f"error: {job.name}: {text}"], sys.stderr)


def print_lines(lines: Iterable[str], stream: TextIO) -> None:
    """Print lines without tearing a progress bar apart."""
    for line in lines:
        tqdm.write(line, file=stream)


class _BatchReport(Generic[Result]):
    """Prints the outcome of each job of a batch at once, and counts them."""

    def __init__(self, num_jobs: int, describe: Callable[[Result], Iterable[str]], bar: tqdm) -> None:
        self._num_jobs, self._describe, self._bar = num_jobs, describe, bar
        self.num_done = self.num_failed = 0

    def __call__(self, outcome: Outcome[Made[Result]]) -> None:
        made = outcome.result
        if made is not None:
            self.num_done += 1
            print_lines([*self._describe(made.result), *made.notes, *map(str, made.files)], sys.stdout)
        else:
            assert outcome.error is not None
            self.num_failed += 1
            report_error(outcome.error, outcome.job)
        self._bar.update()

    def __str__(self) -> str:
        return f"{self.num_done} of {self._num_jobs} photos done, {self.num_failed} failed"
