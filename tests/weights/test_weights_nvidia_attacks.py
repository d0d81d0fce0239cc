"""Malicious or damaged pickles of NVIDIA's kind are refused: nothing in them is run, and memory stays small."""

import os
import pickle
import struct
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from ppgan_ext.errors import WeightsError
from ppgan_ext.weights import readers
from ppgan_ext.weights.network_builders import network_builders
from ppgan_ext.weights.readers import nvidia_pkl
from ppgan_ext.weights.readers.nvidia_pkl import NVIDIA_NAMES
from ppgan_ext.weights.readers.torch_legacy import MAGIC
from ppgan_ext.weights.recognise import recognise
from tests.reference.nvidia_pickles import Call, dumps, layer, stand_ins, storage_file, tensor

GOLDEN = Path(__file__).resolve().parents[1] / "goldens" / "weights" / "nvidia_ada.pkl"
SYSTEM = f"{os.system.__module__}.system"
LAYER_CALL = b"ctorch_utils.persistence\n_reconstruct_persistent_obj\n"
STORAGE_CALL = b"ctorch.storage\n_load_from_bytes\n"


@pytest.fixture
def flag(tmp_path):
    """A file that exists if the attack has run."""
    return tmp_path / "it-has-run"


def calls(flag):
    touch = f"open({str(flag)!r}, 'w').close()"
    return {
        SYSTEM: Call(SYSTEM, f"echo > {flag}"),
        "builtins.eval": Call("builtins.eval", touch),
        "builtins.exec": Call("builtins.exec", touch),
        "builtins.getattr": Call("builtins.getattr", "text", "upper"),
        "builtins.__import__": Call("builtins.__import__", "os"),
        "pickle.loads": Call("pickle.loads", pickle.dumps(1)),
    }


# Where in a snapshot an attack may hide: the attack's value -> a tree to pickle.
PLACES = {
    "beside the networks": lambda x: {"G": layer("Generator", {}), "x": x},
    "state": lambda x: {"G": layer("Generator", x)},
    "attribute": lambda x: {"G": layer("Generator", {"c_dim": x})},
    "init_kwargs": lambda x: {"G": layer("Generator", {"_init_kwargs": {"z_dim": x}})},
    "parameter": lambda x: {"G": layer("Generator", {"_parameters": {"w": x}})},
    "buffer": lambda x: {"G": layer("Generator", {"_buffers": {"w": x}})},
    "module": lambda x: {"G": layer("Generator", {"_modules": {"mapping": x}})},
    "a module's module": lambda x: {"G": layer("G", {"_modules": {"a": layer("A", {"_modules": {"b": x}})}})},
    "class_name": lambda x: {"G": layer(x, {})},
    "hooks": lambda x: {"G": layer("Generator", {"_forward_hooks": {0: x}})},
    "storage": lambda x: {"G": layer("Generator", {"_buffers": {"w": Call("torch.storage._load_from_bytes", x)}})},
    "options": lambda x: {"G": layer("Generator", {}), "training_set_kwargs": {"path": x}},
}


def written(tmp_path, data):
    path = tmp_path / "network-snapshot-000000.pkl"
    path.write_bytes(data)
    assert readers.identify(path) == "nvidia-pkl"
    return path


def assert_refused(path, name, flag):
    with pytest.raises(WeightsError) as caught:
        readers.read(path)
    message = str(caught.value)
    assert "refused" in message
    assert name in message
    assert "nothing in it was run" in message
    assert not flag.exists()


def test_the_attacks_work_on_pickle_itself(flag):
    """Otherwise, the tests below would prove nothing."""
    pickle.loads(dumps(calls(flag)["builtins.exec"]))
    assert flag.exists()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", list(calls(Path("x"))))
def test_a_call_anywhere_in_a_snapshot(tmp_path, flag, place, name):
    assert_refused(written(tmp_path, dumps(PLACES[place](calls(flag)[name]))), name, flag)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_call_in_every_protocol(tmp_path, flag, protocol):
    data = dumps(PLACES["a module's module"](calls(flag)["builtins.exec"]), protocol)
    assert_refused(written(tmp_path, data), "builtins.exec", flag)


