"""Files of tuned generators: small, tied to their model by name and hash, loaded like any other weights."""

from __future__ import annotations

import os

import numpy as np
import paddle
import pytest

from ppgan_ext.engine import open_model
from ppgan_ext.engine.cache import ProgramCache
from ppgan_ext.errors import ConfigError, WeightsError
from ppgan_ext.networks import LightEncoder, StyleGANv2Discriminator, StyleGANv2Generator
from ppgan_ext.weights import catalog, load, readers, tuned
from ppgan_ext.weights.convert import convert
from ppgan_ext.weights.tuned import Base
from tests.reference.toy import fill, numbers

TOY = {"size": 16, "style_dim": 32, "n_mlp": 2, "channel_base": 64, "channel_cap": 12}
N_LATENT = 6
PIVOTS = numbers("pivots", (2, N_LATENT, 32))


def arrays(network):
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}


def half(array):
    return array.astype(np.float16).astype(np.float32)


@pytest.fixture
def model_file(tmp_path):
    """A complete model of the user's own."""
    parts = {
        "generator": StyleGANv2Generator(**TOY),
        "encoder": LightEncoder(16, 64, 12, style_dim=32),
        "discriminator": StyleGANv2Discriminator(16, channel_base=64, channel_cap=12),
    }
    state = {"generator.w_avg": numbers("mean", (32,))}
    for part, network in parts.items():
        fill(network)
        state |= {f"{part}.{name}": array for name, array in arrays(network).items()}
    path = tmp_path / "models" / "mine.safetensors"
    readers.write(path, state, {"crop": "ffhq", "licence": "mine"})
    return path


def parameters_of(model, scale=1.01):
    return {name: value.numpy() * np.float32(scale) for name, value in model.generator.named_parameters()}


def write(path, model, pivots=PIVOTS, encoded=None, **changes):
    made = {**parameters_of(model), **changes}
    tuned.write(path, made, model.base, pivots, encoded, licence="mine", provenance="tuned in a test")
    return path


@pytest.fixture
def base(model_file):
    return load.load_face_model(weight_path=model_file)


def test_the_model_is_loaded_with_the_tuned_arrays_in_place(tmp_path, base):
    path = write(tmp_path / "out" / "a.tuned.safetensors", base)
    model = load.load_face_model(weight_path=path)
    before, after, changed = arrays(base.generator), arrays(model.generator), parameters_of(base)
    for name, array in after.items():
        kept = name.startswith("style.") or name not in changed  # the mapping, the noise, the filters
        np.testing.assert_array_equal(array, before[name] if kept else half(changed[name]), err_msg=name)
    assert all(np.array_equal(value, arrays(base.encoder)[name]) for name, value in arrays(model.encoder).items())
    np.testing.assert_array_equal(model.latent_avg, base.latent_avg)
    np.testing.assert_array_equal(model.generator.w_avg.numpy(), base.generator.w_avg.numpy())
    assert (model.record.crop, model.record.licence) == ("ffhq", "mine")
    assert (model.base, model.path) == (base.base, path) and model.weights_hash != base.weights_hash
    np.testing.assert_array_equal(model.tuned.pivots, PIVOTS)
    assert load.load_discriminator(weight_path=path).size == 16


def test_converting_yields_a_complete_model(tmp_path, base):
    path = write(tmp_path / "a.tuned.safetensors", base)
    whole = convert(path, tmp_path / "whole.safetensors").output
    base.path.unlink()
    with pytest.raises(WeightsError, match="no longer exists"):
        load.load_face_model(weight_path=path)
    made = arrays(load.load_face_model(weight_path=whole).generator)
    np.testing.assert_array_equal(made["conv1.conv.weight"], half(parameters_of(base)["conv1.conv.weight"]))


def test_the_file_is_small_and_describes_itself(tmp_path, base, model_file):
    path = write(tmp_path / "a.tuned.safetensors", base)
    state, notes = readers.read(path), readers.read_metadata(path)
    assert {array.dtype for name, array in state.items() if name.startswith("tuned.")} == {np.dtype(np.float16)}
    assert not any("style." in name or "noises" in name or "encoder." in name for name in state)
    assert notes["provenance"] == "tuned in a test" and notes["base_path"] == str(model_file.resolve())
    assert path.stat().st_size < model_file.stat().st_size / 4
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask  # like any other written file


