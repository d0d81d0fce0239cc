"""Readers against files of PyTorch, Paddle and NumPy, round trips, and files that are not weights."""

import json
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from ppgan_ext import untrusted
from ppgan_ext.errors import ConfigError, OutputError, WeightsError
from ppgan_ext.untrusted import Budget
from ppgan_ext.weights import readers
from ppgan_ext.weights.readers import numpy_files, torch_tensors
from ppgan_ext.weights.readers.records import Reading

GOLDENS = Path(__file__).resolve().parents[1] / "goldens" / "weights"


def assert_same(actual, expected):
    """Check type, shape and bytes, which is stricter than equality about NaN, -0.0 and types."""
    assert isinstance(actual, np.ndarray)
    assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape)
    assert np.ascontiguousarray(actual).tobytes() == np.ascontiguousarray(expected).tobytes()


def all_kinds():
    """Arrays of every type that both written formats support, with values that are easily lost."""
    arrays = {
        "matrix": np.arange(6, dtype=np.float32).reshape(2, 3).T,
        "special": np.array([np.nan, -0.0, np.inf, 1e-42], np.float32),
        "scalar": np.array(2.5, np.float64),
        "empty": np.zeros((0, 3), np.float32),
        "half": np.array([1.5, -65504], np.float16),
        "flags": np.array([[True, False]]),
        "complex": np.array([1 - 2j], np.complex64),
        "big_endian": np.array([1, 2, 3], ">f4").astype(">f4"),
    }
    for code in ("i1", "i2", "i4", "i8", "u1"):
        info = np.iinfo(code)
        arrays[code] = np.array([info.min, 0, info.max], code)
    return arrays


# ---- PyTorch


@pytest.mark.parametrize("name", ["tensors_zip", "tensors_legacy"])
def test_torch_files_contain_torchs_values(name):
    tree = readers.read(GOLDENS / f"{name}.pt")
    with np.load(GOLDENS / "tensors.npz") as expected:
        assert set(tree["state"]) == set(expected.files)
        for key in expected.files:
            assert_same(tree["state"][key], expected[key])
    assert tree["args"] == {
        "size": 16, "lr": 0.002, "path": None, "names": ["a", "b"], "device": "cuda:0", "ada": False,
    }  # fmt: skip
    assert (tree["shape"], tree["dtype"], tree["device"]) == ((2, 3), "torch.float16", "cuda:1")
    assert tree["milestones"] == {3: 2}
    one, (two, inner) = tree["nested"]
    assert (one, two) == (1, 2.5)
    assert_same(inner["deep"], tree["state"]["rows"])


def test_formats_are_recognised_by_content_not_by_suffix(tmp_path):
    for source, format_name in (("tensors_zip.pt", "torch-zip"), ("tensors_legacy.pt", "torch-legacy")):
        path = tmp_path / f"{source}.pdparams"
        path.write_bytes((GOLDENS / source).read_bytes())
        assert readers.identify(path) == format_name
        assert "state" in readers.read(path)


def test_a_safetensors_header_whose_length_begins_as_a_pickle_is_no_pickle(tmp_path):
    path, state = tmp_path / "a.safetensors", {"a": np.arange(3, dtype=np.float32)}
    seen = set()
    for length in range(500, 1420, 8):
        readers.write(path, state, {"note": "x" * length})
        seen.add(path.read_bytes()[:2])
        assert readers.identify(path) == "safetensors"
        assert_same(readers.read(path)["a"], state["a"])
    assert {b"\x80\x03", b"\x80\x04", b"\x80\x05"} <= seen


def test_torch_file_of_one_tensor_and_of_untyped_storage():
    with np.load(GOLDENS / "tensors.npz") as expected:
        assert_same(readers.read(GOLDENS / "one_tensor.pt"), expected["turned"])
    assert_same(readers.read(GOLDENS / "untyped_storage.pt"), np.arange(6, dtype=np.uint16).reshape(2, 3))


