"""The model families that can be trained, under the names that YAML files give them in `model.name`."""

from __future__ import annotations

import importlib

from ppgan_ext import runtime
from ppgan_ext.errors import ConfigError, nearest
from ppgan_ext.training.task import Task

# Where each class is; imported only when it is asked for.
TASKS: dict[str, str] = {
    "StyleGAN2Model": "ppgan_ext.training.families.stylegan2.task:StyleGAN2Task",
    "LatentRotatorModel": "ppgan_ext.training.families.latent_rotator.task:LatentRotatorTask",
    "Pixel2Style2PixelModel": "ppgan_ext.training.families.psp.task:Pixel2Style2PixelTask",
}


def find(name: str) -> type[Task]:
    """Return the task of a model's name.

    Raises:
        ConfigError: an unknown name; says the nearest.
    """
    if name not in TASKS:
        raise ConfigError(f"unknown '{name}'", where="model.name", cure=nearest(name, TASKS))
    runtime.import_paddle()  # quietly, before the task's module does
    module, _, attribute = TASKS[name].partition(":")
    return getattr(importlib.import_module(module), attribute)
