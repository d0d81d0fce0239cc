"""Checkpoints of other trainers: names for the averaged network, wrappers, flattened and unnamed networks."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from ppgan_ext.errors import WeightsError
from ppgan_ext.networks import StyleGANv2Discriminator, StyleGANv2Generator
from ppgan_ext.weights import readers
from ppgan_ext.weights.convert import convert
from ppgan_ext.weights.extract import extract
from ppgan_ext.weights.load import load_discriminator, load_face_model, load_state
from ppgan_ext.weights.network_builders import build_lazily
from ppgan_ext.weights.recognise import recognise
from tests.reference import torch_layouts
from tests.reference.toy import numbers

SIZES = {"size": 16, "style_dim": 128, "n_mlp": 2, "channel_base": 64, "channel_cap": 12}


def made(build):
    return {name: numbers(name, tuple(tensor.shape)) for name, tensor in build_lazily(build).state_dict().items()}


NET = made(lambda: StyleGANv2Generator(**SIZES))
DISC = made(lambda: StyleGANv2Discriminator(16, channel_base=64, channel_cap=12))
LATEST = {name: array + 1 for name, array in NET.items()}
TORCH = torch_layouts.generator(NET)


def prefixed(prefix, state):
    return {f"{prefix}{name}": array for name, array in state.items()}


def compiled_inside(state):
    """Names after torch.compile of a submodule: `convs.0._orig_mod.conv.weight`."""
    return {
        name.replace("convs.", "convs._orig_mod.").replace("style.", "style._orig_mod."): a for name, a in state.items()
    }


TREES = {
    "params_ema": {"params_ema": NET, "params": LATEST},
    "params": {"params": NET},
    "ema": {"ema": NET, "model": LATEST},
    "generator": {"generator": NET, "discriminator": DISC},
    "netG": {"netG": NET, "netD": DISC, "optim": {"lr": 0.1}},
    "compiled": prefixed("_orig_mod.", NET),
    "compiled, PyTorch names": {"g_ema": prefixed("_orig_mod.", TORCH)},
    "compiled and parallel": {"gen_ema": prefixed("module._orig_mod.", NET)},
    "parallel and compiled": {"gen_ema": prefixed("_orig_mod.module.", NET)},
    "compiled inside": {"gen_ema": compiled_inside(NET)},
    "flattened": {**prefixed("g_ema.", NET), **prefixed("g.", LATEST), **prefixed("d.", DISC)},
    "flattened, PyTorch names": prefixed("g_ema.", TORCH),
    "flattened params_ema": prefixed("params_ema.", NET),
    "state_dict of a flattened checkpoint": {"state_dict": prefixed("g_ema.", NET)},
    "a name of its own": {"my_best_one": NET, "step": 5, "other": {"bias": np.ones(3, np.float32)}},
}


@pytest.mark.parametrize("kind", TREES)
def test_the_averaged_generator_is_found(kind):
    found = recognise(TREES[kind], "file").parts["generator"]
    assert set(found) == set(NET)
    for name, array in NET.items():
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("suffix", [".safetensors", ".pdparams"])
def test_a_flattened_file_renders_and_converts(tmp_path, suffix):
    path = tmp_path / f"flat{suffix}"
    readers.write(path, TREES["flattened"])
    model = load_face_model(weight_path=path)
    np.testing.assert_array_equal(model.generator.state_dict()["input.input"].numpy(), NET["input.input"])
    assert convert(path, tmp_path / "out.pdparams").written == {"generator": len(NET)}
    np.testing.assert_array_equal(load_state(path, "g")["input.input"], NET["input.input"] + 1)


def test_several_networks_with_names_of_their_own_are_named():
    with pytest.raises(WeightsError, match=r"several networks: first, second\. Choose one with --net-name"):
        recognise({"first": NET, "second": LATEST}, "file")
    assert recognise({"first": NET, "second": LATEST}, "file", "second").names == {"generator": "second"}
    with pytest.raises(WeightsError, match="none of the known layouts"):
        recognise({"first": {"a": np.ones(2)}}, "file")


def test_long_names_are_cut_in_messages():
    tree = {"\x1b[2J" + "x" * 900: np.ones(2), **{f"{'y' * 900}{index}": np.ones(2) for index in range(9)}}
    with pytest.raises(WeightsError) as caught:
        recognise(tree, "file")
    assert len(str(caught.value)) < 800
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize("dtype", [None, "float16", "float32"])
def test_numbers_that_are_none_are_not_written(tmp_path, number, dtype):
    bad = {**NET, "style.1.bias": NET["style.1.bias"].copy()}
    bad["style.1.bias"][3] = number
    path = tmp_path / "nan.pdparams"
    readers.write(path, {"gen_ema": bad})
    out = tmp_path / "out.pdparams"
    for write in (lambda: convert(path, out, dtype=dtype), lambda: extract(path, out)):
        with pytest.raises(WeightsError, match=r"style\.1\.bias contains NaN or infinite numbers"):
            write()
    assert [p.name for p in tmp_path.iterdir()] == ["nan.pdparams"]


def test_options_that_are_nested_too_deep(tmp_path):
    path = tmp_path / "deep.safetensors"
    readers.write(path, NET, {"opts": "[" * 100_000})
    with pytest.raises(WeightsError, match="the options in its header are damaged"):
        load_face_model(weight_path=path)


SCRIPT = Path(__file__).resolve().parents[3] / "shared" / "failing" / "reports" / "19_weights.py"


@pytest.mark.shared
@pytest.mark.bundled
@pytest.mark.slow
@pytest.mark.skipif(not SCRIPT.is_file(), reason="needs the shared inputs")
def test_the_reported_checkpoints(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", [str(SCRIPT), str(tmp_path)])
    exec(compile(SCRIPT.read_text(), SCRIPT.name, "exec"), {})
    assert convert(tmp_path / "params_ema.pdparams", tmp_path / "out.pdparams").written["generator"] > 50
    with pytest.raises(WeightsError, match="contains NaN"):
        convert(tmp_path / "nan.pdparams", tmp_path / "no.pdparams")


# ---- arrays that no network has


def altered(name, array):
    return {**NET, name: array}


HUGE = np.zeros((10**9, 0), np.float32)
ODD = {
    "sides without elements": altered("conv1.conv.modulation.weight", HUGE),
    "constant without elements": altered("input.input", np.zeros((1, 10**9, 4, 0), np.float32)),
    "a layer of a huge number": {**NET, **{f"to_rgbs.{10**n}.bias": NET["to_rgb1.bias"] for n in range(1, 20)}},
    "too few axes": altered("input.input", np.zeros(4, np.float32)),
    "text": altered("input.input", np.array([["x"]])),
    "complex numbers": altered("style.1.bias", NET["style.1.bias"].astype(np.complex64)),
    "numbers too large for single precision": altered("style.1.bias", np.full(128, 1e300)),
    "a mean that is not finite": {**NET, "latent_avg": np.full(128, np.nan)},
    "a mean of text": {**NET, "latent_avg": np.array(["x"] * 128)},
    "options that are none": {**NET, "opts": 3, "latent_avg": HUGE},
}


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("converted", [False, True])
def test_arrays_that_no_network_has(tmp_path, kind, converted):
    path = tmp_path / "odd.pdparams"
    path.write_bytes(pickle.dumps(ODD[kind], 4))
    with pytest.raises(WeightsError) as caught:
        convert(path, tmp_path / "out.pdparams") if converted else load_face_model(weight_path=path)
    assert len(str(caught.value)) < 1500
    assert [p.name for p in tmp_path.iterdir()] == ["odd.pdparams"]


@pytest.mark.parametrize("kind", ["sides without elements", "a layer of a huge number"])
def test_discriminators_and_encoders_of_impossible_sizes(tmp_path, kind):
    state = dict(DISC)
    if kind == "sides without elements":
        state["convs.0.0.weight"] = HUGE
    else:
        state |= {f"convs.{10**n}.conv1.0.weight": DISC["convs.1.conv1.0.weight"] for n in range(3, 20)}
    path = tmp_path / "odd.pdparams"
    path.write_bytes(pickle.dumps(state, 4))
    with pytest.raises(WeightsError):
        load_discriminator(weight_path=path)


def test_more_entries_than_any_network_has():
    array = np.ones(1, np.float32)
    with pytest.raises(WeightsError, match="has 100,001 entries, more than any network"):
        recognise({"g_ema": {f"a.{index}": array for index in range(100_001)}}, "file")
