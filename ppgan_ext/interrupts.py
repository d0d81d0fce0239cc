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
    ours = usual is signal.default_int_handler  # not so in a background job, where a shell has it ignored
    if threading.current_thread() is not threading.main_thread() or not (ours or terminate):
        yield lambda: None
        return
    came: set[int] = set()

    def remember(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and number in came:
            signal.default_int_handler(number, frame)
        came.add(number)

    def check() -> None:
        if came:
            came.clear()  # told once; who catches it goes on
            raise KeyboardInterrupt

    numbers = [signal.SIGINT] * ours + [signal.SIGTERM] * terminate
    before = {number: signal.signal(number, remember) for number in numbers}
    try:
        yield check
        check()
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
