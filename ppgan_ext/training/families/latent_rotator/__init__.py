"""A network that turns heads in W+, for a frozen generator and encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppgan_ext.training.families.latent_rotator.options import LatentRotatorOptions
from ppgan_ext.training.family import Family

if TYPE_CHECKING:
    from ppgan_ext.training.families.latent_rotator.task import LatentRotatorTask


def load_task() -> type[LatentRotatorTask]:
    """Import and return the task class."""
    from ppgan_ext.training.families.latent_rotator.task import LatentRotatorTask

    return LatentRotatorTask


FAMILY = Family(LatentRotatorOptions, load_task)
