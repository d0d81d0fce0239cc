from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import paddle
import pytest

from ppgan_ext.errors import ConfigError, InputError, OutputError, PpganExtError
from ppgan_ext.latents.directions import Direction, apply, find, load_directions, save_directions
from ppgan_ext.weights import readers

GOLDENS = Path(__file__).parent / "goldens"
GOLDEN_CODE = (np.arange(48, dtype=np.float32) / 8 - 2).reshape(6, 8)
RNG = np.random.default_rng(0)
CODE = RNG.standard_normal((14, 512)).astype(np.float32)
AGE, SMILE = (RNG.standard_normal((14, 512)).astype(np.float32) for _ in range(2))
YAW = RNG.standard_normal((1, 512)).astype(np.float32)


def load(path, **kwargs):
    return load_directions(path, 14, **kwargs)


def test_paddlegans_file(tmp_path: Path):
    stored = {"age": AGE, "smile": SMILE[None], "yaw": YAW[0]}
    paddle.save({name: paddle.to_tensor(array) for name, array in stored.items()}, str(tmp_path / "d.pdparams"))
    loaded = load(tmp_path / "d.pdparams")
    assert list(loaded) == ["age", "smile", "yaw"]
    assert np.array_equal(loaded["age"].vector, AGE) and np.array_equal(loaded["smile"].vector, SMILE)
    assert np.array_equal(loaded["yaw"].vector, YAW) and loaded["yaw"].num_layers == 1
    assert loaded["age"].unit == "step" and loaded["age"].regressor is None
    # The edit is PaddleGAN's: latent + offset * direction.
    assert np.allclose(apply(CODE, loaded, {"yaw": -2.5}), CODE - 2.5 * YAW, atol=1e-5)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("nose_tip.npy", "nose_tip"),
        ("stylegan_ffhq_age_w_boundary.npy", "age"),
        ("stylegan_celebahq_eyeglasses_boundary.npy", "eyeglasses"),
    ],
)
def test_single_files_take_their_name_from_the_file(tmp_path: Path, file, name):
    np.save(tmp_path / file, YAW)
    assert list(load(tmp_path / file)) == [name] and np.array_equal(load(tmp_path / file)[name].vector, YAW)
    assert list(load(tmp_path / file, name="mine")) == ["mine"]


def test_files_of_pytorch_and_archives_and_folders(tmp_path: Path):
    single = load_directions(GOLDENS / "e4e.pt", 6, style_dim=8)
    assert np.array_equal(single["e4e"].vector, GOLDEN_CODE)
    named = load_directions(GOLDENS / "named.pt", 6, style_dim=8)
    assert np.array_equal(named["age"].vector, GOLDEN_CODE) and np.array_equal(named["smile"].vector, GOLDEN_CODE[:1])
    np.savez(tmp_path / "a.npz", age=AGE, smile=SMILE)
    np.save(tmp_path / "yaw.npy", YAW)
    (tmp_path / "readme.txt").write_text("no direction")
    assert set(load(tmp_path)) == {"age", "smile", "yaw"}
    readers.write(tmp_path / "plain.safetensors", {"age": AGE})
    assert np.array_equal(load(tmp_path / "plain.safetensors")["age"].vector, AGE)


def test_the_own_layout_round_trips_exactly(tmp_path: Path):
    age = Direction("age", AGE, "year", SMILE, 31.25, {"r2": 0.61, "num_faces": 16786.0})
    save_directions(tmp_path / "d.safetensors", {"age": age, "yaw": Direction("yaw", YAW)}, notes={"model": "toy"})
    loaded = load(tmp_path / "d.safetensors")
    assert list(loaded) == ["age", "yaw"]
    back = loaded["age"]
    assert np.array_equal(back.vector, AGE) and np.array_equal(back.regressor, SMILE)
    assert (back.unit, back.bias, dict(back.statistics)) == ("year", 31.25, {"r2": 0.61, "num_faces": 16786.0})
    assert loaded["yaw"].regressor is None
    assert sorted(readers.read(tmp_path / "d.safetensors")) == ["age.direction", "age.regressor", "yaw.direction"]
    header = readers.read_metadata(tmp_path / "d.safetensors")
    assert json.loads(header["ppgan_ext.directions"])["notes"] == {"model": "toy"}
    written = {(tmp_path / "d.safetensors").read_bytes()}
    for _ in range(4):
        save_directions(tmp_path / "e.safetensors", {"age": age, "yaw": Direction("yaw", YAW)}, notes={"model": "toy"})
        written.add((tmp_path / "e.safetensors").read_bytes())
    assert len(written) == 1


def test_saving_refuses_what_cannot_be_written(tmp_path: Path):
    with pytest.raises(InputError, match=r"d\.safetensors"):
        save_directions(tmp_path / "d.npy", {})
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        save_directions(tmp_path / "file" / "d.safetensors", {"yaw": Direction("yaw", YAW)})


