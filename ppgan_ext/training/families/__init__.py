"""The model families that can be trained, one folder each, with options, task and the code that only it needs.

Importing this package does not import Paddle. A new family adds a folder and a row of `FAMILIES`.
"""

from __future__ import annotations

from ppgan_ext.training.families import latent_rotator, psp, stylegan2
from ppgan_ext.training.family import Family

# `model.name` in YAML files -> family.
FAMILIES: dict[str, Family] = {
    "LatentRotatorModel": latent_rotator.FAMILY,
    "Pixel2Style2PixelModel": psp.FAMILY,
    "StyleGAN2Model": stylegan2.FAMILY,
}
