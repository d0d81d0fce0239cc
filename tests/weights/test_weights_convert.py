"""Conversion of every published layout, by the function and by the command."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest

from ppgan_ext.errors import ConfigError, OutputError, WeightsError
from ppgan_ext.networks import LightEncoder, PSPEncoder, StyleGANv2Discriminator, StyleGANv2Generator
from ppgan_ext.weights import load, readers
from ppgan_ext.weights.convert import convert
from ppgan_ext.weights.network_builders import build_lazily
from tests.reference import torch_layouts
from tests.reference.toy import assert_close, numbers

ROOT = Path(__file__).resolve().parents[2]
GOLDENS = ROOT / "tests" / "goldens" / "weights"
TOY = {"size": 16, "style_dim": 128, "n_mlp": 2, "channel_base": 64, "channel_cap": 12}


def values(build):
    """Return name -> numbers for a network's state."""
    state = build_lazily(build).state_dict()
    return {name: numbers(name, tuple(tensor.shape)) for name, tensor in state.items()}


GENERATOR = values(lambda: StyleGANv2Generator(**TOY))
ENCODER = values(lambda: PSPEncoder(16, style_dim=128))
MEAN = np.tile(numbers("mean", (1, 128)), (6, 1))


def assert_equal(state, expected):
    assert set(state) == set(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(state[name], array, err_msg=name)


@pytest.mark.parametrize("source", ["rosinality_zip.pt", "rosinality_legacy.pt"])
@pytest.mark.parametrize("suffix", [".pdparams", ".safetensors"])
def test_rosinality(tmp_path, source, suffix):
    output = tmp_path / f"out{suffix}"
    report = convert(GOLDENS / source, output)
    model = load.load_face_model(weight_path=output)
    with np.load(GOLDENS / "rosinality.npz") as golden:
        assert_close(model.generator.render(paddle.to_tensor(golden["w_plus"][None])).numpy(), golden["image"], 1e-5)
        np.testing.assert_array_equal(model.latent_avg, golden["latent_avg"])
    assert "rosinality training checkpoint" in str(report)
    assert ("torch-zip" if "zip" in source else "torch-legacy") in str(report)
    assert set(report.written) == {"generator"}
    assert set(report.left_out) == ({"discriminator", "g", "args"} if "zip" in source else set())


def test_converted_generator_is_paddlegans_state_dict(tmp_path):
    """PaddleGAN loads the file with paddle.load and set_state_dict."""
    output = tmp_path / "out.pdparams"
    convert(GOLDENS / "rosinality_zip.pt", output)
    network = StyleGANv2Generator(16, 8, 2, channel_base=64, channel_cap=12)
    missing, unexpected = network.set_state_dict(paddle.load(str(output)))
    assert missing == []
    assert unexpected == ["latent_avg"]


def test_one_network_by_name(tmp_path):
    output = tmp_path / "d.pdparams"
    report = convert(GOLDENS / "rosinality_zip.pt", output, net_name="d")
    assert list(report.written) == ["discriminator"]
    network = load.load_discriminator(weight_path=output)
    with np.load(GOLDENS / "rosinality.npz") as golden:
        assert_close(network(paddle.to_tensor(golden["photos"])).numpy(), golden["scores"], 1e-4)


def test_paddlegan_training_checkpoint(tmp_path):
    """The same as PaddleGAN's extract_weight.py, with the averaged generator by default."""
    source, output = tmp_path / "iter_9_checkpoint.pdparams", tmp_path / "out.pdparams"
    other = {name: array + 1 for name, array in GENERATOR.items()}
    own = {"format": 1, "iteration": 9}
    state = {"m": np.ones(1, np.float32)}
    readers.write(source, {"gen": other, "gen_ema": GENERATOR, "epoch": 9, "optimG": state, "ppgan_ext": own})
    report = convert(source, output)
    assert f"written: generator from gen_ema ({len(GENERATOR)} arrays), " in str(report)
    assert_equal(readers.read(output), GENERATOR)
    assert set(report.left_out) == {"gen", "epoch", "optimG"}
    convert(source, output, net_name="gen")
    assert_equal(readers.read(output), other)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".pdparams", ".safetensors"])
