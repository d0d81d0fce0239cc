"""Silencing the output of C++ libraries."""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any, TextIO, cast


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hide what Paddle's C++ code prints, unless the block fails: then the output is shown.

    ``contextlib.redirect_stderr`` is not enough: C++ writes straight to the file descriptors. These belong to the whole
    process, so threads share the silence, which lasts until the last of them has left its block. What threads outside
    such a block print in Python is shown all the same.
    """
    hush = _enter()
    begin = hush.length()
    try:
        yield
    except BaseException:
        _flush()
        hush.show(begin)
        raise
    finally:
        _leave(hush)


_lock = threading.RLock()
_current: _Hush | None = None


def _enter() -> _Hush:
    global _current
    with _lock:
        if _current is None:
            _current = _Hush()
        _current.threads[threading.get_ident()] += 1
        return _current


def _leave(hush: _Hush) -> None:
    global _current
    with _lock:
        _flush()
        thread = threading.get_ident()
        hush.threads[thread] -= 1
        if not hush.threads[thread]:
            del hush.threads[thread]
        if not hush.threads:
            hush.end()
            _current = None


class _Hush:
    """Standard output and errors of the process while they lead into a file that nobody sees.

    Attributes:
        threads: how many blocks each thread is in.
    """

    def __init__(self) -> None:
        _flush()
        self.threads: Counter[int] = Counter()
        self._copies = {number: os.dup(number) for number in (1, 2) if _is_open(number)}
        self._log = tempfile.TemporaryFile("a+b")
        for number in self._copies:
            os.dup2(self._log.fileno(), number)
        self._streams = [
            (name, stream, _Bypass(stream, self))
            for name, number in (("stdout", 1), ("stderr", 2))
            if number in self._copies and _number(stream := getattr(sys, name)) == number
        ]
        for name, _, bypass in self._streams:
            setattr(sys, name, bypass)

    def length(self) -> int:
        """Return how many bytes were hidden so far."""
        return os.fstat(self._log.fileno()).st_size

    def show(self, begin: int) -> None:
        """Show what was hidden from byte ``begin`` on."""
        with contextlib.suppress(OSError, KeyError):  # nowhere to show it
            self._log.seek(begin)  # what is written still goes to the end
            _write(self._copies[2], self._log.read())

    def pass_on(self, number: int, text: str, encoding: str) -> bool:
        """Print text of a thread that is in no block; returns False where this is not one, or the silence is over."""
        with _lock:
            if number not in self._copies or threading.get_ident() in self.threads:
                return False
            with contextlib.suppress(OSError):
                _write(self._copies[number], text.encode(encoding, "backslashreplace"))
            return True

    def is_terminal(self, number: int) -> bool:
        """Return whether a descriptor leads to a terminal when nothing is hidden."""
        with _lock:
            return os.isatty(self._copies.get(number, number))

    def end(self) -> None:
        """Put the streams and the descriptors back."""
        for name, stream, bypass in self._streams:
            if getattr(sys, name) is bypass:
                setattr(sys, name, stream)
        for number, copy in self._copies.items():
            os.dup2(copy, number)
            os.close(copy)
        self._copies.clear()
        self._log.close()


class _Bypass(io.TextIOBase):
    """Stands for a stream during the silence, and leads around it what other threads print."""

    def __init__(self, stream: TextIO, hush: _Hush) -> None:
        super().__init__()
        self._stream = stream
        self._number = stream.fileno()
        self._hush = hush

    def write(self, text: str) -> int:
        """Write text and return its length."""
        if self._hush.pass_on(self._number, text, self._stream.encoding or "utf-8"):
            return len(text)
        return self._stream.write(text)

    def flush(self) -> None:
        """Write what the stream has buffered."""
        self._stream.flush()

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Return whether the stream is a terminal outside the silence."""
        return self._hush.is_terminal(self._number)

    def fileno(self) -> int:
        """Return the stream's file descriptor."""
        return self._number

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the stream, such as its encoding."""
        return getattr(self._stream, name)


def _number(stream: TextIO | None) -> int | None:
    """Return a stream's file descriptor; None where it has none."""
    try:
        return None if stream is None else cast(int, stream.fileno())
    except (OSError, ValueError, AttributeError):
        return None


def _write(number: int, text: bytes) -> None:
    with open(number, "wb", closefd=False) as file:
        file.write(text)


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _flush() -> None:
    """Flush Python's and C's output buffers; C buffers whole blocks when it does not write to a terminal."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, full, or None: there is none
            stream.flush()
    with contextlib.suppress(OSError, AttributeError, TypeError):  # TypeError: no such handle on Windows
        ctypes.CDLL(None).fflush(None)
