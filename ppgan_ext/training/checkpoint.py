"""The state of a task in checkpoints of PaddleGAN's layout: written completely or not at all, restored only if it fits.

A file contains ``{network: arrays, "epoch": iteration, optimiser: arrays, "ppgan_ext": state that PaddleGAN lacks}``.
Learning rates are functions of the iteration, so they have no state.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ppgan_ext import seeding
from ppgan_ext.errors import TrainingError, WeightsError
from ppgan_ext.training import optimizers
from ppgan_ext.training.checkpoint_files import FORMAT, OWN_KEY, Checkpoint
from ppgan_ext.training.initial_weights import check_fit
from ppgan_ext.training.task import Task
from ppgan_ext.weights import load, readers
from ppgan_ext.weights.rename import check_match

State = dict[str, npt.NDArray]
_MAX_SHOWN = 8
TRANSLATORS = "translators"
# Settings that change neither the numbers nor the order of the data. `accumulate` is compared as shards per iteration.
_IRRELEVANT = (
    "output_dir", "log_config", "snapshot_config", "validate", "keep_checkpoints", "enable_visualdl",
    "enable_tensorboard", "accumulate", "export_model", "total_iters", "epochs", "image_num", "min_max",
    "find_unused_parameters", "dataset.test", "dataset.train.num_workers", "dataset.train.use_shared_memory",
)  # fmt: skip


class _Arrays(Mapping[str, npt.NDArray]):
    """Tensors by name, each copied into an array only while it is used: a checkpoint may be as large as the memory."""

    def __init__(self, tensors: Mapping[str, Any]) -> None:
        self._tensors = tensors

    def __getitem__(self, key: str) -> npt.NDArray:
        return self._tensors[key].numpy()

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)


def write_weights(path: Path, task: Task, iteration: int) -> None:
    """Write the weights of all networks of a task, their iteration, and how to apply those that translate images.

    Raises:
        TrainingError: a network contains NaN or infinite numbers; nothing is written.
        OutputError: the file cannot be written.
    """
    translators = task.translators()
    own = {"format": FORMAT, "iteration": iteration, **({TRANSLATORS: translators} if translators else {})}
    readers.write(path, {**_networks(task), OWN_KEY: own})


def gather_shard_states(task: Task) -> dict[str, dict[str, npt.NDArray]]:
    """Collect the states of all processes' shards in the writer; every process has to call this.

    Returns:
        Shard number, as text -> its arrays; shards without a state are left out. Empty in processes other than the
        writer.
    """
    own_states = {
        f"{shard}/{name}": array for shard in task.processes.shards for name, array in task.shard_state(shard).items()
    }
    packed = io.BytesIO()
    np.savez(packed, **own_states)  # type: ignore[arg-type]
    states: dict[str, dict[str, npt.NDArray]] = {}
    for message in task.processes.gather(packed.getvalue()):
        with np.load(io.BytesIO(message), allow_pickle=False) as arrays:
            for key in arrays:
                shard, _, name = key.partition("/")
                states.setdefault(shard, {})[name] = arrays[key]
    return states


def write_checkpoint(
    path: Path, task: Task, iteration: int, shards: Mapping[str, Mapping[str, npt.NDArray]] | None = None
) -> None:
    """Write the complete state of a run, from which it can continue exactly.

    Args:
        path: a .pdparams; an existing file is replaced only by a complete one.
        task: the task, between two iterations.
        iteration: number of finished iterations.
        shards: the states of the shards, as `gather_shard_states` returns them.

    Raises:
        TrainingError: a network contains NaN or infinite numbers; nothing is written.
        OutputError: the file cannot be written.
    """
    tree: dict[str, Any] = {**_networks(task)}
    tree["epoch"] = iteration
    for name, optimizer in task.optimizers.items():
        tree[name] = _Arrays(optimizer.state_dict())
    tree[OWN_KEY] = {
        "format": FORMAT,
        "iteration": iteration,
        "num_shards_total": task.processes.num_shards_total,
        "settings": flatten(task.settings.model_dump(mode="json", by_alias=True)),
        "extra_state": task.extra_state(),
        "generators": seeding.pack_state(seeding.save_state()),
        **({TRANSLATORS: translators} if (translators := task.translators()) else {}),
        **({"shards": {shard: dict(state) for shard, state in shards.items()}} if shards else {}),
    }
    readers.write(path, tree)


def restore(checkpoint: Checkpoint, task: Task) -> list[str]:
    """Restore a task from a checkpoint: networks, optimisers, extra state, shard states, global generators.

    Returns:
        Notes for the user: settings that differ, and the state that a checkpoint of PaddleGAN lacks.

    Raises:
        WeightsError: the checkpoint does not fit; all differences are listed, and the task is unchanged.
    """
    mismatches = _mismatches(checkpoint, task)
    changed = _changed_settings(checkpoint, task)
    if mismatches:
        cure = "Use its own configuration (leave out -c), or load only its weights with --load"
        what = f"belongs to another configuration: {'; '.join(_reasons(mismatches, changed))}"
        raise WeightsError(what, where=checkpoint.path, cure=cure)
    notes = [f"the run does not continue exactly, because settings differ: {'; '.join(changed)}"] if changed else []
    for name, network in task.networks.items():
        load.load_into(network, dict(checkpoint.tree[name]), checkpoint.path)
    for name, optimizer in task.optimizers.items():
        state = _optimizer_state(checkpoint, name, optimizer)
        if state is None:
            notes.append(f"the state of {name} in the checkpoint does not fit; the optimiser starts with a new state")
        else:
            optimizers.load_state(optimizer, state)
    if checkpoint.own:
        task.load_extra_state(checkpoint.own["extra_state"])
        _restore_shards(checkpoint, task)
        seeding.restore_state(seeding.unpack_state(checkpoint.own["generators"]))
    else:
        notes.append("a checkpoint of PaddleGAN contains only weights, optimisers and the iteration")
    return notes


def _restore_shards(checkpoint: Checkpoint, task: Task) -> None:
    """Restore the states of this process's shards; a shard that the checkpoint lacks keeps its initial state."""
    states = checkpoint.own.get("shards", {})
    for shard in task.processes.shards:
        if str(shard) in states:
            task.load_shard_state(shard, states[str(shard)])


