"""DCGAN (arXiv 1511.06434), under PaddleGAN's name DCGANModel; with `gan_mode: lsgan` also LSGAN (1611.04076)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppgan_ext.training.families.dcgan.options import DCGANOptions
from ppgan_ext.training.family import Family

if TYPE_CHECKING:
    from ppgan_ext.training.families.gan.task import GANTask


def load_task() -> type[GANTask]:
    """Import and return the task class, which DCGANModel shares with GANModel."""
    from ppgan_ext.training.families.gan.task import GANTask

    return GANTask


FAMILY = Family(DCGANOptions, load_task)
