"""Processes that put batches together ahead of time.

They are plain child processes that talk over pipes. ``multiprocessing`` was weighed and left: forked workers inherit
Paddle's threads and may hang, spawned ones import the main script again, and with it Paddle, and both outlive a parent
that is killed. A worker here imports the data layer alone and ends with its pipe; nothing lies in /dev/shm.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import threading
import weakref
from collections import deque
from typing import Any

from ppgan_ext.data import wire
from ppgan_ext.data.assembly import Assembler, Batch
from ppgan_ext.errors import PpganExtError

_PROGRAM = "import sys; sys.path[:] = sys.argv[1:]; from ppgan_ext.data.worker import main; main()"
_SECONDS_TO_END = 2.0


class WorkerError(PpganExtError):
    """A worker process ended without being told to."""


class Ticket:
    """A batch that has been asked for: where it begins, and, once it is there, the answer."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.answer: tuple[Batch | None, tuple[Exception | None, str] | None, dict[str, str]] | None = None


class Worker:
    """One process with the tasks it has been given; a thread takes its answers off the pipe.

    Args:
        changed: notified whenever an answer comes or the process ends.
    """

    def __init__(self, changed: threading.Condition) -> None:
        self._changed = changed
        self._tasks: deque[Ticket] = deque()
        self.is_over = False
        self.has_answered = False
        self._process = _start_process()
        self._reader = threading.Thread(target=self._read_answers, name="ppgan_ext-data", daemon=True)
        self._reader.start()

    def begin(self, assembler: bytes) -> None:
        """Send what the process is to work with, pickled; waits until it has started."""
        self._send(assembler)

    def ask(self, ticket: Ticket) -> None:
        """Give the process a further task."""
        with self._changed:
            self._tasks.append(ticket)
        self._send(ticket.first)

    @property
    def pending(self) -> list[Ticket]:
        """The tasks without an answer, oldest first."""
        return list(self._tasks)

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def describe_end(self) -> str:
        """Say how the process ended."""
        try:
            code = self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            return "closed its pipe"
        return f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"

    def close(self) -> None:
        """End the process, which has nothing to save, and wait until it has ended."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]

    def _send(self, message: Any) -> None:
        assert self._process.stdin is not None
        # A process that has died is noticed by the thread that reads; its tasks are kept.
        with contextlib.suppress(OSError, ValueError):
            wire.send(self._process.stdin, message)  # type: ignore[arg-type]

    def _read_answers(self) -> None:
        try:
            while True:
                answer = wire.receive(self._process.stdout)  # type: ignore[arg-type]
                with self._changed:
                    self._tasks.popleft().answer = answer
                    self.has_answered = True
                    self._changed.notify_all()
        except (wire.ClosedError, OSError, ValueError):
            pass
        finally:
            with self._changed:
                self.is_over = True
                self._changed.notify_all()


class WorkerPool:
    """Several workers that take the tasks in turn.

    Args:
        assembler: what puts the batches together; it is pickled.
        num_workers: processes, at least 1.

    Attributes:
        close: ends all processes and waits until they have ended.
    """

    def __init__(self, assembler: Assembler, num_workers: int) -> None:
        self._assembler = pickle.dumps(assembler, protocol=5)
        self._changed = threading.Condition()
        self._workers = [Worker(self._changed) for _ in range(num_workers)]
        # Also where nobody calls `close`, and when the interpreter ends.
        self.close = weakref.finalize(self, _close_all, self._workers)
        for worker in self._workers:
            worker.begin(self._assembler)
        self._is_second = [False] * num_workers
        self._next = 0

    @property
    def pids(self) -> list[int]:
        """The numbers of the processes."""
        return [worker.pid for worker in self._workers]

    def ask(self, first: int) -> Ticket:
        """Ask for the batch at the positions from ``first`` on; the answer comes with `take`."""
        self._check_open()
        ticket = Ticket(first)
        self._workers[self._next].ask(ticket)
        self._next = (self._next + 1) % len(self._workers)
        return ticket

    def take(self, ticket: Ticket) -> tuple[Batch, dict[str, str]]:
        """Wait for a batch.

        Returns:
            The batch, and the bad files that its worker met for the first time.

        Raises:
            PpganExtError: what the worker raised.
            WorkerError: the worker's process ended, and the one in its place ended too.
        """
        with self._changed:
            while ticket.answer is None:
                self._check_open()
                dead = next((i for i, w in enumerate(self._workers) if w.is_over and ticket in w.pending), None)
                if dead is None:
                    self._changed.wait()
                    continue
                self._replace(dead)
        batch, problem, news = ticket.answer
        if problem is not None:
            error, text = problem
            cause = RuntimeError(f"in a worker process:\n{text}")
            raise (error if error is not None else RuntimeError("a worker process failed")) from cause
        assert batch is not None
        return batch, news

    def _check_open(self) -> None:
        if not self.close.alive:
            raise RuntimeError("the loader was closed while its batches were taken")

    def _replace(self, which: int) -> None:
        """Put a new process in the place of one that has died, once; its tasks are asked for again."""
        dead = self._workers[which]
        self._is_second[which] = self._is_second[which] and not dead.has_answered
        if self._is_second[which]:
            raise WorkerError(
                f"a process that loads pictures {dead.describe_end()}, and so did the one in its place",
                where="num_workers",
                cure="The machine may be out of memory: use fewer workers, or num_workers: 0 to see what happens",
            )
        dead.close()
        fresh = Worker(self._changed)
        self._workers[which], self._is_second[which] = fresh, True
        fresh.begin(self._assembler)
        for ticket in dead.pending:
            fresh.ask(ticket)


def _start_process() -> subprocess.Popen[bytes]:
    # One thread each, and no tuning for Paddle, which is not imported there.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PPGAN_EXT_TUNE": "0", "PYTHONSAFEPATH": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, *sys.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    )


def _close_all(workers: list[Worker]) -> None:
    for worker in workers:
        worker.close()
