"""NVIDIA's StyleGAN2 pickles compute the numbers of NVIDIA's own code; unsupported settings are refused."""

import copy
import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest

from ppgan_ext.errors import WeightsError
from ppgan_ext.networks import StyleGANv2Generator
from ppgan_ext.weights import load, readers
from ppgan_ext.weights.convert import convert
from ppgan_ext.weights.readers import nvidia_pkl
from ppgan_ext.weights.rename_nvidia import translate
from tests.reference import nvidia_pickles
from tests.reference.toy import assert_close, numbers

ROOT = Path(__file__).resolve().parents[2]
GOLDENS = ROOT / "tests" / "goldens" / "weights"
SIZES = {"ada": 8, "sg3": 16}


@pytest.fixture(scope="module", params=SIZES)
def tag(request):
    return request.param


@pytest.fixture(scope="module")
def snapshot(tag):
    return readers.read(GOLDENS / f"nvidia_{tag}.pkl")


@pytest.fixture(scope="module")
def ada():
    return readers.read(GOLDENS / "nvidia_ada.pkl")


def golden(tag, name):
    with np.load(GOLDENS / f"nvidia_{tag}.npz") as arrays:
        return arrays[f"{tag}_{name}"]


def change(network, *, arrays=None, layers=None, class_name=None):
    """Return a copy of a network with some arrays (None removes one) and layer options changed."""
    changed = copy.deepcopy(network)
    for name, array in (arrays or {}).items():
        changed.arrays.pop(name, None)
        if array is not None:
            changed.arrays[name] = array
    for name, options in (layers or {}).items():
        changed.layers.setdefault(name, {}).update(options)
    if class_name is not None:
        changed = nvidia_pkl.PickledNetwork(class_name, changed.arrays, changed.layers)
        changed.layers[""]["class_name"] = class_name
    return changed


def assert_same_numbers(model, tag, name):
    """Return codes, images with and without fixed noise, and images truncated towards the training's mean."""
    generator = model.generator
    z = paddle.to_tensor(numbers("z", (4, 8)))
    with paddle.no_grad():
        w = generator.mapping(z)
        assert_close(w.numpy(), golden(tag, f"{name}_w"), 1e-5)
        assert_close(generator.render(w, "fixed").numpy(), golden(tag, f"{name}_const"), 1e-5)
        assert_close(generator.render(w, "none").numpy(), golden(tag, f"{name}_none"), 1e-5)
        truncated = generator.render(generator.get_latents(z, 0.6), "none").numpy()
        assert_close(truncated, golden(tag, f"{name}_truncated"), 1e-5)


# ---- numbers


@pytest.mark.parametrize("net_name", [None, "G_ema", "G"])
def test_generator_computes_what_nvidias_code_computes(tag, net_name):
    model = load.load_face_model(weight_path=GOLDENS / f"nvidia_{tag}.pkl", net_name=net_name)
    assert model.record.size == SIZES[tag]
    assert_same_numbers(model, tag, net_name or "G_ema")


def test_discriminator_computes_what_nvidias_code_computes(tag):
    network = load.load_discriminator(weight_path=GOLDENS / f"nvidia_{tag}.pkl")
    photos = paddle.to_tensor(numbers("photos", (4, 3, SIZES[tag], SIZES[tag])))
    assert_close(network(photos).numpy(), golden(tag, "scores"), 1e-5)


@pytest.mark.parametrize("suffix", [".pdparams", ".safetensors"])
def test_converted_file_computes_the_same(tmp_path, tag, suffix):
    output = tmp_path / f"out{suffix}"
    report = convert(GOLDENS / f"nvidia_{tag}.pkl", output)
    assert report.source == "nvidia-pkl, StyleGAN2 of NVIDIA's PyTorch code"
    assert set(report.written) == {"generator"}
    clamp = {"the clamping of activations at 256"} if tag == "sg3" else set()
    assert set(report.left_out) == {"discriminator", "G", "augment_pipe", "training_set_kwargs"} | clamp
    assert_same_numbers(load.load_face_model(weight_path=output), tag, "G_ema")


def test_converted_discriminator(tmp_path, tag):
    output = tmp_path / "d.pdparams"
    convert(GOLDENS / f"nvidia_{tag}.pkl", output, net_name="D")
    network = load.load_discriminator(weight_path=output)
    photos = paddle.to_tensor(numbers("photos", (4, 3, SIZES[tag], SIZES[tag])))
    assert_close(network(photos).numpy(), golden(tag, "scores"), 1e-5)


