"""Weights that a run starts from, by their names: `--load`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ppgan_ext.errors import WeightsError
from ppgan_ext.weights import load, readers
from ppgan_ext.weights.recognise import recognise
from ppgan_ext.weights.rename import check_match

if TYPE_CHECKING:
    from ppgan_ext.training.task import Task

State = dict[str, npt.NDArray]
_OWN_KEY = "ppgan_ext"  # of a checkpoint: no network


def load_weights(source: str | os.PathLike[str], task: Task) -> list[str]:
    """Start from the weights of a file.

    A network takes the weights that have its own name in the file, or a name in the task's `load_names`; never those
    that merely fit. So two networks of one shape cannot be mistaken for one another.

    Args:
        source: a file of several networks (``{network: arrays}``), a checkpoint, or a file of one network; or
            "NETWORK=FILE", which gives the only network of a file its name.
        task: built.

    Returns:
        A note for each network that keeps its fresh weights.

    Raises:
        WeightsError: a network's weights do not fit it, or nothing in the file has a name that the task knows.
    """
    given, path = _split_source(source, task)
    entries = _entries(readers.read(path), path)
    if given is not None:
        if len(entries) > 1:
            cure = f"It holds {', '.join(entries)}; give the file without '{given}='"
            raise WeightsError("holds several networks, which have names already", where=path, cure=cure)
        entries = {given: next(iter(entries.values()))}
    loaded: dict[str, State] = {}
    for name, network in task.networks.items():
        names = (name,) if given is not None else (name, *task.load_names.get(name, ()))
        source_name = next((key for key in names if key in entries), None)
        if source_name is not None:
            check_fit(name, entries[source_name], network, path)
            loaded[name] = entries[source_name]
    if not loaded:
        what = f"no network in it has a name that this model knows (it holds {', '.join(entries)})"
        cure = f"This model's networks are {', '.join(task.networks)}; name the network of a file with --load NAME=FILE"
        raise WeightsError(what, where=path, cure=cure)
    for name, state in loaded.items():
        load.load_into(task.networks[name], dict(state), path)
    return [
        f"{name} keeps its fresh weights: {path.name} has none for it" for name in task.networks if name not in loaded
    ]


def _split_source(source: str | os.PathLike[str], task: Task) -> tuple[str | None, Path]:
    """Split NETWORK=FILE; a file whose whole name exists is meant as such."""
    name, equals, rest = str(source).partition("=")
    if equals and name in task.networks and not Path(source).exists():
        return name, Path(rest)
    return None, Path(source)


def check_fit(name: str, state: Mapping[str, npt.NDArray], network: Any, where: Path) -> None:
    """Refuse arrays that a network cannot take.

    Raises:
        WeightsError: lists missing, unexpected and misshapen arrays.
    """
    expected = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    found = {key: tuple(np.shape(array)) for key, array in state.items()}
    try:
        check_match(found, expected, where, cure="Use the configuration that it was trained with")
    except WeightsError as error:
        raise WeightsError(f"{name}: {error.what}", where=error.where, cure=error.cure) from None


def _entries(tree: Any, where: Path) -> dict[str, State]:
    """Return the networks of a file by name."""
    nets = {str(key): dict(value) for key, value in tree.items() if _is_state(value)} if isinstance(tree, dict) else {}
    if nets:
        return {key: value for key, value in nets.items() if key != _OWN_KEY}
    if _is_state(tree):
        try:
            return dict(recognise(tree, where).parts)
        except WeightsError:
            return {where.stem: dict(tree)}
    raise WeightsError("holds no networks", where=where, cure="Give an iter_N_weight.pdparams")


def _is_state(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(isinstance(item, np.ndarray) for item in value.values())
