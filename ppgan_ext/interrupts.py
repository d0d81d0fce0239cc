"""Ctrl-C and SIGTERM: deferred to a safe moment, or taken for one another."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


@contextlib.contextmanager
def deferred_interrupt(terminate: bool = False) -> Iterator[Callable[[], None]]:
    """Defer Ctrl-C until the yielded function is called, which then raises KeyboardInterrupt.

    Paddle turns a KeyboardInterrupt during a backward pass into an error of its own, and the results so far would be
    lost. A second Ctrl-C is not deferred. Outside the main thread, or if SIGINT already has another handler, this
    changes nothing.

    Args:
        terminate: also defer SIGTERM, any number of them: schedulers and launchers end a process with it, on top of
            the terminal's SIGINT.
    """
    current = signal.getsignal(signal.SIGINT)
    is_default = current is signal.default_int_handler  # false in a background job: the shell ignores SIGINT there
    if threading.current_thread() is not threading.main_thread() or not (is_default or terminate):
        yield lambda: None
        return
    received: set[int] = set()

    def remember(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and number in received:
            signal.default_int_handler(number, frame)
        received.add(number)

    def check() -> None:
        if received:
            received.clear()  # raised once: a caller that catches it can continue
            raise KeyboardInterrupt

    numbers = [signal.SIGINT] * is_default + [signal.SIGTERM] * terminate
    previous = {number: signal.signal(number, remember) for number in numbers}
    try:
        yield check
        check()
    finally:
        for number, handler in previous.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def came_of_interrupt(error: BaseException) -> bool:
    """Return whether an error came up while a KeyboardInterrupt passed through.

    A lock that Ctrl-C catches as it is taken raises RuntimeError when it is released: that is Ctrl-C, and no fault of
    the work.
    """
    seen: set[int] = set()
    context = error.__context__
    while context is not None and id(context) not in seen:
        if isinstance(context, KeyboardInterrupt):
            return True
        seen.add(id(context))
        context = context.__context__
    return False


@contextlib.contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM, with which service managers end a process, raise KeyboardInterrupt within the block.

    Outside the main thread, or if SIGTERM already has a handler, this changes nothing.
    """
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
