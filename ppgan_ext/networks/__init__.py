"""The networks, one paper per file, and their options; ``build`` creates a network from its block in a YAML file.

Classes are imported on first use, so that options and table do not import Paddle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppgan_ext.lazy_imports import lazy_attributes
from ppgan_ext.networks.network_table import NETWORKS, build

if TYPE_CHECKING:
    from ppgan_ext.networks.arcface import ArcFaceBackbone
    from ppgan_ext.networks.dcgan import DCDiscriminator, DCGenerator
    from ppgan_ext.networks.deep_conv import ConditionalDeepConvGenerator, DeepConvGenerator
    from ppgan_ext.networks.dlib_resnet import DlibFaceNet
    from ppgan_ext.networks.inception import InceptionV3
    from ppgan_ext.networks.light_encoder import LightEncoder
    from ppgan_ext.networks.patchgan import NLayerDiscriminator, NLayerDiscriminatorWithClassification
    from ppgan_ext.networks.photo2cartoon import ResnetUGATITP2CGenerator
    from ppgan_ext.networks.psp import (
        BackboneEncoderUsingLastLayerIntoW,
        BackboneEncoderUsingLastLayerIntoWPlus,
        Pixel2Style2Pixel,
        PSPEncoder,
    )
    from ppgan_ext.networks.resnet_generator import ResnetGenerator
    from ppgan_ext.networks.rotator import LatentRotator
    from ppgan_ext.networks.stylegan2 import StyleGANv2Generator
    from ppgan_ext.networks.stylegan2_discriminator import StyleGANv2Discriminator
    from ppgan_ext.networks.ugatit import ResnetUGATITGenerator, UGATITDiscriminator
    from ppgan_ext.networks.unet import UnetGenerator
    from ppgan_ext.networks.vgg import VGG16Features

__all__ = [
    "NETWORKS",
    "ArcFaceBackbone",
    "BackboneEncoderUsingLastLayerIntoW",
    "BackboneEncoderUsingLastLayerIntoWPlus",
    "ConditionalDeepConvGenerator",
    "DCDiscriminator",
    "DCGenerator",
    "DeepConvGenerator",
    "DlibFaceNet",
    "InceptionV3",
    "LatentRotator",
    "LightEncoder",
    "NLayerDiscriminator",
    "NLayerDiscriminatorWithClassification",
    "PSPEncoder",
    "Pixel2Style2Pixel",
    "ResnetGenerator",
    "ResnetUGATITGenerator",
    "ResnetUGATITP2CGenerator",
    "StyleGANv2Discriminator",
    "StyleGANv2Generator",
    "UGATITDiscriminator",
    "UnetGenerator",
    "VGG16Features",
    "build",
]

_MODULES = {
    "ArcFaceBackbone": "arcface",
    "BackboneEncoderUsingLastLayerIntoW": "psp",
    "BackboneEncoderUsingLastLayerIntoWPlus": "psp",
    "ConditionalDeepConvGenerator": "deep_conv",
    "DCDiscriminator": "dcgan",
    "DCGenerator": "dcgan",
    "DeepConvGenerator": "deep_conv",
    "DlibFaceNet": "dlib_resnet",
    "InceptionV3": "inception",
    "LatentRotator": "rotator",
    "LightEncoder": "light_encoder",
    "NLayerDiscriminator": "patchgan",
    "NLayerDiscriminatorWithClassification": "patchgan",
    "PSPEncoder": "psp",
    "Pixel2Style2Pixel": "psp",
    "ResnetGenerator": "resnet_generator",
    "ResnetUGATITGenerator": "ugatit",
    "ResnetUGATITP2CGenerator": "photo2cartoon",
    "StyleGANv2Discriminator": "stylegan2_discriminator",
    "StyleGANv2Generator": "stylegan2",
    "UGATITDiscriminator": "ugatit",
    "UnetGenerator": "unet",
    "VGG16Features": "vgg",
}

__getattr__, __dir__ = lazy_attributes(__name__, _MODULES, __all__)
