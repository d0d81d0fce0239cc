"""Puts the results of a shared run in their places, in the order of the inputs, and reports each job.

Only one process does so. So names, replacements and the report are those of one process that did everything.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ppgan_ext.apps.batch import Inputs, Outcome
from ppgan_ext.apps.results import Made
from ppgan_ext.apps.shares.run_folder import Record, RunFolder
from ppgan_ext.errors import PpganExtError
from ppgan_ext.files import move

Report = Callable[[Outcome[Made[list[str]]]], None]


class Collector:
    """Collects the jobs of a run.

    Args:
        inputs: the jobs.
        run: the run's folder.
        report: called with the outcome of each job, whose result is the lines to print.

    Attributes:
        is_complete: whether every result so far is in its place; a run that is not can be started again.
        num_before: jobs that an earlier start has done.
        peak_bytes: the most memory that a process of this start has taken; 0 if unknown.
    """

    def __init__(self, inputs: Inputs, run: RunFolder, report: Report) -> None:
        self._inputs, self._run, self._report = inputs, run, report
        self._todo = list(range(len(inputs.jobs)))
        self.is_complete = True
        self.num_before = self.peak_bytes = 0

    def collect(self) -> None:
        """Collect the finished jobs before the first that is not."""
        while self._todo and self._collect(self._todo[0]):
            del self._todo[0]

    def collect_all(self) -> None:
        """Collect all finished jobs."""
        self._todo = [number for number in self._todo if not self._collect(number)]

    def give_up(self, error: PpganExtError) -> None:
        """Collect all finished jobs, and report the others as failed."""
        self.collect_all()
        for number in self._todo:
            self.is_complete = False
            self._report(Outcome(self._inputs.jobs[number], None, error))
        self._todo = []

    def _collect(self, number: int) -> bool:
        record = self._run.read(number)
        if record is None:
            return False
        job = self._inputs.jobs[number]
        if record.start == self._run.start:
            self.peak_bytes = max(self.peak_bytes, record.peak_bytes)
        else:
            self.num_before += 1
        try:
            files, replaced = self._put_in_place(number, record)
        except PpganExtError as error:
            self.is_complete = False
            self._report(Outcome(job, None, error))
            return True
        if record.error is not None:
            self._report(Outcome(job, None, PpganExtError(**record.error)))
        else:
            made = Made(
                record.lines,
                tuple(files),
                record.interrupted,
                replaced=tuple(replaced),
                remarks=tuple(record.remarks),
            )
            self._report(Outcome(job, made, None))
        return True

    def _put_in_place(self, number: int, record: Record) -> tuple[list[Path], list[Path]]:
        """Return a job's files, and those of them that were there before the run."""
        names = self._inputs.jobs[number].names  # shared by all jobs
        num_before = len(names.replaced)
        places = [names.place(self._run.output / item.folder, item.name) for item in record.staged]
        replaced = names.replaced[num_before:]
        if record.placed is not None:  # by an earlier start
            return [Path(path) for path in record.placed], []
        files = []
        for item, place in zip(record.staged, places, strict=True):
            if item.is_written:
                move(self._run.path / item.file, place)
                files.append(place)
        record.placed = [str(path) for path in files]
        self._run.write(number, record)
        return files, [path for path in replaced if path in files]
