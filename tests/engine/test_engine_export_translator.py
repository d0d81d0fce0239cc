"""Exported translators: programs that map images as their networks do, in the names of PaddleGAN's files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest

from ppgan_ext.engine import export_translator as module
from ppgan_ext.engine.export_any import export_any
from ppgan_ext.engine.export_translator import export_translator
from ppgan_ext.engine.program_files import open_program
from ppgan_ext.errors import ConfigError, OutputError, WeightsError
from ppgan_ext.weights.translators import load_translator
from tests.reference.toy import assert_close
from tests.reference.toy_translators import CARTOON, RESNET, UNET, write_translators

ROOT = Path(__file__).resolve().parents[2]
UGATIT = {"name": "ResnetUGATITGenerator", "input_nc": 3, "output_nc": 1, "ngf": 2, "n_blocks": 1, "light": True}
FULL = {**UGATIT, "light": False, "img_size": 32}
CYCLEGAN = (
    "model: {name: CycleGANModel}\nexport_model: [{name: netG_A, inputs_num: 1}, {name: netG_B, inputs_num: 1}]\n"
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    networks = {
        "cyclegan": {"netG_A": RESNET, "netG_B": {**RESNET, "n_blocks": 2}},
        "pix2pix": {"netG": UNET},
        "ugatit": {"genA2B": UGATIT},
        "full": {"genA2B": FULL},
        "cartoon": {"genA2B": CARTOON},
        "forward": {"netG_A": RESNET},
    }
    return {name: write_translators(folder / f"{name}.pdparams", blocks) for name, blocks in networks.items()}


@pytest.mark.parametrize(
    ("name", "net_name", "size", "shape"),
    [
        ("cyclegan", "netG_B", "-1,3,24,40", (3, 3, 24, 40)),  # any number of images
        ("ugatit", None, None, (1, 3, 32, 32)),  # of training's size; one channel, apart from logits and heatmap
    ],
)
def test_a_program_makes_the_networks_images(tmp_path, weights, name, net_name, size, shape):
    made = export_translator(weights[name], tmp_path, inputs_size=size, net_name=net_name, family="SomeModel")
    prefix = tmp_path / f"somemodel_{net_name or 'genA2B'}"
    assert made.prefix == prefix and sorted(path.name for path in tmp_path.iterdir()) == [p.name for p in made.files]
    assert made.error < 1e-4 and "of the largest value off the network" in str(made)
    images = np.random.default_rng(3).uniform(-1, 1, shape).astype(np.float32)
    with paddle.no_grad():
        expected = load_translator(weights[name], net_name=net_name).network(paddle.to_tensor(images))
    expected = expected[0] if isinstance(expected, tuple) else expected
    assert_close(open_program(prefix)(images), expected.numpy(), 1e-4)


@pytest.mark.parametrize("name", ["cyclegan", "pix2pix", "ugatit", pytest.param("cartoon", marks=pytest.mark.slow)])
def test_a_program_of_open_size_takes_any_the_network_takes(tmp_path, weights, name):
    made = export_translator(weights[name], tmp_path, inputs_size="-1,3,-1,-1")
    run, translator = open_program(made.prefix), load_translator(weights[name])
    network = translator.network
    if name == "pix2pix":
        network = load_translator(weights[name], use_dropout=False).network
    for shape in ((1, 3, 64, 64), (2, 3, 64, 128)):
        images = np.random.default_rng(3).uniform(-1, 1, shape).astype(np.float32)
        with paddle.no_grad():
            expected = network(paddle.to_tensor(images))
        expected = expected[0] if isinstance(expected, tuple) else expected
        assert_close(run(images), expected.numpy(), 1e-2 if name == "cartoon" else 1e-4)  # hourglasses enlarge rounding


def test_a_network_of_one_size_is_not_opened(tmp_path, weights):
    with pytest.raises(ConfigError, match=r"takes images of 32x32 pixels only\. Write -1,3,32,32"):
        export_translator(weights["full"], tmp_path, inputs_size="-1,3,-1,-1")


def test_every_network_that_the_configuration_lists_is_exported(tmp_path, weights):
    path = tmp_path / "cyclegan.yaml"
    path.write_text(CYCLEGAN)
    made = export_any(path, weights["cyclegan"], tmp_path, inputs_size="-1,3,-1,-1;1,3,24,-1")
    assert [one.prefix.name for one in made.made] == ["cycleganmodel_netG_A", "cycleganmodel_netG_B"]
    assert [one.input_shapes["images"] for one in made.made] == [(-1, 3, -1, -1), (1, 3, 24, -1)]
    assert len(str(made).splitlines()) == 2

    made = export_any(path, weights["forward"], tmp_path, inputs_size="1,3,24,24;1,3,24,24", model_name="m")
    assert [one.prefix.name for one in made.made] == ["m"]
    assert str(made).endswith("\nnote: left out, since the weights do not contain it: netG_B")
    made = export_any(path, weights["cyclegan"], tmp_path, net_name="netG_B", inputs_size="1,3,8,8;1,3,24,24")
    assert [one.input_shapes["images"] for one in made.made] == [(1, 3, 24, 24)]

    with pytest.raises(ConfigError, match="3 shapes are given, and export_model of the configuration lists 2"):
        export_any(path, weights["cyclegan"], tmp_path, inputs_size="1,3,8,8;" * 3)
    with pytest.raises(WeightsError, match="contains netG, but none of netG_A, netG_B"):
        export_any(path, weights["pix2pix"], tmp_path)


@pytest.mark.slow
def test_the_command_has_paddlegans_names_and_leaves_dropout_out(tmp_path, weights):
    (tmp_path / "pix2pix.yaml").write_text("model: {name: Pix2PixModel}\n")
    command = [sys.executable, str(ROOT / "tools" / "export_model.py"), "-c", str(tmp_path / "pix2pix.yaml"), "--load"]
    rest = [str(weights["pix2pix"]), "-s", "1,3,64,64", "--output_dir", str(tmp_path / "out")]
    done = subprocess.run([*command, *rest], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    run = open_program(tmp_path / "out" / "pix2pixmodel_netG")
    images = np.random.default_rng(3).uniform(-1, 1, (1, 3, 64, 64)).astype(np.float32)
    with paddle.no_grad():
        expected = load_translator(weights["pix2pix"], use_dropout=False).network(paddle.to_tensor(images)).numpy()
    assert_close(run(images), expected, 1e-3)
    assert (run(images) == run(images)).all()


@pytest.mark.parametrize("size", ["1,3,24", "1,one,24,24", "1,1,24,24", "0,3,24,24", "1,3,-2,24", "1,3,26,-1"])
def test_other_shapes_are_refused(tmp_path, weights, size):
    with pytest.raises(ConfigError, match=r"shape|nearest possible"):
        export_translator(weights["cyclegan"], tmp_path / "out", inputs_size=size)
    assert not (tmp_path / "out").exists()


def test_another_program_is_not_kept(tmp_path, weights, monkeypatch):
    save = module.save_program
    monkeypatch.setattr(
        module, "save_program", lambda layer, function, *rest: save(layer, lambda x: function(x) * 1.01, *rest)
    )
    with pytest.raises(OutputError, match=r"off by 0\.01"):
        export_translator(weights["cyclegan"], tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_unknown_networks_and_names_are_refused(tmp_path, weights):
    with pytest.raises(WeightsError, match="netG_C"):
        export_translator(weights["cyclegan"], tmp_path, net_name="netG_C")
    with pytest.raises(ConfigError, match="is no file name"):
        export_translator(weights["cyclegan"], tmp_path, model_name="a/b")
