"""PyTorch's tensors in a pickle, read without PyTorch: storages, and strided views of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from ppgan_ext.weights.readers.records import (
    Data,
    ForbiddenError,
    Name,
    Reading,
    Record,
    checked_shape,
    count_of,
)

# A saved tensor may be an expanded view (stride 0) of a small storage; above this factor, it counts as a bomb.
MAX_EXPANSION = 1024
_STORAGES = {
    "Float": "<f4",
    "Double": "<f8",
    "Half": "<f2",
    "BFloat16": "bfloat16",
    "Long": "<i8",
    "Int": "<i4",
    "Short": "<i2",
    "Char": "<i1",
    "Byte": "<u1",
    "Bool": "?",
    "ComplexFloat": "<c8",
    "ComplexDouble": "<c16",
}
_DTYPES = {
    "float32": "<f4",
    "float64": "<f8",
    "float16": "<f2",
    "bfloat16": "bfloat16",
    "int64": "<i8",
    "int32": "<i4",
    "int16": "<i2",
    "int8": "<i1",
    "uint8": "<u1",
    "uint16": "<u2",
    "uint32": "<u4",
    "uint64": "<u8",
    "bool": "?",
    "complex64": "<c8",
    "complex128": "<c16",
}


def item_size(kind: str) -> int:
    """Return the bytes per element of a storage kind."""
    return 2 if kind == "bfloat16" else np.dtype(kind).itemsize


@dataclass(frozen=True)
class TypeName(Name):
    """A storage class or dtype: a name that has an element kind and cannot be called.

    Attributes:
        kind: NumPy type code or "bfloat16"; None for a class that is no element type.
    """

    kind: str | None = None


def _type_name(dotted: str, kind: str | None) -> TypeName:
    def refuse(reading: Reading, *_: Any) -> NoReturn:
        raise ForbiddenError(f"to call {dotted}")

    return TypeName(dotted, refuse, kind=kind)


class Storage(Record):
    """A flat sequence of elements.

    Args:
        kind: NumPy type code or "bfloat16"; "<u1" for an untyped storage, whose tensors have their own kinds.
        count: number of elements of that kind.
        data: the bytes; None until the format's reader fills them in.
    """

    __slots__ = ("count", "data", "kind")

    def __init__(self, kind: str, count: int, data: Data | None = None) -> None:
        self.kind, self.count, self.data = kind, count, data

    def array(self, kind: str) -> npt.NDArray:
        """Return all elements as ``kind``, (number of elements,); bfloat16 as its bits."""
        if self.data is None or len(self.data) != self.count * item_size(self.kind):
            raise ValueError("a tensor whose storage is missing or short")
        return np.frombuffer(self.data, "<u2" if kind == "bfloat16" else kind)

    def resolve(self, reading: Reading) -> npt.NDArray:
        """Return all elements, for a storage that is saved by itself."""
        return _as_array(self.array(self.kind), self.kind, reading)


class TensorRecord(Record):
    """A strided view of a storage; :meth:`resolve` builds the array once the storages are filled."""

    __slots__ = ("kind", "offset", "shape", "storage", "strides")

    def __init__(self, storage: Any, offset: Any, shape: Any, strides: Any, kind: str | None = None) -> None:
        if not isinstance(storage, Storage) or type(offset) is not int or offset < 0:
            raise ValueError("a tensor without a storage")
        self.storage, self.offset = storage, offset
        self.shape, self.strides = checked_shape(shape), checked_shape(strides)
        self.kind = kind or storage.kind
        if len(self.shape) != len(self.strides):
            raise ValueError("a tensor whose shape and strides differ in length")

    def resolve(self, reading: Reading) -> npt.NDArray:
        """Return the array, C-contiguous, after checking that it lies inside the storage; bfloat16 becomes float32."""
        key = (self.kind, self.offset, self.shape, self.strides)
        return reading.once(self.storage, key, lambda: self._array(reading))

    def _array(self, reading: Reading) -> npt.NDArray:
        elements = self.storage.array(self.kind)
        count = count_of(self.shape)
        last = self.offset + sum((side - 1) * stride for side, stride in zip(self.shape, self.strides, strict=True))
        if count > max(elements.size, 1) * MAX_EXPANSION or (count and last >= elements.size):
            raise ValueError("a tensor that reaches outside its storage")
        if count == 0:
            return _as_array(np.empty(self.shape, elements.dtype), self.kind, reading)
        steps = tuple(stride * elements.itemsize for stride in self.strides)
        view = np.lib.stride_tricks.as_strided(elements[self.offset :], self.shape, steps, writeable=False)
        return _as_array(view, self.kind, reading)


def _as_array(view: npt.NDArray, kind: str, reading: Reading) -> npt.NDArray:
    if kind == "bfloat16":
        return reading.widened(view)
    if not view.flags.c_contiguous:
        reading.budget.allocate(view.size * view.itemsize)
    return np.asarray(view, order="C")


def _rebuild_tensor(reading: Reading, storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> TensorRecord:
    return TensorRecord(storage, offset, shape, strides)


def _rebuild_tensor_v3(
    reading: Reading, storage: Any, offset: Any, shape: Any, strides: Any, *others: Any
) -> TensorRecord:
    _, _, dtype, *_ = others  # requires_grad, hooks, dtype, metadata
    if not isinstance(dtype, TypeName):
        raise ValueError("a tensor without a dtype")
    return TensorRecord(storage, offset, shape, strides, dtype.kind)


def _rebuild_parameter(reading: Reading, data: Any, *_: Any) -> TensorRecord:
    if not isinstance(data, TensorRecord):
        raise ValueError("a parameter without a tensor")
    return data


def _rebuild_from_type(reading: Reading, build: Any, kind: Any, arguments: Any, state: Any) -> Any:
    if not isinstance(build, Name) or build.dotted not in _TENSOR_FUNCTIONS:
        raise ForbiddenError("for a tensor of a custom class")
    return build.build(reading, *arguments)


def _size(reading: Reading, sides: Any = ()) -> tuple[int, ...]:
    return checked_shape(sides)


def _device(reading: Reading, name: Any, index: Any = None) -> str:
    if not isinstance(name, str) or not (index is None or type(index) is int):
        raise ValueError("a device without a name")
    return name if index is None else f"{name}:{index}"


_TENSOR_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor": _rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": _rebuild_tensor,
    "torch._utils._rebuild_tensor_v3": _rebuild_tensor_v3,
    "torch._utils._rebuild_parameter": _rebuild_parameter,
    "torch._utils._rebuild_parameter_with_state": _rebuild_parameter,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **_TENSOR_FUNCTIONS,
    "torch._tensor._rebuild_from_type_v2": _rebuild_from_type,
    "torch.Size": _size,
    "torch.device": _device,
}
TORCH_NAMES: dict[str, Name] = {
    **{dotted: Name(dotted, build) for dotted, build in _FUNCTIONS.items()},
    **{
        f"{module}.{name}Storage": _type_name(f"{module}.{name}Storage", kind)
        for module in ("torch", "torch.cuda")
        for name, kind in _STORAGES.items()
    },
    **{f"torch.{name}": _type_name(f"torch.{name}", kind) for name, kind in _DTYPES.items()},
    "torch.storage.UntypedStorage": _type_name("torch.storage.UntypedStorage", "<u1"),
    "torch.Tensor": _type_name("torch.Tensor", None),
    "torch.nn.parameter.Parameter": _type_name("torch.nn.parameter.Parameter", None),
}


def storage_id(pid: Any, length: int) -> tuple[str, str, int]:
    """Parse a persistent id ``("storage", class, key, location, count, ...)``.

    Args:
        pid: the persistent id.
        length: the number of its items.

    Returns:
        Kind, key and count.

    Raises:
        ValueError: it is not the id of a storage.
    """
    if not isinstance(pid, tuple) or len(pid) != length or pid[0] != "storage":
        raise ValueError("an unknown kind of storage")
    _, storage_class, key, _, count = pid[:5]
    if not isinstance(storage_class, TypeName) or storage_class.kind is None:
        raise ValueError("a storage of an unknown class")
    if not isinstance(key, str) or type(count) is not int or count < 0:
        raise ValueError("a storage without a key or a size")
    return storage_class.kind, key, count
