"""Ctrl-C at a moment of our choosing."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


@contextlib.contextmanager
def deferred_interrupt(terminate: bool = False) -> Iterator[Callable[[], None]]:
    """Hold Ctrl-C back until the yielded function is called, which then raises KeyboardInterrupt.

    Paddle turns a KeyboardInterrupt that arrives within a backward pass into an error of its own, and what was fitted
    so far would be lost with it. A second Ctrl-C is not held back. Outside the main thread, and where somebody else
    handles the signal, nothing is changed.

    Args:
        terminate: treat SIGTERM as a first Ctrl-C, however often it comes: schedulers and launchers send it to end a
            process, beside the SIGINT of the terminal.
    """
    usual = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or usual is not signal.default_int_handler:
        yield lambda: None
        return
    came = False

    def remember(number: int, frame: FrameType | None) -> None:
        nonlocal came
        if came:
            signal.default_int_handler(number, frame)
        came = True

    def remember_termination(number: int, frame: FrameType | None) -> None:
        nonlocal came
        came = True

    def check() -> None:
        nonlocal came
        if came:
            came = False  # told once; who catches it goes on
            raise KeyboardInterrupt

    usual_termination = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGINT, remember)
    if terminate:
        signal.signal(signal.SIGTERM, remember_termination)
    try:
        yield check
        check()
    finally:
        signal.signal(signal.SIGINT, usual)
        signal.signal(signal.SIGTERM, usual_termination)
