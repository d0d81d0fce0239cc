from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import paddle
import pytest

from ppgan_ext.errors import InputError, OutputError, PpganExtError
from ppgan_ext.latents.codes import load_code, read_codes, save_code, save_codes, size_of

# Written by PyTorch: 6 layers of 8 numbers, arange(48) / 8 - 2, in the layouts that their names say.
GOLDENS = Path(__file__).parent / "goldens"
GOLDEN_CODE = (np.arange(48, dtype=np.float32) / 8 - 2).reshape(6, 8)
W = np.random.default_rng(0).standard_normal(512).astype(np.float32)
W_PLUS = np.random.default_rng(1).standard_normal((14, 512)).astype(np.float32)


@pytest.mark.parametrize(
    ("stored", "space"),
    [(W, "w"), (W[None], "w"), (W[None, None], "w"), (W_PLUS, "w+"), (W_PLUS[None], "w+")],
    ids=lambda value: str(getattr(value, "shape", value)),
)
def test_every_shape_loads_from_array_and_file(tmp_path: Path, stored, space):
    expected = W_PLUS if space == "w+" else np.repeat(W[None], 14, axis=0)
    np.save(tmp_path / "a.npy", stored)
    np.savez(tmp_path / "w.npz", other=np.zeros(3), w=stored)
    np.savez(tmp_path / "only.npz", anything=stored)
    paddle.save({"latent": paddle.to_tensor(stored)}, str(tmp_path / "a.pdparams"))
    for source in (stored, *(tmp_path / name for name in ("a.npy", "w.npz", "only.npz", "a.pdparams"))):
        code = load_code(source, 14)
        assert code.dtype == np.float32 and np.array_equal(code, expected)
        codes, info = read_codes(source, 14)
        assert (info.space, info.shape, info.num_codes) == (space, stored.shape, 1) and codes.shape == (1, 14, 512)
    assert str(read_codes(tmp_path / "a.npy", 14)[1]).endswith(
        f"a.npy: 1 code in {space.upper()}, stored as {stored.shape}"
    )


def test_files_of_pytorch_load_without_it():
    for name in ("rosinality.pt", "e4e.pt"):
        assert np.array_equal(load_code(GOLDENS / name, 6, style_dim=8), GOLDEN_CODE)
    assert np.array_equal(load_code(GOLDENS / "one_row.pt", 6, style_dim=8), np.repeat(GOLDEN_CODE[:1] / 2, 6, axis=0))


def test_the_caller_owns_the_result():
    original = W_PLUS.copy()
    load_code(original, 14)[:] = 0
    assert np.array_equal(original, W_PLUS)


def test_without_n_latent_codes_keep_their_layers():
    assert load_code(W, None).shape == (1, 512) and load_code(W_PLUS[None], None).shape == (14, 512)


def test_other_number_types_become_float32():
    for dtype in (np.float16, np.float64, np.int16):
        code = load_code(np.ones((14, 512), dtype), 14)
        assert code.dtype == np.float32 and (code == 1).all()


def test_many_codes_come_only_where_asked(tmp_path: Path):
    many = np.stack([W_PLUS, W_PLUS + 1])
    with pytest.raises(InputError, match=r"contains 2 codes, shape \(2, 14, 512\)"):
        load_code(many, 14)
    codes, info = read_codes(many, 14)
    assert np.array_equal(codes, many) and info.num_codes == 2
    paddle.save({f"{i}.png": {"latent": paddle.to_tensor(code)} for i, code in enumerate(many)}, str(tmp_path / "a.pt"))
    assert np.array_equal(read_codes(tmp_path / "a.pt", 14)[0], many)
    assert read_codes(many[:, :1], 14)[0].shape == (2, 14, 512)


