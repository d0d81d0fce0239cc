"""U-GAT-IT (arXiv 1907.10830), and Photo2Cartoon's generator trained in its way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppgan_ext.training.families.ugatit.options import UGATITOptions
from ppgan_ext.training.family import Family

if TYPE_CHECKING:
    from ppgan_ext.training.families.ugatit.task import UGATITTask


def load_task() -> type[UGATITTask]:
    """Import and return the task class."""
    from ppgan_ext.training.families.ugatit.task import UGATITTask

    return UGATITTask


FAMILY = Family(UGATITOptions, load_task)