def test_the_code_of_a_layer_is_never_run(tmp_path, flag):
    """NVIDIA's loader would execute the code; here it is read as text and discarded."""
    meta = {"type": "class", "version": 6, "module_src": f"open({str(flag)!r}, 'w')", "class_name": "G", "state": {}}
    data = dumps({"G": Call("torch_utils.persistence._reconstruct_persistent_obj", meta)})
    tree = readers.read(written(tmp_path, data))
    assert tree["G"].class_name == "G"
    assert str(flag) not in str(tree["G"])
    assert not flag.exists()


@pytest.mark.parametrize("position", range(5))
def test_a_call_in_each_pickle_of_a_storage(tmp_path, flag, position):
    """A storage's bytes are pickles of their own."""
    parts = [MAGIC, 1001, {"little_endian": True}, {"w": 1}, []]
    attack = calls(flag)["builtins.exec"]
    data = b"".join(pickle.dumps(attack if index == position else part, 2) for index, part in enumerate(parts))
    assert_refused(written(tmp_path, dumps(PLACES["storage"](data))), "builtins.exec", flag)


def test_a_storage_in_a_storage(tmp_path, flag):
    inner = dumps(Call("torch.storage._load_from_bytes", b"x"), 2)
    data = b"".join(pickle.dumps(part, 2) for part in (MAGIC, 1001, {})) + inner + pickle.dumps([], 2)
    assert_refused(written(tmp_path, dumps(PLACES["storage"](data))), "torch.storage._load_from_bytes", flag)


@pytest.mark.parametrize(
    "dotted",
    [
        "torch_utils.persistence._src_to_module", "torch_utils.persistence._import_hooks.append", "torch.load",
        "torch_utils.persistence._reconstruct_persistent_obj.__globals__", "dnnlib.util.construct_class_by_name",
        "dnnlib.util.call_func_by_name", "dnnlib.util.open_url", "torch.nn.modules.conv.Conv2d",
        "torch_utils.custom_ops.get_plugin", "builtins.exec", "torch.jit._serialization.load", "os.system",
    ],
)  # fmt: skip
@pytest.mark.parametrize("modern", [False, True], ids=["GLOBAL", "STACK_GLOBAL"])
def test_names_that_are_not_allowed(tmp_path, flag, dotted, modern):
    module, name = dotted.rsplit(".", 1)
    text_of = b"".join(text(part) for part in (module, name)) + b"\x93"
    program = text("torch_utils.persistence") + b"0" + (text_of if modern else f"c{module}\n{name}\n".encode())
    assert_refused(written(tmp_path, b"\x80\x04" + program + text("x") + b"\x85R."), dotted, flag)


def test_no_allowed_name_is_the_real_object():
    for dotted, record in NVIDIA_NAMES.items():
        kind = record if isinstance(record, type) else type(record)
        assert kind.__module__.startswith("ppgan_ext.weights.readers."), dotted


def test_the_error_for_a_tensorflow_network_says_how_to_convert_it(tmp_path, flag):
    path = tmp_path / "stylegan2-ffhq-config-f.pkl"
    path.write_bytes(b"\x80\x03cdnnlib.tflib.network\nNetwork\n)\x81}b.")
    with pytest.raises(WeightsError, match=r"refused.*dnnlib\.tflib\.network\.Network.*legacy\.py of NVlabs/stylegan3"):
        readers.read(path)


# ---- abuse of allowed names


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


META = text("type") + text("class") + text("class_name") + text("Generator") + text("state")
GOOD = LAYER_CALL + b"}(" + META + b"}u\x85R"


def test_the_parts_build_a_network_when_not_abused(tmp_path):
    assert readers.read(written(tmp_path, b"\x80\x04" + GOOD + b".")).class_name == "Generator"


