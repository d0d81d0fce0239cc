"""The folder in which the processes of a run leave finished results and records, until one of them puts all in place.

It lies hidden in the output folder, with a name made of the inputs and the options, so that the next start of the same
command finds what an earlier one has finished, and another command does not.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from ppgan_ext.apps.batch import Job
from ppgan_ext.apps.options import Options
from ppgan_ext.apps.result_names import ResultNames
from ppgan_ext.errors import PpganExtError
from ppgan_ext.files import make_folder, write_bytes
from ppgan_ext.version import __version__

PREFIX = ".ppgan-ext-run-"
_BEAT_SECONDS = 5.0
_NOT_OF_THE_WORK = {"workers", "output_path"}  # options that do not decide what is made of an input


@dataclass
class Staged:
    """A result file of a job.

    Attributes:
        file: its name in the run's folder.
        folder: where it goes, relative to the output folder.
        name: the name that it should have there, with slashes between folders.
        is_written: false where the job only reserved the name.
    """

    file: str
    folder: str
    name: str
    is_written: bool = True

    def __post_init__(self) -> None:
        """Refuse what leads out of the two folders.

        Raises:
            ValueError: it does.
        """
        parts = [*PurePath(self.folder).parts, *PurePath(self.name).parts]
        if PurePath(self.file).name != self.file or ".." in (*parts, self.file):
            raise ValueError("leads elsewhere")
        if PurePath(self.folder).is_absolute() or PurePath(self.name).is_absolute():
            raise ValueError("leads elsewhere")


@dataclass
class Record:
    """What became of a job.

    Attributes:
        start: the start of the command in which it was done, a word.
        lines: what to print about it, without its files.
        remarks: what to print once of all jobs that say it.
        staged: its files, in the order in which they were named.
        interrupted: whether Ctrl-C ended it early.
        error: the arguments of the error that ended it; None if it is done.
        placed: its files once they are in their places; None before.
        peak_bytes: the most memory that its process has taken until then; 0 if unknown.
    """

    start: str
    lines: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    staged: list[Staged] = field(default_factory=list)
    interrupted: bool = False
    error: dict[str, Any] | None = None
    placed: list[str] | None = None
    peak_bytes: int = 0


class StagedNames(ResultNames):
    """Gives each result file of a job a name in the run's folder, and remembers where it belongs.

    Args:
        run: the run's folder.
        number: the job's number.

    Attributes:
        staged: the files named so far.
    """

    def __init__(self, run: RunFolder, number: int) -> None:
        super().__init__()
        self._run, self._number = run, number
        self.staged: list[Staged] = []

    def place(self, folder: Path, name: str) -> Path:
        """Return where a result file is written."""
        file = f"{self._number:06d}.{len(self.staged)}{PurePosixPath(name).suffix}"
        self.staged.append(Staged(file, os.path.relpath(folder, self._run.output), name))
        return self._run.path / file


class RunFolder:
    """The folder of a run, made if missing.

    Args:
        output: the output folder.
        key: what tells this run from others, see `run_key`.
        start: a word for this start of the command, the same in all its processes.

    Attributes:
        output: as given.
        start: as given.
        path: the folder.

    Raises:
        OutputError: it cannot be made.
    """

    def __init__(self, output: Path, key: str, start: str) -> None:
        self.output, self.start = output, start
        self.path = make_folder(output / f"{PREFIX}{key}")

    def read(self, number: int) -> Record | None:
        """Return the record of a job; None if it is not done, or by an earlier start that did not finish it."""
        try:
            fields = json.loads(self._record_path(number).read_bytes())
            staged = [Staged(**item) for item in fields.pop("staged")]
            record = Record(**fields, staged=staged)
            PpganExtError(**(record.error or {"what": ""}))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
        if record.start != self.start and (record.error is not None or record.interrupted):
            return None
        return record

    def is_done(self, number: int) -> bool:
        """Return whether a job is done and its files exist."""
        record = self.read(number)
        if record is None or record.error is not None or record.interrupted:
            return False
        staged = (self.path / item.file for item in record.staged if item.is_written)
        return all(path.is_file() for path in (staged if record.placed is None else map(Path, record.placed)))

    def write(self, number: int, record: Record) -> None:
        """Write the record of a job.

        Raises:
            OutputError: it cannot be written.
        """
        write_bytes(self._record_path(number), json.dumps(asdict(record)).encode())

    def forget(self, number: int) -> None:
        """Remove the record of a job, which is to be done again."""
        self._record_path(number).unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the folder, once the run is complete."""
        shutil.rmtree(self.path, ignore_errors=True)

    # The processes of the run

    def sign_of_life(self, rank: int) -> object:
        """Return what changes as long as a process lives; "ended" when it has ended by itself."""
        path = self._rank_path(rank)
        try:
            return "ended" if path.with_suffix(".ended").exists() else path.stat().st_mtime_ns
        except OSError:
            return None

    def _record_path(self, number: int) -> Path:
        return self.path / f"{number:06d}.json"

    def _rank_path(self, rank: int) -> Path:
        return self.path / f"process-{rank}-{self.start}.alive"


class SignOfLife:
    """Shows the other processes of a run that this one lives, from a thread, and that it ends.

    Args:
        run: the run's folder.
        rank: of this process.
    """

    def __init__(self, run: RunFolder, rank: int) -> None:
        self._path = run._rank_path(rank)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="ppgan_ext-alive", daemon=True)

    def __enter__(self) -> SignOfLife:
        self._path.with_suffix(".ended").unlink(missing_ok=True)
        self._touch(self._path)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._touch(self._path.with_suffix(".ended"))

    def _beat(self) -> None:
        while not self._over.wait(_BEAT_SECONDS):
            self._touch(self._path)

    @staticmethod
    def _touch(path: Path) -> None:
        try:
            path.touch()
        except OSError:
            pass  # the disk is full, or the run has been put away: the work itself tells


def run_key(command: str, options: Options, jobs: Iterable[Job]) -> str:
    """Return a word for a run: another one if the inputs, the options or the version differ.

    Args:
        command: its name.
        options: its options; of files that they name, size and time count.
        jobs: its inputs, in order; of files, size and time count.
    """
    chosen = options.model_dump(exclude=_NOT_OF_THE_WORK, mode="json")
    facts: list[object] = [__version__, command, chosen, [_file_facts(value) for value in chosen.values()]]
    for job in jobs:
        sources = job.source if isinstance(job.source, tuple) else (job.source,)
        facts.append([job.stem, [(os.fspath(item), _file_facts(item)) for item in sources if item is not None]])
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def _file_facts(value: object) -> list[int] | None:
    if not isinstance(value, (str, os.PathLike)):
        return None
    try:
        facts = Path(value).stat()
    except (OSError, ValueError):
        return None
    return [facts.st_size, facts.st_mtime_ns] if Path(value).is_file() else None