def test_mean_w_and_noise_are_the_files(tag, snapshot):
    model = load.load_face_model(weight_path=GOLDENS / f"nvidia_{tag}.pkl")
    arrays = snapshot["G_ema"].arrays
    np.testing.assert_array_equal(model.latent_avg, arrays["mapping.w_avg"])
    np.testing.assert_array_equal(model.generator.w_avg.numpy(), arrays["mapping.w_avg"])
    noises = [noise.numpy()[0, 0] for noise in model.generator.fixed_noise()]
    np.testing.assert_array_equal(noises[0], arrays["synthesis.b4.conv1.noise_const"])
    np.testing.assert_array_equal(noises[1], arrays["synthesis.b8.conv0.noise_const"])
    np.testing.assert_array_equal(noises[2], arrays["synthesis.b8.conv1.noise_const"])


def test_weights_keep_their_scale(ada):
    """As further training needs: unit variance, like the package's own, and an unflipped kernel."""
    state = translate(ada["G_ema"], "x").state
    source = ada["G_ema"].arrays
    np.testing.assert_array_equal(state["convs.0.conv.weight"][0], source["synthesis.b8.conv0.weight"])
    np.testing.assert_array_equal(state["conv1.conv.modulation.weight"], source["synthesis.b4.conv1.affine.weight"].T)
    # This file's multiplier is 0.02, the package's 0.01.
    np.testing.assert_allclose(state["style.1.weight"], 2 * source["mapping.fc0.weight"].T, rtol=1e-6)
    np.testing.assert_allclose(state["style.2.bias"], 2 * source["mapping.fc1.bias"], rtol=1e-6)


# ---- the reader


def test_the_content_of_a_layer(ada):
    network = ada["G_ema"]
    assert network.class_name == "Generator"
    assert network.layers["synthesis.b8.conv0"]["class_name"] == "SynthesisLayer"
    assert network.layers["synthesis.b8.conv0"]["up"] == 2
    assert network.layers["mapping.fc0"]["init_args"] == (8, 8)
    assert network.layers["mapping.fc0"]["init_kwargs"]["lr_multiplier"] == 0.02
    assert network.layers["mapping.fc0"]["bias_gain"] == 0.02
    assert not any("module_src" in options for options in network.layers.values())
    assert ada["training_set_kwargs"]["path"] == "faces.zip"
    assert ada["augment_pipe"] is None


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_written_and_read_again(tmp_path, snapshot, protocol):
    """The tests' own writer agrees with NVIDIA's code, and every protocol is read."""
    path = tmp_path / "again.pkl"
    path.write_bytes(nvidia_pickles.dumps(snapshot, protocol))
    assert readers.identify(path) == "nvidia-pkl"
    again = readers.read(path)
    assert set(again) == set(snapshot)
    for name in ("G", "D", "G_ema"):
        assert again[name].layers == snapshot[name].layers
        assert set(again[name].arrays) == set(snapshot[name].arrays)
        for key, array in snapshot[name].arrays.items():
            np.testing.assert_array_equal(again[name].arrays[key], array, err_msg=key)


def test_a_network_alone_in_the_file(tmp_path, ada):
    path = tmp_path / "alone.pkl"
    path.write_bytes(nvidia_pickles.dumps(ada["G"]))
    assert_same_numbers(load.load_face_model(weight_path=path), "ada", "G")


def test_load_state_returns_the_packages_names(ada):
    path = GOLDENS / "nvidia_ada.pkl"
    assert set(load.load_state(path, "D")) == set(translate(ada["D"], path).state)
    assert {name.split(".")[0] for name in load.load_state(path)} == {"generator", "discriminator"}


# ---- supported variants of the architecture


def loaded(tmp_path, **networks):
    path = tmp_path / "variant.pkl"
    path.write_bytes(nvidia_pickles.dumps(networks))
    return load.load_face_model(weight_path=path)