@pytest.mark.parametrize("name", ["tensors_zip.pt", "tensors_legacy.pt", "one_tensor.pt", "rosinality_legacy.pt"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95, 0.999])
def test_truncated_torch_file(tmp_path, name, share):
    data = (GOLDENS / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(WeightsError, match=r"truncated or damaged|text file|known format"):
        readers.read(path)


def test_every_flipped_byte_of_a_torch_zip_is_refused_or_harmless(tmp_path):
    data = bytearray((GOLDENS / "one_tensor.pt").read_bytes())
    with zipfile.ZipFile(GOLDENS / "one_tensor.pt") as archive:
        entry = next(e for e in archive.infolist() if e.filename.endswith("/data/0"))
    with (GOLDENS / "one_tensor.pt").open("rb") as stream:
        stream.seek(entry.header_offset + 26)
        name_length, extra_length = struct.unpack("<HH", stream.read(4))
    data[entry.header_offset + 30 + name_length + extra_length + 5] ^= 1
    path = tmp_path / "flipped.pt"
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=r"damaged .*CRC"):
        readers.read(path)


def rewritten_zip(tmp_path, change):
    path = tmp_path / "changed.pt"
    with zipfile.ZipFile(GOLDENS / "one_tensor.pt") as source, zipfile.ZipFile(path, "w") as target:
        entries = {entry.filename: source.read(entry) for entry in source.infolist()}
        for name, data in change(entries).items():
            target.writestr(name, data)
    return path


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda e: {k: v for k, v in e.items() if "/data/" not in k}, "storage 0 is missing"),
        (lambda e: {k: v[:-4] if "/data/" in k else v for k, v in e.items()}, "of the wrong size"),
        (lambda e: {k: b"big" if "byteorder" in k else v for k, v in e.items()}, "big-endian"),
        (lambda e: {**e, "one_tensor/constants.pkl": b""}, "TorchScript"),
        (lambda e: {**e, "other/data.pkl": b""}, "without one data.pkl"),
    ],
)
def test_inconsistent_torch_zip(tmp_path, change, reason):
    with pytest.raises(WeightsError, match=reason):
        readers.read(rewritten_zip(tmp_path, change))


def test_compressed_torch_zip_is_read(tmp_path):
    path = tmp_path / "small.pt"
    with zipfile.ZipFile(GOLDENS / "one_tensor.pt") as source:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
            for entry in source.infolist():
                target.writestr(entry.filename, source.read(entry))
    assert_same(readers.read(path), readers.read(GOLDENS / "one_tensor.pt"))


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [(0, (7,), (1,)), (6, (1,), (1,)), (0, (2, 3), (4, 1)), (0, (2,), (6,)), (0, (10**9, 10**9), (0, 0))],
)
def test_tensor_that_reaches_outside_its_storage(offset, shape, strides):
    storage = torch_tensors.Storage("<f4", 6, np.arange(6, dtype=np.float32).tobytes())
    with pytest.raises(ValueError, match="outside its storage"):
        torch_tensors.TensorRecord(storage, offset, shape, strides).resolve(Reading(Budget(2**20)))


@pytest.mark.parametrize(("shape", "strides"), [((2,), (-1,)), ((-1,), (1,)), ((2, 2), (1,)), ((True,), (1,))])
def test_tensor_with_an_impossible_shape(shape, strides):
    storage = torch_tensors.Storage("<f4", 6, bytes(24))
    with pytest.raises(ValueError, match="shape"):
        torch_tensors.TensorRecord(storage, 2, shape, strides)


# ---- Paddle


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_reads_what_paddle_saves(tmp_path, protocol):
    import paddle

    path = tmp_path / "saved.pdparams"
    matrix = np.arange(6, dtype=np.float32).reshape(2, 3)
    tree = {
        "net": {"weight": paddle.to_tensor(matrix), "half": paddle.to_tensor([1.5, -2.5]).astype("bfloat16")},
        "opts": {"rate": 0.1, "name": "pSp", "none": None, "list": [1, 2**40], "flag": True},
        "epoch": 3,
        "scalar": paddle.to_tensor(1.25, dtype="float64"),
        "long": paddle.to_tensor([[2**40]]),
    }
    paddle.save(tree, str(path), protocol=protocol)
    read = readers.read(path)
    assert_same(read["net"]["weight"], matrix)
    assert_same(read["net"]["half"], np.array([1.5, -2.5], np.float32))
    assert_same(read["scalar"], np.array(1.25))
    assert_same(read["long"], np.array([[2**40]]))
    assert read["opts"] == tree["opts"]
    assert read["epoch"] == 3


