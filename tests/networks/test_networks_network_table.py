"""The table of networks: every block creates the class that it names, with all arguments of its constructor."""

from __future__ import annotations

import inspect
import subprocess
import sys
import typing

import pytest

from ppgan_ext import networks
from ppgan_ext.errors import ConfigError
from ppgan_ext.networks.network_table import NETWORKS, build, options_of

# name -> (a small block, arguments that depend on other networks)
SMALL = {
    "BackboneEncoderUsingLastLayerIntoW": ({}, {"size": 16, "style_dim": 128}),
    "BackboneEncoderUsingLastLayerIntoWPlus": ({}, {"size": 16, "style_dim": 128}),
    "ConditionalDeepConvGenerator": ({"latent_dim": 3, "output_nc": 1, "size": 8, "ngf": 2, "n_class": 4}, {}),
    "DCDiscriminator": ({"input_nc": 1, "ndf": 2}, {}),
    "DCGenerator": ({"input_nz": 3, "input_nc": 1, "output_nc": 1, "ngf": 2}, {}),
    "DeepConvGenerator": ({"latent_dim": 3, "output_nc": 1, "size": 8, "ngf": 2}, {}),
    "GradualStyleEncoder": ({}, {"size": 16, "style_dim": 128}),
    "LatentDiscriminator": ({"num_layers": 2}, {"style_dim": 8}),
    "LatentRotator": ({"width": 8, "num_blocks": 1}, {"n_latent": 4, "style_dim": 8}),
    "LightEncoder": ({"channel_base": 64, "channel_cap": 8}, {"size": 16, "style_dim": 8}),
    "NLayerDiscriminator": ({"input_nc": 3, "ndf": 2}, {}),
    "NLayerDiscriminatorWithClassification": ({"input_nc": 1, "ndf": 2, "n_class": 4}, {}),
    "PSPEncoder": ({}, {"size": 16, "style_dim": 128}),
    "ResnetGenerator": ({"input_nc": 3, "output_nc": 3, "ngf": 2, "n_blocks": 1}, {}),
    "ResnetUGATITGenerator": ({"input_nc": 3, "output_nc": 3, "ngf": 2, "n_blocks": 1, "img_size": 16}, {}),
    "ResnetUGATITP2CGenerator": ({"ngf": 4, "n_blocks": 1}, {}),
    "StyleGANv2Discriminator": ({"size": 8, "channel_base": 64}, {}),
    "StyleGANv2Generator": ({"size": 8, "style_dim": 8, "n_mlp": 1, "channel_base": 64}, {}),
    "UGATITDiscriminator": ({"input_nc": 3, "ndf": 2}, {}),
    "UnetGenerator": ({"input_nc": 3, "output_nc": 3, "num_downs": 5, "ngf": 2}, {}),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_block_creates_the_network_that_it_names(name):
    block, context = SMALL[name]
    network = build({"name": name, **block}, **context)
    assert type(network).__name__ == {"GradualStyleEncoder": "PSPEncoder"}.get(name, name)
    for key, value in context.items():
        assert getattr(network, key, value) == value


@pytest.mark.parametrize("name", NETWORKS)
def test_options_are_arguments_of_the_constructor_with_its_defaults(name):
    options = NETWORKS[name]
    block, context = SMALL[name]
    parameters = inspect.signature(type(build({"name": name, **block}, **context)).__init__).parameters
    for key, field in options.model_fields.items():
        if key in ("name", "code"):  # `code` selects one of two classes
            continue
        default = parameters[key].default
        assert default in (inspect.Parameter.empty, field.get_default()), key
    assert name in typing.get_args(options.model_fields["name"].annotation)


def test_code_selects_the_class():
    light = {"name": "LightEncoder", "channel_base": 64, "channel_cap": 8, "code": "e4e"}
    assert type(build(light, size=16, style_dim=8)).__name__ == "LightEncoder4Editing"
    assert type(build({"name": "PSPEncoder", "code": "e4e"}, size=8, style_dim=128)).__name__ == "Encoder4Editing"


def test_mistakes_are_reported_with_the_nearest_name():
    with pytest.raises(ConfigError, match=r"StyleGANv2Generater.*'StyleGANv2Generator'"):
        options_of({"name": "StyleGANv2Generater"})
    with pytest.raises(ConfigError, match=r"sise.*did you mean 'size'"):
        options_of({"name": "StyleGANv2Generator", "sise": 8, "size": 8})


def test_the_table_does_not_import_paddle():
    code = "import sys, ppgan_ext.networks.network_table; sys.exit('paddle' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_classes_can_be_imported_from_the_package():
    for name in networks.__all__:
        assert getattr(networks, name) is not None
    with pytest.raises(AttributeError, match="Nonesuch"):
        _ = networks.Nonesuch
