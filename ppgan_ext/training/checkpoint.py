"""Checkpoints in PaddleGAN's layout: written whole or not at all, restored only where they fit.

A file holds ``{network: arrays, "epoch": iteration, optimiser: arrays, "ppgan_ext": state that PaddleGAN lacks}``.
Reading one runs no code. Learning rates are functions of the iteration, so they need no state.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ppgan_ext import seeding
from ppgan_ext.errors import TrainingError, WeightsError
from ppgan_ext.training.initial_weights import check_fit
from ppgan_ext.training.task import Task
from ppgan_ext.weights import load, readers
from ppgan_ext.weights.rename import check_match

State = dict[str, npt.NDArray]
_MAX_SHOWN = 8
OWN_KEY = "ppgan_ext"
FORMAT = 1
_NAME = re.compile(r"(iter|epoch)_(\d+)_(checkpoint|weight)\.pdparams")
# What Paddle's optimisers keep for each parameter.
_KINDS = ("moment1", "moment2", "beta1_pow_acc", "beta2_pow_acc", "velocity", "momentum", "mean_square", "mean_grad")
# Settings that change neither the numbers nor the order of the data.
_FREE = ("output_dir", "log_config", "snapshot_config", "validate", "keep_checkpoints", "enable_visualdl", "accumulate",
         "export_model", "total_iters", "epochs", "image_num", "min_max", "find_unused_parameters", "dataset.test",
         "dataset.train.num_workers", "dataset.train.use_shared_memory")  # fmt: skip


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A checkpoint that has been read.

    Attributes:
        path: the file.
        tree: its content.
        iteration: finished iterations.
        own: what this package keeps beyond PaddleGAN; empty for a checkpoint of PaddleGAN.
    """

    path: Path
    tree: dict[str, Any]
    iteration: int
    own: dict[str, Any]


def write_weights(path: Path, task: Task) -> None:
    """Write all networks.

    Raises:
        TrainingError: a network holds NaN or infinite numbers; nothing is written.
        OutputError: the file cannot be written.
    """
    readers.write(path, _networks(task))


def gather_shard_states(task: Task) -> dict[str, dict[str, npt.NDArray]]:
    """Collect the states of the shards of all processes in the writer; all processes call this together.

    Returns:
        Shard number, as text -> its arrays; shards without any are left out. Empty in processes other than the writer.
    """
    shards = range(task.processes.first_shard, task.processes.first_shard + task.processes.accumulate)
    own = {f"{shard}/{name}": array for shard in shards for name, array in task.shard_state(shard).items()}
    packed = io.BytesIO()
    np.savez(packed, **own)  # type: ignore[arg-type]
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
    """Write everything that a run needs to continue exactly.

    Args:
        path: ends in .pdparams; replaced only when the new file is whole.
        task: at the end of an iteration.
        iteration: its number.
        shards: as `gather_shard_states` returns them.

    Raises:
        TrainingError: a network holds NaN or infinite numbers; nothing is written.
        OutputError: the file cannot be written.
    """
    tree: dict[str, Any] = _networks(task)
    tree["epoch"] = iteration
    for name, optimizer in task.optimizers.items():
        tree[name] = {key: tensor.numpy() for key, tensor in optimizer.state_dict().items()}
    tree[OWN_KEY] = {
        "format": FORMAT,
        "iteration": iteration,
        "num_shards_total": task.processes.num_shards_total,
        "settings": flatten(task.settings.model_dump(mode="json", by_alias=True)),
        "extra_state": task.extra_state(),
        "generators": seeding.pack_state(seeding.save_state()),
        **({"shards": {shard: dict(state) for shard, state in shards.items()}} if shards else {}),
    }
    readers.write(path, tree)