def flatten(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Flatten nested dicts and lists of blocks into one dict with dotted names; lists of values stay lists."""
    if isinstance(tree, Mapping):
        items: list[tuple[Any, Any]] = list(tree.items())
    elif isinstance(tree, list) and any(isinstance(item, Mapping | list) for item in tree):
        items = list(enumerate(tree))
    else:
        return {prefix: tree}
    return {
        name: leaf
        for key, value in items
        for name, leaf in flatten(value, f"{prefix}.{key}" if prefix else str(key)).items()
    }


def _networks(task: Task) -> dict[str, Mapping[str, npt.NDArray]]:
    nets: dict[str, Mapping[str, npt.NDArray]] = {
        name: _Arrays(net.state_dict()) for name, net in task.networks.items()
    }
    for name, state in nets.items():
        for key, array in state.items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                cure = "The last checkpoint is kept; continue from it with a lower learning rate"
                what = "contains NaN or infinite numbers and is not saved"
                raise TrainingError(what, where=f"{name}.{key}", cure=cure)
    return nets


def _reasons(mismatches: Mapping[str, str], changed: list[str]) -> list[str]:
    """Explain why a checkpoint does not fit: by the settings of the model if they differ, else array by array."""
    model = [line for line in changed if line.startswith("model.")]
    if not model:
        return list(mismatches.values())
    more = [f"and {len(model) - _MAX_SHOWN} more settings of the model"] if len(model) > _MAX_SHOWN else []
    return [*model[:_MAX_SHOWN], *more, f"so its arrays do not fit {', '.join(mismatches)}"]


def _mismatches(checkpoint: Checkpoint, task: Task) -> dict[str, str]:
    """Describe, by name, the networks that do not fit, or else the optimiser states written by this package."""
    mismatches: dict[str, str] = {}
    for name, network in task.networks.items():
        state = checkpoint.tree.get(name)
        if not isinstance(state, Mapping):
            mismatches[name] = f"network {name} is missing"
            continue
        try:
            check_fit(name, state, network, checkpoint.path)
        except WeightsError as error:
            mismatches[name] = error.what
    if mismatches:  # then the optimisers' states cannot fit either
        return mismatches
    for name, optimizer in task.optimizers.items() if checkpoint.own else ():
        try:
            expected = {key: tuple(tensor.shape) for key, tensor in optimizer.state_dict().items()}
            state = checkpoint.tree.get(name, {})
            check_match({key: array.shape for key, array in state.items()}, expected, checkpoint.path)
        except WeightsError as error:
            mismatches[name] = f"{name}: {error.what.replace('network', 'optimiser')}"
    return mismatches


def _changed_settings(checkpoint: Checkpoint, task: Task) -> list[str]:
    """List the relevant settings that differ, each as ``key: then -> now``."""
    if not checkpoint.own:
        return []
    then: dict[str, Any] = dict(checkpoint.own["settings"])
    now = flatten(task.settings.model_dump(mode="json", by_alias=True))
    then["shards per iteration"], now["shards per iteration"] = (
        checkpoint.own["num_shards_total"],
        task.processes.num_shards_total,
    )
    keys = [key for key in {**then, **now} if not f"{key}.".startswith(tuple(f"{name}." for name in _IRRELEVANT))]
    return [f"{key}: {then.get(key)} -> {now.get(key)}" for key in keys if then.get(key) != now.get(key)]


def _optimizer_state(checkpoint: Checkpoint, name: str, optimizer: Any) -> State | None:
    """Return an optimiser's state under this package's names; None if a state of PaddleGAN does not fit."""
    state = checkpoint.tree.get(name)
    if checkpoint.own:
        return dict(state or {})
    arrays = {key: value for key, value in (state or {}).items() if isinstance(value, np.ndarray)}
    return optimizers.rename_paddlegan_state(arrays, optimizer)