def test_reads_a_state_dict_of_paddle_2(tmp_path):
    """Paddle 2.0 stored plain arrays and a table of parameter names, and a table for the parts of large arrays."""
    path = tmp_path / "old.pdparams"
    whole = np.arange(10, dtype=np.float32).reshape(2, 5)
    tree = {
        "bias": np.ones(3, np.float32),
        "big@@.0": whole.reshape(-1)[:7],
        "big@@.1": whole.reshape(-1)[7:],
        "UnpackBigParamInfor@@": {"big": {"OriginShape": (2, 5), "slices": ["big@@.0", "big@@.1"]}},
        "StructuredToParameterName@@": {"bias": "linear_0.b_0"},
    }
    path.write_bytes(pickle.dumps(tree, protocol=2))
    read = readers.read(path)
    assert set(read) == {"bias", "big"}
    assert_same(read["big"], whole)


def test_reads_tensors_of_a_static_graph(tmp_path):
    """Paddle stores them as a call of eval, which is recognised by its form but not executed."""

    class Dense:
        def __reduce__(self):
            return eval, ("data", {"data": np.arange(3.0)})

    path = tmp_path / "static.pdparams"
    path.write_bytes(pickle.dumps({"w": Dense()}, protocol=2))
    assert_same(readers.read(path)["w"], np.arange(3.0))


def test_fortran_order_and_big_endian_arrays(tmp_path):
    path = tmp_path / "order.pdparams"
    matrix = np.arange(6, dtype=np.float32).reshape(2, 3)
    tree = {"f": np.asfortranarray(matrix), "big": matrix.astype(">f4"), "number": np.float32(0.5)}
    path.write_bytes(pickle.dumps(tree, protocol=3))
    read = readers.read(path)
    assert_same(read["f"], matrix)
    assert_same(read["big"], matrix)
    assert read["number"] == 0.5


def test_latin1_text_of_python_2(tmp_path):
    """Python 2 wrote an array's bytes as a short string."""
    data = np.array([1.5, -2.0], np.float32)
    program = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K\x02\x85"
        b"cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        b"U\x08" + data.tobytes() + b"tb."
    )
    path = tmp_path / "two.pdparams"
    path.write_bytes(program)
    assert_same(readers.read(path), data)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_truncated_pdparams(tmp_path, share):
    path = tmp_path / "cut.pdparams"
    readers.write(path, {"weight": np.arange(1000, dtype=np.float32)})
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(WeightsError, match=r"cut\.pdparams: the file is truncated or damaged"):
        readers.read(path)


# ---- writing


@pytest.mark.parametrize("suffix", [".pdparams", ".safetensors"])
def test_round_trip_is_exact(tmp_path, suffix):
    path = tmp_path / f"all{suffix}"
    arrays = all_kinds()
    readers.write(path, arrays)
    read = readers.read(path)
    assert list(read) == list(arrays) or suffix == ".safetensors"
    assert set(read) == set(arrays)
    for name, array in arrays.items():
        assert_same(read[name], array.astype(array.dtype.newbyteorder("=")))