def test_without_noise(tmp_path, ada):
    layers, arrays = {}, {}
    for name, options in ada["G_ema"].layers.items():
        if options["class_name"] == "SynthesisLayer":
            layers[name] = {"use_noise": False}
            arrays |= {f"{name}.noise_const": None, f"{name}.noise_strength": None}
    model = loaded(tmp_path, G_ema=change(ada["G_ema"], arrays=arrays, layers=layers))
    w = paddle.to_tensor(golden("ada", "G_ema_w"))
    assert_close(model.generator.render(w, "fixed").numpy(), golden("ada", "G_ema_none"), 1e-5)


def test_without_a_mean_w_one_is_estimated(tmp_path, ada):
    model = loaded(tmp_path, G_ema=change(ada["G_ema"], arrays={"mapping.w_avg": None}))
    assert np.abs(model.latent_avg).max() > 0
    assert not np.allclose(model.latent_avg, ada["G_ema"].arrays["mapping.w_avg"])


def test_an_unused_filter_does_not_matter(tmp_path, ada):
    """Layers that keep their resolution have a default filter, whatever the others use."""
    odd = {"synthesis.b8.conv1.resample_filter": np.ones((3, 3), np.float32)}
    model = loaded(tmp_path, G_ema=change(ada["G_ema"], arrays=odd))
    w = paddle.to_tensor(golden("ada", "G_ema_w"))
    assert_close(model.generator.render(w, "none").numpy(), golden("ada", "G_ema_none"), 1e-5)


def test_minibatch_groups_are_mentioned(tmp_path, ada):
    source, output = tmp_path / "d.pkl", tmp_path / "d.pdparams"
    source.write_bytes(nvidia_pickles.dumps({"D": change(ada["D"], layers={"b4.mbstd": {"group_size": None}})}))
    assert "minibatch deviation over the whole batch images (here over 4)" in str(convert(source, output))


def test_an_unsupported_discriminator_does_not_block_the_generator(tmp_path, ada):
    path = tmp_path / "mixed.pkl"
    odd = change(ada["D"], layers={"b8": {"architecture": "skip"}})
    path.write_bytes(nvidia_pickles.dumps({**ada, "D": odd}))
    assert_same_numbers(load.load_face_model(weight_path=path), "ada", "G_ema")
    report = str(convert(path, tmp_path / "out.pdparams"))
    assert "D (has settings that the networks here do not support: architecture skip instead of resnet)" in report
    with pytest.raises(WeightsError, match="contains no discriminator"):
        load.load_discriminator(weight_path=path)
    with pytest.raises(WeightsError, match="architecture skip instead of resnet"):
        load.load_discriminator(weight_path=path, net_name="D")


# ---- unsupported networks

SYNTHESIS = "synthesis.b8.conv1"
REFUSED_GENERATORS = {
    "labels of 5 classes": {"layers": {"": {"c_dim": 5}}},
    "images of 1 channels": {"layers": {"": {"img_channels": 1}}},
    "z of 16 numbers and w of 8": {"layers": {"": {"z_dim": 16}}},
    "mapping layers of 12, 8 numbers for w of 8": {"arrays": {"mapping.fc0.weight": np.ones((12, 8), np.float32)}},
    "architecture resnet, skip instead of skip": {"layers": {"synthesis.b8": {"architecture": "resnet"}}},
    "activation relu instead of lrelu": {"layers": {SYNTHESIS: {"activation": "relu"}}},
    "activation tanh instead of lrelu": {"layers": {"mapping.fc1": {"activation": "tanh"}}},
    "activations clamped at 10": {"layers": {SYNTHESIS: {"conv_clamp": 10}}},
    "activations clamped at nan": {"layers": {SYNTHESIS: {"conv_clamp": float("nan")}}},
    "resampling filters that differ or are not separable": {
        "arrays": {"synthesis.b8.conv0.resample_filter": np.full((4, 4), 1 / 16, np.float32)}
    },
    "StyleGAN3 network": {"layers": {"synthesis.input": {"class_name": "SynthesisInput"}}},
    "contains a TriPlaneGenerator, which is not a supported network": {"class_name": "TriPlaneGenerator"},
    "it has layers ToStyle": {"layers": {"synthesis.b8.extra": {"class_name": "ToStyle"}}},
    "contains no complete StyleGAN2 generator": {"layers": {"": {"img_resolution": 48}}},
    "impossible image size": {"layers": {"": {"img_resolution": 2**3000}}},
    "KeyError: 'mapping.fc2.weight'": {"layers": {"mapping": {"num_layers": 3}}},
    "wrong number of mapping layers": {"layers": {"mapping": {"num_layers": 10**12}}},
    "(ValueError: wrong number": {"layers": {"mapping": {"num_layers": float("inf")}}},
    "OverflowError": {"layers": {SYNTHESIS: {"conv_clamp": 10**400}}},
}
REFUSED_DISCRIMINATORS = {
    "labels of 7 classes": {"layers": {"": {"c_dim": 7}}},
    "architecture orig instead of resnet": {"layers": {"b8": {"architecture": "orig"}}},
    "activation elu instead of lrelu": {"layers": {"b8.conv0": {"activation": "elu"}}},
    "activation swish instead of lrelu": {"layers": {"b4.fc": {"activation": "swish"}}},
    "a filter other than 1 3 3 1": {
        "arrays": {"b8.conv1.resample_filter": np.outer([1, 2, 2, 1], [1, 2, 2, 1]).astype(np.float32) / 36}
    },
    "2 channels of minibatch deviation": {"layers": {"b4.mbstd": {"num_channels": 2}}},
}


