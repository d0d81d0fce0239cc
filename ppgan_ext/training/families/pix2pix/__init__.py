"""pix2pix (arXiv 1611.07004): translation learnt from pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppgan_ext.training.families.pix2pix.options import Pix2PixOptions
from ppgan_ext.training.family import Family

if TYPE_CHECKING:
    from ppgan_ext.training.families.pix2pix.task import Pix2PixTask


def load_task() -> type[Pix2PixTask]:
    """Import and return the task class."""
    from ppgan_ext.training.families.pix2pix.task import Pix2PixTask

    return Pix2PixTask


FAMILY = Family(Pix2PixOptions, load_task)
