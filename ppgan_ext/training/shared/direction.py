"""The direction of a translation, in PaddleGAN's and junyanz's words."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple, TypeAlias

from pydantic import BeforeValidator

_WORDS = {"a2b": "a2b", "atob": "a2b", "b2a": "b2a", "btoa": "b2a"}


def _known(value: object) -> object:
    word = str(value).lower()
    if word not in _WORDS:
        raise ValueError("expected a2b or b2a (or AtoB, BtoA)")
    return _WORDS[word]


Direction: TypeAlias = Annotated[Literal["a2b", "b2a"], BeforeValidator(_known)]


class Ends(NamedTuple):
    """The domains of a translation.

    Attributes:
        source: domain that it starts from, "A" or "B".
        target: domain that it leads to.
    """

    source: str
    target: str

    @property
    def name(self) -> str:
        """The translation's name, such as "a2b"."""
        return f"{self.source}2{self.target}".lower()

    @property
    def back(self) -> Ends:
        """The domains of the other direction."""
        return Ends(self.target, self.source)


def ends_of(direction: str) -> Ends:
    """Return the domains of "a2b" or "b2a"."""
    return Ends("A", "B") if direction == "a2b" else Ends("B", "A")
