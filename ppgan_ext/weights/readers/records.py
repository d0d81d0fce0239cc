"""What stands on the pickle interpreter's stack for the objects of NumPy and Python, and what one read shares.

A record only remembers what it was given. Arrays are built after the program has ended, when :meth:`Record.resolve`
checks their sizes and charges them to the file's budget.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ppgan_ext.untrusted import Budget, shown

_DTYPE_CODE = re.compile(r"[?]|b1|[iu][1248]|f[248]|c8|c16")
_MAX_DIMENSIONS, _MAX_SIDE = 32, 2**62
# Keys: longer text names nothing; whole numbers above the first bound, and fractions, may collide when hashed.
MAX_KEY_LENGTH = 1000
_SMALL_KEY, _MAX_KEY, _MAX_LARGE_KEYS = 2**20, 2**60, 5000

Data: TypeAlias = "bytes | bytearray | memoryview"


class ForbiddenError(Exception):
    """A pickle requests something other than arrays and containers."""


class Reading:
    """One read of one file: its budget, and the memory that its records share.

    Equal requests for the same bytes give the same array, so that a file cannot multiply what it contains once.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self._made: dict[tuple, Any] = {}
        self._kept: list[Any] = []  # what the keys of _made name by identity
        self._num_large_keys = 0

    def once(self, source: Any, key: tuple, make: Callable[[], Any]) -> Any:
        """Return ``make()``, the same object for the same source and key."""
        full = (id(source), *key)
        if full not in self._made:
            self._made[full] = make()
            self._kept.append(source)
        return self._made[full]

    def flat(self, data: Data, dtype: np.dtype) -> npt.NDArray:
        """Return bytes as elements, (count,), in the machine's byte order; without a copy if they are in it already."""
        array = np.frombuffer(data, dtype)
        if dtype.isnative:
            return array
        return self.once(data, ("native", dtype.str), lambda: self._copied(array, dtype.newbyteorder("=")))

    def widened(self, bits: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
        """Return bfloat16, given as its bits, as float32 of the same shape."""
        self.budget.allocate(4 * bits.size)
        return bfloat16_to_float32(bits)

    def bytes_of(self, data: Any) -> Data:
        """Return the bytes that a value stands for: itself, or text that Python 2 or protocol 2 wrote for them."""
        text = data.text if isinstance(data, EncodedRecord) else data
        if isinstance(text, str):
            return self.once(text, ("latin1",), lambda: self._encoded(text))
        if not isinstance(text, bytes | bytearray | memoryview):
            raise ValueError(f"a {type(data).__name__} where bytes are needed")
        return text

    def checked_key(self, key: Any) -> Any:
        """Return the key of a dict or the item of a set, which must be text or a small number.

        Raises:
            ForbiddenError: it is something else, whose hash could cost any amount of time.
        """
        if type(key) is str and len(key) <= MAX_KEY_LENGTH:
            return key
        if type(key) is bool or (type(key) is int and -_SMALL_KEY < key < _SMALL_KEY):
            return key
        if type(key) is float or (type(key) is int and -_MAX_KEY < key < _MAX_KEY):
            self._num_large_keys += 1
            if self._num_large_keys <= _MAX_LARGE_KEYS:
                return key
            raise ForbiddenError(f"for more than {_MAX_LARGE_KEYS:,} keys that are large numbers")
        kind = f"{len(key):,} characters" if type(key) is str else f"the type {type(key).__name__}"
        raise ForbiddenError(f"for a key of {kind}")

    def put(self, target: dict, key: Any, value: Any) -> None:
        """Set one item of a dict."""
        target[self.checked_key(key)] = value

    def _copied(self, array: npt.NDArray, dtype: np.dtype) -> npt.NDArray:
        self.budget.allocate(array.nbytes)
        return array.astype(dtype)

    def _encoded(self, text: str) -> bytes:
        self.budget.allocate(len(text))
        return text.encode("latin1")


@dataclass(frozen=True)
class Name:
    """An allowed global.

    Attributes:
        dotted: as in the file.
        build: called with the reading and the pickle's arguments; returns what represents the real call's result.
        is_class: whether it may also be instantiated by the opcodes for new objects.
    """

    dotted: str
    build: Callable[..., Any]
    is_class: bool = False


class Record:
    """Represents an object on the interpreter's stack; by default, a pickle may not set its state."""

    __slots__ = ()

    def set_state(self, state: Any) -> None:
        """Take the state that the pickle sets."""
        raise ForbiddenError(f"to change a {type(self).__name__}")

    def resolve(self, reading: Reading) -> Any:
        """Return what the record stands for."""
        raise NotImplementedError


class EncodedRecord(Record):
    """Represents bytes that are written as text of as many characters."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def resolve(self, reading: Reading) -> Data:
        """Return the bytes."""
        return reading.bytes_of(self)


class DtypeRecord(Record):
    """Represents ``numpy.dtype``: a plain number type and its byte order."""

    __slots__ = ("code", "order")

    def __init__(self, code: Any) -> None:
        if not isinstance(code, str):
            raise ForbiddenError(f"for an array whose dtype is a {type(code).__name__}")
        if not _DTYPE_CODE.fullmatch(code.lstrip("<>=|")):
            raise ForbiddenError(f"for an array of dtype '{shown(code, 40)}'")
        self.code, self.order = code.lstrip("<>=|"), "="

    def set_state(self, state: Any) -> None:
        """Take the byte order; fields and subarrays are refused."""
        if not isinstance(state, tuple) or len(state) < 5:
            raise ValueError("a dtype without a byte order")
        order, *fields = state[1:5]
        if order not in ("<", ">", "=", "|") or any(field is not None for field in fields):
            raise ForbiddenError("for an array of records")
        self.order = order

    def numpy(self) -> np.dtype:
        """Return the NumPy type."""
        return np.dtype(self.order + self.code)

    def resolve(self, reading: Reading) -> str:
        """Return the type's code, for a dtype that is stored by itself."""
        return self.numpy().str


class ArrayRecord(Record):
    """Represents an array while the pickle runs; :meth:`resolve` builds it if the number of bytes is exactly right."""

    __slots__ = ("data", "dtype", "fortran", "shape")

    def __init__(self) -> None:
        self.data: Any = None
        self.dtype: Any = None
        self.shape: Any = ()
        self.fortran: Any = False

    def set_state(self, state: Any) -> None:
        """Take version, shape, dtype, order and data."""
        if not isinstance(state, tuple) or len(state) != 5:
            raise ValueError("an array without a proper state")
        _, self.shape, self.dtype, self.fortran, self.data = state

    def resolve(self, reading: Reading) -> npt.NDArray:
        """Return the array: read-only and without a copy if the byte order is the machine's."""
        if self.data is None or not isinstance(self.dtype, DtypeRecord):
            raise ValueError("an array without data")
        data = reading.bytes_of(self.data)
        dtype, shape = self.dtype.numpy(), checked_shape(self.shape)
        if len(data) != count_of(shape) * dtype.itemsize:
            raise ValueError("an array whose data does not fit its shape")
        return reading.flat(data, dtype).reshape(shape, order="F" if self.fortran else "C")


class ScalarRecord(Record):
    """Represents a NumPy scalar; :meth:`resolve` returns the Python number."""

    __slots__ = ("data", "dtype")

    def __init__(self, dtype: Any, data: Any) -> None:
        self.dtype, self.data = dtype, data

    def resolve(self, reading: Reading) -> Any:
        """Return the number."""
        if not isinstance(self.dtype, DtypeRecord):
            raise ValueError("a number without a dtype")
        return np.frombuffer(reading.bytes_of(self.data), self.dtype.numpy(), count=1)[0].item()


class FieldsRecord(Record):
    """Represents an object with named fields; becomes a dict, which a format may convert further."""

    __slots__ = ("fields",)

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}


class NamespaceRecord(FieldsRecord):
    """Represents ``argparse.Namespace``, in which training scripts store their options."""

    __slots__ = ()

    def set_state(self, state: Any) -> None:
        """Take the fields."""
        if not isinstance(state, dict):
            raise ValueError("a namespace without fields")
        self.fields = state


class SetRecord(Record):
    """Represents a set or frozenset; its items are hashed when it is resolved, after they have been checked."""

    __slots__ = ("items",)

    def __init__(self, items: Iterable[Any] = ()) -> None:
        self.items = list(items)

    def resolve(self, reading: Reading) -> set[Any]:
        """Return the set."""
        return {reading.checked_key(item) for item in self.items}


class DictRecord(dict):
    """Represents ``OrderedDict`` and similar classes; extra attributes (PyTorch's ``_metadata``) are dropped."""


def checked_shape(shape: Any) -> tuple[int, ...]:
    """Return a shape as a tuple.

    Raises:
        ValueError: it is not a sequence of a few non-negative integers.
    """
    is_sequence = isinstance(shape, tuple | list) and len(shape) <= _MAX_DIMENSIONS
    if not is_sequence or not all(type(side) is int and 0 <= side < _MAX_SIDE for side in shape):
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
