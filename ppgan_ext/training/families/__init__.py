"""The model families that can be trained, a folder each: options, task, and what only this family needs.

Importing this package does not import Paddle. A new family is a folder and a row of `FAMILIES`.
"""

from __future__ import annotations

from ppgan_ext.training.families import latent_rotator, psp, stylegan2
from ppgan_ext.training.family import Family

# `model.name` in YAML files -> the family.
FAMILIES: dict[str, Family] = {
    "LatentRotatorModel": latent_rotator.FAMILY,
    "Pixel2Style2PixelModel": psp.FAMILY,
    "StyleGAN2Model": stylegan2.FAMILY,
}
