"""Every family at toy size, for the contract of tasks. A new family adds one row to `TOYS`."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import yaml

from ppgan_ext.metrics import ModelOutputs
from ppgan_ext.metrics.base import Figures, Metric, MetricOptions
from tests.reference import toy_psp, toy_rotator, toy_runs

_NET = {"size": 16, "channel_base": 64, "channel_cap": 8}
STYLEGAN2: dict[str, Any] = {
    "model": {
        "name": "StyleGAN2Model",
        "generator": {"name": "StyleGANv2Generator", "style_dim": 12, "n_mlp": 2, **_NET},
        "discriminator": {"name": "StyleGANv2Discriminator", **_NET},
        "params": {"gen_iters": 2, "disc_iters": 2},
        "augment": {"p": 0.4, "interval": 2},
    },
    "dataset": {"train": {"name": "FacesDataset", "size": 16, "batch_size": 2}},
    "image_num": 2,
}


@dataclass(frozen=True)
class Toy:
    """A family at toy size.

    Attributes:
        write: (folder, faces) -> the configuration's file, which trains for four iterations.
        everything: overrides that turn on all losses and phases.
        num_iterations: after which every trainable array must have moved: layers behind one that starts at 0 move late.
        saved: names that a checkpoint must hold, "extra." before those of the extra state.
        constant: prefixes of arrays, of networks that learn, that no optimiser moves.
        memory_iterations: iterations over which memory must stay flat.
    """

    write: Callable[[Path, Path], Path]
    everything: dict[str, Any] = field(default_factory=dict)
    num_iterations: int = 2
    saved: frozenset[str] = frozenset()
    constant: tuple[str, ...] = ()
    memory_iterations: int = 200


def _write_toy(folder: Path, faces: Path) -> Path:
    return toy_runs.write_config(folder, faces)


def _write_stylegan2(folder: Path, faces: Path) -> Path:
    content = copy.deepcopy(toy_runs.CONFIG) | copy.deepcopy(STYLEGAN2)
    content["dataset"]["train"]["dataroot"] = str(faces)
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(content | {"output_dir": str(folder / "out")}, sort_keys=False))
    return path


def _write_psp(folder: Path, faces: Path) -> Path:
    return toy_psp.write_config(folder, faces, toy_psp.write_generator(folder))


def _write_rotator(folder: Path, faces: Path) -> Path:
    models = folder / "model"
    models.mkdir()
    return toy_rotator.write_config(folder, faces, toy_rotator.write_model(models, faces))


TOYS: dict[str, Toy] = {
    "LatentRotatorModel": Toy(
        _write_rotator,
        num_iterations=3,
        saved=frozenset({"rotator", "rotator_ema", "disc", "optimR", "optimD"}),
        # The last bias cancels out: the rotator subtracts what it computes for no turn.
        constant=("rotator.mean", "rotator.scale", "rotator.axes", "rotator.blocks.1.narrow.bias"),
    ),
    "Pixel2Style2PixelModel": Toy(
        _write_psp,
        toy_psp.EVERYTHING | {"model.progressive": None},
        num_iterations=3,
        saved=frozenset({"encoder", "encoder_ema", "gen", "gen_ema", "latent", "latent_disc", "disc", "optimE"}),
    ),
    "StyleGAN2Model": Toy(
        _write_stylegan2,
        saved=frozenset(
            {
                "gen",
                "disc",
                "gen_ema",
                "optimG",
                "optimD",
                "extra.path_mean",
                "extra.ada_p",
                "extra.ada_signs",
                "extra.ada_iterations",
            }
        ),
    ),
    "ToyModel": Toy(_write_toy, saved=frozenset({"gen", "disc", "gen_ema", "extra.mean_loss", "extra.shard 0.centre"})),
}


class MeanOptions(MetricOptions):
    """Options of `MeanMetric`."""


class MeanMetric(Metric):
    """The mean of whatever the model makes: any family has it, and it needs no network."""

    Options: ClassVar[type[MetricOptions]] = MeanOptions

    def check(self, outputs: ModelOutputs) -> None:
        assert outputs.generate or outputs.reconstruct or outputs.translate

    def compute(self, outputs: ModelOutputs, on_progress: Any = None) -> Figures:
        figures = Figures()
        side = outputs.size or 8
        pixels = np.linspace(-1, 1, 2 * 3 * side * side, dtype=np.float32).reshape(2, 3, side, side)
        made = outputs.generate(0, 2) if outputs.generate is not None else outputs.reconstruct(pixels)
        figures["mean"] = float(np.asarray(made).mean())
        return figures