@pytest.mark.parametrize("reason", REFUSED_GENERATORS)
def test_generators_that_are_refused(tmp_path, ada, reason):
    path = tmp_path / "odd.pkl"
    path.write_bytes(nvidia_pickles.dumps({"G_ema": change(ada["G_ema"], **REFUSED_GENERATORS[reason])}))
    with pytest.raises(WeightsError) as caught:
        load.load_face_model(weight_path=path)
    assert reason in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert caught.value.cure


@pytest.mark.parametrize("reason", REFUSED_DISCRIMINATORS)
def test_discriminators_that_are_refused(tmp_path, ada, reason):
    path = tmp_path / "odd.pkl"
    path.write_bytes(nvidia_pickles.dumps({"D": change(ada["D"], **REFUSED_DISCRIMINATORS[reason])}))
    with pytest.raises(WeightsError, match=reason):
        load.load_discriminator(weight_path=path)


def test_all_reasons_are_listed_together(tmp_path, ada):
    path = tmp_path / "odd.pkl"
    odd = change(ada["G_ema"], layers={"": {"c_dim": 5, "img_channels": 4}, SYNTHESIS: {"activation": "relu"}})
    path.write_bytes(nvidia_pickles.dumps({"G_ema": odd}))
    with pytest.raises(WeightsError, match="labels of 5 classes; images of 4 channels; activation relu"):
        load.load_face_model(weight_path=path)


def test_arrays_that_are_missing_left_over_or_misshapen(tmp_path, ada):
    path = tmp_path / "odd.pkl"
    arrays = {"synthesis.b4.torgb.bias": None, "synthesis.b8.extra": np.ones(2, np.float32)}
    arrays[f"{SYNTHESIS}.weight"] = ada["G_ema"].arrays[f"{SYNTHESIS}.weight"][:, :, :2]
    path.write_bytes(nvidia_pickles.dumps({"G_ema": change(ada["G_ema"], arrays=arrays)}))
    with pytest.raises(WeightsError) as caught:
        load.load_face_model(weight_path=path)
    for part in ("1 missing (to_rgb1.bias)", "1 unexpected (synthesis.b8.extra)", "convs.1.conv.weight 1x4x4x2x3"):
        assert part in str(caught.value)


def test_an_unknown_network_name_lists_those_in_the_file(ada):
    with pytest.raises(WeightsError, match=r"no network 'gen_ema'.*Did you mean 'G_ema'\? Choose from: D, G, G_ema"):
        load.load_face_model(weight_path=GOLDENS / "nvidia_ada.pkl", net_name="gen_ema")


# ---- the command


@pytest.mark.slow
def test_command(tmp_path):
    output = tmp_path / "out.pdparams"
    words = ["tools/convert_weights.py", str(GOLDENS / "nvidia_sg3.pkl"), "--output", str(output)]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "recognised: nvidia-pkl, StyleGAN2 of NVIDIA's PyTorch code" in done.stdout
    assert "left out: discriminator, G, augment_pipe, training_set_kwargs, the clamping" in done.stdout
    network = StyleGANv2Generator(16, 8, 2, channel_base=32, channel_cap=6)
    missing, unexpected = network.set_state_dict(paddle.load(str(output)))
    assert (missing, unexpected) == ([], ["latent_avg"])
