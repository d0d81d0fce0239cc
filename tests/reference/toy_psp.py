"""Training of encoders at 16 px: a generator with weights, a configuration, a task outside the loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import paddle

from ppgan_ext.networks import StyleGANv2Discriminator, StyleGANv2Generator
from ppgan_ext.weights import readers
from tests.reference import toy_runs

WIDTHS = {"channel_base": 64, "channel_cap": 8}
SIZE, STYLE, N_LATENT = 16, 12, 6
GENERATOR = {"size": SIZE, "style_dim": STYLE, "n_mlp": 2, **WIDTHS}
CONFIG: dict[str, Any] = {
    "total_iters": 4,
    "model": {
        "name": "Pixel2Style2PixelModel",
        "encoder": {"name": "LightEncoder", **WIDTHS},
        "crop": "tight",
        "lpips_lambda": 0,
        "id_lambda": 0,
    },
    "dataset": {"train": {"name": "FacesDataset", "size": SIZE, "batch_size": 2}},
    "lr_scheduler": {"name": "MultiStepDecay", "learning_rate": 0.01, "milestones": [1000]},
    "optimizer": {"optimE": {"name": "Adam", "net_names": ["encoder"]}},
    "log_config": {"interval": 1, "visual_interval": 100},
    "snapshot_config": {"interval": 100},
    "image_num": 4,
}
DISCRIMINATOR = {"name": "StyleGANv2Discriminator", "size": SIZE, **WIDTHS}
# All losses and options together.
EVERYTHING: dict[str, Any] = {
    "model.train_decoder": True,
    "model.randomize_noise": True,
    "model.encoder.code": "e4e",
    "model.progressive": {"start": 1, "every": 1},
    "model.lpips_lambda": 0.5,
    "model.lpips_network": "discriminator",
    "model.discriminator": DISCRIMINATOR,
    "model.w_norm_lambda": 0.01,
    "model.delta_norm_lambda": 0.01,
    "model.w_discriminator_lambda": 0.1,
    "model.adv_lambda": 0.1,
    "model.sample_lambda": 0.1,
    "model.d_reg_every": 2,
    "optimizer.optimG": {"name": "Adam", "net_names": ["gen"]},
    "optimizer.optimW": {"name": "Adam", "net_names": ["latent_disc"], "beta1": 0.5},
    "optimizer.optimD": {"name": "Adam", "net_names": ["disc"], "beta1": 0.0},
}


def arrays(network: Any) -> dict[str, np.ndarray]:
    """Return copies of all parameters and buffers by name."""
    return {name: tensor.numpy().copy() for name, tensor in network.state_dict().items()}


def write_generator(folder: Path) -> Path:
    """Write a file as StyleGAN2's training does: three networks with different random weights."""
    paddle.seed(7)
    nets = {"gen": StyleGANv2Generator(**GENERATOR), "gen_ema": StyleGANv2Generator(**GENERATOR)}
    nets["disc"] = StyleGANv2Discriminator(SIZE, **WIDTHS)
    path = folder / "iter_9_weight.pdparams"
    readers.write(path, {name: arrays(network) for name, network in nets.items()})
    return path


def write_config(folder: Path, faces: Path, weight: Path | None) -> Path:
    """Write the configuration; without a file of weights it describes the generator instead."""
    source = {"generator": GENERATOR} if weight is None else {"generator_weight": str(weight)}
    return toy_runs.write_yaml(folder / "encoder.yaml", faces, CONFIG, model=CONFIG["model"] | source)


def make(config: Path, overrides: dict[str, Any] | None = None, rate: float = 0.01, **processes: Any) -> Any:
    """Build the task with its learning rates set, ready for the first step."""
    task = toy_runs.make_task(config, overrides, rate, **processes)
    task.after_load()
    return task


def batches(count: int = 1, size: int = 2, side: int = SIZE, seed: int = 0) -> list[dict[str, np.ndarray]]:
    """Return shards of smooth pictures in different colours, (size, 3, side, side)."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(-0.8, 0.8, (count, size, 3, 2, 2))
    return [{"A": np.kron(one, np.ones((side // 2, side // 2))).astype(np.float32)} for one in coarse]
