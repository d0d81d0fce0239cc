"""The errors that a user can meet. Each message says what went wrong, where, and how to cure it, on one line.

Only several mistakes of one file are listed below the message, one to a line.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from ppgan_ext.file_names import printable


class PpganExtError(Exception):
    """Base class of every error caused by the input or the environment rather than by a bug.

    Args:
        what: the fault, one sentence without a full stop.
        where: the file, key or argument at fault.
        cure: what the user can do, one sentence without a full stop.
        details: the single mistakes that ``what`` counts, each shown on a line of its own below the message.
    """

    def __init__(
        self, what: str, *, where: object = None, cure: str | None = None, details: Sequence[str] = ()
    ) -> None:
        self.what = what
        self.where = None if where is None else str(where)
        self.cure = cure
        self.details = tuple(details)
        super().__init__(what)

    def __reduce__(self) -> tuple:
        """Pickle with the keyword arguments, so that the error survives a worker process."""
        return _rebuild, (type(self), self.what, self.where, self.cure, self.details)

    def __str__(self) -> str:
        """Return ``where: what. cure.`` on one line; with details, that line ends in a colon and they follow below."""
        text = f"{self.where}: {self.what}" if self.where else self.what
        text = f"{text}. {self.cure}." if self.cure else text
        heading, *details = [printable(" ".join(line.split())) for line in (text, *self.details)]
        return "\n  ".join([f"{heading.rstrip('.')}:", *details]) if details else heading

    def _render_traceback_(self) -> list[str]:
        """Tell notebooks to show the message alone, in place of the traceback: the fault is not in the code."""
        return [f"{type(self).__name__}: {self}"]


class ConfigError(PpganExtError):
    """A configuration, an option or a name is invalid."""


class WeightsError(PpganExtError):
    """A weight file is missing, damaged, unsafe or of another architecture."""


class NoFaceError(PpganExtError):
    """A photo contains no face, or lacks the requested one."""


class InputError(PpganExtError):
    """An input file or array cannot be read, or its content is not what is expected."""


class OutputError(PpganExtError):
    """A result cannot be written."""


class TrainingError(PpganExtError):
    """A training run cannot continue: numbers out of range, or one of its processes has died."""


def _rebuild(
    kind: type[PpganExtError], what: str, where: str | None, cure: str | None, details: Sequence[str]
) -> PpganExtError:
    return kind(what, where=where, cure=cure, details=details)


def nearest(name: str, choices: Iterable[str]) -> str:
    """Return the cure for an unknown name: the most similar choice, if any, and the list of all choices.

    Example:
        >>> nearest("smlie", ["age", "smile"])
        "Did you mean 'smile'? Choose from: age, smile"
    """
    names = sorted(choices)
    lowered = {choice.lower(): choice for choice in names}
    close = difflib.get_close_matches(str(name).lower(), lowered, n=1, cutoff=0.5)
    hint = f"Did you mean '{lowered[close[0]]}'? " if close else ""
    return f"{hint}Choose from: {', '.join(names)}" if names else f"{hint}There is nothing to choose from"
