"""The package's networks compute the same as the PyTorch twins with which the bundled model is trained."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import paddle
import pytest

from ppgan_ext.errors import ConfigError, WeightsError
from ppgan_ext.networks import LightEncoder, StyleGANv2Discriminator, StyleGANv2Generator
from ppgan_ext.weights.rename_torch_twin import rename_twin
from tests.reference import twin
from tests.reference.toy import assert_close

GOLDEN = Path(__file__).resolve().parents[1] / "goldens" / "twin.npz"


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as file:
        return {name: file[name] for name in file.files}


def twin_state(golden, part):
    shapes = json.loads(str(golden["shapes"]))[part]
    return {name: twin.twin_numbers(name, shape) for name, shape in shapes.items()}


def load(network, state):
    targets = {name: list(tensor.shape) for name, tensor in network.state_dict().items()}
    assert {name: list(array.shape) for name, array in state.items()} == targets
    assert network.set_state_dict(state) == ([], [])
    return network.eval()


@pytest.fixture(scope="module")
def networks(golden):
    channels = {"channel_base": twin.BASE, "channel_cap": twin.CAP}
    state = rename_twin("generator", twin_state(golden, "generator"))
    w_avg = state.pop("w_avg")
    generator = load(StyleGANv2Generator(twin.SIZE, twin.DIM, twin.NUM_MLP, **channels), state)
    generator.set_w_avg(w_avg)
    discriminator = StyleGANv2Discriminator(twin.SIZE, **channels)
    encoder = LightEncoder(twin.SIZE, twin.BASE, twin.CAP, twin.DIM)
    return {
        "generator": generator,
        "discriminator": load(discriminator, rename_twin("discriminator", twin_state(golden, "discriminator"))),
        "encoder": load(encoder, rename_twin("encoder", twin_state(golden, "encoder"))),
    }


def run(networks, form):
    inputs = {name: paddle.to_tensor(array) for name, array in twin.inputs().items()}
    with paddle.no_grad():
        scores, maps = networks["discriminator"](inputs["images"], features=True, form=form)
        outputs = {
            "w": networks["generator"].mapping(inputs["z"]),
            "pixels": networks["generator"].render(inputs["w_plus"], form=form),
            "scores": scores,
            "last_map": maps[-1],
            "one_score": networks["discriminator"](inputs["images"][:1], form=form),
            "codes": networks["encoder"](inputs["images"][:2], form),
        }
    return {name: tensor.numpy() for name, tensor in outputs.items()}


@pytest.mark.parametrize("form", ["fast", "smooth"])
def test_outputs_match_the_golden_file(golden, networks, form):
    for name, actual in run(networks, form).items():
        assert_close(actual, golden[name])


@pytest.mark.shared
@pytest.mark.torch
def test_the_golden_file_matches_the_twins(golden, shared_folder):
    from tests.goldens import make_twin_golden

    source = shared_folder / "bundled_model" / "networks_torch.py"
    if not source.is_file():
        pytest.skip("the twins are not beside this checkout")
    twins = make_twin_golden.build(source)
    shapes = {part: {n: list(t.shape) for n, t in net.state_dict().items()} for part, net in twins.items()}
    assert shapes == json.loads(str(golden["shapes"]))
    for name, array in make_twin_golden.results(twins).items():
        assert_close(golden[name], array, 1e-5)


def test_w_avg_is_loaded_beside_the_state(golden, networks):
    expected = twin_state(golden, "generator")["w_avg"]
    assert (networks["generator"].ensure_w_avg().numpy() == expected).all()


def test_heads_of_levels_without_styles_are_left_out():
    state = {"heads.2.1.weight": np.zeros([0, 512], np.float32), "heads.1.0.bias": np.zeros([512], np.float32)}
    assert list(rename_twin("encoder", state)) == ["heads.1.0.bias"]


def test_layers_are_renumbered():
    state = {"convs.0.bias": np.zeros(3), "convs.1.bias": np.ones(3), "rgbs.0.bias": np.zeros(3)}
    renamed = rename_twin("generator", {**state, "rgbs.2.bias": np.arange(3.0)})
    assert set(renamed) == {
        "conv1.activate.bias", "convs.0.activate.bias", "to_rgb1.bias", "to_rgbs.1.bias", "to_rgbs.1.upsample.kernel"
    }  # fmt: skip
    assert renamed["convs.0.activate.bias"].sum() == 3 and renamed["to_rgbs.1.bias"].shape == (1, 3, 1, 1)
    assert renamed["to_rgbs.1.upsample.kernel"].sum() == 4


def test_unknown_names_are_all_listed():
    with pytest.raises(WeightsError, match=r"convs\.0\.extra, w_mean"):
        rename_twin("generator", {"w_mean": np.zeros(3), "convs.0.extra": np.zeros(3), "const": np.zeros(3)})
    with pytest.raises(ConfigError, match="Did you mean 'generator'"):
        rename_twin("generater", {})
