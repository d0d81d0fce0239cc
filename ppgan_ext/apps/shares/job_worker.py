"""Does single jobs of a shared run: in this process, or in worker processes, which get a copy by pickle."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from ppgan_ext import console
from ppgan_ext.apps.batch import Job, Outcome, attempt
from ppgan_ext.apps.options import Options
from ppgan_ext.apps.progress import Bars
from ppgan_ext.apps.reporting import BatchWork
from ppgan_ext.apps.results import Made
from ppgan_ext.apps.shares.run_folder import Record, RunFolder, Staged, StagedNames
from ppgan_ext.errors import PpganExtError

if TYPE_CHECKING:
    from ppgan_ext.apps.predictor import Progress

OptionsT = TypeVar("OptionsT", bound=Options)
Opener: TypeAlias = "Callable[[OptionsT, Progress], BatchWork[Any]]"


class JobWorker(Generic[OptionsT]):
    """Does jobs, given by their numbers, and leaves their records in the run's folder.

    Args:
        open_work: opens what the command does; a function of a module, since worker processes import it.
        options: its options.
        jobs: all jobs of the run.
        run: the run's folder.
    """

    def __init__(self, open_work: Opener[OptionsT], options: OptionsT, jobs: Sequence[Job], run: RunFolder) -> None:
        self._open_work, self._options, self._jobs, self._run = open_work, options, jobs, run
        self._work: BatchWork[Any] | None = None

    def __call__(self, number: int | None) -> None:
        """Do a job in a worker process.

        Args:
            number: of the job; None only loads the model.

        Raises:
            PpganExtError: the command cannot work at all, or the record cannot be written.
        """
        with console.one_line_warnings(debug=False):
            self.check()
            if number is not None:
                self.do(number)

    def check(self) -> None:
        """Load the model, and find what would fail every job alike; once.

        Raises:
            PpganExtError: the first fault.
        """
        if self._work is None:
            work = self._open_work(self._options, Bars(quiet=True))
            work.check()
            self._work = work

    def do(self, number: int) -> bool:
        """Do a job and write its record; return whether Ctrl-C ended it early.

        Raises:
            KeyboardInterrupt: Ctrl-C, where the job has no result yet.
            OutputError: the record cannot be written.
        """
        self.check()
        assert self._work is not None
        names = StagedNames(self._run, number)
        record = as_record(attempt(replace(self._jobs[number], names=names), self._work.lines), names.staged, self._run)
        self._run.write(number, record)
        return record.interrupted

    def fail(self, number: int, error: PpganExtError) -> None:
        """Write the record of a job that an error has ended.

        Raises:
            OutputError: the record cannot be written.
        """
        self._run.write(number, as_record(Outcome(self._jobs[number], None, error), (), self._run))

    def __getstate__(self) -> dict[str, Any]:
        """Leave the model behind."""
        return {**self.__dict__, "_work": None}


def as_record(outcome: Outcome[Made[list[str]]], named: Sequence[Staged], run: RunFolder) -> Record:
    """Return the record of a job's outcome.

    Args:
        outcome: the result is the lines to print.
        named: the files that the job has named.
        run: the run's folder.
    """
    made, error = outcome.result, outcome.error
    written = set() if made is None else {path.name for path in made.files}
    staged = [Staged(item.file, item.folder, item.name, item.file in written) for item in named]
    if made is not None:
        return Record(run.start, made.result, list(made.remarks), staged, made.interrupted, peak_bytes=peak_memory())
    assert error is not None
    fields = {"what": error.what, "where": error.where, "cure": error.cure, "details": list(error.details)}
    return Record(run.start, staged=staged, error=fields, peak_bytes=peak_memory())


def peak_memory() -> int:
    """Return the most memory that this process has taken, in bytes; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
