"""NVIDIA's ``.pkl`` of PyTorch networks (stylegan2-ada-pytorch, stylegan3): what the networks hold, not what they do.

Such a file is a plain pickle of whole networks. Each layer is a call of ``torch_utils.persistence`` with the source
code of the layer's class, which NVIDIA's loader executes. Here the call makes a record of the class's name and the
layer's state; the source code is left where it is. Each tensor's storage is a PyTorch file of its own in the pickle.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ppgan_ext.weights.readers import torch_legacy
from ppgan_ext.weights.readers.torch_tensors import TORCH_NAMES, Storage
from ppgan_ext.weights.readers.unpickle import DictRecord, FieldsRecord, ForbiddenError, Name, Unpickler, resolve

MAX_ARRAYS = 10_000
MAX_NAME_LENGTH = 200
_MODULE = "torch_utils.persistence"
_CALL = f"{_MODULE}._reconstruct_persistent_obj"
_STORAGE_CALL = "torch.storage._load_from_bytes"
# The call's name stands in front of the first layer; before it come at most the options of the data set.
_SEARCHED_BYTES = 2**16


@dataclass(frozen=True, eq=False)
class PickledNetwork:
    """A network, or one layer of it.

    Attributes:
        class_name: as in the code it came from, such as "Generator".
        arrays: parameters and buffers under their dotted names, such as "mapping.fc0.weight".
        layers: dotted name ("" for the network itself) -> ``class_name``, ``init_args``, ``init_kwargs`` and all other
            attributes that the layer had.
    """

    class_name: str
    arrays: dict[str, npt.NDArray]
    layers: dict[str, dict[str, Any]]


class _LayerRecord(FieldsRecord):
    """Stands for a persistent object while the pickle runs."""

    __slots__ = ()

    def __init__(self, meta: Any) -> None:
        match meta:
            case {"type": "class", "class_name": str(class_name), "state": dict(state)}:
                self.fields = {_MODULE: class_name, "state": state}
            case _:
                raise ForbiddenError(f"to call {_CALL} without the description of a layer")


def _load_storage(data: Any) -> Storage:
    """Read the PyTorch file of one storage; the file's own names do not include this function, so none nests."""
    storage = torch_legacy.load(io.BytesIO(data)) if isinstance(data, bytes | bytearray) else None
    if not isinstance(storage, Storage):
        raise ForbiddenError(f"to call {_STORAGE_CALL} for something that is no storage")
    return storage


NVIDIA_NAMES: dict[str, Any] = {
    **TORCH_NAMES,
    _CALL: Name(_CALL, _LayerRecord),
    _STORAGE_CALL: Name(_STORAGE_CALL, _load_storage),
    "dnnlib.util.EasyDict": DictRecord,
}


def is_marked(path: Path) -> bool:
    """Tell from the first bytes of a pickle that it holds networks of NVIDIA's code."""
    with path.open("rb") as stream:
        return _MODULE.encode() in stream.read(_SEARCHED_BYTES)


def read(path: Path) -> Any:
    """Read what the training code wrote: a dict of networks and options, or one network."""
    with path.open("rb") as stream:
        return resolve(Unpickler(stream, NVIDIA_NAMES).load(), _finish)


def _finish(item: Any) -> Any:
    return _network(item[_MODULE], item["state"]) if isinstance(item, dict) and _MODULE in item else item


def _network(class_name: str, state: Mapping[str, Any]) -> PickledNetwork:
    """Gather a layer's arrays and those of its own layers, which are finished."""
    own = {
        "class_name": class_name,
        "init_args": state.get("_init_args", ()),
        "init_kwargs": state.get("_init_kwargs", {}),
        # What begins with an underscore is the machinery of torch.nn.Module.
        **{name: value for name, value in state.items() if isinstance(name, str) and not name.startswith("_")},
    }
    arrays: dict[str, npt.NDArray] = {}
    layers: dict[str, dict[str, Any]] = {"": own}
    for name, array in (state.get("_parameters", {}) | state.get("_buffers", {})).items():
        if isinstance(array, np.ndarray):
            arrays[_checked_name(name)] = array
        elif array is not None:
            raise ValueError("a parameter that is no array")
    for name, layer in state.get("_modules", {}).items():
        if isinstance(layer, PickledNetwork):
            arrays |= {_checked_name(name, inner): array for inner, array in layer.arrays.items()}
            layers |= {_checked_name(name, inner): options for inner, options in layer.layers.items()}
        elif layer is not None:
            raise ValueError("a layer that is none")
    if max(len(arrays), len(layers)) > MAX_ARRAYS:
        raise ValueError(f"a network of more than {MAX_ARRAYS:,} arrays")
    return PickledNetwork(class_name, arrays, layers)


def _checked_name(name: Any, inner: str = "") -> str:
    if not isinstance(name, str) or len(name) + len(inner) > MAX_NAME_LENGTH:
        raise ValueError("a layer or an array without a proper name")
    return f"{name}.{inner}" if inner else name
