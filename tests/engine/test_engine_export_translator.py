"""Exported translators: programs that map images as their networks do, in the names of PaddleGAN's files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest

from ppgan_ext.engine import export_translator as module
from ppgan_ext.engine.export_translator import export_translator
from ppgan_ext.engine.program_files import open_program
from ppgan_ext.errors import ConfigError, OutputError, WeightsError
from ppgan_ext.weights.translators import load_translator
from tests.reference.toy import assert_close
from tests.reference.toy_translators import RESNET, UNET, write_translators

ROOT = Path(__file__).resolve().parents[2]
UGATIT = {"name": "ResnetUGATITGenerator", "input_nc": 3, "output_nc": 1, "ngf": 2, "n_blocks": 1, "light": True}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    networks = {
        "cyclegan": {"netG_A": RESNET, "netG_B": {**RESNET, "n_blocks": 2}},
        "pix2pix": {"netG": UNET},
        "ugatit": {"genA2B": UGATIT},
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


@pytest.mark.parametrize("size", ["1,3,24", "1,one,24,24", "1,1,24,24", "0,3,24,24", "1,3,-1,24", "1,3,26,24"])
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
