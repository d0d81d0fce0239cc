"""How every command ends: a short error on stderr and an exit code. Our own warnings take one line each.

Printing never ends the work, see `output_streams`.
"""

from __future__ import annotations

import contextlib
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator

from ppgan_ext.errors import PpganExtError
from ppgan_ext.file_names import printable
from ppgan_ext.files import outside_deleted_folder
from ppgan_ext.interrupts import came_of_interrupt
from ppgan_ext.output_streams import enduring_streams

DONE, FAILED, INTERRUPTED = 0, 1, 130


def run(work: Callable[[], int], debug: bool, interrupted: str) -> int:
    """Run a command and return its exit code; no exception escapes.

    Args:
        work: does the work and returns the exit code.
        debug: show tracebacks and the warnings of third-party libraries.
        interrupted: message to print after Ctrl-C.
    """
    with enduring_streams(), one_line_warnings(debug), outside_deleted_folder():
        try:
            return work()
        except SystemExit as leaving:  # argparse exits after --help
            return int(leaving.code or 0)
        except KeyboardInterrupt:
            return fail(interrupted, debug, INTERRUPTED)
        except PpganExtError as error:
            return fail(str(error), debug)
        except Exception as error:  # noqa: BLE001 - a bug of ours is one line too, and says how to report it
            if came_of_interrupt(error):
                return fail(interrupted, debug, INTERRUPTED)
            text = " ".join(f"unexpected {type(error).__name__}: {error}.".split())
            return fail(f"{text} Run it again with --debug and report the output.", debug)


def fail(message: str, debug: bool, code: int = FAILED) -> int:
    """Print an error on stderr and return the exit code."""
    if debug:
        traceback.print_exc()
    print(f"error: {message}", file=sys.stderr)
    return code


@contextlib.contextmanager
def one_line_warnings(debug: bool) -> Iterator[None]:
    """Print our own warnings on one line each, and those of third-party libraries only with ``--debug``."""

    def show(message: Warning | str, category: type[Warning], *_: object) -> None:
        if debug or category.__module__.startswith("ppgan_ext"):
            print(f"warning: {printable(message)}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = show  # type: ignore[assignment]
        yield