def test_several_edits_add_up_and_nothing_is_changed_in_place():
    directions = {"age": Direction("age", AGE), "yaw": Direction("yaw", YAW)}
    original = CODE.copy()
    edited = apply(original, directions, {"age": 2.0, "yaw": -1.5})
    assert np.array_equal(original, CODE) and edited.dtype == np.float32
    assert np.allclose(edited, CODE + 2 * AGE - 1.5 * YAW, atol=1e-5)
    assert np.array_equal(edited, apply(original, directions, {"yaw": -1.5, "age": 2.0}))
    assert np.array_equal(apply(CODE, directions, {}), CODE)
    batch = apply(np.stack([CODE, AGE]), directions, {"age": 2.0})
    assert np.allclose(batch[1], 3 * AGE, atol=1e-5)


def test_only_the_chosen_layers_change():
    edited = apply(CODE, {"age": Direction("age", AGE), "yaw": Direction("yaw", YAW)}, {"age": 1, "yaw": 1}, [2, 5])
    rest = [layer for layer in range(14) if layer not in (2, 5)]
    assert np.array_equal(edited[rest], CODE[rest])
    assert np.allclose(edited[[2, 5]], (CODE + AGE + YAW)[[2, 5]], atol=1e-5)
    for layers in ([], [14], [-1]):
        with pytest.raises(ConfigError, match="layers"):
            apply(CODE, {"age": Direction("age", AGE)}, {"age": 1}, layers)


def test_unknown_names_and_amounts_are_refused():
    directions = {"age": Direction("age", AGE), "smile": Direction("smile", SMILE)}
    with pytest.raises(ConfigError, match=r"unknown direction 'smlie'.*Did you mean 'smile'"):
        apply(CODE, directions, {"smlie": 1})
    with pytest.raises(ConfigError, match="Choose from: age, smile"):
        find(directions, "nose")
    with pytest.raises(ConfigError, match="age: the amount inf"):
        apply(CODE, directions, {"age": float("inf")})


def test_directions_for_another_model_are_refused(tmp_path: Path):
    np.save(tmp_path / "age.npy", np.zeros((18, 512)))
    with pytest.raises(InputError, match="'age' has 18 layers of 512 numbers; this model has 14 of 512"):
        load(tmp_path / "age.npy")
    with pytest.raises(InputError, match="has 14 layers"):
        apply(np.zeros((18, 512)), {"age": Direction("age", AGE)}, {"age": 1})
    with pytest.raises(InputError, match=r"\(512,\)"):
        apply(CODE[0], {"age": Direction("age", AGE)}, {"age": 1})


def test_measure_is_the_linear_estimate():
    direction = Direction("age", AGE, "year", SMILE, 12.5)
    assert direction.measure(CODE) == pytest.approx(float((SMILE.astype(float) * CODE).sum()) + 12.5)
    with pytest.raises(InputError, match="measures codes"):
        direction.measure(CODE[:10])
    with pytest.raises(ConfigError, match="'yaw' cannot measure"):
        Direction("yaw", YAW).measure(CODE)


def test_the_amount_reaches_the_target_also_on_some_layers():
    direction = Direction("age", AGE, "year", 0.01 * AGE + 0.001 * SMILE, 30.0)
    for layers in (None, [0, 3, 9]):
        amount = direction.amount_to(70.0, CODE, layers)
        assert direction.measure(apply(CODE, {"age": direction}, {"age": amount}, layers)) == pytest.approx(
            70, abs=1e-2
        )
    assert direction.gain([0, 3]) == pytest.approx(float((direction.regressor * AGE)[[0, 3]].sum()), rel=1e-5)
    with pytest.raises(ConfigError, match="do not change the estimate"):
        Direction("age", AGE, "year", np.where(np.arange(14)[:, None] < 7, SMILE * 0, AGE)).amount_to(70, CODE, [0, 1])


@pytest.mark.parametrize("shape", [(), (2, 14, 512), (0, 512)])
def test_a_direction_has_a_shape(shape):
    with pytest.raises(InputError, match="cannot have shape"):
        Direction("age", np.zeros(shape))


def test_a_direction_is_finite_and_cannot_be_changed():
    with pytest.raises(InputError, match="NaN"):
        Direction("age", AGE * np.nan)
    with pytest.raises(ValueError, match="read-only"):
        Direction("age", AGE).vector[0, 0] = 1


def test_files_without_directions_are_refused_on_one_line(tmp_path: Path):
    paddle.save({"age": paddle.to_tensor(AGE), "opts": {"a": 1}}, str(tmp_path / "mixed.pdparams"))
    np.save(tmp_path / "objects.npy", np.array([None]), allow_pickle=True)
    np.save(tmp_path / "text.npy", np.array(["a"]))
    (tmp_path / "cut.safetensors").write_bytes(b"\x40\x00\x00\x00\x00\x00\x00\x00{")
    readers.write(
        tmp_path / "header.safetensors", {"age.direction": AGE}, {"ppgan_ext.directions": '{"directions": {"b": {}}}'}
    )
    (tmp_path / "empty").mkdir()
    expected = {
        "mixed.pdparams": "opts",
        "objects.npy": "Python objects",
        "text.npy": "not real numbers",
        "cut.safetensors": "cut.safetensors",
        "header.safetensors": "header is incomplete",
        "empty": "contains no direction",
        "absent.npy": "no such file",
    }
    for name, message in expected.items():
        with pytest.raises(PpganExtError, match=message) as caught:
            load(tmp_path / name)
        assert "\n" not in str(caught.value)
