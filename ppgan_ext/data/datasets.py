"""The data sets by the names that YAML files use. A new data set is one file and one row of `DATASETS`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic

from ppgan_ext import config
from ppgan_ext.data.assembly import Dataset
from ppgan_ext.data.common_vision_dataset import CommonVisionDataset
from ppgan_ext.data.dataset_options import DatasetOptions
from ppgan_ext.data.faces_dataset import FacesDataset
from ppgan_ext.data.multipie_dataset import MultiPieDataset
from ppgan_ext.data.paired_dataset import PairedDataset
from ppgan_ext.data.single_dataset import SingleDataset
from ppgan_ext.data.unpaired_dataset import UnpairedDataset
from ppgan_ext.errors import ConfigError, nearest

__all__ = [
    "DATASETS", "CommonVisionDataset", "FacesDataset", "MultiPieDataset", "PairedDataset", "SingleDataset",
    "UnpairedDataset", "build_dataset",
]  # fmt: skip

DATASETS: dict[str, Any] = {
    "SingleDataset": SingleDataset,
    "FacesDataset": FacesDataset,
    "MultiPieDataset": MultiPieDataset,
    "PairedDataset": PairedDataset,
    "UnpairedDataset": UnpairedDataset,
    "CommonVisionDataset": CommonVisionDataset,
}
"""Name -> a class that satisfies `Dataset`; its ``Options`` are the arguments of its constructor."""


def build_dataset(options: Mapping[str, Any] | pydantic.BaseModel) -> Dataset:
    """Build the data set that ``dataset.train`` or ``dataset.test`` of a YAML file describes.

    Args:
        options: ``name`` and the options of that data set, as in the file; or its validated options, used as they are.

    Raises:
        ConfigError: lists every unknown name and wrong value.
        InputError: there are no pictures.
    """
    validated = _validate(options) if isinstance(options, Mapping) else options
    if not isinstance(validated, DatasetOptions):
        raise TypeError(f"expected a mapping or the options of a data set, got {type(options).__name__}")
    return DATASETS[validated.name](**validated.arguments())


def _validate(content: Mapping[str, Any]) -> DatasetOptions:
    name = content.get("name")
    if name not in DATASETS:
        raise ConfigError(f"there is no data set '{name}'", where="name", cure=nearest(str(name), DATASETS))
    kind: type[DatasetOptions] = DATASETS[name].Options
    options, mistakes = config.validate(kind, dict(content), {}, None)
    config.refuse(mistakes)
    assert options is not None
    return options
