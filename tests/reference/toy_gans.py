"""The GANs of the course at toy size: pictures, and configurations of four iterations."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import yaml

from tests.reference import toy_runs

NORMALIZE = {"name": "Normalize", "mean": [127.5], "std": [127.5]}
_KEYS = {"keys": ["image", "image"]}
_CRITIC = {"name": "NLayerDiscriminator", "ndf": 4, "n_layers": 2}
_ADAM = {"name": "Adam", "beta1": 0.5}


def write_pictures(folder: Path, count: int, size: tuple[int, int], seed: int = 0, grey: bool = False) -> Path:
    """Write pictures of smooth noise, (width, height) each."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for i in range(count):
        small = rng.integers(0, 256, (4, 4) if grey else (4, 4, 3), dtype=np.uint8)
        PIL.Image.fromarray(small).resize(size).save(folder / f"{i:02d}.png")
    return folder


def transforms(side: int, *middle: dict[str, Any]) -> dict[str, Any]:
    """Return the step that crops A and B to a size and normalises them."""
    steps = [{"name": "RandomCrop", "size": side}, {"name": "RandomHorizontalFlip"}, *middle]
    pipeline = [{**step, **_KEYS} for step in [*steps, {"name": "Transpose"}, NORMALIZE]]
    return {"name": "Transforms", "input_keys": ["A", "B"], "pipeline": pipeline}


def paired(folder: Path, side: int) -> dict[str, Any]:
    """Write pairs and return the data set's block."""
    pictures = write_pictures(folder / "pairs", 5, (2 * side + 8, side + 4))
    load = [{"name": "LoadImageFromFile", "key": "pair"}, {"name": "SplitPairedImage", "key": "pair"}]
    return {"name": "PairedDataset", "dataroot": str(pictures), "preprocess": [*load, transforms(side)]}


def unpaired(folder: Path, side: int) -> dict[str, Any]:
    """Write two collections of different length and return the data set's block."""
    roots = {
        f"dataroot_{key}": str(write_pictures(folder / key, count, (side + 4, side + 4), seed))
        for key, count, seed in (("a", 5, 1), ("b", 3, 2))
    }
    load = [{"name": "LoadImageFromFile", "key": key} for key in "AB"]
    return {"name": "UnpairedDataset", **roots, "preprocess": [*load, transforms(side)]}


def classes(folder: Path, side: int, channels: int = 1) -> dict[str, Any]:
    """Write a folder of three classes and return the data set's block."""
    for i, name in enumerate("xyz"):
        write_pictures(folder / "classes" / name, 3, (side, side), i)
    grey = [{"name": "Grayscale"}] if channels == 1 else []
    params = {"root": str(folder / "classes")}
    return {
        "name": "CommonVisionDataset",
        "dataset_name": "DatasetFolder",
        "transforms": [*grey, NORMALIZE],
        "params": params,
    }


def write_config(
    path: Path, model: dict[str, Any], train: dict[str, Any], optimizers: dict[str, list[str]], **changes: Any
) -> Path:
    """Write a configuration with an Adam for each group of networks."""
    content = copy.deepcopy(toy_runs.CONFIG) | {
        "output_dir": str(path.parent / "out"),
        "model": model,
        "dataset": {"train": {"batch_size": 2, **train}},
        "optimizer": {name: {**_ADAM, "net_names": names} for name, names in optimizers.items()},
        "image_num": 2,
    }
    path.write_text(yaml.safe_dump(content | changes, sort_keys=False))
    return path


def write_gan(folder: Path, gan_mode: str = "vanilla", conditional: bool = False, **params: Any) -> Path:
    """Write GANModel at 8 px."""
    generator: dict[str, Any] = {"latent_dim": 3, "output_nc": 1, "size": 8, "ngf": 2}
    critic: dict[str, Any] = {"input_nc": 1, "ndf": 2, "n_layers": 1, "norm_type": "instance"}
    if conditional:
        generator |= {"name": "ConditionalDeepConvGenerator", "n_class": 3}
        critic |= {"name": "NLayerDiscriminatorWithClassification", "n_class": 3}
    else:
        generator |= {"name": "DeepConvGenerator"}
        critic |= {"name": "NLayerDiscriminator"}
    model = {
        "name": "GANModel",
        "generator": generator,
        "discriminator": critic,
        "gan_criterion": {"name": "GANLoss", "gan_mode": gan_mode},
        "params": params,
    }
    nets = {"optimizer_G": ["netG"], "optimizer_D": ["netD"]}
    return write_config(folder / "gan.yaml", model, classes(folder, 8), nets)


