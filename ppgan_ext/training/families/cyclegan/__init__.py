"""CycleGAN (arXiv 1703.10593): translation learnt from two collections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppgan_ext.training.families.cyclegan.options import CycleGANOptions
from ppgan_ext.training.family import Family

if TYPE_CHECKING:
    from ppgan_ext.training.families.cyclegan.task import CycleGANTask


def load_task() -> type[CycleGANTask]:
    """Import and return the task class."""
    from ppgan_ext.training.families.cyclegan.task import CycleGANTask

    return CycleGANTask


FAMILY = Family(CycleGANOptions, load_task)
