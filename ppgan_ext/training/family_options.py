"""The base of a model family's `model:` block."""

from __future__ import annotations

import abc
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ppgan_ext.option_types import Block

if TYPE_CHECKING:
    from ppgan_ext.training.schema import Settings
    from ppgan_ext.training.task import Task


class FamilyOptions(Block, abc.ABC):
    """The `model:` block of a family, checked without importing Paddle.

    Attributes:
        name: the family's name, a key of `families.FAMILIES`.
    """

    name: str

    @classmethod
    @abc.abstractmethod
    def task(cls) -> type[Task]:
        """Import and return the family's task."""

    @classmethod
    def problems(cls, settings: Settings) -> Iterable[str]:
        """List mistakes that only show when several blocks are seen together, each ``key: what is wrong``."""
        return ()