def test_paddle_reads_what_is_written(tmp_path):
    import paddle

    path = tmp_path / "ours.pdparams"
    arrays = {name: array for name, array in all_kinds().items() if name != "big_endian"}
    opts = {"encoder_type": "GradualStyleEncoder", "rate": 0.25, "none": None, "list": [1, -(2**70)], "flag": False}
    readers.write(path, {**arrays, "opts": opts, "nested": {"w": np.float64(1.5), "n": np.int32(-7)}})
    loaded = paddle.load(str(path))
    assert loaded["opts"] == opts
    assert loaded["nested"] == {"w": 1.5, "n": -7}
    for name, array in arrays.items():
        assert isinstance(loaded[name], paddle.Tensor)
        assert_same(loaded[name].numpy(), np.asarray(array, order="C"))
    assert loaded["matrix"].name == "matrix"
    assert readers.read(path)["opts"] == opts


def test_written_pdparams_uses_no_module_of_numpy_2(tmp_path):
    """NumPy 1 has no numpy._core; both have numpy.core.multiarray._reconstruct."""
    path = tmp_path / "ours.pdparams"
    readers.write(path, {"w": np.ones(2, np.float32)})
    data = path.read_bytes()
    assert b"numpy.core.multiarray" in data
    assert b"_core" not in data
    loaded = pickle.loads(data)
    assert_same(loaded["w"][1], np.ones(2, np.float32))


def test_metadata(tmp_path):
    path = tmp_path / "noted.safetensors"
    readers.write(path, {"w": np.ones(2, np.float32)}, {"crop": "tight", "名": "值"})
    assert readers.read_metadata(path) == {"crop": "tight", "名": "值"}
    assert readers.read_metadata(GOLDENS / "one_tensor.pt") == {}
    with pytest.raises(ConfigError, match="cannot store metadata"):
        readers.write(tmp_path / "noted.pdparams", {"w": np.ones(2)}, {"crop": "tight"})


@pytest.mark.parametrize(
    ("suffix", "value", "reason"),
    [
        (".pdparams", np.ones(2, np.uint16), "uint16 cannot"),  # Paddle would read it as bfloat16
        (".pdparams", np.array(["a"]), "<U1 cannot"),
        (".pdparams", object(), "object cannot"),
        (".safetensors", np.array(["a"]), "<U1 cannot"),
        (".safetensors", {"nested": 1}, "dict cannot"),
    ],
)
def test_values_that_a_format_cannot_store(tmp_path, suffix, value, reason):
    path = tmp_path / f"odd{suffix}"
    with pytest.raises(WeightsError, match=f"inner: .*{reason}"):
        readers.write(path, {"inner": value})
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "kept.pdparams"
    readers.write(path, {"w": np.ones(2, np.float32)})
    before = path.read_bytes()
    with pytest.raises(WeightsError):
        readers.write(path, {"w": np.zeros(2, np.float32), "bad": object()})
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["kept.pdparams"]


def test_writing_with_an_invalid_path(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError):
        readers.write(tmp_path / "file" / "w.pdparams", {"w": np.ones(1)})
    with pytest.raises(ConfigError, match="Change the suffix"):
        readers.write(tmp_path / "w.bin", {"w": np.ones(1)})


# ---- safetensors


def safetensors_bytes(header, data=b""):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def test_bfloat16_in_safetensors(tmp_path):
    path = tmp_path / "half.safetensors"
    values = np.array([[1.0, -2.5, 3.0e38]], np.float32)
    bits = (values.view(np.uint32) >> 16).astype("<u2")
    header = {
        "first": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
        "w": {"dtype": "BF16", "shape": [1, 3], "data_offsets": [4, 10]},
    }
    path.write_bytes(safetensors_bytes(header, b"\x00\x00\x80\x3f" + bits.tobytes()))
    read = readers.read(path)
    assert_same(read["w"], (bits.astype(np.uint32) << 16).view(np.float32))
    assert abs(read["w"] - values).max() / 3e38 < 2**-7
    assert_same(read["first"], np.ones(1, np.float32))


def test_safetensors_of_a_type_without_support(tmp_path):
    path = tmp_path / "eight.safetensors"
    path.write_bytes(safetensors_bytes({"w": {"dtype": "F8_E4M3", "shape": [2], "data_offsets": [0, 2]}}, b"ab"))
    with pytest.raises(WeightsError, match="F8_E4M3"):
        readers.read(path)