def test_the_base_model_is_also_found_beside_the_file(tmp_path, base, model_file):
    path = write(tmp_path / "a.tuned.safetensors", base)
    model_file.rename(tmp_path / "mine.safetensors")
    assert load.load_face_model(weight_path=path).record.size == 16
    (tmp_path / "mine.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"mine\.safetensors, which no longer exists\. Put mine"):
        load.load_face_model(weight_path=path)


def test_another_version_of_the_model_is_refused(tmp_path, base, model_file):
    path = write(tmp_path / "a.tuned.safetensors", base)
    state = readers.read(model_file)
    readers.write(model_file, state | {"generator.to_rgb1.bias": state["generator.to_rgb1.bias"] + 1})
    with pytest.raises(WeightsError, match=r"was tuned from another version of .*mine"):
        load.load_face_model(weight_path=path)


def test_a_generator_tuned_twice_belongs_to_the_first_model(tmp_path, base):
    once = load.load_face_model(weight_path=write(tmp_path / "once.safetensors", base))
    path = write(tmp_path / "twice.safetensors", once)
    (tmp_path / "once.safetensors").unlink()
    twice = load.load_face_model(weight_path=path)
    assert twice.base == base.base
    name = "conv1.conv.weight"
    np.testing.assert_array_equal(arrays(twice.generator)[name], half(arrays(once.generator)[name] * np.float32(1.01)))


def test_another_model_than_requested(tmp_path, base):
    path = write(tmp_path / "a.tuned.safetensors", base)
    with pytest.raises(WeightsError, match=r"was tuned from .*mine.*, not from the model 'ffhq-inversion'\. Leave"):
        load.load_face_model("ffhq-inversion", path)


def test_damaged_files(tmp_path, base):
    path = write(tmp_path / "a.tuned.safetensors", base)
    state, notes = readers.read(path), readers.read_metadata(path)
    name = "tuned.conv1.conv.weight"
    cases = [
        ({key: array for key, array in state.items() if key != "pivots"}, notes, "is a damaged file"),
        ({"pivots": state["pivots"], "encoded": state["encoded"]}, notes, "is a damaged file"),
        (state | {"encoded": state["encoded"][:1]}, notes, "is a damaged file"),
        (state, {key: text for key, text in notes.items() if key != "base_sha256"}, "is a damaged file"),
        (state | {name: state[name][:, :-1].copy()}, notes, r"conv1\.conv\.weight"),
        (state | {"tuned.conv9.conv.weight": state[name]}, notes, r"conv9\.conv\.weight"),
        (state | {name: state[name] * np.float16("nan")}, notes, "NaN"),
    ]
    for number, (tree, header, reason) in enumerate(cases):
        other = tmp_path / f"{number}.safetensors"
        readers.write(other, tree, header)
        with pytest.raises(WeightsError, match=reason):
            load.load_face_model(weight_path=other)


def test_generators_that_cannot_be_written(tmp_path, base):
    with pytest.raises(ConfigError, match=r"tuned generators are written as \.safetensors"):
        write(tmp_path / "a.pdparams", base)
    with pytest.raises(WeightsError, match=r"to_rgb1\.bias is out of the range of half precision"):
        write(tmp_path / "a.safetensors", base, **{"to_rgb1.bias": np.full((1, 3, 1, 1), 1e5, np.float32)})
    assert list(tmp_path.glob("*.safetensors")) == []


def test_the_photo_used_for_tuning_gets_its_pivot(tmp_path, base):
    encoded = PIVOTS + numbers("refined", PIVOTS.shape)
    path = write(tmp_path / "a.tuned.safetensors", base, encoded=encoded)
    own = load.load_face_model(weight_path=path).tuned
    again = encoded[1] + np.float32(1e-3)
    np.testing.assert_array_equal(own.pivot_of(again), PIVOTS[1])
    stranger = encoded[1] + np.float32(0.3)
    assert own.pivot_of(stranger) is None


@pytest.mark.slow
def test_its_generator_is_never_compiled_and_its_encoder_is_the_models(tmp_path, base):
    engine = open_model(base, device="cpu")
    crop = 0.3 * numbers("crop", (1, 3, 16, 16))
    code = engine.encoder.encode(crop)
    programs = {entry.folder for entry in ProgramCache().entries()}
    model = load.load_face_model(weight_path=write(tmp_path / "a.tuned.safetensors", base))
    tuned_engine = open_model(model, device="cpu")
    np.testing.assert_array_equal(tuned_engine.encoder.encode(crop), code)
    drawn = tuned_engine.synthesizer.render(code)
    expected = model.generator.render(paddle.to_tensor(code)).numpy()
    assert np.abs(drawn - expected).max() < 1e-4 * np.abs(expected).max()
    assert {entry.folder for entry in ProgramCache().entries()} == programs


def test_a_model_of_the_catalog_is_found_by_its_name(tmp_path, base, monkeypatch):
    record = catalog.FileRecord("toy.safetensors")
    monkeypatch.setitem(catalog.MODELS, "toy", catalog.ModelRecord("toy", record, has_encoder=True, crop="tight"))
    monkeypatch.setenv("PPGAN_EXT_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    path_in_home = tmp_path / "home" / "toy.safetensors"
    base.path.rename(path_in_home)
    model = load.load_face_model("toy", path_in_home)
    assert model.base == Base("toy", path_in_home, base.weights_hash)
    path = write(tmp_path / "a.tuned.safetensors", model)
    assert readers.read_metadata(path)["base_path"] == "toy.safetensors"  # found in the folder of the catalog's files
    for again in (load.load_face_model("toy", path), load.load_face_model(weight_path=path)):
        assert (again.name, again.record.crop, again.base.sha256) == ("toy", "tight", base.weights_hash)
    with pytest.raises(WeightsError, match=r"not from the model 'faces-128'\. Give model_type toy"):
        load.load_face_model("faces-128", path)
