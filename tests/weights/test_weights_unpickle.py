"""Malicious pickles are refused with the name they use, and nothing in them is run."""

import os
import pickle
import shutil
import struct
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ppgan_ext.errors import WeightsError
from ppgan_ext.weights import readers
from ppgan_ext.weights.readers.names import COMMON_NAMES
from ppgan_ext.weights.readers.torch_legacy import MAGIC
from ppgan_ext.weights.readers.torch_tensors import TORCH_NAMES

GOLDENS = Path(__file__).resolve().parents[1] / "goldens" / "weights"


class Call:
    """Pickles as a call of a function with arguments."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


@pytest.fixture
def flag(tmp_path):
    """A file that exists if the attack has run."""
    return tmp_path / "it-has-run"


def attacks(flag):
    touch = f"open({str(flag)!r}, 'w')"
    system = f"{os.system.__module__}.system"
    return {
        system: Call(os.system, f"echo > {flag}"),
        "builtins.eval": Call(eval, touch),
        "builtins.exec": Call(exec, touch),
        f"{open.__module__}.open": Call(open, str(flag), "w"),
        "builtins.getattr": Call(getattr, "text", "upper"),
        "builtins.__import__": Call(__import__, "os"),
        "shutil.copyfile": Call(shutil.copyfile, sys.executable, str(flag)),
        "numpy.memmap": Call(np.memmap, str(flag), "u1", "w+", 0, (1,)),
    }


NAMES = list(attacks(Path("x")))


def assert_refused(path, name, flag):
    with pytest.raises(WeightsError) as caught:
        readers.read(path)
    message = str(caught.value)
    assert "refused" in message
    assert name in message
    assert "nothing in it was run" in message
    assert path.name in message
    assert not flag.exists()


def test_the_attacks_work_on_pickle_itself(flag):
    """Otherwise, the tests below would prove nothing."""
    pickle.loads(pickle.dumps(attacks(flag)["builtins.eval"])).close()
    assert flag.exists()


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("name", NAMES)
def test_plain_pickle(tmp_path, flag, name, protocol):
    path = tmp_path / "model.pdparams"
    path.write_bytes(pickle.dumps({"weight": np.ones(2), "x": attacks(flag)[name]}, protocol=protocol))
    assert_refused(path, name, flag)


@pytest.mark.parametrize("name", NAMES)
def test_inside_a_torch_zip(tmp_path, flag, name):
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"state_dict": attacks(flag)[name]}, protocol=2))
        archive.writestr("archive/byteorder", "little")
    assert_refused(path, name, flag)


@pytest.mark.parametrize("position", range(5))
def test_inside_each_pickle_of_a_legacy_torch_file(tmp_path, flag, position):
    pickles = [MAGIC, 1001, {"little_endian": True}, {"w": 1}, []]
    attack = attacks(flag)["builtins.eval"]
    parts = [pickle.dumps(attack if index == position else item, 2) for index, item in enumerate(pickles)]
    path = tmp_path / "model.pt"
    # The format is recognised by the first pickle; an attack placed before it must not help.
    path.write_bytes(b"".join(parts) if position else parts[0] + b"".join(pickle.dumps(p, 2) for p in pickles))
    assert_refused(path, "builtins.eval", flag)


def test_object_array_in_npy_and_npz(tmp_path, flag):
    array = np.array([attacks(flag)["builtins.eval"]], dtype=object)
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    np.savez(tmp_path / "a.npz", w=array)
    for name in ("a.npy", "a.npz"):
        with pytest.raises(WeightsError, match="refused: it asks for Python objects"):
            readers.read(tmp_path / name)
    assert not flag.exists()


@pytest.mark.parametrize(
    "dotted",
    [
        "os.system", "posix.system", "nt.system", "builtins.compile", "__builtin__.apply", "importlib.import_module",
        "subprocess.Popen", "pickle.loads", "copyreg._reconstructor", "functools.partial", "operator.attrgetter",
        "torch.load", "torch.hub.load", "torch.storage._load_from_bytes", "torch._utils._import_dotted_name",
        "torch.jit.load", "numpy.load", "numpy.core.multiarray.fromfile", "numpy.testing._private.utils.runstring",
        "numpy.f2py.crackfortran.getlincoef", "_codecs.decode", "codecs.encode", "collections.namedtuple",
        "paddle.load", "dnnlib.tflib.network.Network", "torch_utils.persistence._reconstruct_persistent_obj",
        "builtins.tuple.__class__", "collections.OrderedDict.fromkeys", "types.CodeType", "runpy._run_code",
    ],
)  # fmt: skip
@pytest.mark.parametrize("modern", [False, True], ids=["GLOBAL", "STACK_GLOBAL"])
def test_names_that_are_not_allowed(tmp_path, flag, dotted, modern):
    module, name = dotted.rsplit(".", 1)
    if dotted in ("builtins.tuple.__class__", "collections.OrderedDict.fromkeys"):
        module, name = dotted.split(".", 1)
    if modern:
        text = b"".join(b"\x8c" + bytes([len(part)]) + part.encode() for part in (module, name)) + b"\x93"
    else:
        text = f"c{module}\n{name}\n".encode()
    path = tmp_path / "model.pdparams"
    path.write_bytes(b"\x80\x04" + text + b"\x8c\x01x\x85R.")
    assert_refused(path, dotted.replace("__builtin__", "builtins"), flag)


# ---- abuse of allowed names

NDARRAY = b"cnumpy\nndarray\n"
RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n" + NDARRAY + b"K\x00\x85C\x01b\x87R"
DTYPE = b"cnumpy\ndtype\n"
F4_CALL = DTYPE + b"X\x02\x00\x00\x00f4\x89\x88\x87R"
F4 = F4_CALL + b"(K\x03X\x01\x00\x00\x00<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def array_with(shape=b"K\x02\x85", dtype=F4, data=b"C\x08" + bytes(8)):
    return RECONSTRUCT + b"(K\x01" + shape + dtype + b"\x89" + data + b"tb"


def test_the_parts_build_an_array_when_not_abused(tmp_path):
    path = tmp_path / "good.pdparams"
    path.write_bytes(b"\x80\x03" + array_with() + b".")
    assert readers.read(path).tolist() == [0.0, 0.0]


ABUSE = {
    "array of objects": array_with(dtype=DTYPE + text("O8") + b"\x89\x88\x87R"),
    "array of a structured type": array_with(dtype=DTYPE + text("V16") + b"\x89\x88\x87R"),
    "dtype from a list": DTYPE + b"](X\x01\x00\x00\x00aX\x02\x00\x00\x00O8e\x89\x88\x87R",
    "dtype with fields": DTYPE + text("f4") + b"\x89\x88\x87R(K\x03X\x01\x00\x00\x00<K\x01NNK\x00K\x00K\x00tb",
    "dtype with a subarray": F4_CALL + b"(K\x03" + text("|") + b"N(K\x01K\x02tNK\x00K\x00K\x00tb",
    "array of another class": b"cnumpy.core.multiarray\n_reconstruct\ncargparse\nNamespace\nK\x00\x85C\x01b\x87R",
    "array that is a function": b"cnumpy.core.multiarray\n_reconstruct\nc_codecs\nencode\nK\x00\x85C\x01b\x87R",
    "ndarray called": NDARRAY + b"K\x05\x85R",
    "codec with an effect": b"c_codecs\nencode\n" + text("abc") + text("zip") + b"\x86R",
    "codec rot13": b"c_codecs\nencode\n" + text("abc") + text("rot13") + b"\x86R",
    "bytes of a size": b"cbuiltins\nbytes\nJ\xff\xff\xff\x7f\x85R",
    "list of keys": b"}](K\x01eK\x02s",
    "odd key": b"}cargparse\nNamespace\n)\x81K\x02s",
    "class changed by BUILD": b"cargparse\nNamespace\n}b",
    "function changed by BUILD": b"c_codecs\nencode\n}" + text("build") + NDARRAY + b"sb",
    "function changed by slots": b"c_codecs\nencode\nN}" + text("__defaults__") + b"K\x01\x85s\x86b",
    "scalar changed by BUILD": b"cnumpy.core.multiarray\nscalar\n" + F4 + b"C\x04abcd\x86R}" + text("dtype") + b"Nsb",
    "eval of a lookup": b"cbuiltins\neval\n" + text("data") + b"}" + text("data") + text("x") + b"s\x86R",
    "eval of something else": b"cbuiltins\neval\n" + text("1+1") + b"}" + text("data") + array_with() + b"s\x86R",
    "class by INST": b"(" + text("x") + b"ios\nsystem\n",
    "class by OBJ": b"(cargparse\nNamespace\no",
    "extension registry": b"\x82\x01",
    "persistent id": text("x") + b"Q",
    "text persistent id": b"Pstorage\n",
    "buffer outside": b"\x97",
}  # fmt: skip


@pytest.mark.parametrize("kind", ABUSE)
def test_allowed_names_do_only_what_they_should(tmp_path, kind):
    path = tmp_path / "model.pdparams"
    path.write_bytes(b"\x80\x05" + ABUSE[kind] + b".")
    with pytest.raises(WeightsError, match="refused"):
        readers.read(path)


DAMAGE = {
    "too little data": array_with(data=b"C\x07" + bytes(7)),
    "too much data": array_with(data=b"C\x09" + bytes(9)),
    "negative side": array_with(shape=b"J\xff\xff\xff\xff\x85"),
    "side that is a float": array_with(shape=b"G\x40\x00\x00\x00\x00\x00\x00\x00\x85"),
    "sides that overflow": array_with(shape=b"\x8a\x09" + (2**64).to_bytes(9, "little") + b"K\x01\x86"),
    "without data": RECONSTRUCT,
    "without dtype": array_with(dtype=b"N"),
    "wrong number of arguments": b"cnumpy.core.multiarray\n_reconstruct\n)R",
    "new object of a function": b"c_codecs\nencode\n)\x81",
    "memo bomb": b"Nr\xff\xff\xff\x7f",
    "far memo": b"Nq\xff",
    "missing memo": b"h\x07",
    "huge length": b"\x8e" + struct.pack("<Q", 2**62) + b"x",
    "huge number": b"\x8b" + struct.pack("<i", 2**30) + b"x",
    "nothing on the stack": b"",
    "stack underflow": b"\x85",
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_programs_that_break(tmp_path, kind):
    path = tmp_path / "model.pdparams"
    path.write_bytes(b"\x80\x04" + DAMAGE[kind] + b".")
    with pytest.raises(WeightsError, match="truncated or damaged"):
        readers.read(path)


def torch_zip(tmp_path, program):
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + program + b".")
        archive.writestr("archive/data/0", np.arange(6, dtype=np.float32).tobytes())
    return path


STORAGE = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + b"K\x06tQ"
TENSOR = (
    b"ctorch._utils\n_rebuild_tensor_v2\n(" + STORAGE + b"K\x00K\x02K\x03\x86K\x03K\x01\x86\x89N tR".replace(b" ", b"")
)


def test_the_torch_parts_build_a_tensor_when_not_abused(tmp_path):
    assert readers.read(torch_zip(tmp_path, TENSOR)).tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]


@pytest.mark.parametrize(
    "program",
    [
        STORAGE + b"}" + text("data") + b"C\x01xsb",
        STORAGE + b"N}" + text("count") + b"K\x63s\x86b",
        TENSOR + b"N}" + text("strides") + b"J\x00\xff\xff\xffK\x01\x86s\x86b",
        TENSOR + b"N}" + text("kind") + text("O") + b"s\x86b",
        b"ctorch\nFloatStorage\nK\x05\x85R",
        b"ctorch\nfloat32\n)R",
        b"ctorch._tensor\n_rebuild_from_type_v2\n(X\x01\x00\x00\x00fctorch\nTensor\n)NtR",
    ],
)
def test_torch_records_cannot_be_changed_or_called(tmp_path, program):
    with pytest.raises(WeightsError, match="refused"):
        readers.read(torch_zip(tmp_path, program))


@pytest.mark.parametrize(
    "storage",
    [
        STORAGE.replace(text("0"), text("../../../etc/passwd")),
        STORAGE.replace(text("0"), b"K\x00"),
        STORAGE.replace(b"K\x06", b"K\x07"),
        STORAGE.replace(b"K\x06", b"J\xff\xff\xff\xff"),
        STORAGE.replace(text("storage"), text("module")),
        STORAGE.replace(b"ctorch\nFloatStorage\n", b"ctorch\nTensor\n"),
        STORAGE.replace(b"ctorch\nFloatStorage\n", b"N"),
    ],
)
def test_invalid_storages(tmp_path, storage):
    with pytest.raises(WeightsError, match="truncated or damaged"):
        readers.read(torch_zip(tmp_path, TENSOR.replace(STORAGE, storage)))


def test_shared_lists_do_not_explode(tmp_path):
    """Sixty lists, each containing the previous one twice, would be 2**60 items if walked through."""
    program = b"]q\x00"
    for index in range(60):
        program += b"](h" + bytes([index]) + b"h" + bytes([index]) + b"eq" + bytes([index + 1])
    path = tmp_path / "laughs.pdparams"
    path.write_bytes(b"\x80\x02" + program + b".")
    start = time.monotonic()
    with pytest.raises(WeightsError, match="more than 2,000,000 items"):
        readers.read(path)
    assert time.monotonic() - start < 5


def test_shared_objects_stay_shared(tmp_path):
    array = np.arange(3.0)
    path = tmp_path / "shared.pdparams"
    path.write_bytes(pickle.dumps([array, {"again": array}], 4))
    tree = readers.read(path)
    assert tree[0] is tree[1]["again"]


@pytest.mark.parametrize("depth", [200, 100_000])
def test_deep_nesting(tmp_path, depth):
    path = tmp_path / "deep.pdparams"
    path.write_bytes(b"\x80\x02" + b"]" * depth + b"a" * (depth - 1) + b".")
    with pytest.raises(WeightsError, match="refused: its containers are nested more than 100 deep"):
        readers.read(path)


def test_a_list_that_contains_itself(tmp_path):
    tree = {"w": np.ones(1)}
    tree["self"] = tree
    path = tmp_path / "loop.pdparams"
    path.write_bytes(pickle.dumps(tree, 4))
    with pytest.raises(WeightsError, match="or contain themselves"):
        readers.read(path)


def test_reading_changes_no_allowed_name():
    """All reads share the tables, so a pickle must not be able to change them."""
    before = {name: getattr(record, "build", None) for name, record in {**COMMON_NAMES, **TORCH_NAMES}.items()}
    for kind, program in ABUSE.items():
        path = Path(os.environ["PPGAN_EXT_HOME"]) / "abuse.pdparams"
        path.write_bytes(b"\x80\x05" + program + b".")
        with pytest.raises(WeightsError):
            readers.read(path)
        after = {name: getattr(record, "build", None) for name, record in {**COMMON_NAMES, **TORCH_NAMES}.items()}
        assert after == before, kind


@pytest.mark.parametrize("name", ["COMMON_NAMES", "TORCH_NAMES"])
def test_no_allowed_name_is_the_real_object(name):
    table = {"COMMON_NAMES": COMMON_NAMES, "TORCH_NAMES": TORCH_NAMES}[name]
    for dotted, record in table.items():
        kind = record if isinstance(record, type) else type(record)
        assert kind.__module__.startswith("ppgan_ext.weights.readers."), dotted


def test_nothing_in_a_refused_file_is_imported(tmp_path):
    """A fresh interpreter, so that no other test has imported the module already."""
    path = tmp_path / "model.pdparams"
    path.write_bytes(b"\x80\x04cantigravity\nfly\n)R.")
    code = (
        "import sys; from ppgan_ext.weights import readers\n"
        "try: readers.read(sys.argv[1])\n"
        "except Exception as error: print(type(error).__name__, 'antigravity' in sys.modules, 'torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["WeightsError", "False", "False"]
