"""The model families that can be trained, one folder each, with options, task and the code that only it needs.

Importing this package does not import Paddle. A new family adds a folder and a row of `FAMILIES`.
"""

from __future__ import annotations

from ppgan_ext.training.families import cyclegan, dcgan, gan, latent_rotator, pix2pix, psp, stylegan2, ugatit
from ppgan_ext.training.family import Family

# `model.name` in YAML files -> family.
FAMILIES: dict[str, Family] = {
    "CycleGANModel": cyclegan.FAMILY,
    "DCGANModel": dcgan.FAMILY,
    "GANModel": gan.FAMILY,
    "LatentRotatorModel": latent_rotator.FAMILY,
    "Pix2PixModel": pix2pix.FAMILY,
    "Pixel2Style2PixelModel": psp.FAMILY,
    "StyleGAN2Model": stylegan2.FAMILY,
    "UGATITModel": ugatit.FAMILY,
}
