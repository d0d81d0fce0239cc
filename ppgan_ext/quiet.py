"""Silencing the output of C++ libraries."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hide what Paddle's C++ code prints, unless the block fails: then the output is shown.

    ``contextlib.redirect_stderr`` is not enough: C++ writes straight to the file descriptors.
    """
    _flush()
    copies = {number: os.dup(number) for number in (1, 2) if _is_open(number)}
    with tempfile.TemporaryFile() as log:
        for number in copies:
            os.dup2(log.fileno(), number)
        try:
            yield
        except BaseException:
            _flush()
            log.seek(0)
            with contextlib.suppress(OSError, KeyError):  # nowhere to show it
                os.write(copies[2], log.read())
            raise
        finally:
            _flush()
            for number, copy in copies.items():
                os.dup2(copy, number)
                os.close(copy)


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
