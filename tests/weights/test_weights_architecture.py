"""Inferring the architecture from the arrays of real networks at toy size."""

import numpy as np
import pytest

from ppgan_ext.errors import WeightsError
from ppgan_ext.networks import (
    BackboneEncoderUsingLastLayerIntoW,
    BackboneEncoderUsingLastLayerIntoWPlus,
    LightEncoder,
    PSPEncoder,
    StyleGANv2Discriminator,
    StyleGANv2Generator,
)
from ppgan_ext.networks.sizes import channel_table
from ppgan_ext.weights import architecture
from ppgan_ext.weights.network_builders import build_lazily


def shapes(build):
    """Return name -> array with a network's shapes; the values do not matter, so all share one element."""
    state = build_lazily(build).state_dict()
    return {name: np.broadcast_to(np.float32(1), tuple(tensor.shape)) for name, tensor in state.items()}


@pytest.mark.parametrize(
    "arguments",
    [
        {"size": 8, "style_dim": 8, "n_mlp": 1, "channel_base": 32, "channel_cap": 6},
        {"size": 32, "style_dim": 16, "n_mlp": 3, "channel_base": 200, "channel_cap": 24},
        {"size": 16, "style_dim": 8, "n_mlp": 2, "channel_base": 64, "channel_cap": 4},
        {"size": 64, "style_dim": 512, "n_mlp": 8, "channel_multiplier": 1},
        {"size": 256, "style_dim": 512, "n_mlp": 8, "channel_multiplier": 2},
        {"size": 1024, "style_dim": 512, "n_mlp": 8, "channel_multiplier": 2},
        {"size": 128, "style_dim": 512, "n_mlp": 4, "channel_multiplier": 0.5},
        {"size": 16, "style_dim": 8, "n_mlp": 2, "channel_base": 64, "channel_cap": 8, "is_concat": True},
    ],
)
def test_generator(arguments):
    state = shapes(lambda: StyleGANv2Generator(**arguments))
    inferred = architecture.generator_architecture(state, "w.pt")
    again = shapes(lambda: StyleGANv2Generator(**inferred.arguments()))
    assert {name: array.shape for name, array in again.items()} == {name: array.shape for name, array in state.items()}
    for key in ("size", "style_dim", "n_mlp"):
        assert getattr(inferred, key) == arguments[key]
    if "channel_multiplier" in arguments:
        assert inferred.arguments()["channel_multiplier"] == arguments["channel_multiplier"]
        assert f"--channel_multiplier {arguments['channel_multiplier']}" in inferred.flags()
    assert inferred.n_latent == StyleGANv2Generator(8, 8, 1, channel_base=32).n_latent + 2 * (
        inferred.size.bit_length() - 4
    )


def test_filter_taps():
    build = {"size": 16, "style_dim": 8, "n_mlp": 1, "channel_base": 64, "channel_cap": 4}
    for taps in ((1.0, 3.0, 3.0, 1.0), (1.0, 2.0, 1.0), (1.0, 4.0, 6.0, 4.0, 1.0)):
        network = StyleGANv2Generator(blur_kernel=taps, **build)
        state = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
        assert architecture.generator_architecture(state, "w.pt").blur_kernel == taps


@pytest.mark.parametrize("missing", ["input.input", "convs.3.conv.weight", "conv1.activate.bias"])
def test_incomplete_generator(missing):
    state = shapes(lambda: StyleGANv2Generator(16, 8, 1, channel_base=64))
    del state[missing]
    with pytest.raises(WeightsError, match=f"no complete StyleGAN2 generator.*{missing}"):
        architecture.generator_architecture(state, "w.pt")


@pytest.mark.parametrize(("base", "cap"), [(64, 12), (1000, 50), (8192, 256), (16384, 512), (4096, 512), (100, 3)])
def test_law_of_base_and_cap(base, cap):
    table = channel_table(channel_base=base, channel_cap=cap)
    for size in (8, 16, 64, 128):
        channels = {res: count for res, count in table.items() if res <= size}
        law = architecture.channel_law(channels)
        made = channel_table(**law)
        assert {res: made[res] for res in channels} == channels


def test_channels_without_a_law():
    with pytest.raises(WeightsError, match="follow no known law"):
        architecture.channel_law({4: 10, 8: 20, 16: 10})


def test_discriminator():
    for arguments in ({"size": 16, "channel_base": 64, "channel_cap": 12}, {"size": 64, "channel_multiplier": 1}):
        state = shapes(lambda arguments=arguments: StyleGANv2Discriminator(**arguments))
        inferred = architecture.discriminator_arguments(state, "w.pt")
        assert inferred == arguments


def test_incomplete_discriminator():
    with pytest.raises(WeightsError, match="residual trunk"):
        architecture.discriminator_arguments({"final_linear.1.weight": np.ones(1)}, "w.pt")


@pytest.mark.parametrize("size", [16, 32, 64])
def test_light_encoder(size):
    arguments = {"size": size, "channel_base": 512, "channel_cap": 20, "style_dim": 8}
    state = shapes(lambda: LightEncoder(**arguments))
    name, inferred = architecture.encoder_arguments(state, 8, "w.pt")
    assert name == "LightEncoder"
    again = shapes(lambda: LightEncoder(**inferred))
    assert {k: v.shape for k, v in again.items()} == {k: v.shape for k, v in state.items()}


@pytest.mark.parametrize(
    ("network", "name"),
    [
        (PSPEncoder, "PSPEncoder"),
        (BackboneEncoderUsingLastLayerIntoWPlus, "BackboneEncoderUsingLastLayerIntoWPlus"),
        (BackboneEncoderUsingLastLayerIntoW, "BackboneEncoderUsingLastLayerIntoW"),
    ],
)
@pytest.mark.parametrize("size", [32, 256])
def test_psp_encoders(network, name, size):
    state = shapes(lambda: network(size, 1, style_dim=128))
    encoder_name, inferred = architecture.encoder_arguments(state, 128, "w.pt")
    assert encoder_name == name
    assert (inferred["input_nc"], inferred["style_dim"]) == (1, 128)
    assert inferred.get("size", size) == size
    assert ("size" in inferred) == (name != "BackboneEncoderUsingLastLayerIntoW")


def test_incomplete_encoder():
    with pytest.raises(WeightsError, match=r"no complete encoder.*linear.weight"):
        architecture.encoder_arguments({"input_layer.0.weight": np.ones((64, 3, 3, 3))}, 512, "w.pt")
