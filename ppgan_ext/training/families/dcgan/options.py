"""The `model:` block for training DCGAN: that of `GANModel`, of which PaddleGAN's files use the first three keys."""

from __future__ import annotations

from ppgan_ext.training.families.gan.options import GANOptions


class DCGANOptions(GANOptions):
    """The `model:` block; both networks learn in every iteration unless ``params`` says otherwise."""
