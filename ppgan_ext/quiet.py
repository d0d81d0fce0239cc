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
    with tempfile.TemporaryFile() as log:
        saved = [(number, os.dup(number)) for number in (1, 2)]
        for number, _ in saved:
            os.dup2(log.fileno(), number)
        try:
            yield
        except BaseException:
            _flush()
            log.seek(0)
            os.write(saved[1][1], log.read())
            raise
        finally:
            _flush()
            for number, copy in saved:
                os.dup2(copy, number)
                os.close(copy)


def _flush() -> None:
    """Flush Python's and C's output buffers; C buffers whole blocks when it does not write to a terminal."""
    sys.stdout.flush()
    sys.stderr.flush()
    with contextlib.suppress(OSError, AttributeError, TypeError):  # TypeError: no such handle on Windows
        ctypes.CDLL(None).fflush(None)