@pytest.mark.parametrize(
    "data",
    [
        safetensors_bytes({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, b"abcd"),
        safetensors_bytes({"w": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}}, bytes(12)),
        struct.pack("<Q", 5) + b'{"w":',
    ],
)
def test_damaged_safetensors(tmp_path, data):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(data)
    with pytest.raises(WeightsError, match="truncated or damaged"):
        readers.read(path)


def test_safetensors_of_the_library_itself(tmp_path):
    path = tmp_path / "theirs.safetensors"
    safetensors.numpy.save_file({"w": np.arange(4, dtype=np.int64).reshape(1, 4)}, path)
    assert_same(readers.read(path)["w"], np.arange(4, dtype=np.int64).reshape(1, 4))


# ---- NumPy


def test_npy_and_npz(tmp_path):
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.save(tmp_path / "one.npy", array)
    np.savez_compressed(tmp_path / "many.npz", w=array, b=array[0])
    assert_same(readers.read(tmp_path / "one.npy"), array)
    read = readers.read(tmp_path / "many.npz")
    assert set(read) == {"w", "b"}
    assert_same(read["w"], array)


# ---- files that are not weights


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"\n<!DOCTYPE html><html><head><title>Google Drive</title>", "is a web page"),
        (b"<html>Quota exceeded</html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\n", "Git LFS pointer"),
        (b"Not found. Sorry, the file you want is gone.\n", "is a text file"),
        ("未找到文件。".encode(), "is a text file"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", r"known format \(it begins with 89 50 4e 47"),
        (b"\x00" * 64, "known format"),
        (b"PK\x03\x04garbage", "truncated or damaged"),
        (b"\x80\x04", "truncated or damaged"),
        (b"\x80\x02}q\x00(X", "truncated or damaged"),
        (b"\x93NUMPY\x01", "truncated or damaged"),
    ],
)
def test_files_that_are_not_weights(tmp_path, data, reason):
    path = tmp_path / "weights.pdparams"
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=reason) as caught:
        readers.read(path)
    assert "weights.pdparams" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(WeightsError, match="no such file"):
        readers.read(tmp_path / "absent.pt")
    with pytest.raises(WeightsError, match="is a folder"):
        readers.read(tmp_path)


def test_other_zip_archives(tmp_path):
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "x")
    with pytest.raises(WeightsError, match="zip archive, but not one of NumPy or PyTorch"):
        readers.read(path)


def test_zip_bomb(tmp_path, monkeypatch):
    """It is refused by the archive's directory, before anything is unpacked."""
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w.npy", bytes(2**22))
    monkeypatch.setattr(untrusted, "FLOOR_BYTES", 2**20)
    monkeypatch.setitem(readers.FORMATS, "npz", lambda *_: pytest.fail("was unpacked"))
    with pytest.raises(WeightsError, match=r"refused: its [\d,]+ bytes would unpack to 4,194,304"):
        readers.read(path)


def test_reads_return_read_only_views_or_separate_arrays(tmp_path):
    """Two reads never share writable memory."""
    path = tmp_path / "w.pdparams"
    readers.write(path, {"w": np.ones(3, np.float32)})
    first, second = readers.read(path)["w"], readers.read(path)["w"]
    assert not np.shares_memory(first, second)
    assert not first.flags.writeable
    assert numpy_files.read_npy is readers.FORMATS["npy"]


def test_equal_safetensors_files_have_equal_bytes(tmp_path):
    """The library writes the text entries of the header in a random order."""
    metadata = {f"key {index}": f'\u00fc "{index}" \\ \n \x01' for index in range(12)}
    files = set()
    for index in range(8):
        path = tmp_path / f"{index}.safetensors"
        readers.write(path, {"a": np.arange(6, dtype=np.float32).reshape(2, 3)}, metadata)
        files.add(path.read_bytes())
        assert readers.read_metadata(path) == metadata
        np.testing.assert_array_equal(readers.read(path)["a"], [[0, 1, 2], [3, 4, 5]])
    assert len(files) == 1
