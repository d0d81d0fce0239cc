"""One piece of work for one visitor: it waits for its turn, reports how far it is, and can be stopped.

The work runs in a thread of its own. To stop it, its progress callback raises KeyboardInterrupt there: what the layers
below do on Ctrl-C then happens, and the best result so far comes back where there is one.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ppgan_ext.apps.predictor import Progress
from ppgan_ext.web.line import Line

Result = TypeVar("Result")

_SECONDS_BETWEEN_LOOKS = 0.15
_SHORTEST_ESTIMATE = 2.0  # seconds of work before the time left is told


@dataclass(frozen=True)
class Waiting:
    """The job has others before it.

    Attributes:
        before: how many.
        seconds: estimate of the wait; None where nothing is known.
    """

    before: int
    seconds: float | None


@dataclass(frozen=True)
class Running:
    """The job is worked on.

    Attributes:
        task: what is being done; empty before the first report.
        done: steps done.
        total: steps in all; 0 where that is unknown.
        seconds_left: estimate; None where nothing is known.
        stopping: whether it has been asked to stop.
    """

    task: str = ""
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    stopping: bool = False


@dataclass(frozen=True)
class Finished(Generic[Result]):
    """The job has ended with a result."""

    result: Result
    seconds: float


class StoppedError(Exception):
    """The job was stopped before there was a result."""


class Job(Generic[Result]):
    """One piece of work.

    Args:
        line: where it waits.
        work: does it, with a progress callback.

    Raises:
        LineFullError: too many are waiting.
    """

    def __init__(self, line: Line, work: Callable[[Progress], Result]) -> None:
        self._place = line.join()
        self._work = work
        self._stop = threading.Event()
        self._told_to_stop = self._abandoned = False
        self._running = Running()
        self._task_began = 0.0
        self._results: list[Result] = []
        self._error: BaseException | None = None
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._actions: list[Callable[[], None]] = []

    def stop(self) -> None:
        """Ask the work to stop, and to give what it has; to ask twice does nothing."""
        self._stop.set()

    def abandon(self) -> None:
        """End the work at its next report, and at each that follows: nobody waits for it."""
        self._abandoned = True
        self._stop.set()

    def then(self, action: Callable[[], None]) -> None:
        """Call ``action`` when the work has ended, which a stop reaches only at its next report; at once if it has."""
        with self._lock:
            if not self._ended.is_set():
                self._actions.append(action)
                return
        action()

    async def states(self) -> AsyncGenerator[Waiting | Running | Finished[Result], None]:
        """Yield each new state, the last one `Finished`.

        Whoever leaves the loop stops the work.

        Raises:
            StoppedError: it was stopped, and there is no result.
            PpganExtError: it failed.
        """
        try:
            async for waiting in self._wait():
                yield waiting
            began = time.monotonic()
            self._place.begin()
            ended = self._ended_event()
            threading.Thread(target=self._do, name="ppgan_ext-page-job", daemon=True).start()
            shown: Running | None = None
            while not self._ended.is_set():
                state = self._state()
                if state != shown:
                    yield state
                    shown = state
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(ended.wait(), _SECONDS_BETWEEN_LOOKS)
            if isinstance(self._error, KeyboardInterrupt):
                raise StoppedError
            if self._error is not None:
                raise self._error
            yield Finished(self._results[0], time.monotonic() - began)
        finally:
            self.abandon()
            if self._place.began is None:  # no thread will end it
                self._end()

    def _ended_event(self) -> asyncio.Event:
        """Return an event of the running loop that is set when the work has ended."""
        event, loop = asyncio.Event(), asyncio.get_running_loop()

        def tell() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(event.set)

        self.then(tell)
        return event

    async def _wait(self) -> AsyncIterator[Waiting]:
        shown: Waiting | None = None
        while self._place.before:
            if self._stop.is_set():
                raise StoppedError
            state = Waiting(self._place.before, self._place.seconds)
            if state != shown:
                yield state
                shown = state
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)

    def _do(self) -> None:
        try:
            self._results.append(self._work(self._progress))
        except BaseException as error:  # noqa: BLE001 - it is raised again where the result is waited for
            self._error = error
        finally:
            self._end()

    def _end(self) -> None:
        with self._lock:
            self._ended.set()
        self._place.leave()
        for action in self._actions:
            action()

    def _progress(self, task: str, done: int, total: int, note: str = "") -> None:
        """Note how far the work is; raises once if it is to stop, and always if nobody waits for it."""
        if self._abandoned or (self._stop.is_set() and not self._told_to_stop):
            self._told_to_stop = True
            raise KeyboardInterrupt
        now = time.monotonic()
        if task != self._running.task:
            self._task_began = now
        taken = now - self._task_began
        left = taken * (total - done) / done if done and total and taken >= _SHORTEST_ESTIMATE else None
        self._running = Running(task, done, total, left)

    def _state(self) -> Running:
        state = self._running
        left = None if state.seconds_left is None else float(round(state.seconds_left))
        return Running(state.task, state.done, state.total, left, self._stop.is_set())
