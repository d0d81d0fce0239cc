"""Rotator training at 16 px: a model with encoder and directions, a configuration, a task outside of the loop."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import yaml

from ppgan_ext.latents.directions import Direction, save_directions
from ppgan_ext.networks import StyleGANv2Discriminator
from ppgan_ext.weights import readers
from tests.reference import toy_psp, toy_runs
from tests.reference.toy_psp import JUDGE, N_LATENT, SIZE, STYLE, WIDTHS

LAMBDAS = ("pixel", "latent", "pose", "symmetry", "adv", "id", "cycle", "bend")
CONFIG: dict[str, Any] = {
    "total_iters": 4,
    "model": {"name": "LatentRotatorModel", "width": 8, "num_blocks": 2, "discriminator": JUDGE, "d_reg_every": 2},
    "dataset": {"train": {"name": "FacesDataset", "size": SIZE, "batch_size": 4}},
    "lr_scheduler": {"name": "MultiStepDecay", "learning_rate": 0.01, "milestones": [1000]},
    "optimizer": {
        "optimR": {"name": "Adam", "net_names": ["rotator"]},
        "optimD": {"name": "Adam", "net_names": ["disc"], "beta1": 0.0},
    },
    "log_config": {"interval": 1, "visual_interval": 100},
    "snapshot_config": {"interval": 100},
    "image_num": 2,
}


def write_model(folder: Path, faces: Path) -> tuple[Path, Path]:
    """Write what encoder training leaves behind, its encoder's heads random, and directions for its codes."""
    task = toy_psp.make(toy_psp.write_config(folder, faces, toy_psp.write_generator(folder)))
    rng = np.random.default_rng(0)
    for name, tensor in task.networks["encoder_ema"].state_dict().items():
        if name.startswith("heads."):
            tensor.set_value(rng.normal(0, 0.5, tensor.shape).astype(np.float32))
    weight = folder / "iter_1_weight.pdparams"
    paddle.seed(11)
    networks = {**task.networks, "disc": StyleGANv2Discriminator(SIZE, **WIDTHS)}
    readers.write(weight, {name: toy_psp.arrays(network) for name, network in networks.items()})
    known = {}
    for name in ("yaw", "pitch"):
        regressor = rng.normal(0, 5, (N_LATENT, STYLE))
        known[name] = Direction(name, regressor / (regressor**2).sum(), "degree", regressor=regressor)
    directions = folder / "directions.safetensors"
    save_directions(directions, known)
    return weight, directions


def write_config(folder: Path, faces: Path, model: tuple[Path, Path], **changes: Any) -> Path:
    """Write the configuration."""
    content = copy.deepcopy(CONFIG)
    content["output_dir"] = str(folder / "out")
    content["dataset"]["train"]["dataroot"] = str(faces)
    content["model"] |= {"generator_weight": str(model[0]), "directions": str(model[1])} | changes
    path = folder / "rotator.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def make(config: Path, overrides: dict[str, Any] | None = None, rate: float = 0.01, **processes: Any) -> Any:
    """Build the task alone, its learning rates set, ready for its first step."""
    task = toy_runs.make_task(config, overrides, rate, **processes)
    task.after_load()
    return task


def alone(*names: str) -> dict[str, float]:
    """Overrides that leave only these losses."""
    return {f"model.{name}_lambda": float(name in names) for name in LAMBDAS}