ABUSE = {
    "no description": LAYER_CALL + text("x") + b"\x85R",
    "a list": LAYER_CALL + b"]\x85R",
    "two arguments": LAYER_CALL + b"}}\x86R",
    "another type": LAYER_CALL + b"}(" + META.replace(text("class"), text("module"), 1) + b"}u\x85R",
    "no class name": LAYER_CALL + b"}(" + META.replace(text("Generator"), b"K\x05") + b"}u\x85R",
    "state that is a list": LAYER_CALL + b"}(" + META + b"]u\x85R",
    "changed afterwards": GOOD + b"}" + text("fields") + b"}sb",
    "changed by slots": GOOD + b"N}" + text("fields") + b"}s\x86b",
    "the function changed": LAYER_CALL + b"}" + text("build") + b"Nsb",
    "made without a call": LAYER_CALL + b")\x81",
    "storage of text": STORAGE_CALL + text("x") + b"\x85R",
    "storage of a number": STORAGE_CALL + b"K\x05\x85R",
    "EasyDict changed": b"cdnnlib.util\nEasyDict\n}" + text("update") + b"K\x01sb",
    "persistent id": text("x") + b"Q",
}


@pytest.mark.parametrize("kind", ABUSE)
def test_allowed_names_do_only_what_they_should(tmp_path, kind):
    before = {name: getattr(record, "build", None) for name, record in NVIDIA_NAMES.items()}
    path = written(tmp_path, b"\x80\x04" + text("torch_utils.persistence") + b"0" + ABUSE[kind] + b".")
    with pytest.raises(WeightsError, match=r"refused|truncated or damaged"):
        readers.read(path)
    assert {name: getattr(record, "build", None) for name, record in NVIDIA_NAMES.items()} == before


def storage_holding(item):
    """Return a PyTorch file of something other than a storage."""
    return b"".join(pickle.dumps(part, 2) for part in (MAGIC, 1001, {}, item, []))


def with_buffer(value):
    return dumps({"G": layer("Generator", {"_buffers": {"w": value}})})


def one_storage():
    with stand_ins():
        return storage_file(np.arange(6, dtype=np.float32))


@pytest.mark.parametrize("item", [{"w": 1}, 5, "text", None, [1]])
def test_storages_that_contain_something_else(tmp_path, item):
    path = written(tmp_path, with_buffer(Call("torch.storage._load_from_bytes", storage_holding(item))))
    with pytest.raises(WeightsError, match=r"refused.*not a storage"):
        readers.read(path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data[:40],
        lambda data: b"",
        lambda data: data[:-32] + (2**62).to_bytes(8, "little") + data[-24:],
        lambda data: data[:-32] + (-1).to_bytes(8, "little", signed=True) + data[-24:],
        lambda data: data.replace(b"K\x06", b"J\xff\xff\xff\x7f"),
        lambda data: b"PK\x03\x04" + data,
    ],
)
def test_damaged_storages(tmp_path, damage):
    good = one_storage()
    assert damage(good) != good
    with stand_ins():
        whole = dumps({"G": layer("Generator", {"_buffers": {"w": tensor(np.arange(6, dtype=np.float32))}})})
    assert readers.read(written(tmp_path, whole))["G"].arrays["w"].tolist() == [0, 1, 2, 3, 4, 5]
    path = written(tmp_path, with_buffer(Call("torch.storage._load_from_bytes", damage(good))))
    with pytest.raises(WeightsError, match="truncated or damaged"):
        readers.read(path)


@pytest.mark.parametrize(
    ("offset", "shape", "strides"), [(0, (7,), (1,)), (1, (6,), (1,)), (0, (10**9, 10**9), (0, 0)), (-1, (1,), (1,))]
)
def test_tensors_that_reach_outside_their_storage(tmp_path, offset, shape, strides):
    storage = Call("torch.storage._load_from_bytes", one_storage())
    value = Call("torch._utils._rebuild_tensor_v2", storage, offset, shape, strides, False, {})
    with pytest.raises(WeightsError, match="truncated or damaged"):
        readers.read(written(tmp_path, with_buffer(value)))


@pytest.mark.parametrize(
    "state",
    [
        {"_parameters": {"w": 5}},
        {"_buffers": {"w": {"a": 1}}},
        {"_parameters": [1]},
        {"_buffers": None},
        {"_modules": {"a": {"b": 1}}},
        {"_modules": {"a": "text"}},
        {"_modules": {5: layer("A", {})}},
        {"_modules": {"a" * 300: layer("A", {})}},
        {"_modules": 5},
    ],
)
def test_invalid_layers(tmp_path, state):
    with pytest.raises(WeightsError, match="truncated or damaged"):
        readers.read(written(tmp_path, dumps({"G": layer("Generator", state)})))


