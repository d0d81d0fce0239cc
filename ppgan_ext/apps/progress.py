"""Progress on stderr: a bar on a terminal, for work that takes longer than two seconds; elsewhere a line now and then.

Without a terminal, as in a file, a pipe or a cluster's log, a line appears at most every 30 seconds.
"""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Protocol

from tqdm import tqdm

from ppgan_ext.file_names import printable

SECONDS_BEFORE_A_BAR = 2.0
SECONDS_BETWEEN_LINES = 30.0
_MANY = 10**6  # a larger total counts bytes


class Bar(Protocol):
    """Shows how far a task is.

    Attributes:
        n: steps done.
        total: steps in all; None or 0 where that is unknown.
    """

    n: float
    total: float | None

    def update(self, n: float = 1) -> object:
        """Add steps that are done; 0 says that work goes on."""

    def set_postfix_str(self, s: str = "", refresh: bool = True) -> None:
        """Set figures to show beside them."""

    def close(self) -> None:
        """Remove the bar."""


class Bars:
    """A progress callback that draws one bar per task.

    Args:
        quiet: draw no bars, because a bar over all inputs is shown already.
    """

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._task = ""
        self._bar: Bar | None = None

    def __call__(self, task: str, done: int, total: int, note: str = "") -> None:
        """Show that ``done`` of ``total`` steps of a task are done, with figures beside them."""
        if self._quiet and _is_terminal():
            return
        if task != self._task or self._bar is None:
            self.close()
            self._task = task
            self._bar = make_bar(task, total)
        self._bar.set_postfix_str(note, refresh=False)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()
        self._bar = None

    def __enter__(self) -> Bars:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def make_bar(task: str, total: int) -> Bar:
    """Make a bar that appears after two seconds and disappears at the end; without a terminal, one that writes lines.

    Args:
        task: what is being done.
        total: steps in all; 0 where that is unknown.
    """
    if not _is_terminal():
        return _LinesBar(task, total)
    many = total > _MANY
    bar: Bar = tqdm(
        total=total or None,
        desc=task,
        unit="B" if many else "it",
        unit_scale=many,
        delay=SECONDS_BEFORE_A_BAR,
        leave=False,
        file=sys.stderr,
    )
    return bar


class _Clock:
    """The time of the last line, shared by all bars: tasks that are each shorter than the interval are told too."""

    def __init__(self) -> None:
        self._last: float | None = None

    def is_due(self) -> bool:
        now = time.monotonic()
        if self._last is None:
            self._last = now
        if now - self._last < SECONDS_BETWEEN_LINES:
            return False
        self._last = now
        return True


_clock = _Clock()


class _LinesBar:
    """Writes ``task: 3 of 10`` on stderr when a line is due."""

    def __init__(self, task: str, total: int) -> None:
        self._task = task
        self.total: float | None = total
        self._note = ""
        self.n: float = 0
        _clock.is_due()

    def update(self, n: float = 1) -> None:
        self.n += n
        if _clock.is_due():
            note = f", {self._note}" if self._note else ""
            print(printable(f"{self._task}: {self._count()}{note}"), file=sys.stderr, flush=True)

    def set_postfix_str(self, s: str = "", refresh: bool = True) -> None:
        self._note = s

    def close(self) -> None:
        pass

    def _count(self) -> str:
        total = self.total or 0
        if total > _MANY:
            return f"{self.n / 2**20:.0f} of {total / 2**20:.0f} MB"
        return f"{self.n:g} of {total:g}" if total else f"{self.n:g}"


def _is_terminal() -> bool:
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):  # there is none, or it is closed
        return False
