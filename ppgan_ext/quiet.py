"""Keep what C++ libraries print off the terminal."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what Paddle's C++ prints off the terminal; it is shown if the block fails.

    ``contextlib.redirect_stderr`` would not do: C++ writes to the file descriptors.
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
    """Empty the buffers of Python and of C, which holds lines back where it does not write to a terminal."""
    sys.stdout.flush()
    sys.stderr.flush()
    with contextlib.suppress(OSError, AttributeError, TypeError):  # TypeError: no such handle on Windows
        ctypes.CDLL(None).fflush(None)
