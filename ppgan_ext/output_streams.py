"""Standard streams that never end the work: closed, full, or unable to show a character."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast


class EnduringStream(io.TextIOBase):
    """A text stream that drops what cannot be written, instead of raising.

    Characters that the stream cannot encode are written as escapes. At the first error of another kind (the reader of a
    pipe has left, the disk is full) all later output is dropped.

    Args:
        stream: where the text goes; None where the process has none.

    Attributes:
        error: what ended the output, or None.
    """

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__()
        self._stream = stream
        self.error: Exception | None = None

    def write(self, text: str) -> int:
        """Write text and return its length."""
        if self._stream is None or self.error is not None:
            return len(text)
        try:
            try:
                self._stream.write(text)
            except UnicodeEncodeError:
                encoding = self._stream.encoding or "ascii"
                self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            if "\n" in text:
                self._stream.flush()  # now, while an error can still be dealt with
        except (OSError, ValueError) as error:
            self._end(error)
        return len(text)

    def flush(self) -> None:
        """Write what is buffered."""
        if self._stream is None or self.error is not None:
            return
        try:
            self._stream.flush()
        except (OSError, ValueError) as error:
            self._end(error)

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Return whether the text goes to a terminal."""
        try:
            return self._stream is not None and self.error is None and self._stream.isatty()
        except ValueError:  # the stream is closed
            return False

    def fileno(self) -> int:
        """Return the stream's file descriptor."""
        if self._stream is None:
            raise io.UnsupportedOperation("there is no such stream")
        return self._stream.fileno()

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the stream, such as its encoding."""
        return getattr(self._stream, name)

    def _end(self, error: Exception) -> None:
        """Drop everything from now on; what is still buffered must not raise when the interpreter ends."""
        self.error = error
        with contextlib.suppress(OSError, ValueError, AttributeError):
            number = self.fileno()
            sink = os.open(os.devnull, os.O_WRONLY)
            os.dup2(sink, number)
            os.close(sink)


@contextlib.contextmanager
def enduring_streams() -> Iterator[None]:
    """Let nothing that is printed within the block raise; afterwards the streams are as they were."""
    _open_closed_descriptors()
    saved = sys.stdout, sys.stderr
    output, errors = EnduringStream(sys.stdout), EnduringStream(sys.stderr)
    sys.stdout, sys.stderr = cast(TextIO, output), cast(TextIO, errors)
    try:
        yield
    finally:
        output.flush()
        if isinstance(output.error, OSError) and not isinstance(output.error, BrokenPipeError):
            errors.write(f"warning: not all output could be printed ({output.error.strerror or output.error})\n")
        errors.flush()
        if (sys.stdout, sys.stderr) == (output, errors):
            sys.stdout, sys.stderr = saved


def _open_closed_descriptors() -> None:
    """Lead closed standard descriptors nowhere: otherwise the next file that is opened would be printed into."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            sink = os.open(os.devnull, os.O_RDWR)
            if sink != number:
                os.dup2(sink, number)
                os.close(sink)