# ---- sizes and shapes of the whole


def test_a_network_that_contains_itself(tmp_path):
    program = LAYER_CALL + b"}(" + META + b"}q\x00u\x85Rq\x01"
    program += b"h\x00" + text("_modules") + b"}" + text("self") + b"h\x01ss0."
    with pytest.raises(WeightsError, match="contain themselves"):
        readers.read(written(tmp_path, b"\x80\x04" + program))


@pytest.mark.parametrize("depth", [40, 2000])
def test_networks_nested_too_deep(tmp_path, depth):
    opening = LAYER_CALL + b"}(" + META + b"}" + text("_modules") + b"}" + text("a")
    program = b"\x80\x04" + opening * depth + b"N" + b"ssu\x85R" * depth + b"."
    with pytest.raises(WeightsError, match="nested more than 100 deep"):
        readers.read(written(tmp_path, program))


def test_shared_layers_do_not_explode(tmp_path):
    """Thirty layers, each containing the previous one twice, would be 2**30 arrays if written out."""
    inner = layer("A", {"_buffers": {"w": tensor_of_one()}})
    for _ in range(30):
        inner = layer("A", {"_modules": {"a": inner, "b": inner}})
    path = written(tmp_path, dumps({"G": inner}))
    start = time.monotonic()
    tracemalloc.start()
    try:
        with pytest.raises(WeightsError, match="truncated or damaged"):
            readers.read(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert time.monotonic() - start < 5
    assert peak < 100 * 2**20


def tensor_of_one():
    with stand_ins():
        return tensor(np.ones(1, np.float32))


def test_long_names_do_not_explode(tmp_path):
    """Names grow with every level; without a limit, a small file would produce gigabytes of them."""
    inner = layer("A", {"_buffers": {f"w{index}": tensor_of_one() for index in range(50)}})
    for _ in range(8):
        inner = layer("A", {"_modules": {"n" * 150: inner}})
    with pytest.raises(WeightsError, match="without a proper name"):
        readers.read(written(tmp_path, dumps({"G": inner})))


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.3, 0.6, 0.9, 0.99, 0.9999])
def test_truncated(tmp_path, share):
    data = GOLDEN.read_bytes()
    path = tmp_path / "cut.pkl"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(WeightsError, match="truncated or damaged"):
        readers.read(path)


@pytest.mark.parametrize(
    "program",
    [
        b"\x8e" + struct.pack("<Q", 2**62) + b"x",
        b"\x8d" + struct.pack("<Q", 2**40) + b"x",
        b"B\xff\xff\xff\xffx",
        b"Nr\xff\xff\xff\x7f",
        b"\x8b" + struct.pack("<i", 2**30) + b"x",
        b"\x95" + struct.pack("<Q", 2**63) + b"N",
    ],
)
def test_huge_lengths(tmp_path, program):
    path = written(tmp_path, b"\x80\x04" + text("torch_utils.persistence") + b"0" + program + b".")
    with pytest.raises(WeightsError, match="truncated or damaged"):
        readers.read(path)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:invalid escape sequence:DeprecationWarning")  # of Python's own pickletools
def test_a_changed_byte_anywhere_leads_to_an_error_message_or_a_network(tmp_path):
    """It never leads to another exception: the reader and the translation check everything."""
    good = GOLDEN.read_bytes()
    rng = np.random.RandomState(0)
    places = np.concatenate([rng.randint(0, 4000, 100), rng.randint(0, len(good), 100)])
    path = tmp_path / "changed.pkl"
    num_refused = 0
    for place in places:
        data = bytearray(good)
        data[place] ^= 1 << rng.randint(8)
        path.write_bytes(data)
        try:
            network_builders(recognise(readers.read(path), path), path)
        except WeightsError:
            num_refused += 1
    assert 20 < num_refused < 200


def test_nothing_in_a_refused_file_is_imported():
    assert "torch_utils" not in sys.modules
    assert "dnnlib" not in sys.modules
    assert nvidia_pkl.is_marked(GOLDEN)
    readers.read(GOLDEN)
    assert "torch_utils" not in sys.modules
    assert "torch_utils.persistence" not in sys.modules
