"""What a file from elsewhere may cost to read, and the one door through which its errors leave.

A small file can describe a large thing: names that share their parts, an archive of zeros, an alias of an alias. So
every reader counts what it does and allocates in a :class:`Budget`, and stops when it is spent. And since a damaged
file can raise nearly anything in the libraries below, every reader runs inside :func:`door`, which lets only errors
for users out.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ppgan_ext.errors import PpganExtError

MAX_OPERATIONS = 2_000_000
MAX_DEPTH = 100
# The content of a file may take this many times its size, or the floor if that is larger.
EXPANSION, FLOOR_BYTES = 20, 256 * 2**20
_DAMAGED = "the file is truncated or damaged"
_COPY_AGAIN = "Download or copy the whole file again"
_MAX_REASON = 160


class BudgetError(Exception):
    """Reading a file would cost more than its budget."""


@dataclass
class Budget:
    """What one file may cost, and what has been spent.

    Attributes:
        max_bytes: of all memory that its content takes.
        max_operations: steps of its program, items of its containers, nodes of its text.
        max_depth: of nested containers.
        num_bytes: allocated so far.
        num_operations: spent so far.
    """

    max_bytes: int
    max_operations: int = MAX_OPERATIONS
    max_depth: int = MAX_DEPTH
    num_bytes: int = 0
    num_operations: int = 0

    @classmethod
    def for_file(cls, num_bytes: int) -> Budget:
        """Return the budget of a file of that size."""
        return cls(max(FLOOR_BYTES, EXPANSION * num_bytes))

    def spend(self, operations: int = 1) -> None:
        """Count operations.

        Raises:
            BudgetError: there are too many.
        """
        self.num_operations += operations
        if self.num_operations > self.max_operations:
            raise BudgetError(f"it has more than {self.max_operations:,} items")

    def allocate(self, num_bytes: int) -> None:
        """Count memory, before it is allocated.

        Raises:
            BudgetError: it is too much for the size of the file.
        """
        self.num_bytes += num_bytes
        if self.num_bytes > self.max_bytes:
            raise BudgetError(f"its content would take more than {self.max_bytes:,} bytes")

    def check_depth(self, depth: int) -> None:
        """Raise BudgetError for containers that are nested deeper than allowed, or contain themselves."""
        if depth > self.max_depth:
            raise BudgetError(f"its containers are nested more than {self.max_depth} deep, or contain themselves")


@contextlib.contextmanager
def door(where: object, kind: type[PpganExtError], cure: str = _COPY_AGAIN, *, what: str = _DAMAGED) -> Iterator[None]:
    """Let only errors for users out of a reader; Ctrl-C and the end of the process pass.

    Args:
        where: the file, for messages.
        kind: of the errors.
        cure: for a damaged file.
        what: is wrong with a damaged file.

    Raises:
        PpganExtError: of ``kind``, for everything that goes wrong inside, unless it is an error for users already.
    """
    try:
        yield
    except PpganExtError:
        raise
    except BudgetError as error:
        raise kind(f"refused: {error}", where=where, cure="Use a file from a source you trust") from None
    except MemoryError as error:
        advice = "Close other programs, or copy the file again if it should be small"
        raise kind("does not fit into this machine's memory", where=where, cure=advice) from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            advice = "Check the path and its permissions"
            raise kind(f"cannot be read ({error.strerror or error})", where=where, cure=advice) from error
        raise kind(f"{what} ({reason_of(error)})", where=where, cure=cure) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # how libraries written in Rust report a failed assertion
            raise
        raise kind(f"{what} ({reason_of(error)})", where=where, cure=cure) from None


def budget_of(path: str | os.PathLike[str]) -> Budget:
    """Return the budget of a file on disk."""
    return Budget.for_file(Path(path).stat().st_size)


def reason_of(error: BaseException) -> str:
    """Return an error's message as one short line of printable characters, or its type's name if it has none."""
    return shown(str(error)) or type(error).__name__


def shown(text: str, length: int = _MAX_REASON) -> str:
    """Return text from a file on one short line for a message, without characters that control a terminal."""
    line = " ".join(text[: 4 * length].split())
    printable = "".join(char if char.isprintable() else "?" for char in line[: length + 1])
    return printable if len(printable) <= length else f"{printable[: length - 3]}..."
