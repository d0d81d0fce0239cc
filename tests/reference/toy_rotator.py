"""Training of rotators at 16 px: a model with encoder and directions, and a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import paddle

from ppgan_ext.latents.directions import Direction, save_directions
from ppgan_ext.networks import StyleGANv2Discriminator
from ppgan_ext.weights import readers
from tests.reference import toy_psp, toy_runs
from tests.reference.toy_psp import DISCRIMINATOR, N_LATENT, SIZE, STYLE, WIDTHS

LAMBDAS = ("pixel", "latent", "pose", "symmetry", "adv", "id", "cycle", "bend")
CONFIG: dict[str, Any] = {
    "total_iters": 4,
    "model": {
        "name": "LatentRotatorModel",
        "width": 8,
        "num_blocks": 2,
        "discriminator": DISCRIMINATOR,
        "d_reg_every": 2,
    },
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
    """Write a file as encoder training does, with random heads of the encoder, and directions for its codes."""
    task = toy_psp.make(toy_psp.write_config(folder, faces, toy_psp.write_generator(folder)))
    rng = np.random.default_rng(0)
    for name, tensor in task.networks["encoder_ema"].state_dict().items():
        if name.startswith("heads."):
            tensor.set_value(rng.normal(0, 0.5, tensor.shape).astype(np.float32))
    weight = folder / "iter_1_weight.pdparams"
    paddle.seed(11)
    networks = {**task.networks, "disc": StyleGANv2Discriminator(SIZE, **WIDTHS)}
    readers.write(weight, {name: toy_psp.arrays(network) for name, network in networks.items()})
    axes = {}
    for name in ("yaw", "pitch"):
        regressor = rng.normal(0, 5, (N_LATENT, STYLE))
        axes[name] = Direction(name, regressor / (regressor**2).sum(), "degree", regressor=regressor)
    directions = folder / "directions.safetensors"
    save_directions(directions, axes)
    return weight, directions


def write_config(folder: Path, faces: Path, model: tuple[Path, Path], **changes: Any) -> Path:
    """Write the configuration, with some keys of ``model`` changed."""
    block = CONFIG["model"] | {"generator_weight": str(model[0]), "directions": str(model[1])} | changes
    return toy_runs.write_yaml(folder / "rotator.yaml", faces, CONFIG, model=block)


def alone(*names: str) -> dict[str, float]:
    """Return overrides that set the weights of these losses to 1 and of all others to 0."""
    return {f"model.{name}_lambda": float(name in names) for name in LAMBDAS}
