"""Runs of the toy family in this process: its configuration, its data, and the comparison of results."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import PIL.Image
import yaml

from ppgan_ext.training import loop, schema
from ppgan_ext.training.families import FAMILIES
from ppgan_ext.training.processes import Processes
from ppgan_ext.training.random_streams import RandomStreams
from ppgan_ext.training.run import Run, Start, open_run
from ppgan_ext.training.samples import SampleSets

CONFIG: dict[str, Any] = {
    "total_iters": 4,
    "model": {"name": "ToyModel"},
    "dataset": {"train": {"name": "FacesDataset", "size": 8, "batch_size": 3}},
    "lr_scheduler": {"name": "MultiStepDecay", "learning_rate": 0.01, "milestones": [3], "gamma": 0.5},
    "optimizer": {
        "optimG": {"name": "Adam", "net_names": ["gen"], "beta1": 0.0},
        "optimD": {"name": "Adam", "net_names": ["disc"]},
    },
    "log_config": {"interval": 1, "visual_interval": 100},
    "snapshot_config": {"interval": 2},
}


def write_faces(folder: Path, count: int = 11) -> Path:
    """Write pictures of noise, wider or higher, larger or smaller than the toy's 8 px."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(count):
        noise = rng.integers(0, 256, (7 + i % 3, 8 + i % 5, 3), dtype=np.uint8)
        PIL.Image.fromarray(noise).save(folder / f"{i:02d}.png")
    return folder


def write_config(folder: Path, faces: Path, **changes: Any) -> Path:
    """Write the toy's configuration, with some blocks replaced."""
    return write_yaml(folder / "toy.yaml", faces, CONFIG, **changes)


def write_yaml(path: Path, faces: Path, content: dict[str, Any], **changes: Any) -> Path:
    """Write a configuration that trains on a folder of faces, with some blocks replaced; results go beside it."""
    content = copy.deepcopy(content)
    content["output_dir"] = str(path.parent / "out")
    content["dataset"]["train"]["dataroot"] = str(faces)
    path.write_text(yaml.safe_dump(content | changes, sort_keys=False))
    return path


def make_task(
    config: Path, overrides: dict[str, Any] | None = None, rate: float | None = None, **processes: Any
) -> Any:
    """Build a task outside the loop from a fixed seed; with a rate, set the learning rates."""
    settings = schema.read_config(config, overrides)
    paddle.seed(0)
    random = RandomStreams(0)
    family = FAMILIES[settings.model.name]
    task = family.load_task()(settings, Processes(**processes), random, SampleSets.open(settings, random)).build()
    for name, optimizer in task.optimizers.items() if rate is not None else ():
        optimizer.set_lr(rate * task.rate_scales.get(name, 1.0))
    return task


def prepare(config: Path, overrides: dict[str, Any] | None = None, **start: Any) -> Run:
    """Open a run of one process."""
    settings = schema.read_config(config, overrides)
    return open_run(settings, Processes(accumulate=settings.accumulate), Start(**start))


def train(config: Path, overrides: dict[str, Any] | None = None, **start: Any) -> Run:
    """Train in this process until the end, or until an error."""
    return finish(prepare(config, overrides, **start))


def finish(run: Run) -> Run:
    """Train an open run, and close it even after an error."""
    try:
        loop.train(run)
    finally:
        run.loader.close()
        run.log.close()
    return run


def content(path: Path) -> dict[str, bytes]:
    """Return the state in a checkpoint that training changes, dotted name -> bytes.

    Read by Python's pickle: the package's own reader, which looks at each instruction, takes ten times as long.
    """
    tree = _arrays(pickle.loads(path.read_bytes()))
    own = tree.pop("ppgan_ext", {})
    extra = dict(own.get("extra_state", {}))
    extra |= {
        f"shard {shard}.{key}": array for shard, state in own.get("shards", {}).items() for key, array in state.items()
    }
    flat = {
        f"{net}.{key}": array for net, state in tree.items() if isinstance(state, dict) for key, array in state.items()
    }
    flat |= {f"extra.{key}": np.asarray(value) for key, value in extra.items()}
    return {key: np.asarray(array).tobytes() for key, array in flat.items()} | {
        "epoch": np.int64(tree["epoch"]).tobytes()
    }


def _arrays(tree: Any) -> Any:
    """Replace the pairs of name and array, as which Paddle pickles tensors, by their arrays."""
    if isinstance(tree, dict):
        return {key: _arrays(value) for key, value in tree.items()}
    is_tensor = isinstance(tree, tuple) and len(tree) == 2 and isinstance(tree[1], np.ndarray)
    return tree[1] if is_tensor else tree


def only(folder: Path, pattern: str) -> Path:
    """Return the only file below a folder that matches a pattern."""
    (file,) = sorted(folder.rglob(pattern))
    return file