@pytest.mark.parametrize("encoder_type", ["GradualStyleEncoder", "Encoder4Editing"])
def test_psp_and_e4e(tmp_path, suffix, encoder_type):
    source, output = tmp_path / "psp.pdparams", tmp_path / f"out{suffix}"
    options = {
        "encoder_type": encoder_type,
        "start_from_latent_avg": True,
        "exp_dir": "x",
        "crop": (1, 2),
        "none": None,
    }
    readers.write(source, torch_layouts.psp(ENCODER, GENERATOR, MEAN, options))
    report = convert(source, output)
    state = readers.read(output)
    if suffix == ".pdparams":
        kept = state.pop("opts")
    else:
        kept = json.loads(readers.read_metadata(output)["opts"])
    assert kept == {"input_nc": 3, "learn_in_w": False, **options, "crop": [1, 2]}
    expected = {f"encoder.{name}": array for name, array in ENCODER.items()}
    expected |= {f"decoder.{name}": array for name, array in GENERATOR.items()}
    assert_equal(state, expected | {"latent_avg": MEAN[None]})
    assert report.num_values == sum(array.size for array in state.values())
    again = load.load_face_model(weight_path=output)
    assert type(again.encoder).__name__ == ("PSPEncoder" if encoder_type == "GradualStyleEncoder" else encoder_type)
    np.testing.assert_array_equal(again.latent_avg, MEAN)


def test_converting_twice_changes_nothing(tmp_path):
    first, second, third = tmp_path / "1.pdparams", tmp_path / "2.safetensors", tmp_path / "3.pdparams"
    convert(GOLDENS / "rosinality_zip.pt", first)
    convert(first, second)
    convert(second, third)
    assert_equal(readers.read(third), readers.read(first))


def test_own_layout_is_kept(tmp_path):
    source, output = tmp_path / "own.safetensors", tmp_path / "out.safetensors"
    parts = {
        "generator": GENERATOR,
        "encoder": values(lambda: LightEncoder(16, 64, 12, style_dim=128)),
        "discriminator": values(lambda: StyleGANv2Discriminator(16, channel_base=64, channel_cap=12)),
    }
    state = {f"{part}.{name}": array for part, arrays in parts.items() for name, array in arrays.items()}
    readers.write(source, state | {"generator.w_avg": MEAN[0]})
    report = convert(source, output)
    assert set(report.written) == set(parts)
    assert_equal(readers.read(output), state | {"latent_avg": MEAN[0]})


def test_dtype(tmp_path):
    output = tmp_path / "half.safetensors"
    convert(GOLDENS / "rosinality_zip.pt", output, dtype="float16")
    half = readers.read(output)
    assert {array.dtype for array in half.values()} == {np.dtype(np.float16)}
    whole = tmp_path / "whole.pdparams"
    convert(output, whole, dtype="float32")
    for name, array in readers.read(whole).items():
        np.testing.assert_array_equal(array, half[name].astype(np.float32))


def test_numbers_too_large_for_the_dtype(tmp_path):
    source = tmp_path / "large.pdparams"
    readers.write(source, {**GENERATOR, "style.1.bias": np.full(128, 1e6, np.float32)})
    with pytest.raises(WeightsError, match=r"style\.1\.bias has numbers too large for float16"):
        convert(source, tmp_path / "out.pdparams", dtype="float16")
    assert not (tmp_path / "out.pdparams").exists()


def test_refusals_leave_nothing(tmp_path):
    source, output = tmp_path / "odd.pdparams", tmp_path / "out.pdparams"
    state = {name: array for name, array in GENERATOR.items() if name != "conv1.noise.weight"}
    readers.write(source, state | {"extra": np.ones(1, np.float32)})
    with pytest.raises(WeightsError, match=r"1 missing \(conv1.noise.weight\); 1 unexpected \(extra\)"):
        convert(source, output)
    with pytest.raises(ConfigError, match="unknown dtype 'int8'"):
        convert(source, output, dtype="int8")
    with pytest.raises(ConfigError, match="Change the suffix"):
        convert(GOLDENS / "rosinality_zip.pt", tmp_path / "out.bin")
    with pytest.raises(OutputError):
        convert(GOLDENS / "rosinality_zip.pt", source / "out.pdparams")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["odd.pdparams"]


# ---- the command


def run(*arguments):
    command = [sys.executable, "tools/convert_weights.py", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_command(tmp_path):
    output = tmp_path / "out.pdparams"
    done = run(GOLDENS / "rosinality_zip.pt", "--output", output)
    assert done.returncode == 0, done.stderr
    assert "recognised: torch-zip, rosinality training checkpoint" in done.stdout
    assert "written: generator from g_ema (49 arrays)" in done.stdout
    assert "left out: discriminator, g, args" in done.stdout
    assert load.load_face_model(weight_path=output).record.size == 16


@pytest.mark.slow
def test_command_refuses_in_one_line(tmp_path):
    attack = tmp_path / "attack.pt"
    attack.write_bytes(b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R.")
    done = run(attack, "--output", tmp_path / "out.pdparams")
    assert done.returncode == 1
    assert done.stdout == ""
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("error: ")
    assert "os.system" in line
    assert "Traceback" not in done.stderr
    assert "Traceback" in run(attack, "--output", tmp_path / "out.pdparams", "--debug").stderr
