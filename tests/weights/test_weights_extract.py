"""Extracting one network from a training checkpoint, by the function and by the command."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest

from ppgan_ext.errors import ConfigError, WeightsError
from ppgan_ext.networks import StyleGANv2Discriminator, StyleGANv2Generator
from ppgan_ext.weights import load, readers
from ppgan_ext.weights.extract import extract, networks_in
from tests.reference.toy import fill

ROOT = Path(__file__).resolve().parents[2]
SIZES = {"channel_base": 64, "channel_cap": 12}


def state_of(network):
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A checkpoint as Paddle writes it: networks, an optimiser that has stepped, a scheduler, the iteration."""
    generator = StyleGANv2Generator(16, 8, 2, **SIZES)
    fill(generator)
    disc = StyleGANv2Discriminator(16, **SIZES)
    scheduler = paddle.optimizer.lr.MultiStepDecay(0.1, [5])
    optimizers = {
        "optimG": paddle.optimizer.Adam(scheduler, parameters=generator.parameters()),
        "optimD": paddle.optimizer.Momentum(0.1, parameters=disc.parameters()),
    }
    average = {name: array + 1 for name, array in state_of(generator).items()}
    (generator.render(paddle.ones([1, 8])).sum() + disc(paddle.ones([1, 3, 16, 16])).sum()).backward()
    for optimizer in optimizers.values():
        optimizer.step()
    tree = {"gen": generator.state_dict(), "disc": disc.state_dict(), "gen_ema": average, "epoch": 9}
    tree |= {name: optimizer.state_dict() for name, optimizer in optimizers.items()}
    tree["ppgan_ext"] = {"format": 1, "extra_state": {"path_mean": np.ones(1)}, "settings": {"seed": 0}}
    path = tmp_path_factory.mktemp("run") / "iter_9_checkpoint.pdparams"
    paddle.save(tree, str(path))
    return path, {"gen": state_of(generator), "disc": state_of(disc), "gen_ema": average}


@pytest.mark.parametrize("suffix", [".pdparams", ".safetensors"])
@pytest.mark.parametrize("name", ["gen", "disc", "gen_ema"])
def test_the_arrays_are_unchanged(tmp_path, checkpoint, name, suffix):
    path, nets = checkpoint
    output = tmp_path / f"{name}{suffix}"
    report = extract(path, output, name)
    written = readers.read(output)
    assert set(written) == set(nets[name])
    for key, array in nets[name].items():
        np.testing.assert_array_equal(written[key], array)
        assert written[key].dtype == array.dtype
    assert set(report.left) == {"gen", "disc", "gen_ema"} - {name}
    assert report.num_values == sum(array.size for array in nets[name].values())


def test_the_averaged_generator_is_the_default_and_loads(tmp_path, checkpoint):
    path, nets = checkpoint
    output = tmp_path / "w.pdparams"
    assert extract(path, output).net_name == "gen_ema"
    model = load.load_face_model(weight_path=output)
    np.testing.assert_array_equal(model.generator.input.input.numpy(), nets["gen_ema"]["input.input"])
    # PaddleGAN reads it with paddle.load and set_state_dict.
    network = StyleGANv2Generator(16, 8, 2, **SIZES)
    missing, unexpected = network.set_state_dict(paddle.load(str(output)))
    assert not missing and not unexpected


def test_optimisers_and_notes_are_not_networks(checkpoint):
    assert list(networks_in(readers.read(checkpoint[0]))) == ["gen", "disc", "gen_ema"]


@pytest.mark.parametrize("name", ["gen_emma", "optimG", "epoch", "ppgan_ext"])
def test_an_unknown_name_lists_the_networks(tmp_path, checkpoint, name):
    with pytest.raises(WeightsError, match=rf"no network '{name}'\. .*Choose from: disc, gen, gen_ema") as caught:
        extract(checkpoint[0], tmp_path / "w.pdparams", name)
    assert str(checkpoint[0]) in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_one_network_is_not_a_checkpoint(tmp_path):
    path = tmp_path / "one.pdparams"
    readers.write(path, {"input.input": np.ones(3, np.float32)})
    with pytest.raises(WeightsError, match=r"not a checkpoint of several networks.*convert_weights\.py"):
        extract(path, tmp_path / "w.pdparams")
    np.save(tmp_path / "array.npy", np.ones(3))
    with pytest.raises(WeightsError, match="not a checkpoint of several networks"):
        extract(tmp_path / "array.npy", tmp_path / "w.pdparams")


def test_another_suffix_is_refused_before_the_file_is_read(tmp_path):
    with pytest.raises(ConfigError, match="Change the suffix"):
        extract(tmp_path / "missing.pdparams", tmp_path / "w.pth")


def run(*words):
    command = [sys.executable, "tools/extract_weight.py", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_command(tmp_path, checkpoint):
    output = tmp_path / "w.pdparams"
    done = run(checkpoint[0], "--net-name", "disc", "--output", output)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("written: disc (")
    assert "left in the checkpoint: gen, gen_ema" in done.stdout
    assert "final_linear.1.weight" in readers.read(output)


def test_command_fails_in_one_line(tmp_path, checkpoint):
    done = run(checkpoint[0], "--net-name", "generator", "--output", tmp_path / "w.pdparams")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert "Choose from: disc, gen, gen_ema" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_script_is_thin_and_does_not_import_paddle():
    assert len((ROOT / "tools" / "extract_weight.py").read_text().splitlines()) <= 40
    code = "import sys, ppgan_ext.weights.extract; print('paddle' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
