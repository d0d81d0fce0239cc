"""A pickle interpreter that can build arrays and containers and nothing else.

A pickle is a program that names functions and calls them. Here, every name that a checkpoint of Paddle, NumPy or
PyTorch needs is mapped to an inert record or a small function of this package; every other name is refused, and no name
is ever looked up in a module. Arrays are built only after the program has ended, from records whose sizes are checked.
"""

from __future__ import annotations

import pickle
import pickletools
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np
import numpy.typing as npt

from ppgan_ext.errors import WeightsError

MAX_DEPTH = 100
MAX_ITEMS = 10_000_000
_DTYPE_CODE = re.compile(r"[?]|b1|[iu][1248]|f[248]|c8|c16")
# The errors that a damaged file can cause inside the standard library's readers.
DAMAGE = (
    pickle.UnpicklingError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    MemoryError,
    OverflowError,
    RecursionError,
    NotImplementedError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


class ForbiddenError(Exception):
    """A pickle requests something other than arrays and containers."""


class Name:
    """An allowed global: calling it runs ``build``, and the pickle cannot change it."""

    __slots__ = ("build", "dotted")
    build: Callable[..., Any]
    dotted: str

    def __init__(self, dotted: str, build: Callable[..., Any]) -> None:
        object.__setattr__(self, "dotted", dotted)
        object.__setattr__(self, "build", build)

    def __call__(self, *arguments: Any) -> Any:
        """Build the record that represents the real function's result."""
        return self.build(*arguments)

    def __setattr__(self, name: str, value: Any) -> None:
        raise ForbiddenError(f"to change {self.dotted}")

    def __setstate__(self, state: Any) -> None:
        raise ForbiddenError(f"to change {self.dotted}")


class Record:
    """Represents an object on the interpreter's stack; by default, a pickle may not set its state."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        raise ForbiddenError(f"to change a {type(self).__name__}")


class DtypeRecord(Record):
    """Represents ``numpy.dtype``: a plain number type and its byte order."""

    __slots__ = ("code", "order")

    def __init__(self, code: str, *_: Any) -> None:
        if not isinstance(code, str) or not _DTYPE_CODE.fullmatch(code.lstrip("<>=|")):
            raise ForbiddenError(f"for an array of dtype {str(code)[:40]!r}")
        self.code, self.order = code.lstrip("<>=|"), "="

    def __setstate__(self, state: tuple) -> None:
        order, *fields = state[1:5]
        if order not in ("<", ">", "=", "|") or any(field is not None for field in fields):
            raise ForbiddenError("for an array of records")
        self.order = order

    def resolve(self) -> np.dtype:
        """Return the NumPy type."""
        return np.dtype(self.order + self.code)


class ArrayRecord(Record):
    """Represents an array while the pickle runs; :meth:`resolve` builds it if the number of bytes is exactly right."""

    __slots__ = ("data", "dtype", "fortran", "shape")

    def __init__(self) -> None:
        self.data: Any = None

    def __setstate__(self, state: tuple) -> None:
        _, self.shape, self.dtype, self.fortran, self.data = state

    def resolve(self) -> npt.NDArray:
        """Return the array: read-only and without a copy if the byte order is the machine's."""
        if self.data is None or not isinstance(self.dtype, DtypeRecord):
            raise ValueError("an array without data")
        data = self.data.encode("latin1") if isinstance(self.data, str) else self.data
        dtype, shape = self.dtype.resolve(), checked_shape(self.shape)
        if not isinstance(data, bytes | bytearray) or len(data) != count_of(shape) * dtype.itemsize:
            raise ValueError("an array whose data does not fit its shape")
        array = np.frombuffer(data, dtype).reshape(shape, order="F" if self.fortran else "C")
        return array if dtype.isnative else array.astype(dtype.newbyteorder("="))


class ScalarRecord(Record):
    """Represents a NumPy scalar; :meth:`resolve` returns the Python number."""

    __slots__ = ("data", "dtype")

    def __init__(self, dtype: DtypeRecord, data: bytes | str) -> None:
        self.dtype, self.data = dtype, data

    def resolve(self) -> Any:
        """Return the number."""
        data = self.data.encode("latin1") if isinstance(self.data, str) else self.data
        return np.frombuffer(data, self.dtype.resolve(), count=1)[0].item()


class FieldsRecord(Record):
    """Represents an object with named fields; becomes a dict, which a format may convert further."""

    __slots__ = ("fields",)

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}


class NamespaceRecord(FieldsRecord):
    """Represents ``argparse.Namespace``, in which training scripts store their options."""

    __slots__ = ()
    dotted = "argparse.Namespace"

    def __setstate__(self, state: dict) -> None:
        if not isinstance(state, dict):
            raise ValueError("a namespace without fields")
        self.fields = state


