"""A model family as the table of families sees it: the options of its `model:` block, and how to import its task."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ppgan_ext.option_types import Block

if TYPE_CHECKING:
    from ppgan_ext.training.settings import Settings
    from ppgan_ext.training.task import Task


class FamilyOptions(Block):
    """The `model:` block of a family, checked without importing Paddle.

    Attributes:
        name: the family's name, a key of `families.FAMILIES`.
    """

    name: str

    @classmethod
    def problems(cls, settings: Settings) -> Iterable[str]:
        """List mistakes that only show when several blocks are seen together, each ``key: what is wrong``."""
        return ()


@dataclass(frozen=True)
class Family:
    """A row of `families.FAMILIES`.

    Attributes:
        options: of the `model:` block.
        load_task: imports and returns the task; only then is Paddle imported.
    """

    options: type[FamilyOptions]
    load_task: Callable[[], type[Task]]
