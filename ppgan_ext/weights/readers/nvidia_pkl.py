"""NVIDIA's ``.pkl`` of PyTorch networks (stylegan2-ada-pytorch, stylegan3): arrays and options, without the code.

Such a file is a plain pickle of whole networks. Each layer is a call of ``torch_utils.persistence`` with the source
code of the layer's class, which NVIDIA's loader executes. Here the call creates a record with the class's name and the
layer's state, and the source code is ignored. Each tensor's storage is a PyTorch file of its own within the pickle.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ppgan_ext.weights.readers import torch_legacy
from ppgan_ext.weights.readers.names import COMMON_NAMES
from ppgan_ext.weights.readers.records import EncodedRecord, FieldsRecord, ForbiddenError, Name, Reading
from ppgan_ext.weights.readers.resolve import resolve
from ppgan_ext.weights.readers.torch_tensors import TORCH_NAMES, Storage
from ppgan_ext.weights.readers.unpickle import Unpickler

MAX_ARRAYS = 10_000
MAX_NAME_LENGTH = 200
_MODULE = "torch_utils.persistence"
_CALL = f"{_MODULE}._reconstruct_persistent_obj"
_STORAGE_CALL = "torch.storage._load_from_bytes"
# The call's name precedes the first layer; at most the options of the data set come before it.
_SEARCHED_BYTES = 2**16


@dataclass(frozen=True, eq=False)
class PickledNetwork:
    """A network, or one layer of it.

    Attributes:
        class_name: as in the original code, such as "Generator".
        arrays: parameters and buffers by dotted name, such as "mapping.fc0.weight".
        layers: dotted name ("" for the network itself) -> ``class_name``, ``init_args``, ``init_kwargs`` and all other
            attributes of the layer.
    """

    class_name: str
    arrays: dict[str, npt.NDArray]
    layers: dict[str, dict[str, Any]]


class _LayerRecord(FieldsRecord):
    """Represents a persistent object while the pickle runs."""

    __slots__ = ()

    def __init__(self, meta: Any) -> None:
        match meta:
            case {"type": "class", "class_name": str(class_name), "state": dict(state)}:
                self.fields = {_MODULE: class_name, "state": state}
            case _:
                raise ForbiddenError(f"to call {_CALL} without the description of a layer")


def _load_storage(reading: Reading, data: Any) -> Storage:
    """Read the PyTorch file of one storage. That file may not use this function in turn, so files cannot nest."""
    if not isinstance(data, bytes | bytearray | EncodedRecord):
        raise ForbiddenError(f"to call {_STORAGE_CALL} for something that is not a storage")
    content = reading.bytes_of(data)
    return reading.once(content, ("storage",), lambda: _storage_in(bytes(content), reading))


def _storage_in(content: bytes, reading: Reading) -> Storage:
    storage = torch_legacy.load(io.BytesIO(content), len(content), reading)
    if not isinstance(storage, Storage):
        raise ForbiddenError(f"to call {_STORAGE_CALL} for something that is not a storage")
    return storage


NVIDIA_NAMES: dict[str, Name] = {
    **TORCH_NAMES,
    _CALL: Name(_CALL, lambda reading, meta: _LayerRecord(meta)),
    _STORAGE_CALL: Name(_STORAGE_CALL, _load_storage),
    "dnnlib.util.EasyDict": Name("dnnlib.util.EasyDict", COMMON_NAMES["builtins.dict"].build, is_class=True),
}


def is_marked(path: Path) -> bool:
    """Return whether a pickle contains networks of NVIDIA's code, judging by its first bytes."""
    with path.open("rb") as stream:
        return _MODULE.encode() in stream.read(_SEARCHED_BYTES)


def read(path: Path, reading: Reading) -> Any:
    """Read a snapshot of NVIDIA's training: a dict of networks and options, or a single network."""
    with path.open("rb") as stream:
        item = Unpickler(stream, path.stat().st_size, reading, NVIDIA_NAMES).load()
    return resolve(item, reading, lambda item: _finish(item, reading))


def _finish(item: Any, reading: Reading) -> Any:
    return _network(item[_MODULE], item["state"], reading) if isinstance(item, dict) and _MODULE in item else item


def _network(class_name: Any, state: Any, reading: Reading) -> PickledNetwork:
    """Collect the arrays of a layer and of its sublayers, which are already networks."""
    if not isinstance(class_name, str) or not isinstance(state, dict):
        raise ValueError("an invalid layer")
    own = {
        "class_name": class_name,
        "init_args": state.get("_init_args", ()),
        "init_kwargs": state.get("_init_kwargs", {}),
        # Names with a leading underscore belong to torch.nn.Module itself.
        **{name: value for name, value in state.items() if isinstance(name, str) and not name.startswith("_")},
    }
    arrays: dict[str, npt.NDArray] = {}
    layers: dict[str, dict[str, Any]] = {"": own}
    for name, array in (state.get("_parameters", {}) | state.get("_buffers", {})).items():
        if isinstance(array, np.ndarray):
            arrays[_checked_name(name)] = array
        elif array is not None:
            raise ValueError("a parameter that is not an array")
    for name, layer in state.get("_modules", {}).items():
        if isinstance(layer, PickledNetwork):
            reading.budget.spend(len(layer.arrays) + len(layer.layers))
            arrays |= {_checked_name(name, inner): array for inner, array in layer.arrays.items()}
            layers |= {_checked_name(name, inner): options for inner, options in layer.layers.items()}
        elif layer is not None:
            raise ValueError("an invalid layer")
    if max(len(arrays), len(layers)) > MAX_ARRAYS:
        raise ValueError(f"a network of more than {MAX_ARRAYS:,} arrays")
    return PickledNetwork(class_name, arrays, layers)


def _checked_name(name: Any, inner: str = "") -> str:
    if not isinstance(name, str) or len(name) + len(inner) > MAX_NAME_LENGTH:
        raise ValueError("a layer or an array without a proper name")
    return f"{name}.{inner}" if inner else name
