"""Worker processes that call a function ahead of time: they load training images, detect faces and edit photos.

They are plain child processes that communicate over pipes. ``multiprocessing`` is unsuitable: forked workers inherit
Paddle's threads and may hang, spawned ones import the main script again, and Paddle with it, and both outlive a parent
that is killed. A worker here imports only what its function needs, ends with its pipe, and leaves nothing in /dev/shm.
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
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ppgan_ext import worker_messages
from ppgan_ext.errors import PpganExtError

_PROGRAM = "import sys; sys.path[:] = sys.argv[1:]; from ppgan_ext.worker_process import main; main()"
_SECONDS_TO_END = 2.0
_MAX_ATTEMPTS = 2
# One thread per process, and no tuning for Paddle, which most workers do not import.
_SETTINGS = {"OMP_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1", "PPGAN_EXT_TUNE": "0"}

Problem = tuple[Exception | None, str]


class WorkerError(PpganExtError):
    """A task makes every worker process that runs it end unexpectedly."""


class Ticket:
    """A submitted task and, once it is available, its answer.

    Attributes:
        task: the function's argument.
        answer: the function's result and the problem, if any; None until the task is done.
        num_deaths: how many processes have died while running it.
    """

    def __init__(self, task: Any) -> None:
        self.task = task
        self.answer: tuple[Any, Problem | None] | None = None
        self.num_deaths = 0


class _Worker:
    """One process and its pending tasks; a thread reads the answers from the pipe.

    Args:
        changed: notified whenever an answer arrives or the process ends.
        settings: environment variables of the process, beside those of this one.
    """

    def __init__(self, changed: threading.Condition, settings: Mapping[str, str]) -> None:
        self._changed = changed
        self.pending: deque[Ticket] = deque()
        self.is_over = False
        self._process = _start_process(settings)
        self._reader = threading.Thread(target=self._read_answers, name="ppgan_ext-worker", daemon=True)
        self._reader.start()

    def begin(self, function: bytes) -> None:
        """Send the pickled function; if it is long, this waits until the process has started."""
        self._send(function)

    def ask(self, ticket: Ticket) -> None:
        """Send the process another task."""
        with self._changed:
            self.pending.append(ticket)
        self._send(ticket.task)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def describe_end(self) -> str:
        """Return a phrase that says how the process ended."""
        try:
            code = self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            return "closed its pipe"
        return f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"

    def close(self) -> None:
        """Kill the process, which has nothing to save, and wait until it has ended."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]

    def _send(self, message: Any) -> None:
        # The reading thread notices a dead process; the process's tasks are kept.
        with contextlib.suppress(OSError, ValueError):
            worker_messages.send(self._process.stdin, message)  # type: ignore[arg-type]

    def _read_answers(self) -> None:
        try:
            while True:
                answer = worker_messages.receive(self._process.stdout)  # type: ignore[arg-type]
                with self._changed:
                    self.pending.popleft().answer = answer
                    self._changed.notify_all()
        except (worker_messages.ClosedError, OSError, ValueError):
            pass
        finally:
            with self._changed:
                self.is_over = True
                self._changed.notify_all()


class WorkerPool:
    """Several processes; each task goes to the one with the fewest, in turn.

    A process that dies is replaced and its tasks are run again; a task that has killed two processes fails.

    Args:
        function: takes a task and returns its result. It is pickled, as are tasks and results; large arrays in results
            are transferred without a copy.
        num_workers: number of processes, at least 1.
        settings: environment variables of the processes; by default one thread each, and no tuning for Paddle.

    Attributes:
        close: ends all processes and waits until they have ended; unfinished tasks are dropped.
    """

    def __init__(
        self, function: Callable[[Any], Any], num_workers: int, settings: Mapping[str, str] = _SETTINGS
    ) -> None:
        self._function = pickle.dumps(function, protocol=5)
        self._changed = threading.Condition()
        self._settings = dict(settings)
        self._workers = [_Worker(self._changed, self._settings) for _ in range(num_workers)]
        # A finalizer, so that the processes also end if `close` is never called.
        self.close = weakref.finalize(self, _close_all, self._workers)
        for worker in self._workers:
            worker.begin(self._function)
        self._next = 0

    @property
    def pids(self) -> list[int]:
        """The process ids."""
        return [worker.pid for worker in self._workers]

    def ask(self, task: Any) -> Ticket:
        """Submit a task; `take` returns its result."""
        self._check_open()
        ticket = Ticket(task)
        in_turn = [*range(self._next, len(self._workers)), *range(self._next)]
        which = min(in_turn, key=lambda i: len(self._workers[i].pending))
        self._workers[which].ask(ticket)
        self._next = (which + 1) % len(self._workers)
        return ticket

    def take(self, ticket: Ticket) -> Any:
        """Wait for a task and return its result.

        Raises:
            Exception: whatever the function raised, with the worker's traceback as its cause.
            WorkerError: two processes died while running the task.
        """
        self.wait_for_any([ticket])
        assert ticket.answer is not None
        result, problem = ticket.answer
        if problem is not None:
            error, text = problem
            cause = RuntimeError(f"in a worker process:\n{text}")
            raise (error if error is not None else RuntimeError("a worker process failed")) from cause
        return result

    def wait_for_any(self, tickets: Sequence[Ticket]) -> Ticket:
        """Wait until one of the tasks is done, and return its ticket, from which `take` gets the result at once."""
        with self._changed:
            while (done := next((ticket for ticket in tickets if ticket.answer is not None), None)) is None:
                self._check_open()
                dead = next((i for i, worker in enumerate(self._workers) if worker.is_over and worker.pending), None)
                if dead is None:
                    self._changed.wait()
                else:
                    self._replace(dead)
        return done

    def _check_open(self) -> None:
        if not self.close.alive:
            raise RuntimeError("the worker processes have been closed")

    def _replace(self, which: int) -> None:
        """Replace a dead process and submit its tasks again."""
        dead = self._workers[which]
        end = dead.describe_end()
        dead.close()
        fresh = _Worker(self._changed, self._settings)
        self._workers[which] = fresh
        fresh.begin(self._function)
        suspect = dead.pending[0]
        suspect.num_deaths += 1
        if suspect.num_deaths >= _MAX_ATTEMPTS:
            dead.pending.popleft()
            cure = "The machine may be out of memory: use fewer processes, and see their output above"
            error = WorkerError(f"a worker process {end}, and so did the one before it", cure=cure)
            suspect.answer = (None, (error, end))
        for ticket in dead.pending:
            fresh.ask(ticket)


def _start_process(settings: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, *sys.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **settings, "PYTHONSAFEPATH": "1"},
    )


def _close_all(workers: list[_Worker]) -> None:
    for worker in workers:
        worker.close()
