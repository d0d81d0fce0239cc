"""Checkpoints of pix2pix, CycleGAN, U-GAT-IT and Photo2Cartoon: found, renamed, converted, or named in an error."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import paddle
import pytest

from ppgan_ext.errors import ConfigError, WeightsError
from ppgan_ext.networks.network_table import build
from ppgan_ext.nn import cpu_winograd
from ppgan_ext.weights import load, readers
from ppgan_ext.weights.convert import convert
from ppgan_ext.weights.gan_family import choose_translator
from ppgan_ext.weights.recognise import recognise
from tests.reference.toy import assert_close, fill

ROOT = Path(__file__).resolve().parents[2]
RESNET = {"input_nc": 3, "output_nc": 3, "ngf": 4, "n_blocks": 2}
BLOCKS = {
    "resnet": {"name": "ResnetGenerator", **RESNET},
    "resnet with dropout": {"name": "ResnetGenerator", **RESNET, "use_dropout": True},
    "resnet, zeros": {"name": "ResnetGenerator", **RESNET, "padding_type": "zero", "norm_type": "batch"},
    "resnet, zeros, dropout": {"name": "ResnetGenerator", **RESNET, "padding_type": "zero", "use_dropout": True},
    "resnet, resized": {"name": "ResnetGenerator", **RESNET, "upsample": "resize", "norm_type": "none"},
    "unet": {"name": "UnetGenerator", "input_nc": 1, "output_nc": 2, "num_downs": 6, "ngf": 2},
    "unet, resized": {
        "name": "UnetGenerator", "input_nc": 3, "output_nc": 3, "num_downs": 5, "ngf": 2, "upsample": "resize",
        "norm_type": "instance",
    },
    "patches": {"name": "NLayerDiscriminator", "input_nc": 6, "ndf": 2},
    "deep patches": {"name": "NLayerDiscriminator", "input_nc": 6, "ndf": 2, "n_layers": 4, "norm_type": "batch"},
    "spectral": {"name": "NLayerDiscriminator", "input_nc": 3, "ndf": 2, "n_layers": 2, "norm_type": "spectral"},
    "junyanz's batch patches": {"name": "NLayerDiscriminator", "input_nc": 3, "norm_type": "batch", "first_bias": True},
    "dcgan": {"name": "DCGenerator", "input_nz": 5, "input_nc": 1, "output_nc": 1, "ngf": 2},
    "dcgan's critic": {"name": "DCDiscriminator", "input_nc": 1, "ndf": 2},
    "dcgan's batch critic": {"name": "DCDiscriminator", "input_nc": 1, "ndf": 2, "norm_type": "batch"},
    "deep convolution": {"name": "DeepConvGenerator", "latent_dim": 5, "output_nc": 1, "size": 28, "ngf": 2},
    "ugatit": {"name": "ResnetUGATITGenerator", "input_nc": 3, "output_nc": 3, "ngf": 2, "img_size": 32, "n_blocks": 1},
    "ugatit light": {
        "name": "ResnetUGATITGenerator", "input_nc": 3, "output_nc": 3, "ngf": 2, "light": True, "norm_type": "batch",
    },
    "ugatit's critic": {"name": "UGATITDiscriminator", "input_nc": 3, "ndf": 2, "n_layers": 7},
    "cartoon": {"name": "ResnetUGATITP2CGenerator", "ngf": 4, "linear_bias": True},
}  # fmt: skip


def state_of(block):
    network = build(block)
    fill(network)
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize("name", BLOCKS)
def test_the_block_is_found_from_the_arrays(name):
    block = BLOCKS[name]
    (found,) = recognise(state_of(block), "file").gan_networks
    expected = build(block)
    assert (found.net_name, found.torch) == ("", False)
    assert found.block.items() <= {**_defaults(block["name"]), **block}.items()
    network, state = found.completed("file")
    assert type(network) is type(expected) and set(state) == set(expected.state_dict())


def _defaults(name):
    from ppgan_ext.networks.network_table import NETWORKS

    return {key: field.get_default() for key, field in NETWORKS[name].model_fields.items()}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A training checkpoint of CycleGAN as PaddleGAN writes it, whose generators differ."""
    path = tmp_path_factory.mktemp("gans") / "epoch_5_checkpoint.pdparams"
    forward = state_of(BLOCKS["resnet"])
    critic = state_of(BLOCKS["patches"])
    nets = {"netG_A": forward, "netG_B": {name: array + 1 for name, array in forward.items()}, "netD_A": critic}
    readers.write(path, {**nets, "epoch": 500, "optimG": {"conv2d_0.w_0_moment1_0": np.zeros(3, np.float32)}})
    return path


def test_directions_and_names_choose_the_generator(checkpoint):
    found = load.read_checkpoint(checkpoint)[0]
    assert [network.title for network in found.gan_networks] == [
        "ResnetGenerator (netG_A)", "ResnetGenerator (netG_B)", "NLayerDiscriminator (netD_A)"
    ]  # fmt: skip
    assert found.ignored == ["epoch", "optimG"]

    def chosen(direction=None, net_name=None):
        return choose_translator(found.gan_networks, direction, net_name, checkpoint).net_name

    assert [chosen(), chosen("a2b"), chosen("b2a"), chosen(net_name="netG_B")] == [
        "netG_A",
        "netG_A",
        "netG_B",
        "netG_B",
    ]
    with pytest.raises(WeightsError, match=r"no image-to-image generator 'netG_C', but netG_A, netG_B"):
        chosen(net_name="netG_C")
    with pytest.raises(WeightsError, match="no image-to-image generator 'netD_A'"):
        chosen(net_name="netD_A")
    with pytest.raises(ConfigError, match="direction"):
        chosen("a2b", "netG_A")


