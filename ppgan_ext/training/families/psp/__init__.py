"""Encoders for a StyleGAN2 generator: pSp and encoder4editing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppgan_ext.training.families.psp.options import Pixel2Style2PixelOptions
from ppgan_ext.training.family import Family

if TYPE_CHECKING:
    from ppgan_ext.training.families.psp.task import Pixel2Style2PixelTask


def load_task() -> type[Pixel2Style2PixelTask]:
    """Import and return the task class."""
    from ppgan_ext.training.families.psp.task import Pixel2Style2PixelTask

    return Pixel2Style2PixelTask


FAMILY = Family(Pixel2Style2PixelOptions, load_task)
