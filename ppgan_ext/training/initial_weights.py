"""The weights that a run starts from (``--load``), matched to its networks by name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ppgan_ext.errors import WeightsError
from ppgan_ext.weights import load, readers
from ppgan_ext.weights.gan_family import find_networks
from ppgan_ext.weights.recognise import recognise
from ppgan_ext.weights.rename import check_match
from ppgan_ext.weights.rename_gan_family import complete

if TYPE_CHECKING:
    from ppgan_ext.training.task import Task

State = dict[str, npt.NDArray]
_OWN_KEY = "ppgan_ext"  # an entry of a checkpoint that is not a network


def load_weights(source: str | os.PathLike[str], task: Task) -> list[str]:
    """Load the weights in a file into the task's networks.

    A network gets the weights that have its own name in the file, or one of its names in the task's `load_names`. The
    shapes alone never decide, so two networks of one shape cannot be confused.

    Args:
        source: a file of several networks (``{network: arrays}``), a checkpoint, or a file of one network; or
            "NETWORK=FILE", which names the only network of a file.
        task: the task, after `build`.

    Returns:
        A note for each network that keeps its initial weights.

    Raises:
        WeightsError: the weights of a network do not fit it, or no name in the file belongs to the task.
    """
    network_name, path = _split_source(source, task)
    entries = _entries(readers.read(path), path)
    if network_name is not None:
        if len(entries) > 1:
            cure = f"It contains {', '.join(entries)}; leave out '{network_name}='"
            raise WeightsError("contains several networks, which are named already", where=path, cure=cure)
        entries = {network_name: next(iter(entries.values()))}
    states: dict[str, State] = {}
    for name, network in task.networks.items():
        names = (name,) if network_name is not None else (name, *task.load_names.get(name, ()))
        source_name = next((key for key in names if key in entries), None)
        if source_name is not None:
            shapes = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
            states[name] = complete(entries[source_name], shapes, shapes)
            check_fit(name, states[name], network, path)
    if not states:
        what = f"contains no network of this model by name, but {', '.join(entries)}"
        cure = f"This model's networks are {', '.join(task.networks)}; name the network of a file with --load NAME=FILE"
        raise WeightsError(what, where=path, cure=cure)
    for name, state in states.items():
        load.load_into(task.networks[name], dict(state), path)
    return [
        f"{name} keeps its initial weights, because {path.name} has none for it"
        for name in task.networks
        if name not in states
    ]


def _split_source(source: str | os.PathLike[str], task: Task) -> tuple[str | None, Path]:
    """Split NETWORK=FILE, unless a file of that whole name exists."""
    name, equals, rest = str(source).partition("=")
    if equals and name in task.networks and not Path(source).exists():
        return name, Path(rest)
    return None, Path(source)


def check_fit(name: str, state: Mapping[str, npt.NDArray], network: Any, where: Path) -> None:
    """Check that arrays have the names and shapes of a network.

    Args:
        name: name of the network, for the message.
        state: array name -> array.
        network: the network.
        where: the file of the arrays, for the message.

    Raises:
        WeightsError: lists the missing and unexpected arrays and those of a wrong shape.
    """
    expected = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    shapes = {key: tuple(np.shape(array)) for key, array in state.items()}
    try:
        check_match(shapes, expected, where, cure="Use the configuration that it was trained with")
    except WeightsError as error:
        raise WeightsError(f"{name}: {error.what}", where=error.where, cure=error.cure) from None


def _entries(tree: Any, where: Path) -> dict[str, State]:
    """Return the networks of a file by name."""
    nets = {str(key): dict(value) for key, value in tree.items() if _is_state(value)} if isinstance(tree, dict) else {}
    if nets:
        renamed = {network.net_name: network.state for network in find_networks(nets)}  # of PyTorch's projects
        return {key: renamed.get(key, value) for key, value in nets.items() if key != _OWN_KEY}
    if _is_state(tree):
        try:
            checkpoint = recognise(tree, where)
            found = {network.net_name or where.stem: network.state for network in checkpoint.gan_networks}
            return found or dict(checkpoint.parts)
        except WeightsError:
            return {where.stem: dict(tree)}
    raise WeightsError("contains no networks", where=where, cure="Use an iter_N_weight.pdparams")


def _is_state(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(isinstance(item, np.ndarray) for item in value.values())
