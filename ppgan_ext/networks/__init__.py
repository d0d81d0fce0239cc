"""The networks, one paper per file. ``NETWORKS`` names those that files can ask for."""

from paddle import nn

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

# A literal table, not decorators: a name that is missing here is missing here, whatever has been imported.
NETWORKS: dict[str, type[nn.Layer]] = {
    "ArcFaceBackbone": ArcFaceBackbone,
    "BackboneEncoderUsingLastLayerIntoW": BackboneEncoderUsingLastLayerIntoW,
    "BackboneEncoderUsingLastLayerIntoWPlus": BackboneEncoderUsingLastLayerIntoWPlus,
    "DlibFaceNet": DlibFaceNet,
    "GradualStyleEncoder": PSPEncoder,
    "InceptionV3": InceptionV3,
    "LatentRotator": LatentRotator,
    "LightEncoder": LightEncoder,
    "PSPEncoder": PSPEncoder,
    "Pixel2Style2Pixel": Pixel2Style2Pixel,
    "StyleGANv2Discriminator": StyleGANv2Discriminator,
    "StyleGANv2Generator": StyleGANv2Generator,
    "VGG16Features": VGG16Features,
}

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
]
