"""GANs of random numbers and classes: vanilla (arXiv 1406.2661), least squares (1611.04076), WGAN (1701.07875).

WGAN-GP is arXiv 1704.00028, the conditional form 1411.1784.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppgan_ext.training.families.gan.options import GANOptions
from ppgan_ext.training.family import Family

if TYPE_CHECKING:
    from ppgan_ext.training.families.gan.task import GANTask


def load_task() -> type[GANTask]:
    """Import and return the task class."""
    from ppgan_ext.training.families.gan.task import GANTask

    return GANTask


FAMILY = Family(GANOptions, load_task)