def test_the_error_names_the_model_that_a_code_belongs_to():
    with pytest.raises(InputError, match=r"has 18 layers, which belongs to a model of 1024 px; this model has 14"):
        load_code(np.zeros((18, 512)), 14)
    with pytest.raises(InputError, match=r"Give --model_type ffhq-config-f or --model_type ffhq-inversion or "):
        load_code(np.zeros((18, 512)), 12)
    with pytest.raises(InputError, match=r"this model has 18\. Give --model_type faces-128, whichever made it\. Use"):
        load_code(np.zeros((12, 512)), 18)
    with pytest.raises(InputError, match="has 13 layers, which no StyleGAN2 model has"):
        load_code(np.zeros((13, 512)), 14)
    assert [size_of(n) for n in (4, 6, 10, 12, 14, 16, 18)] == [8, 16, 64, 128, 256, 512, 1024]
    assert size_of(2) is None and size_of(22) is None


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (np.zeros((14, 511)), "511 numbers"),
        (np.zeros((1, 2, 14, 512)), "got shape"),
        (np.zeros((0, 512)), "got shape"),
        (np.float32(3), "got shape"),
        (np.full((14, 512), np.inf), "7168 of its 7168 numbers are NaN or infinite"),
        (np.array(["a"] * 512), "not real numbers"),
        (np.zeros(512, complex), "not real numbers"),
    ],
)
def test_what_is_no_code_is_refused(tmp_path: Path, stored, message):
    np.save(tmp_path / "a.npy", stored)
    for source in (stored, tmp_path / "a.npy"):
        with pytest.raises(InputError, match=message):
            load_code(source, 14)


def test_one_nan_is_found():
    code = W_PLUS.copy()
    code[3, 77] = np.nan
    with pytest.raises(InputError, match="1 of its 7168 numbers"):
        load_code(code, 14)


def test_files_that_are_no_latent_are_refused_on_one_line(tmp_path: Path):
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.save(tmp_path / "whole.npy", W_PLUS)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "whole.npy").read_bytes()[:900])
    (tmp_path / "text.npz").write_text("not an archive")
    (tmp_path / "empty.npy").write_bytes(b"")
    np.savez(tmp_path / "two.npz", a=W, b=W)
    (tmp_path / "photo.png").write_bytes(b"x")
    paddle.save({"a": paddle.to_tensor(W), "b": paddle.to_tensor(W)}, str(tmp_path / "two.pdparams"))
    expected = {
        "objects.npy": "Python objects",
        "cut.npy": "damaged",
        "text.npz": "is a text file",
        "empty.npy": "is empty",
        "two.npz": "contains a, b",
        "two.pdparams": "contains a, b",
        "photo.png": "not a latent",
        "absent.npy": "no such file",
        ".": "is a folder",
    }
    for name, message in expected.items():
        with pytest.raises(InputError, match=message) as caught:
            load_code(tmp_path / name, 14)
        assert str(tmp_path / name) in str(caught.value) and "\n" not in str(caught.value)


class _Opens:
    def __reduce__(self):
        return open, ("ran", "w")


def test_a_pickle_that_would_run_code_does_not(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("evil.pt", "evil.pdparams", "evil.npy"):
        (tmp_path / name).write_bytes(pickle.dumps({"w": _Opens()}))
        with pytest.raises(PpganExtError, match=name):
            load_code(tmp_path / name, 14)
    assert not (tmp_path / "ran").exists()


def test_saving_writes_what_paddlegan_writes(tmp_path: Path):
    path = save_code(tmp_path / "new" / "dst.fitting.npy", W_PLUS[None].astype(np.float64))
    stored = np.load(path, allow_pickle=False)
    assert stored.dtype == np.float32 and stored.shape == (14, 512) and np.array_equal(stored, W_PLUS)
    assert [entry.name for entry in path.parent.iterdir()] == ["dst.fitting.npy"]


def test_saving_refuses_and_leaves_nothing(tmp_path: Path):
    for name, code in {"a.npz": W_PLUS, "b.npy": W, "c.npy": W_PLUS * np.nan}.items():
        with pytest.raises(InputError):
            save_code(tmp_path / name, code)
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        save_code(tmp_path / "file" / "a.npy", W_PLUS)


def test_many_codes_round_trip_with_their_names(tmp_path: Path):
    many = np.stack([W_PLUS, -W_PLUS])
    path = save_codes(tmp_path / "codes.npz", many, ["a.png", "b.png"])
    assert np.array_equal(read_codes(path, 14)[0], many)
    assert np.load(path)["name"].tolist() == ["a.png", "b.png"]
    with pytest.raises(InputError, match="1 names"):
        save_codes(path, many, ["a.png"])