class DictRecord(dict):
    """Represents ``OrderedDict`` and similar classes; extra attributes (PyTorch's ``_metadata``) are dropped."""

    dotted = "builtins.dict"

    def __setstate__(self, state: Any) -> None:
        pass


def checked_shape(shape: Any) -> tuple[int, ...]:
    """Return a shape as a tuple.

    Raises:
        ValueError: it is not a sequence of non-negative integers.
    """
    if not isinstance(shape, tuple | list) or not all(type(side) is int and side >= 0 for side in shape):
        raise ValueError("an array without a proper shape")
    return tuple(shape)


def count_of(shape: tuple[int, ...]) -> int:
    """Return the number of elements, as a Python integer, which cannot overflow."""
    count = 1
    for side in shape:
        count *= side
    return count


def bfloat16_to_float32(bits: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    """Widen bits of bfloat16 to float32, of the same shape. This is exact: bfloat16 is the upper half of float32."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def _reconstruct(kind: Any, shape: Any, code: Any) -> ArrayRecord:
    if kind is not _NDARRAY:
        raise ForbiddenError("for an array of a custom class")
    return ArrayRecord()


def _from_buffer(data: bytes, dtype: DtypeRecord, shape: tuple, order: str) -> ArrayRecord:
    record = ArrayRecord()
    record.__setstate__((1, shape, dtype, order == "F", data))
    return record


def _encode(text: str, codec: str) -> bytes:
    if codec not in ("latin1", "latin-1"):
        raise ForbiddenError(f"for _codecs.encode with {str(codec)[:40]!r}")
    return text.encode("latin1")


def _empty_bytes(*arguments: Any) -> bytes:
    if arguments:
        raise ForbiddenError("for bytes with arguments")
    return b""


def _dense_tensor(*arguments: Any) -> ArrayRecord:
    """Accept ``eval('data', {'data': array})``, as which Paddle writes a static graph's tensor, and nothing else."""
    match arguments:
        case ("data", {"data": ArrayRecord() as record}):
            return record
    raise ForbiddenError("to call builtins.eval")


def _refuse_call(*_: Any) -> NoReturn:
    raise ForbiddenError("to call a type")


def _dict(*arguments: Any) -> DictRecord:
    return DictRecord(*(argument for argument in arguments if not isinstance(argument, Name)))


_NDARRAY = Name("numpy.ndarray", _refuse_call)
_BUILDERS: dict[str, Callable[..., Any]] = {
    "builtins.tuple": lambda items=(): tuple(items),
    "builtins.list": lambda items=(): list(items),
    "builtins.set": lambda items=(): set(items),
    "builtins.frozenset": lambda items=(): frozenset(items),
    "builtins.dict": _dict,
    "builtins.bytes": _empty_bytes,
    "builtins.complex": lambda real, imaginary: complex(float(real), float(imaginary)),
    "builtins.eval": _dense_tensor,
    "collections.OrderedDict": _dict,
    "collections.defaultdict": _dict,
    "collections.Counter": _dict,
    "_codecs.encode": _encode,
    "numpy.dtype": DtypeRecord,
    "numpy.core.multiarray._reconstruct": _reconstruct,
    "numpy.core.multiarray.scalar": ScalarRecord,
    "numpy.core.numeric._frombuffer": _from_buffer,
}
# Names are compared as Python 3 and NumPy 1 spell them.
_SPELLINGS = (("__builtin__.", "builtins."), ("numpy._core.", "numpy.core."))
COMMON_NAMES: dict[str, Any] = {
    **{dotted: Name(dotted, build) for dotted, build in _BUILDERS.items()},
    "numpy.ndarray": _NDARRAY,
    "argparse.Namespace": NamespaceRecord,
}
# Opcodes that no checkpoint needs: they access classes in other ways, or data outside the file.
_FORBIDDEN_OPCODES = frozenset({"INST", "OBJ", "EXT1", "EXT2", "EXT4", "NEXT_BUFFER", "READONLY_BUFFER", "PERSID"})
_PUT_OPCODES = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})


