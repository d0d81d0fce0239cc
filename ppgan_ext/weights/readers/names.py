"""The names that a checkpoint of Paddle or NumPy may use, and what is built for each; every other name is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from ppgan_ext.untrusted import shown
from ppgan_ext.weights.readers.records import (
    ArrayRecord,
    DictRecord,
    DtypeRecord,
    EncodedRecord,
    ForbiddenError,
    Name,
    NamespaceRecord,
    Reading,
    ScalarRecord,
    SetRecord,
)


def _items(reading: Reading, items: Any) -> Iterable[Any]:
    """Return the items of a container, each of which costs an operation."""
    if isinstance(items, SetRecord):
        items = items.items
    if not isinstance(items, list | tuple | dict):
        raise ValueError(f"a {type(items).__name__} where a container is needed")
    reading.budget.spend(len(items))
    return items


def _dict(reading: Reading, *arguments: Any) -> DictRecord:
    """Build a dict from a dict, or from pairs; a default factory is left out."""
    result = DictRecord()
    for argument in arguments:
        if isinstance(argument, Name):
            continue
        for item in _items(reading, argument):
            key, value = (item, argument[item]) if isinstance(argument, dict) else item
            reading.put(result, key, value)
    return result


def _reconstruct(reading: Reading, kind: Any, shape: Any, code: Any) -> ArrayRecord:
    if kind is not NDARRAY:
        raise ForbiddenError("for an array of a custom class")
    return ArrayRecord()


def _from_buffer(reading: Reading, data: Any, dtype: Any, shape: Any, order: Any) -> ArrayRecord:
    record = ArrayRecord()
    record.set_state((1, shape, dtype, order == "F", data))
    return record


def _encode(reading: Reading, text: Any, codec: Any) -> EncodedRecord:
    if not isinstance(codec, str):
        raise ForbiddenError(f"for _codecs.encode with a codec that is a {type(codec).__name__}")
    if codec not in ("latin1", "latin-1"):
        raise ForbiddenError(f"for _codecs.encode with '{shown(codec, 40)}'")
    if not isinstance(text, str):
        raise ValueError(f"a {type(text).__name__} where text is needed")
    return EncodedRecord(text)


def _empty_bytes(reading: Reading, *arguments: Any) -> bytes:
    if arguments:
        raise ForbiddenError("for bytes with arguments")
    return b""


def _complex(reading: Reading, real: Any, imaginary: Any) -> complex:
    if not all(type(part) in (int, float) for part in (real, imaginary)):
        raise ValueError("a complex number that is not made of two numbers")
    return complex(real, imaginary)


def _dense_tensor(reading: Reading, *arguments: Any) -> ArrayRecord:
    """Accept ``eval('data', {'data': array})``, as which Paddle writes a static graph's tensor, and nothing else."""
    match arguments:
        case ("data", {"data": ArrayRecord() as record}):
            return record
    raise ForbiddenError("to call builtins.eval")


def _refuse_call(reading: Reading, *_: Any) -> NoReturn:
    raise ForbiddenError("to call a type")


def _namespace(reading: Reading) -> NamespaceRecord:
    return NamespaceRecord()


NDARRAY = Name("numpy.ndarray", _refuse_call)
_BUILDERS: dict[str, Callable[..., Any]] = {
    "builtins.tuple": lambda reading, items=(): tuple(_items(reading, items)),
    "builtins.list": lambda reading, items=(): list(_items(reading, items)),
    "builtins.set": lambda reading, items=(): SetRecord(_items(reading, items)),
    "builtins.frozenset": lambda reading, items=(): SetRecord(_items(reading, items)),
    "builtins.bytes": _empty_bytes,
    "builtins.complex": _complex,
    "builtins.eval": _dense_tensor,
    "_codecs.encode": _encode,
    "numpy.dtype": lambda reading, code, *_: DtypeRecord(code),
    "numpy.core.multiarray._reconstruct": _reconstruct,
    "numpy.core.multiarray.scalar": lambda reading, dtype, data: ScalarRecord(dtype, data),
    "numpy.core.numeric._frombuffer": _from_buffer,
}
_CLASSES: dict[str, Callable[..., Any]] = {
    "builtins.dict": _dict,
    "collections.OrderedDict": _dict,
    "collections.defaultdict": _dict,
    "collections.Counter": _dict,
    "argparse.Namespace": _namespace,
}
COMMON_NAMES: dict[str, Name] = {
    **{dotted: Name(dotted, build) for dotted, build in _BUILDERS.items()},
    **{dotted: Name(dotted, build, is_class=True) for dotted, build in _CLASSES.items()},
    "numpy.ndarray": NDARRAY,
}
