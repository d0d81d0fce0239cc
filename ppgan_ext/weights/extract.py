"""Extracting one network from a training checkpoint without renaming, like PaddleGAN's tools/extract_weight.py."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ppgan_ext.errors import ConfigError, WeightsError, nearest
from ppgan_ext.weights import readers
from ppgan_ext.weights.rename import State, check_numbers

DEFAULT_NET = "gen_ema"
# Names of the entries of Paddle's optimisers; no network has such parameters.
_OPTIMIZER_ENTRY = re.compile(r"LR_Scheduler|master_weights|.+_(?:moment\d?|beta\d_pow_acc|velocity|mean_square)_\d+")


@dataclass(frozen=True)
class Extract:
    """The result of an extraction.

    Attributes:
        net_name: the extracted network.
        num_arrays: number of its parameters and buffers.
        num_values: number of their elements.
        left: the other networks of the checkpoint.
        output: the written file.
    """

    net_name: str
    num_arrays: int
    num_values: int
    left: tuple[str, ...]
    output: Path

    def __str__(self) -> str:
        left = f"; left in the checkpoint: {', '.join(self.left)}" if self.left else ""
        counts = f"{self.num_arrays} arrays, {self.num_values:,} numbers"
        return f"written: {self.net_name} ({counts}) to {self.output}{left}"


def extract(checkpoint: str | os.PathLike[str], output: str | os.PathLike[str], net_name: str | None = None) -> Extract:
    """Write one network of a checkpoint to a file of its own.

    Args:
        checkpoint: ``{network: arrays, ..., optimiser: arrays, "epoch": ...}``, the layout of PaddleGAN and this
            package.
        output: ``.pdparams`` or ``.safetensors``.
        net_name: the name of a network in the checkpoint; None means ``gen_ema``.

    Raises:
        ConfigError: the suffix of ``output`` is not supported.
        WeightsError: the checkpoint cannot be read or contains no network of that name (those it contains are
            listed), or that network contains NaN or infinite numbers.
        OutputError: the output cannot be written.
    """
    path, target = Path(checkpoint), Path(output)
    if target.suffix.lower() not in (".pdparams", ".safetensors"):
        raise ConfigError("weights are written as .pdparams or .safetensors", where=target, cure="Change the suffix")
    nets = networks_in(readers.read(path))
    name = DEFAULT_NET if net_name is None else net_name
    if not nets:
        cure = "If it contains one network, use it as it is; for other layouts, use tools/convert_weights.py"
        raise WeightsError("is not a checkpoint of several networks", where=path, cure=cure)
    if name not in nets:
        raise WeightsError(f"contains no network '{name}'", where=path, cure=nearest(name, nets))
    state = nets[name]
    check_numbers(state, path)
    readers.write(target, state)
    num_values = sum(array.size for array in state.values())
    return Extract(name, len(state), num_values, tuple(key for key in nets if key != name), target)


def networks_in(tree: Any) -> dict[str, State]:
    """Return the networks in a checkpoint's content: entries that consist of named arrays and are not optimisers."""
    if not isinstance(tree, Mapping):
        return {}
    return {str(name): dict(state) for name, state in tree.items() if _is_network(state)}


def _is_network(state: Any) -> bool:
    if not isinstance(state, Mapping) or not state:
        return False
    arrays = all(isinstance(name, str) and isinstance(value, np.ndarray) for name, value in state.items())
    return arrays and not any(_OPTIMIZER_ENTRY.fullmatch(name) for name in state)
