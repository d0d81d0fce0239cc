"""Traces of functions as Paddle's programs, without a record of where in the source each operator was called."""

from __future__ import annotations

import contextlib
import sys
import threading
import traceback
from collections.abc import Iterator
from types import FrameType

_lock = threading.RLock()


@contextlib.contextmanager
def without_call_stacks() -> Iterator[None]:
    """Let this thread trace programs in the block without their operators' call stacks.

    For each operator Paddle calls ``traceback.extract_stack``, which reads a line of source for each frame: up to half
    of the time of a trace. The stacks serve Paddle's messages about operators that fail; they are not saved with a
    program. Other threads get their stacks as ever, and trace one after another.
    """
    tracing = threading.get_ident()
    with _lock:
        extract = traceback.extract_stack

        def extract_stack(f: FrameType | None = None, limit: int | None = None) -> traceback.StackSummary:
            if threading.get_ident() == tracing:
                return traceback.StackSummary()
            return extract(sys._getframe(1) if f is None else f, limit)

        traceback.extract_stack = extract_stack
        try:
            yield
        finally:
            traceback.extract_stack = extract
