"""The errors a user can meet. Each says what went wrong, where, and what to do about it, on one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PpganExtError(Exception):
    """Base of every error that is the input's or the environment's fault, not a bug.

    Args:
        what: the fault, one sentence without a full stop.
        where: the file, key or argument that is at fault.
        cure: what the user can do, one sentence without a full stop.
    """

    def __init__(self, what: str, *, where: object = None, cure: str | None = None) -> None:
        self.what = what
        self.where = None if where is None else str(where)
        self.cure = cure
        super().__init__(what)

    def __reduce__(self) -> tuple:
        """Pickle with the keyword arguments, so that the error survives a worker process."""
        return _rebuild, (type(self), self.what, self.where, self.cure)

    def __str__(self) -> str:
        """Join the parts on one line, ``where: what. cure.``, as a user reads them."""
        text = f"{self.where}: {self.what}" if self.where else self.what
        text = f"{text}. {self.cure}." if self.cure else text
        return " ".join(text.split())


class ConfigError(PpganExtError):
    """A configuration, option or name that cannot be used."""


class WeightsError(PpganExtError):
    """A weight file that is missing, damaged, unsafe or of another architecture."""


class NoFaceError(PpganExtError):
    """A photo in which no face, or not the face asked for, was found."""


class InputError(PpganExtError):
    """A file or array that cannot be read as what it should be."""


class OutputError(PpganExtError):
    """A result that cannot be written."""


class TrainingError(PpganExtError):
    """A training run that cannot go on: numbers out of range, or another of its processes gone."""


def _rebuild(kind: type[PpganExtError], what: str, where: str | None, cure: str | None) -> PpganExtError:
    return kind(what, where=where, cure=cure)


def nearest(name: str, choices: Iterable[str]) -> str:
    """Name the choice nearest to a misspelt name, and all choices: the cure of an unknown-name error.

    Example:
        >>> nearest("smlie", ["age", "smile"])
        "Did you mean 'smile'? Choose from: age, smile"
    """
    known = sorted(choices)
    lowered = {choice.lower(): choice for choice in known}
    close = difflib.get_close_matches(str(name).lower(), lowered, n=1, cutoff=0.5)
    hint = f"Did you mean '{lowered[close[0]]}'? " if close else ""
    return f"{hint}Choose from: {', '.join(known)}" if known else f"{hint}There is nothing to choose from"