def test_one_direction_is_not_taken_for_the_other(checkpoint):
    networks = load.read_checkpoint(checkpoint)[0].gan_networks
    with pytest.raises(WeightsError, match=r"no generator for the direction b2a, but netG_A"):
        choose_translator(networks[:1], "b2a", None, "file")
    with pytest.raises(WeightsError, match=r"no image-to-image generator, but NLayerDiscriminator \(netD_A\)"):
        choose_translator(networks[2:], None, None, "file")


def test_conversion_keeps_names_and_numbers(checkpoint, tmp_path):
    report = convert(checkpoint, tmp_path / "all.pdparams")
    written = readers.read(tmp_path / "all.pdparams")
    assert set(written) == {"netG_A", "netG_B", "netD_A"} and report.left_out == ("epoch", "optimG")
    for name, array in readers.read(checkpoint)["netG_B"].items():
        assert (written["netG_B"][name] == array).all()
    convert(checkpoint, tmp_path / "one.pdparams", net_name="netG_B")
    assert set(readers.read(tmp_path / "one.pdparams")) == set(written["netG_B"])
    convert(checkpoint, tmp_path / "all.safetensors")
    again = load.read_checkpoint(tmp_path / "all.safetensors")[0].gan_networks
    assert {network.net_name for network in again} == {"netG_A", "netG_B", "netD_A"}


def test_a_checkpoint_of_another_family_is_named(checkpoint):
    with pytest.raises(WeightsError, match=r"no generator \(ResnetGenerator \(netG_A\), ResnetGenerator \(netG_B\)"):
        load.load_face_model(weight_path=checkpoint)


def test_missing_arrays_are_listed(checkpoint, tmp_path):
    state = dict(readers.read(checkpoint)["netG_A"])
    del state["model.7.bias"]
    readers.write(tmp_path / "broken.pdparams", state)
    with pytest.raises(WeightsError, match=r"1 missing \(model\.7\.bias\)"):
        convert(tmp_path / "broken.pdparams", tmp_path / "out.pdparams")
    assert not (tmp_path / "out.pdparams").exists()


def test_old_statistics_of_instance_normalisation_are_dropped():
    state = {name: array for name, array in state_of(BLOCKS["resnet"]).items() if not name.endswith("scale")}
    norms = ["model.2", "model.5", "model.8", "model.10.conv_block.2", "model.10.conv_block.6", "model.11.conv_block.2"]
    norms += ["model.11.conv_block.6", "model.13", "model.16"]
    for norm in norms:
        del state[f"{norm}.bias"]
        state |= {f"{norm}.running_mean": np.zeros(4, np.float32), f"{norm}.running_var": np.ones(4, np.float32)}
    (found,) = recognise({f"module.{name}": array for name, array in state.items()}, "file").gan_networks
    _, completed = found.completed("file")
    assert (completed["model.8.scale"] == 1).all() and (completed["model.8.bias"] == 0).all()


@pytest.fixture(scope="module")
def twins(torch_python, tmp_path_factory):
    """Random checkpoints of the PyTorch projects, and what their networks compute."""
    folder = tmp_path_factory.mktemp("twins")
    script = ROOT / "tests" / "reference" / "torch_translators.py"
    environ = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [torch_python, str(script), str(folder)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


NAMES = (
    "cartoon",
    "patches",
    "patches_batch",
    "resnet",
    "resnet_dropout",
    "ugatit_critic",
    "ugatit_full",
    "ugatit_light",
)
WIDE = ("resnet_wide", "ugatit_wide")


@pytest.mark.torch
@pytest.mark.parametrize("name", [*NAMES, *WIDE, "unet", "unet_deep"])
def test_converted_networks_compute_what_pytorchs_do(twins, tmp_path, monkeypatch, name):
    outputs_by_winograd = []
    winograd = cpu_winograd.output
    monkeypatch.setattr(cpu_winograd, "output", lambda *args: outputs_by_winograd.append(args) or winograd(*args))
    output = tmp_path / f"{name}.pdparams"
    convert(twins / f"{name}.pth", output)
    found = load.read_checkpoint(output)[0].gan_networks[0]
    options = {"test_mode": "eval"} if found.block["name"] in ("ResnetGenerator", "UnetGenerator") else {}
    network, state = found.completed(output, **options)
    load.load_into(network, state, output)
    for layer in network.eval().sublayers():
        if hasattr(layer, "test_mode"):
            layer.test_mode = "eval"  # as PyTorch's networks were run
    with np.load(twins / f"{name}.npz") as arrays:
        expected = [arrays[key] for key in sorted(arrays) if key.startswith("output")]
        for form in ("fast", "fused"):
            with paddle.no_grad():
                result = network(paddle.to_tensor(arrays["input"]), form=form)
            outputs = result if isinstance(result, tuple) else (result,)
            for actual, wanted in zip(outputs, expected, strict=True):
                assert_close(actual.numpy(), wanted, 1e-4)
    assert bool(outputs_by_winograd) == (name in WIDE)