class Unpickler(pickle.Unpickler):
    """The interpreter. One instance reads one pickle from the stream's current position.

    Args:
        stream: a buffered binary file.
        names: dotted name -> record, for names allowed in addition to NumPy's and the containers.
        persistent: converts a persistent id (PyTorch's storages) to a record.
    """

    def __init__(
        self,
        stream: BinaryIO,
        names: Mapping[str, Any] | None = None,
        persistent: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__(stream, encoding="latin1")
        self._stream, self._persistent = stream, persistent
        self._names = COMMON_NAMES if names is None else {**COMMON_NAMES, **names}

    def find_class(self, module: str, name: str) -> Any:
        """Look up a name in the table of allowed names, never in a module."""
        dotted = f"{module}.{name}"
        for old, new in _SPELLINGS:
            dotted = new + dotted.removeprefix(old) if dotted.startswith(old) else dotted
        if dotted not in self._names:
            raise ForbiddenError(f"for {dotted[:120]}")
        return self._names[dotted]

    def persistent_load(self, pid: Any) -> Any:
        """Pass a persistent id to the format's own function."""
        if self._persistent is None:
            raise ForbiddenError("for data outside the file")
        return self._persistent(pid)

    def load(self) -> Any:
        """Check the program, run it, and return its result: containers, numbers, text and records."""
        start = self._stream.tell()
        self._scan()
        self._stream.seek(start)
        return super().load()

    def _scan(self) -> None:
        """Refuse forbidden opcodes and names before anything runs, and memo indices that would make the memo huge."""
        num_puts = 0
        for opcode, argument, _ in pickletools.genops(self._stream):
            if opcode.name in _FORBIDDEN_OPCODES:
                named = str(argument).replace(" ", ".")[:120] if opcode.name == "INST" else f"opcode {opcode.name}"
                raise ForbiddenError(f"for {named}")
            if opcode.name == "GLOBAL":
                self.find_class(*str(argument).split(" ", 1))
            elif opcode.name in _PUT_OPCODES:
                num_puts += 1
                if int(argument or 0) > num_puts:
                    raise ValueError("a memo index out of order")


def resolve(item: Any, finish: Callable[[Any], Any] | None = None) -> Any:
    """Convert records to arrays, numbers and dicts, in all containers; shared objects stay shared.

    Args:
        item: from :meth:`Unpickler.load`.
        finish: called with every converted array and container; its result replaces them.

    Raises:
        ValueError: containers are nested too deeply, contain themselves, or would be too large if nothing were shared.
    """
    return _Resolver(finish or (lambda result: result)).resolve(item, 0)[0]


class _Resolver:
    def __init__(self, finish: Callable[[Any], Any]) -> None:
        self._finish = finish
        self._done: dict[int, tuple[Any, int]] = {}
        self._open: set[int] = set()

    def resolve(self, item: Any, depth: int) -> tuple[Any, int]:
        """Return the result and the number of its items, counting shared items once per occurrence."""
        earlier = self._done.get(id(item))
        if earlier is not None:
            return earlier
        if id(item) in self._open or depth > MAX_DEPTH:
            raise ValueError(f"containers that contain themselves or are nested more than {MAX_DEPTH} deep")
        self._open.add(id(item))
        result, size = self._resolve(item, depth + 1)
        self._open.remove(id(item))
        if size > MAX_ITEMS:
            raise ValueError(f"containers of more than {MAX_ITEMS:,} items")
        if isinstance(result, np.ndarray | dict | list | tuple):
            result = self._finish(result)
        self._done[id(item)] = result, size
        return result, size

    def _resolve(self, item: Any, depth: int) -> tuple[Any, int]:
        if isinstance(item, FieldsRecord):
            item = item.fields
        if isinstance(item, dict):
            if not all(isinstance(key, str | int | float | bool | bytes | tuple | None) for key in item):
                raise ValueError("a dictionary with odd keys")
            values, size = self._all(item.values(), depth)
            return dict(zip(item, values, strict=True)), size
        if isinstance(item, list | tuple | set | frozenset):
            values, size = self._all(item, depth)
            return (tuple if isinstance(item, tuple) else list if isinstance(item, list) else set)(values), size
        if isinstance(item, Name | type):
            return getattr(item, "dotted", item), 1
        return item.resolve() if hasattr(item, "resolve") else item, 1

    def _all(self, items: Iterable[Any], depth: int) -> tuple[list[Any], int]:
        pairs = [self.resolve(item, depth) for item in items]
        return [result for result, _ in pairs], 1 + sum(size for _, size in pairs)


def refusal(error: ForbiddenError, path: Path) -> WeightsError:
    """Return the error for a pickle that requests more than arrays."""
    cure = "Use a file that contains only arrays, from a source you trust, or ask its author for a .safetensors file"
    if "dnnlib.tflib." in str(error):
        cure = "It is a TensorFlow network: convert it with legacy.py of NVlabs/stylegan3, then give the result"
    what = f"refused: the pickle in it asks {error}, which weights do not need; nothing in it was run"
    return WeightsError(what, where=path, cure=cure)


def damage(error: BaseException, path: Path) -> WeightsError:
    """Return the error for a file that is truncated or inconsistent."""
    reason = " ".join(str(error).split())[:160] or type(error).__name__
    return WeightsError(
        f"the file is truncated or damaged ({reason})", where=path, cure="Download or copy the whole file again"
    )
