"""PyTorch's tensors in a pickle, read without PyTorch: storages, and strided views of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from ppgan_ext.weights.readers.unpickle import (
    ForbiddenError,
    Name,
    Record,
    bfloat16_to_float32,
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


class TypeName(Name):
    """A storage class or dtype: a name that has an element kind and cannot be called."""

    __slots__ = ("kind",)
    kind: str | None

    def __init__(self, dotted: str, kind: str | None) -> None:
        super().__init__(dotted, self._refuse)
        object.__setattr__(self, "kind", kind)

    def _refuse(self, *_: Any) -> NoReturn:
        raise ForbiddenError(f"to call {self.dotted}")


class Storage(Record):
    """A flat sequence of elements.

    Args:
        kind: NumPy type code or "bfloat16"; "<u1" for an untyped storage, whose tensors have their own kinds.
        count: number of elements of that kind.
        data: the bytes; None until the format's reader fills them in.
    """

    __slots__ = ("count", "data", "kind")

    def __init__(self, kind: str, count: int, data: bytes | None = None) -> None:
        self.kind, self.count, self.data = kind, count, data

    def array(self, kind: str) -> npt.NDArray:
        """Return all elements as ``kind``, (number of elements,); bfloat16 as its bits."""
        if self.data is None or len(self.data) != self.count * item_size(self.kind):
            raise ValueError("a tensor whose storage is missing or short")
        return np.frombuffer(self.data, "<u2" if kind == "bfloat16" else kind)


class TensorRecord(Record):
    """A strided view of a storage; :meth:`resolve` builds the array once the storages are filled."""

    __slots__ = ("kind", "offset", "shape", "storage", "strides")

    def __init__(self, storage: Storage, offset: int, shape: Any, strides: Any, kind: str | None = None) -> None:
        if not isinstance(storage, Storage) or type(offset) is not int or offset < 0:
            raise ValueError("a tensor without a storage")
        self.storage, self.offset = storage, offset
        self.shape, self.strides = checked_shape(shape), checked_shape(strides)
        self.kind = kind or storage.kind
        if len(self.shape) != len(self.strides):
            raise ValueError("a tensor whose shape and strides differ in length")

    def resolve(self) -> npt.NDArray:
        """Return the array, C-contiguous, after checking that it lies inside the storage; bfloat16 becomes float32."""
        elements = self.storage.array(self.kind)
        count = count_of(self.shape)
        last = self.offset + sum((side - 1) * stride for side, stride in zip(self.shape, self.strides, strict=True))
        if count > max(elements.size, 1) * MAX_EXPANSION or (count and last >= elements.size):
            raise ValueError("a tensor that reaches outside its storage")
        if count == 0:
            view = np.empty(self.shape, elements.dtype)
        else:
            steps = tuple(stride * elements.itemsize for stride in self.strides)
            view = np.lib.stride_tricks.as_strided(elements[self.offset :], self.shape, steps, writeable=False)
        return bfloat16_to_float32(view) if self.kind == "bfloat16" else np.asarray(view, order="C")


def _rebuild_tensor(storage: Storage, offset: int, shape: Any, strides: Any, *_: Any) -> TensorRecord:
    return TensorRecord(storage, offset, shape, strides)


def _rebuild_tensor_v3(
    storage: Storage, offset: int, shape: Any, strides: Any, requires_grad: Any, hooks: Any, dtype: Any, *_: Any
) -> TensorRecord:
    if not isinstance(dtype, TypeName):
        raise ValueError("a tensor without a dtype")
    return TensorRecord(storage, offset, shape, strides, dtype.kind)


def _rebuild_parameter(data: TensorRecord, *_: Any) -> TensorRecord:
    return data


def _rebuild_from_type(build: Name, kind: Any, arguments: tuple, state: Any) -> Any:
    if not isinstance(build, Name):
        raise ForbiddenError("for a tensor of a custom class")
    return build(*arguments)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor": _rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": _rebuild_tensor,
    "torch._utils._rebuild_tensor_v3": _rebuild_tensor_v3,
    "torch._utils._rebuild_parameter": _rebuild_parameter,
    "torch._utils._rebuild_parameter_with_state": _rebuild_parameter,
    "torch._tensor._rebuild_from_type_v2": _rebuild_from_type,
    "torch.Size": lambda sides=(): tuple(sides),
    "torch.device": lambda name, index=None: str(name) if index is None else f"{name}:{int(index)}",
}
TORCH_NAMES: dict[str, Any] = {
    **{dotted: Name(dotted, build) for dotted, build in _FUNCTIONS.items()},
    **{
        f"{module}.{name}Storage": TypeName(f"{module}.{name}Storage", kind)
        for module in ("torch", "torch.cuda")
        for name, kind in _STORAGES.items()
    },
    **{f"torch.{name}": TypeName(f"torch.{name}", kind) for name, kind in _DTYPES.items()},
    "torch.storage.UntypedStorage": TypeName("torch.storage.UntypedStorage", "<u1"),
    "torch.Tensor": TypeName("torch.Tensor", None),
    "torch.nn.parameter.Parameter": TypeName("torch.nn.parameter.Parameter", None),
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
