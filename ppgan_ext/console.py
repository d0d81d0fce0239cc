"""How every command ends: an error is one line on stderr and an exit code; our warnings are one line each."""

from __future__ import annotations

import contextlib
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator

from ppgan_ext.errors import PpganExtError

DONE, FAILED, INTERRUPTED = 0, 1, 130


def run(work: Callable[[], int], debug: bool, interrupted: str) -> int:
    """Do the work of a command and return its exit code; nothing is raised.

    Args:
        work: returns the exit code.
        debug: show tracebacks, and the warnings of the libraries below.
        interrupted: what to say after Ctrl-C.
    """
    with one_line_warnings(debug):
        try:
            return work()
        except SystemExit as leaving:  # argparse leaves after --help
            return int(leaving.code or 0)
        except KeyboardInterrupt:
            return fail(interrupted, debug, INTERRUPTED)
        except PpganExtError as error:
            return fail(str(error), debug)
        except Exception as error:  # noqa: BLE001 - a fault of ours is one line too, with the way to report it
            kind = type(error).__name__
            return fail(f"unexpected {kind}: {error}. Run it again with --debug and report what it prints.", debug)


def fail(message: str, debug: bool, code: int = FAILED) -> int:
    """Write an error as one line on stderr and return the exit code."""
    if debug:
        traceback.print_exc()
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return code


@contextlib.contextmanager
def one_line_warnings(debug: bool) -> Iterator[None]:
    """Show our own warnings as one line; those of the libraries below only with ``--debug``."""

    def show(message: Warning | str, category: type[Warning], *_: object) -> None:
        if debug or category.__module__.startswith("ppgan_ext"):
            print(f"warning: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = show  # type: ignore[assignment]
        yield
