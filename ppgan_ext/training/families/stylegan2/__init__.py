"""StyleGAN2 (arXiv 1912.04958) with ADA (arXiv 2006.06676)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppgan_ext.training.families.stylegan2.options import StyleGAN2Options
from ppgan_ext.training.family import Family

if TYPE_CHECKING:
    from ppgan_ext.training.families.stylegan2.task import StyleGAN2Task


def load_task() -> type[StyleGAN2Task]:
    """Import and return the task class."""
    from ppgan_ext.training.families.stylegan2.task import StyleGAN2Task

    return StyleGAN2Task


FAMILY = Family(StyleGAN2Options, load_task)
