"""Take one network out of a training checkpoint, under the names it has there: PaddleGAN's tools/extract_weight.py."""

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
from ppgan_ext.weights.rename import State

DEFAULT_NET = "gen_ema"
# Names that Paddle's optimisers give to what they keep; no network has such parameters.
_OPTIMIZER_ENTRY = re.compile(r"LR_Scheduler|master_weights|.+_(?:moment\d?|beta\d_pow_acc|velocity|mean_square)_\d+")


@dataclass(frozen=True)
class Extract:
    """What was taken out.

    Attributes:
        net_name: the network.
        num_arrays: its parameters and buffers.
        num_values: numbers in all of them.
        left: the other networks of the checkpoint.
        output: the file written.
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
        checkpoint: ``{network: arrays, ..., optimiser: arrays, "epoch": ...}``, PaddleGAN's layout and this package's.
        output: ``.pdparams`` or ``.safetensors``.
        net_name: a network by its name there; None takes ``gen_ema``.

    Raises:
        ConfigError: another suffix.
        WeightsError: the checkpoint cannot be read or holds no network of that name; lists those that it holds.
        OutputError: the output cannot be written.
    """
    path, target = Path(checkpoint), Path(output)
    if target.suffix.lower() not in (".pdparams", ".safetensors"):
        raise ConfigError("weights are written as .pdparams or .safetensors", where=target, cure="Change the suffix")
    nets = networks_in(readers.read(path))
    name = DEFAULT_NET if net_name is None else net_name
    if not nets:
        cure = "It is one network's file already, or of a layout that tools/convert_weights.py reads"
        raise WeightsError("is no checkpoint of several networks", where=path, cure=cure)
    if name not in nets:
        raise WeightsError(f"holds no network '{name}'", where=path, cure=nearest(name, nets))
    state = nets[name]
    readers.write(target, state)
    num_values = sum(array.size for array in state.values())
    return Extract(name, len(state), num_values, tuple(key for key in nets if key != name), target)


def networks_in(tree: Any) -> dict[str, State]:
    """The networks of what a checkpoint holds: entries of nothing but named arrays that are no optimiser's."""
    if not isinstance(tree, Mapping):
        return {}
    return {str(name): dict(state) for name, state in tree.items() if _is_network(state)}


def _is_network(state: Any) -> bool:
    if not isinstance(state, Mapping) or not state:
        return False
    arrays = all(isinstance(name, str) and isinstance(value, np.ndarray) for name, value in state.items())
    return arrays and not any(_OPTIMIZER_ENTRY.fullmatch(name) for name in state)
