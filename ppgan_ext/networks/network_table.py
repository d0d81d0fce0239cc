"""The networks that a block of a YAML file can describe; training, loading and export create them from this table.

Importing this module does not import Paddle: the options of a network import it when they build it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ppgan_ext import config
from ppgan_ext.errors import ConfigError, nearest
from ppgan_ext.networks.dcgan_options import DCDiscriminatorOptions, DCGeneratorOptions
from ppgan_ext.networks.deep_conv_options import ConditionalDeepConvGeneratorOptions, DeepConvGeneratorOptions
from ppgan_ext.networks.encoder_options import (
    LastLayerEncoderOptions,
    LightEncoderOptions,
    PSPEncoderOptions,
    SingleStyleEncoderOptions,
)
from ppgan_ext.networks.latent_options import LatentDiscriminatorOptions, LatentRotatorOptions
from ppgan_ext.networks.network_options import NetworkOptions
from ppgan_ext.networks.patchgan_options import (
    NLayerDiscriminatorOptions,
    NLayerDiscriminatorWithClassificationOptions,
)
from ppgan_ext.networks.resnet_generator_options import ResnetGeneratorOptions
from ppgan_ext.networks.stylegan2_options import StyleGANv2DiscriminatorOptions, StyleGANv2GeneratorOptions
from ppgan_ext.networks.ugatit_options import (
    ResnetUGATITGeneratorOptions,
    ResnetUGATITP2CGeneratorOptions,
    UGATITDiscriminatorOptions,
)
from ppgan_ext.networks.unet_options import UnetGeneratorOptions

# A literal table instead of decorators, so that the names do not depend on the modules imported so far.
NETWORKS: dict[str, type[NetworkOptions]] = {
    "BackboneEncoderUsingLastLayerIntoW": SingleStyleEncoderOptions,
    "BackboneEncoderUsingLastLayerIntoWPlus": LastLayerEncoderOptions,
    "ConditionalDeepConvGenerator": ConditionalDeepConvGeneratorOptions,
    "DCDiscriminator": DCDiscriminatorOptions,
    "DCGenerator": DCGeneratorOptions,
    "DeepConvGenerator": DeepConvGeneratorOptions,
    "GradualStyleEncoder": PSPEncoderOptions,
    "LatentDiscriminator": LatentDiscriminatorOptions,
    "LatentRotator": LatentRotatorOptions,
    "LightEncoder": LightEncoderOptions,
    "NLayerDiscriminator": NLayerDiscriminatorOptions,
    "NLayerDiscriminatorWithClassification": NLayerDiscriminatorWithClassificationOptions,
    "PSPEncoder": PSPEncoderOptions,
    "ResnetGenerator": ResnetGeneratorOptions,
    "ResnetUGATITGenerator": ResnetUGATITGeneratorOptions,
    "ResnetUGATITP2CGenerator": ResnetUGATITP2CGeneratorOptions,
    "StyleGANv2Discriminator": StyleGANv2DiscriminatorOptions,
    "StyleGANv2Generator": StyleGANv2GeneratorOptions,
    "UGATITDiscriminator": UGATITDiscriminatorOptions,
    "UnetGenerator": UnetGeneratorOptions,
}


def options_of(block: Mapping[str, Any]) -> NetworkOptions:
    """Validate the block of a network and return its options.

    Args:
        block: ``name``, a key of `NETWORKS`, and the network's arguments.

    Raises:
        ConfigError: the name is unknown, or keys or values are wrong; the message lists all of them, with the nearest
            correct names.
    """
    name = block.get("name")
    if name not in NETWORKS:
        raise ConfigError(f"there is no network '{name}'", where="name", cure=nearest(str(name), NETWORKS))
    return config.load_options(NETWORKS[name], overrides=block)


def build(block: NetworkOptions | Mapping[str, Any], **context: Any) -> Any:
    """Create a network from its block.

    Args:
        block: validated options, or a mapping as in a YAML file.
        **context: arguments that depend on other networks, such as an encoder's ``size``.

    Example:
        >>> build({"name": "StyleGANv2Generator", "size": 16}).n_latent  # doctest: +SKIP
        6

    Raises:
        ConfigError: see `options_of`.
    """
    options = block if isinstance(block, NetworkOptions) else options_of(block)
    return options.build(**context)
