"""The networks, one paper per file, and their options; ``build`` creates a network from its block in a YAML file.

Classes are imported on first use, so that options and table do not import Paddle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppgan_ext.lazy_imports import lazy_attributes
from ppgan_ext.networks.network_table import NETWORKS, build

if TYPE_CHECKING:
    from ppgan_ext.networks.arcface import ArcFaceBackbone
    from ppgan_ext.networks.dlib_resnet import DlibFaceNet
    from ppgan_ext.networks.inception import InceptionV3
    from ppgan_ext.networks.light_encoder import LightEncoder
    from ppgan_ext.networks.psp import (
        BackboneEncoderUsingLastLayerIntoW,
        BackboneEncoderUsingLastLayerIntoWPlus,
        Pixel2Style2Pixel,
        PSPEncoder,
    )
    from ppgan_ext.networks.rotator import LatentRotator
    from ppgan_ext.networks.stylegan2 import StyleGANv2Generator
    from ppgan_ext.networks.stylegan2_discriminator import StyleGANv2Discriminator
    from ppgan_ext.networks.vgg import VGG16Features

__all__ = [
    "NETWORKS",
    "ArcFaceBackbone",
    "BackboneEncoderUsingLastLayerIntoW",
    "BackboneEncoderUsingLastLayerIntoWPlus",
    "DlibFaceNet",
    "InceptionV3",
    "LatentRotator",
    "LightEncoder",
    "PSPEncoder",
    "Pixel2Style2Pixel",
    "StyleGANv2Discriminator",
    "StyleGANv2Generator",
    "VGG16Features",
    "build",
]

_MODULES = {
    "ArcFaceBackbone": "arcface",
    "BackboneEncoderUsingLastLayerIntoW": "psp",
    "BackboneEncoderUsingLastLayerIntoWPlus": "psp",
    "DlibFaceNet": "dlib_resnet",
    "InceptionV3": "inception",
    "LatentRotator": "rotator",
    "LightEncoder": "light_encoder",
    "PSPEncoder": "psp",
    "Pixel2Style2Pixel": "psp",
    "StyleGANv2Discriminator": "stylegan2_discriminator",
    "StyleGANv2Generator": "stylegan2",
    "VGG16Features": "vgg",
}

__getattr__, __dir__ = lazy_attributes(__name__, _MODULES, __all__)
