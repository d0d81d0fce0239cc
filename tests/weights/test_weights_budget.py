"""Small files that describe large things: names that share their parts, views of one storage, archives of nothing."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ppgan_ext import untrusted
from ppgan_ext.errors import PpganExtError, WeightsError
from ppgan_ext.latents.codes import load_code, read_codes
from ppgan_ext.latents.face_labels import read_table
from ppgan_ext.weights import readers
from ppgan_ext.weights.readers import records
from tests.reference import nvidia_pickles

MIB = 2**20


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def written(tmp_path, program, name="model.pdparams"):
    path = tmp_path / name
    path.write_bytes(b"\x80\x04" + program + b".")
    return path


def torch_zip(tmp_path, program, storage=bytes(4 * 1024), **settings):
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w", **settings) as archive:
        archive.writestr("a/data.pkl", b"\x80\x02" + program + b".")
        archive.writestr("a/data/0", storage)
    return path


@pytest.fixture
def few_steps(monkeypatch):
    monkeypatch.setattr(untrusted.Budget, "for_file", lambda size: untrusted.Budget(64 * MIB, 50_000))


@pytest.fixture
def small(monkeypatch):
    """Budgets for which files of kilobytes are enough."""
    monkeypatch.setattr(untrusted, "FLOOR_BYTES", MIB)


# ---- what is hashed, compared or written out

ARRAY = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
# Sixty tuples, each of the previous one twice: its hash, text or comparison visits 2**60 items.
SHARED_TUPLE = b"N" + b"2\x86" * 60
BOMBS = {
    "key": b"}" + SHARED_TUPLE + b"K\x01s",
    "keys": b"}(" + SHARED_TUPLE + b"K\x01u",
    "dict of pairs": b"ccollections\nOrderedDict\n]" + SHARED_TUPLE + b"K\x01\x86a\x85R",
    "set": b"\x8f(" + SHARED_TUPLE + b"\x90",
    "frozenset": b"(" + SHARED_TUPLE + b"\x91",
    "set of a list": b"cbuiltins\nset\n]" + SHARED_TUPLE + b"a\x85R",
    "dtype": b"cnumpy\ndtype\n" + SHARED_TUPLE + b"\x89\x88\x87R",
    "codec": b"c_codecs\nencode\n" + text("a") + SHARED_TUPLE + b"\x86R",
    "byte order": b"cnumpy\ndtype\n" + text("f4") + b"\x89\x88\x87R(K\x03" + SHARED_TUPLE + b"NNNK\x00K\x00K\x00tb",
    "shape": ARRAY + b"(K\x01" + SHARED_TUPLE + b"N\x89Ntb",
    "kind of array": b"cnumpy.core.multiarray\n_reconstruct\n" + SHARED_TUPLE + b"K\x00\x85C\x01b\x87R",
    "number": b"cbuiltins\ncomplex\n" + SHARED_TUPLE + b"K\x01\x86R",
    "eval": b"cbuiltins\neval\n" + SHARED_TUPLE + b"}\x86R",
    "name": text("numpy") + SHARED_TUPLE + b"\x93",
}  # fmt: skip


@pytest.mark.parametrize("kind", BOMBS)
def test_parts_that_are_shared_are_not_visited(tmp_path, kind):
    with pytest.raises(WeightsError) as caught:
        readers.read(written(tmp_path, BOMBS[kind]))
    assert len(str(caught.value)) < 400
    assert "None" not in str(caught.value)


TORCH_BOMBS = {
    "device": b"ctorch\ndevice\n" + SHARED_TUPLE + b"\x85R",
    "size": b"ctorch\nSize\n" + SHARED_TUPLE + b"\x85R",
    "key of a storage": b"(" + text("storage") + b"ctorch\nFloatStorage\n" + SHARED_TUPLE + text("cpu") + b"K\x01tQ",
    "persistent id": SHARED_TUPLE + b"Q",
    "strides": b"ctorch._utils\n_rebuild_tensor_v2\n(NK\x00" + SHARED_TUPLE + b"2\x89NtR",
    "type": b"ctorch._tensor\n_rebuild_from_type_v2\n(" + SHARED_TUPLE + b"N)NtR",
}


@pytest.mark.parametrize("kind", TORCH_BOMBS)
def test_parts_of_tensors_that_are_shared_are_not_visited(tmp_path, kind):
    with pytest.raises(WeightsError):
        readers.read(torch_zip(tmp_path, TORCH_BOMBS[kind]))


def test_numbers_that_all_have_the_same_hash(tmp_path):
    keys = b"".join(b"\x8a\x0a" + ((2**61 - 1) * index).to_bytes(10, "little") + b"N" for index in range(1, 2000))
    with pytest.raises(WeightsError, match="asks for a key of the type int"):
        readers.read(written(tmp_path, b"}(" + keys + b"u"))
    large = b"".join(b"\x8a\x08" + (index << 40).to_bytes(8, "little") + b"N" for index in range(6000))
    with pytest.raises(WeightsError, match="more than 5,000 keys that are large numbers"):
        readers.read(written(tmp_path, b"}(" + large + b"u"))


def test_keys_that_checkpoints_have(tmp_path):
    """Parameter numbers, addresses as old PyTorch wrote them, resolutions, learning rates."""
    tree = {"state": {0: 1, 1: 2}, "ids": {140_000_000_000_000: 1}, "sizes": {4: "a", 1024: "b"}, "lr": {0.1: 3}, "": 4}
    path = tmp_path / "a.pdparams"
    path.write_bytes(pickle.dumps({**tree, "milestones": {10, 20}}, 4))
    assert readers.read(path) == {**tree, "milestones": {10, 20}}


# ---- steps and nesting


@pytest.mark.slow
def test_a_small_archive_with_a_program_of_millions_of_steps(tmp_path, few_steps):
    path = torch_zip(tmp_path, b"]" * 20_000_000, compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 50_000
    tracemalloc.start()
    with pytest.raises(WeightsError, match="more than 50,000 items"):
        readers.read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * MIB  # the program is unpacked as it is run


def test_copies_of_a_list_are_counted(tmp_path, few_steps):
    program = b"](" + b"N" * 1000 + b"e\x940(" + b"cbuiltins\nlist\nh\x00\x85R" * 100 + b"t"
    with pytest.raises(WeightsError, match="more than 50,000 items"):
        readers.read(written(tmp_path, program))


def layer(class_name, num_arrays, modules):
    """The call that rebuilds a layer with buffers and sublayers."""
    array = nvidia_pickles.tensor(np.ones(1, np.float32))
    buffers = {f"b{index}": array for index in range(num_arrays)}
    return nvidia_pickles.layer(class_name, {"_parameters": {}, "_buffers": buffers, "_modules": modules})


def test_layers_that_share_their_sublayers_are_counted(tmp_path, few_steps):
    with nvidia_pickles.stand_ins():
        inner = layer("Inner", 500, {})
        data = pickle.dumps([layer("Outer", 0, {"a": inner}) for _ in range(300)], 4)
    path = tmp_path / "many.pkl"
    path.write_bytes(data)
    with pytest.raises(WeightsError, match="more than 50,000 items"):
        readers.read(path)


# ---- memory


def tensors(num, shape=1024, strides=b"K\x00K\x01"):
    """Views (index, shape) of one storage of 1024 numbers, all with stride 0 along their first axis."""
    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + b"M\x00\x04tQ\x940"
    program = storage + b"("
    for index in range(num):
        sides = b"J" + struct.pack("<i", index + 2) + b"J" + struct.pack("<i", shape) + b"\x86"
        program += b"ctorch._utils\n_rebuild_tensor_v2\n(h\x00K\x00" + sides + strides + b"\x86\x89NtR"
    return program + b"t"


def test_expanded_views_of_one_storage(tmp_path, small):
    with pytest.raises(WeightsError, match="would take more than"):
        readers.read(torch_zip(tmp_path, tensors(40)))
    assert [a.shape for a in readers.read(torch_zip(tmp_path, tensors(3)))] == [(2, 1024), (3, 1024), (4, 1024)]


def test_equal_views_are_read_once(tmp_path, small):
    program = tensors(1)[:-1]
    storage, view = program.split(b"(ctorch._utils")
    arrays = readers.read(torch_zip(tmp_path, storage + b"(" + (b"ctorch._utils" + view) * 500 + b"t"))
    assert len(arrays) == 500
    assert len({id(array) for array in arrays}) == 1


def dtype(code, order):
    return b"cnumpy\ndtype\n" + text(code) + b"\x89\x88\x87R(K\x03" + text(order) + b"NNNK\x00K\x00K\x00tb"


def test_one_byte_string_as_many_arrays_in_another_byte_order(tmp_path, small):
    data = b"B" + struct.pack("<I", 400_000) + bytes(400_000) + b"\x940"
    one = ARRAY + b"(K\x01J" + struct.pack("<i", 100_000) + b"\x85" + dtype("f4", ">") + b"\x89h\x00tb"
    arrays = readers.read(written(tmp_path, data + b"(" + one * 300 + b"t"))
    assert len(arrays) == 300
    assert all(np.shares_memory(arrays[0], array) for array in arrays)


def test_one_text_as_many_arrays(tmp_path, small):
    data = text("a" * 400_000) + b"\x940"
    encoded = b"c_codecs\nencode\nh\x00" + text("latin1") + b"\x86R"
    one = ARRAY + b"(K\x01J" + struct.pack("<i", 100_000) + b"\x85" + dtype("f4", "<") + b"\x89" + encoded + b"tb"
    arrays = readers.read(written(tmp_path, data + b"(" + one * 300 + b"t"))
    assert all(np.shares_memory(arrays[0], array) for array in arrays)


def test_one_byte_string_as_many_bfloat16_arrays(tmp_path, small):
    data = b"B" + struct.pack("<I", 400_000) + bytes(400_000) + b"\x940"
    one = ARRAY + b"(K\x01J" + struct.pack("<i", 200_000) + b"\x85" + dtype("u2", "<") + b"\x89h\x00tb"
    with pytest.raises(WeightsError, match="would take more than"):
        readers.read(written(tmp_path, data + b"(" + one * 300 + b"t"))


def test_one_byte_string_as_many_storages(tmp_path, small):
    call = nvidia_pickles.Call
    with nvidia_pickles.stand_ins():
        storage = call("torch.storage._load_from_bytes", nvidia_pickles.storage_file(np.zeros(100_000, np.float32)))
        view = ("torch._utils._rebuild_tensor_v2", storage, 0, (100_000,), (1,), False, {})
        data = pickle.dumps([layer("A", 0, {}), [call(*view) for _ in range(300)]], 4)
    path = tmp_path / "same.pkl"
    path.write_bytes(data)
    arrays = readers.read(path)[1]
    assert all(np.shares_memory(arrays[0], array) for array in arrays)


@pytest.mark.parametrize("read", [readers.read, lambda path: load_code(path, None), read_table])
def test_archives_of_nothing(tmp_path, small, read):
    path = tmp_path / "zeros.npz"
    np.savez_compressed(path, w=np.zeros((2000, 512), np.float32))
    assert path.stat().st_size < 10_000
    with pytest.raises(PpganExtError, match=r"refused: its [\d,]+ bytes would unpack to 4,096,\d+"):
        read(path)


def test_one_latent_a_thousand_times(tmp_path, small):
    code = np.zeros((1, 18, 512), np.float32)
    path = tmp_path / "many.pdparams"
    path.write_bytes(pickle.dumps([code] * 1000, 4))
    with pytest.raises(PpganExtError, match="would take more than"):
        read_codes(path, 18)


@pytest.mark.parametrize("sides", ["(4294967296,)", "(2, 9223372036854775807)", "(10000000000, 0)", "(-1,)", "(True,)"])
@pytest.mark.parametrize("kind", ["<f4", "|S0", "<U0", "|V8", "<M8[s]"])
def test_headers_of_arrays_that_are_not_there(tmp_path, sides, kind):
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {sides}, }}\n".encode()
    path = tmp_path / "huge.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
    tracemalloc.start()
    if sides == "(10000000000, 0)" and kind in ("<f4", "|S0", "<U0"):
        assert readers.read(path).size == 0
    else:
        with pytest.raises(WeightsError):
            readers.read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * MIB


# ---- archives and headers of other kinds


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_weights_never_use(tmp_path, method):
    path = torch_zip(tmp_path, b"N", compression=method)
    with pytest.raises(WeightsError, match="compressed by a method that is not read"):
        readers.read(path)


def test_an_encrypted_archive(tmp_path):
    stream = io.BytesIO()
    np.savez(stream, w=np.ones(3))
    data = bytearray(stream.getvalue())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(signature) + offset] |= 1
    path = tmp_path / "secret.npz"
    path.write_bytes(data)
    with pytest.raises(WeightsError, match="is an encrypted archive"):
        readers.read(path)


def test_a_torchscript_program_says_what_it_is(tmp_path):
    path = tmp_path / "script.pt"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("data.pkl", "constants.pkl", "code/__torch__.py", "version"):
            archive.writestr(f"script/{name}", b"x")
    with pytest.raises(WeightsError, match=r"is a TorchScript program.*jit\.load\('script\.pt'\)\.state_dict\(\)"):
        readers.read(path)


def test_a_header_larger_than_any_needs(tmp_path):
    path = tmp_path / "large.safetensors"
    with path.open("wb") as stream:
        stream.write(struct.pack("<Q", 64 * MIB) + b"{")
        stream.truncate(65 * MIB)
    with pytest.raises(WeightsError, match="its header of 67,108,864 bytes"):
        readers.read(path)
    with pytest.raises(WeightsError, match="its header of 67,108,864 bytes"):
        readers.read_metadata(path)


def test_bfloat16_headers_are_parsed_once(tmp_path, monkeypatch):
    header = {f"a{i}": {"dtype": "BF16", "shape": [1], "data_offsets": [2 * i, 2 * i + 2]} for i in range(500)}
    packed = json.dumps(header).encode()
    path = tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", len(packed)) + packed + b"\x80\x3f" * 500)
    calls = []
    real = json.loads
    monkeypatch.setattr("ppgan_ext.weights.readers.safetensors.json.loads", lambda data: calls.append(1) or real(data))
    assert all(array == [1.0] for array in readers.read(path).values())
    assert len(calls) == 1


def test_text_that_controls_a_terminal_is_not_printed(tmp_path):
    with pytest.raises(WeightsError) as caught:
        readers.read(written(tmp_path, b"c\x1b[2Jevil\nname\n"))
    assert "\x1b" not in str(caught.value)


# ---- the door


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_the_end_of_the_process_passes_the_door(tmp_path, monkeypatch, kind):
    def interrupted(path, reading):
        raise kind

    path = written(tmp_path, b"N")
    monkeypatch.setitem(readers.FORMATS, "pdparams", interrupted)
    with pytest.raises(kind):
        readers.read(path)


class PanicException(BaseException):
    """As libraries written in Rust raise it."""


ANYTHING = (
    RuntimeError, MemoryError, RecursionError, ZeroDivisionError, AssertionError, OSError, UserWarning, StopIteration,
    EOFError, UnicodeError, PanicException,
)  # fmt: skip


@pytest.mark.parametrize("kind", ANYTHING)
def test_everything_else_is_an_error_for_users(tmp_path, monkeypatch, kind):
    def broken(path, reading):
        raise kind("why\n\x07")

    path = written(tmp_path, b"N")
    monkeypatch.setitem(readers.FORMATS, "pdparams", broken)
    with pytest.raises(WeightsError) as caught:
        readers.read(path)
    assert "\n" not in str(caught.value) and "\x07" not in str(caught.value)


def test_a_reading_shares_nothing_with_the_next():
    first, second = (records.Reading(untrusted.Budget(MIB)) for _ in range(2))
    data = bytes(8)
    big = np.dtype(">f4")
    assert first.flat(data, big) is first.flat(data, big)
    assert first.flat(data, big) is not second.flat(data, big)
    assert first.budget.num_bytes == 8


SHARED = Path(__file__).resolve().parents[3] / "shared" / "failing"
_SUFFIXES = (".pdparams", ".pt", ".npz", ".npy", ".safetensors")


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the shared inputs")
@pytest.mark.parametrize(
    "name", [name for name in sorted(os.listdir(SHARED)) if name.endswith(_SUFFIXES)] if SHARED.is_dir() else []
)
def test_the_shared_inputs_end_in_an_error_for_users(name):
    from ppgan_ext.latents.directions import load_directions

    with warnings.catch_warnings(), pytest.raises(PpganExtError):
        load_directions(SHARED / name, 18)