def read(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint, or the newest whole one of a run's folder.

    Raises:
        WeightsError: no such file, damaged, or no checkpoint.
    """
    place = Path(path)
    if place.is_dir():
        return _newest(place)
    tree = readers.read(place)
    if not isinstance(tree, dict) or not isinstance(tree.get("epoch"), int | np.integer | np.ndarray):
        cure = "Give an iter_N_checkpoint.pdparams; weights alone go to --load"
        raise WeightsError("is not a checkpoint of a training run", where=place, cure=cure)
    own = tree.get(OWN_KEY, {})
    if own.get("format", FORMAT) > FORMAT:
        raise WeightsError("was written by a later version of ppgan_ext", where=place, cure="Update ppgan_ext")
    return Checkpoint(place, tree, int(own.get("iteration", np.asarray(tree["epoch"]).item())), own)


def restore(checkpoint: Checkpoint, task: Task) -> list[str]:
    """Put a checkpoint into a task: networks, optimisers, extra state, global generators.

    Returns:
        Notes for the user: settings that differ, what a checkpoint of PaddleGAN lacks.

    Raises:
        WeightsError: it does not fit; everything that differs is listed, and the task is as it was.
    """
    differences = _misfits(checkpoint, task)
    changed = _changed_settings(checkpoint, task)
    if differences:
        cure = "Use the configuration it was made with (config.yaml beside it), or load its weights with --load"
        what = f"is of another configuration: {'; '.join(_reasons(differences, changed))}"
        raise WeightsError(what, where=checkpoint.path, cure=cure)
    notes = [f"this is no exact continuation, since settings differ: {'; '.join(changed)}"] if changed else []
    for name, network in task.networks.items():
        load.load_into(network, dict(checkpoint.tree[name]), checkpoint.path)
    for name, optimizer in task.optimizers.items():
        state = _optimizer_state(checkpoint, name, optimizer)
        if state is None:
            notes.append(f"the state of {name} does not fit and starts afresh")
        else:
            _set_optimizer(optimizer, state)
    if checkpoint.own:
        task.load_extra_state(checkpoint.own["extra_state"])
        _restore_shards(checkpoint, task)
        seeding.restore_state(seeding.unpack_state(checkpoint.own["generators"]))
    else:
        notes.append("this is a checkpoint of PaddleGAN: it holds weights, optimisers and the iteration, nothing more")
    return notes


def _restore_shards(checkpoint: Checkpoint, task: Task) -> None:
    """Give each shard of this process its own state; a shard that the checkpoint does not have starts afresh."""
    states = checkpoint.own.get("shards", {})
    for shard in range(task.processes.first_shard, task.processes.first_shard + task.processes.accumulate):
        if str(shard) in states:
            task.load_shard_state(shard, states[str(shard)])


def file_name(kind: str, iteration: int, iters_per_epoch: int | None) -> str:
    """Name a file as PaddleGAN does: ``iter_500_weight.pdparams``, or ``epoch_3_...`` at the end of an epoch.

    Args:
        kind: "weight" or "checkpoint".
        iteration: finished iterations.
        iters_per_epoch: for a run that counts epochs, else None.
    """
    if iters_per_epoch and iteration % iters_per_epoch == 0:
        return f"epoch_{iteration // iters_per_epoch}_{kind}.pdparams"
    return f"iter_{iteration}_{kind}.pdparams"


def remove_older(folder: Path, iteration: int, keep: int, iters_per_epoch: int | None) -> None:
    """Remove the checkpoints of earlier iterations but the ``keep - 1`` newest of them; weights stay."""
    earlier = [item for item in _listed(folder, iters_per_epoch or 1) if item[0] < iteration]
    for _, path in earlier[: len(earlier) - (keep - 1)]:
        path.unlink(missing_ok=True)


def flatten(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Write nested dicts and lists as one level of dotted names."""
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


def _networks(task: Task) -> dict[str, State]:
    nets = {
        name: {key: tensor.numpy() for key, tensor in net.state_dict().items()} for name, net in task.networks.items()
    }
    for name, state in nets.items():
        for key, array in state.items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                cure = "The last checkpoint is kept; go on from it with a lower learning rate"
                raise TrainingError(
                    "holds NaN or infinite numbers, so it is not saved", where=f"{name}.{key}", cure=cure
                )
    return nets


def _listed(folder: Path, iters_per_epoch: int = 1) -> list[tuple[int, Path]]:
    """List a folder's checkpoints with their iterations, oldest first."""
    found = []
    for path in folder.iterdir():
        match = _NAME.fullmatch(path.name)
        if match and match[3] == "checkpoint":
            found.append((int(match[2]) * (iters_per_epoch if match[1] == "epoch" else 1), path))
    return sorted(found)


def _newest(folder: Path) -> Checkpoint:
    problem: WeightsError | None = None
    whole = []
    for path in sorted((path for _, path in _listed(folder)), key=lambda path: path.stat().st_mtime_ns, reverse=True):
        try:
            whole.append(read(path))
            break
        except WeightsError as error:
            problem = problem or error
    if whole:
        return whole[0]
    raise problem or WeightsError("holds no checkpoint", where=folder, cure="Give the folder of a run, or a checkpoint")


def _reasons(differences: Mapping[str, str], changed: list[str]) -> list[str]:
    """Say why a checkpoint does not fit: by the settings that shape the networks, or else array by array."""
    model = [line for line in changed if line.startswith("model.")]
    if not model:
        return list(differences.values())
    more = [f"and {len(model) - _MAX_SHOWN} more settings of the model"] if len(model) > _MAX_SHOWN else []
    return [*model[:_MAX_SHOWN], *more, f"so {', '.join(differences)} cannot take its arrays"]


def _misfits(checkpoint: Checkpoint, task: Task) -> dict[str, str]:
    """Say what of the networks and of our own optimisers' states does not fit, by name."""
    found: dict[str, str] = {}
    for name, network in task.networks.items():
        state = checkpoint.tree.get(name)
        if not isinstance(state, Mapping):
            found[name] = f"network {name} is missing"
            continue
        try:
            check_fit(name, state, network, checkpoint.path)
        except WeightsError as error:
            found[name] = error.what
    if found:  # then the optimisers' states cannot fit either
        return found
    for name, optimizer in task.optimizers.items() if checkpoint.own else ():
        try:
            expected = {key: tuple(tensor.shape) for key, tensor in optimizer.state_dict().items()}
            state = checkpoint.tree.get(name, {})
            check_match({key: array.shape for key, array in state.items()}, expected, checkpoint.path)
        except WeightsError as error:
            found[name] = f"{name}: {error.what.replace('network', 'optimiser')}"
    return found


def _changed_settings(checkpoint: Checkpoint, task: Task) -> list[str]:
    """List the settings that matter and differ, ``key: then -> now``."""
    if not checkpoint.own:
        return []
    then: dict[str, Any] = dict(checkpoint.own["settings"])
    now = flatten(task.settings.model_dump(mode="json", by_alias=True))
    then["shards per iteration"], now["shards per iteration"] = (
        checkpoint.own["num_shards_total"],
        task.processes.num_shards_total,
    )
    keys = [key for key in {**then, **now} if not f"{key}.".startswith(tuple(f"{free}." for free in _FREE))]
    return [f"{key}: {then.get(key)} -> {now.get(key)}" for key in keys if then.get(key) != now.get(key)]


def _optimizer_state(checkpoint: Checkpoint, name: str, optimizer: Any) -> State | None:
    """Return an optimiser's state under our names; None if it does not fit, which only happens to PaddleGAN's."""
    state = checkpoint.tree.get(name)
    if checkpoint.own:
        return dict(state or {})
    arrays = {key: value for key, value in (state or {}).items() if isinstance(value, np.ndarray)}
    return _match_by_order(arrays, optimizer)


def _match_by_order(state: State, optimizer: Any) -> State | None:
    """Give PaddleGAN's states our names: theirs are numbered in the order of the parameters, which is the same here."""
    ours: dict[str, list[str]] = {}
    theirs: dict[str, list[str]] = {}
    expected = {key: tuple(tensor.shape) for key, tensor in optimizer.state_dict().items()}
    kinds = sorted({kind for kind in _KINDS if any(f"_{kind}_" in key for key in expected)}, key=len, reverse=True)
    for keys, groups in ((expected, ours), (state, theirs)):
        for key in keys:
            kind = next((kind for kind in kinds if re.search(rf"_{kind}_\d+$", key)), None)
            if kind is not None:
                groups.setdefault(kind, []).append(key)
    matched: State = {}
    for kind, names in ours.items():
        others = theirs.get(kind, [])
        if [expected[key] for key in names] != [state[key].shape for key in others]:
            return None
        matched |= {key: state[other] for key, other in zip(names, others, strict=True)}
    return matched


def _set_optimizer(optimizer: Any, state: State) -> None:
    import paddle

    targets = optimizer.state_dict()
    optimizer.set_state_dict(
        {key: paddle.to_tensor(array, dtype=targets[key].dtype) for key, array in state.items() if key in targets}
    )
