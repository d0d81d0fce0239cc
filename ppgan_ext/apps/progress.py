"""Progress bars of the command line: only on a terminal, and only for work that takes longer than two seconds."""

from __future__ import annotations

import sys
from types import TracebackType

from tqdm import tqdm

SECONDS_BEFORE_A_BAR = 2.0
_MANY = 10**6  # a larger total counts bytes


class Bars:
    """A progress callback that draws one bar per task.

    Args:
        quiet: draw nothing, because a bar over all inputs is shown already.
    """

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._task = ""
        self._bar: tqdm | None = None

    def __call__(self, task: str, done: int, total: int, note: str = "") -> None:
        """Show that ``done`` of ``total`` steps of a task are done, with figures beside them."""
        if self._quiet:
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


def make_bar(task: str, total: int) -> tqdm:
    """Make a bar that appears after two seconds, disappears at the end, and stays out of files and pipes."""
    many = total > _MANY
    return tqdm(
        total=total or None,
        desc=task,
        unit="B" if many else "it",
        unit_scale=many,
        delay=SECONDS_BEFORE_A_BAR,
        leave=False,
        disable=None,
        file=sys.stderr,
    )
