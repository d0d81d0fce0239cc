"""The model families that can be trained, a folder each: options, task, and what only this family needs.

Importing this package does not import Paddle: a family's options know how to import its task.
"""

from __future__ import annotations

from ppgan_ext.training.families.latent_rotator.options import LatentRotatorOptions
from ppgan_ext.training.families.psp.options import Pixel2Style2PixelOptions
from ppgan_ext.training.families.stylegan2.options import StyleGAN2Options
from ppgan_ext.training.family_options import FamilyOptions

# `model.name` in YAML files -> the options of the `model:` block.
FAMILIES: dict[str, type[FamilyOptions]] = {
    "LatentRotatorModel": LatentRotatorOptions,
    "Pixel2Style2PixelModel": Pixel2Style2PixelOptions,
    "StyleGAN2Model": StyleGAN2Options,
}