def write_dcgan(folder: Path) -> Path:
    """Write DCGANModel, whose networks are made for 64 px."""
    model = {
        "name": "DCGANModel",
        "generator": {"name": "DCGenerator", "input_nz": 3, "input_nc": 1, "output_nc": 1, "ngf": 1},
        "discriminator": {"name": "DCDiscriminator", "input_nc": 1, "ndf": 1, "norm_type": "batch"},
        "gan_criterion": {"name": "GANLoss", "gan_mode": "vanilla"},
    }
    nets = {"optimizer_G": ["netG"], "optimizer_D": ["netD"]}
    return write_config(folder / "dcgan.yaml", model, classes(folder, 64), nets)


def write_pix2pix(folder: Path, direction: str = "b2a", side: int = 32) -> Path:
    """Write Pix2PixModel at 32 px, with dropout and batch normalisation."""
    model = {
        "name": "Pix2PixModel",
        "generator": {
            "name": "UnetGenerator",
            "input_nc": 3,
            "output_nc": 3,
            "num_downs": 5,
            "ngf": 2,
            "use_dropout": True,
        },
        "discriminator": {**_CRITIC, "input_nc": 6, "norm_type": "batch"},
        "direction": direction,
        "pixel_criterion": {"name": "L1Loss", "loss_weight": 100},
        "gan_criterion": {"name": "GANLoss", "gan_mode": "vanilla"},
    }
    nets = {"optimG": ["netG"], "optimD": ["netD"]}
    return write_config(folder / "pix2pix.yaml", model, paired(folder, side), nets)


def write_cyclegan(folder: Path, side: int = 16, **changes: Any) -> Path:
    """Write CycleGANModel at 16 px with pools of three images."""
    model = {
        "name": "CycleGANModel",
        "generator": {"name": "ResnetGenerator", "input_nc": 3, "output_nc": 3, "ngf": 2, "n_blocks": 1},
        "discriminator": {**_CRITIC, "input_nc": 3, "norm_type": "instance"},
        "cycle_criterion": {"name": "L1Loss"},
        "idt_criterion": {"name": "L1Loss", "loss_weight": 0.5},
        "gan_criterion": {"name": "GANLoss", "gan_mode": "lsgan"},
        "pool_size": 3,
    }
    nets = {"optimG": ["netG_A", "netG_B"], "optimD": ["netD_A", "netD_B"]}
    return write_config(folder / "cyclegan.yaml", model | changes, unpaired(folder, side), nets)


def write_ugatit(folder: Path, side: int = 24, **generator: Any) -> Path:
    """Write UGATITModel at 24 px; the full model, unless ``light`` is given."""
    critic = {"name": "UGATITDiscriminator", "input_nc": 3, "ndf": 2}
    model = {
        "name": "UGATITModel",
        "generator": {
            "name": "ResnetUGATITGenerator",
            "input_nc": 3,
            "output_nc": 3,
            "ngf": 2,
            "n_blocks": 1,
            "img_size": side,
            **generator,
        },
        "discriminator_g": {**critic, "n_layers": 4},
        "discriminator_l": {**critic, "n_layers": 3},
        "l1_criterion": {"name": "L1Loss"},
        "mse_criterion": {"name": "MSELoss"},
        "bce_criterion": {"name": "BCEWithLogitsLoss"},
    }
    nets = {"optimG": ["genA2B", "genB2A"], "optimD": ["disGA", "disGB", "disLA", "disLB"]}
    return write_config(folder / "ugatit.yaml", model, unpaired(folder, side), nets)
