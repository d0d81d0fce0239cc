"""The entry of a model family in the table of families: the options of its `model:` block, and its task."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ppgan_ext.option_types import Block

if TYPE_CHECKING:
    from ppgan_ext.training.settings import Settings
    from ppgan_ext.training.task import Task


class FamilyOptions(Block):
    """The `model:` block of a family, validated without importing Paddle.

    Attributes:
        name: the family's name, a key of `families.FAMILIES`.
    """

    name: str

    @classmethod
    def problems(cls, settings: Settings) -> Iterable[str]:
        """List the mistakes that involve several keys or blocks, each as ``key: what is wrong``.

        Args:
            settings: the whole configuration, each block of which is valid by itself.
        """
        return ()


@dataclass(frozen=True)
class Family:
    """A row of `families.FAMILIES`.

    Attributes:
        options: class of the options in the `model:` block.
        load_task: imports and returns the task class, and Paddle with it.
    """

    options: type[FamilyOptions]
    load_task: Callable[[], type[Task]]
