"""All families at toy size, for the tests of their contract. A new family adds a row to `TOYS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ppgan_ext.metrics import ModelOutputs
from ppgan_ext.metrics.base import Figures, Metric, MetricOptions
from tests.reference import toy_gans, toy_psp, toy_rotator, toy_runs

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
        write: (folder, faces) -> the file of a configuration that trains for four iterations.
        everything: overrides that enable all losses and phases.
        num_iterations: iterations after which every trainable array must have changed; layers before one that starts
            at 0 change late.
        saved: names that a checkpoint must contain; those of the extra state start with "extra.".
        constant: prefixes of arrays that no optimiser changes, in networks that learn.
        at_rest: overrides with which memory does not grow any more after six iterations.
        pool_bytes: by which the images in pools may differ.
        two_processes_like: another family that shares what a run of two processes could spoil, or the file of tests in
            which this one is trained so, whose run stands for this one's.
    """

    write: Callable[[Path, Path], Path]
    everything: dict[str, Any] = field(default_factory=dict)
    num_iterations: int = 2
    saved: frozenset[str] = frozenset()
    constant: tuple[str, ...] = ()
    at_rest: dict[str, Any] = field(default_factory=dict)
    pool_bytes: int = 0
    two_processes_like: str | None = None


def _write_toy(folder: Path, faces: Path) -> Path:
    return toy_runs.write_config(folder, faces)


def _write_stylegan2(folder: Path, faces: Path) -> Path:
    return toy_runs.write_yaml(folder / "small.yaml", faces, toy_runs.CONFIG | STYLEGAN2)


def _write_psp(folder: Path, faces: Path) -> Path:
    return toy_psp.write_config(folder, faces, toy_psp.write_generator(folder))


def _write_rotator(folder: Path, faces: Path) -> Path:
    models = folder / "model"
    models.mkdir()
    few = toy_runs.write_faces(folder / "few", 3)  # whose yaws soon have all been met
    return toy_rotator.write_config(folder, few, toy_rotator.write_model(models, faces))


TOYS: dict[str, Toy] = {
    "CycleGANModel": Toy(
        lambda folder, faces: toy_gans.write_cyclegan(folder),
        saved=frozenset(
            {"netG_A", "netG_B", "netD_A", "netD_B", "optimG", "optimD"}
            | {f"extra.shard 0.pool_G_{letter}" for letter in "AB"}
        ),
        pool_bytes=2 * 2 * 3 * 16 * 16 * 4,  # two images of each pool
    ),
    "DCGANModel": Toy(
        lambda folder, faces: toy_gans.write_dcgan(folder),
        saved=frozenset({"netG", "netD", "optimizer_G", "optimizer_D"}),
        two_processes_like="Pix2PixModel",
    ),
    "GANModel": Toy(
        lambda folder, faces: toy_gans.write_gan(folder, "wgangp", conditional=True),
        {"model.params.disc_iters": 2},
        saved=frozenset({"netG", "netD", "optimizer_G", "optimizer_D"}),
        two_processes_like="Pix2PixModel",
    ),
    "LatentRotatorModel": Toy(
        _write_rotator,
        num_iterations=3,
        at_rest={"model.max_yaw": 2},  # there is a map for each yaw
        saved=frozenset({"rotator", "rotator_ema", "disc", "optimR", "optimD"}),
        # The last bias cancels out, because the rotator subtracts its output for a turn of 0.
        constant=("rotator.mean", "rotator.scale", "rotator.axes", "rotator.blocks.1.narrow.bias"),
    ),
    "Pix2PixModel": Toy(
        lambda folder, faces: toy_gans.write_pix2pix(folder),
        saved=frozenset({"netG", "netD", "optimG", "optimD"}),
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
        two_processes_like="test_training_processes.py",  # with Paddle's launcher
    ),
    "UGATITModel": Toy(
        lambda folder, faces: toy_gans.write_ugatit(folder),
        saved=frozenset({"genA2B", "genB2A", "disGA", "disGB", "disLA", "disLB", "optimG", "optimD"}),
    ),
    "ToyModel": Toy(_write_toy, saved=frozenset({"gen", "disc", "gen_ema", "extra.mean_loss", "extra.shard 0.centre"})),
}


class MeanOptions(MetricOptions):
    """Options of `MeanMetric`."""


class MeanMetric(Metric):
    """The mean of the model's images, which every family has and which needs no network."""

    Options: ClassVar[type[MetricOptions]] = MeanOptions

    def check(self, outputs: ModelOutputs) -> None:
        assert outputs.generate or outputs.reconstruct or outputs.translate

    def compute(self, outputs: ModelOutputs, on_progress: Any = None) -> Figures:
        figures = Figures()
        side = outputs.size or 8
        pixels = np.linspace(-1, 1, 2 * 3 * side * side, dtype=np.float32).reshape(2, 3, side, side)
        if outputs.generate is not None:
            images = outputs.generate(0, 2)
        else:
            transform = outputs.reconstruct or next(iter(outputs.translate.values()))
            images = transform(pixels)
        figures["mean"] = float(np.asarray(images).mean())
        return figures
