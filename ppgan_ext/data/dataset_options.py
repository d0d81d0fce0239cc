"""The options that all data sets share. Each data set declares its own options beside its class.

Pydantic lists fields base by base, the most distant base first. The location of the data has a base of its own, so that
a saved configuration lists the name, then the location, then everything else.
"""

from __future__ import annotations

from typing import Any

from ppgan_ext.option_types import Block, Count, CountOrZero


class NamedOptions(Block):
    """The name of a data set, a key of `datasets.DATASETS`."""

    name: str


class DatarootOptions(NamedOptions):
    """The location of a data set that reads one source: a folder, a ``.zip`` or a ``.npz`` pack."""

    dataroot: str


class DatasetOptions(NamedOptions):
    """Options of every data set. Those of this class configure its loader, all others the data set itself.

    Attributes:
        name: of the class, a key of `datasets.DATASETS`.
        batch_size: samples in a batch of one process.
        num_workers: processes that load samples.
        use_shared_memory: accepted for PaddleGAN's files, without effect: the workers use no shared memory.
    """

    batch_size: Count = 1
    num_workers: CountOrZero = 0
    use_shared_memory: bool = True

    def arguments(self) -> dict[str, Any]:
        """Return the options of the data set itself, which are the arguments of its constructor."""
        return {key: getattr(self, key) for key in type(self).model_fields if key not in DatasetOptions.model_fields}
