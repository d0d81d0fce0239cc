"""Options that the families of pix2pix and CycleGAN share."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from ppgan_ext.networks.resnet_generator_options import ResnetGeneratorOptions
from ppgan_ext.networks.unet_options import UnetGeneratorOptions
from ppgan_ext.option_types import Count
from ppgan_ext.training.family import FamilyOptions
from ppgan_ext.training.shared.direction import Direction

PlainGenerator: TypeAlias = Annotated[ResnetGeneratorOptions | UnetGeneratorOptions, Field(discriminator="name")]


class TranslationOptions(FamilyOptions):
    """The keys that PaddleGAN's translation models share.

    Attributes:
        direction: a2b (or AtoB): the first generator translates images of A to B; b2a (or BtoA): of B to A.
        to_static: PaddleGAN's key, without effect.
        image_shape: PaddleGAN's key, without effect.
    """

    direction: Direction = "a2b"
    to_static: bool = False
    image_shape: list[Count] | None = None
