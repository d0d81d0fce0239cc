"""Visitors wait in one line for the model, which serves them one at a time, in the order in which they came."""

from __future__ import annotations

import statistics
import threading
import time
from collections import deque

from ppgan_ext.errors import PpganExtError

_REMEMBERED = 20  # jobs whose times tell how long a wait will be


class LineFullError(PpganExtError):
    """Too many visitors are waiting already."""


class Line:
    """The line of those who wait, and of the one who is served.

    Args:
        longest: how many may wait, beside the one who is served.
    """

    def __init__(self, longest: int = 16) -> None:
        self._longest = longest
        self._lock = threading.Lock()
        self._places: list[Place] = []
        self._times: deque[float] = deque(maxlen=_REMEMBERED)

    def join(self) -> Place:
        """Take the last place.

        Raises:
            LineFullError: too many are waiting.
        """
        with self._lock:
            if len(self._places) > self._longest:
                raise LineFullError("too many visitors are waiting", cure="Try again in a little while")
            place = Place(self)
            self._places.append(place)
            return place

    def __len__(self) -> int:
        return len(self._places)

    def _before(self, place: Place) -> int:
        with self._lock:
            return self._places.index(place) if place in self._places else 0

    def _leave(self, place: Place, seconds: float | None) -> None:
        with self._lock:
            if place in self._places:
                self._places.remove(place)
                if seconds is not None:
                    self._times.append(seconds)

    def _seconds(self, before: int) -> float | None:
        """Estimate how long ``before`` jobs take, by the median of the last ones; None before the first."""
        with self._lock:
            return before * statistics.median(self._times) if self._times else None


class Place:
    """One visitor's place in the line.

    Attributes:
        began: `time.monotonic` when its work began; None before.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self.began: float | None = None

    @property
    def before(self) -> int:
        """How many are before this one; 0: it is served."""
        return self._line._before(self)

    @property
    def seconds(self) -> float | None:
        """Estimate of the wait; None where nothing is known yet."""
        return self._line._seconds(self.before)

    def begin(self) -> None:
        """Note that the work begins now."""
        self.began = time.monotonic()

    def leave(self) -> None:
        """Let the next one come; to leave twice does nothing."""
        self._line._leave(self, None if self.began is None else time.monotonic() - self.began)
