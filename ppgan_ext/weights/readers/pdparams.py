"""Paddle's ``.pdparams``: a pickle of nested dicts, with tensors as arrays or as (name, array) pairs.

Paddle's own ``paddle.load`` executes the pickle. This reader executes nothing. The files written here can be read by
``paddle.load`` of Paddle 2.1 and later, with NumPy 1 and 2.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from ppgan_ext.errors import WeightsError
from ppgan_ext.weights.readers.records import Reading
from ppgan_ext.weights.readers.resolve import resolve
from ppgan_ext.weights.readers.unpickle import Unpickler

NAME_TABLE = "StructuredToParameterName@@"
SPLIT_TABLE = "UnpackBigParamInfor@@"
# NumPy's uint16 is missing on purpose: in a .pdparams file, it means bfloat16.
_WRITABLE = frozenset("? b B h i I l q Q e f d F D".split())
_STORABLE = "Store arrays, numbers, text, None, and dicts, lists or tuples of these"


def read(path: Path, reading: Reading) -> Any:
    """Read a file of ``paddle.save``, pickle protocols 2 to 4; bfloat16 is widened to float32."""
    with path.open("rb") as stream:
        item = Unpickler(stream, path.stat().st_size, reading).load()
    return resolve(item, reading, lambda item: _plain(item, reading))


def _plain(item: Any, reading: Reading) -> Any:
    """Drop Paddle's own entries and tensor names, and join parameters that were split into slices."""
    if isinstance(item, np.ndarray):
        return reading.widened(item) if item.dtype == np.uint16 else item
    if isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str) and isinstance(item[1], np.ndarray):
        return item[1]
    if isinstance(item, dict):
        return {key: value for key, value in _joined(item, reading).items() if key != NAME_TABLE}
    return item


def _joined(item: dict, reading: Reading) -> dict:
    if SPLIT_TABLE not in item:
        return item
    whole = dict(item)
    for key, entry in whole.pop(SPLIT_TABLE).items():
        slices = [whole.pop(part) for part in entry["slices"]]
        reading.budget.allocate(sum(part.nbytes for part in slices))
        whole[key] = np.concatenate(slices).reshape(entry["OriginShape"])
    return whole


def write(path: Path, state: Mapping[str, Any]) -> None:
    """Write nested dicts, lists, text, numbers and arrays as ``paddle.save`` does (protocol 4)."""
    with path.open("wb") as stream:
        stream.write(b"\x80\x04")
        _put(stream, state, "")
        stream.write(b".")


def _put(stream: BinaryIO, item: Any, name: str) -> None:
    """Write one value; ``name`` is its dotted path, used as the tensor's name and in errors."""
    if item is None or isinstance(item, bool | np.bool_):
        stream.write(b"N" if item is None else b"\x88" if item else b"\x89")
    elif isinstance(item, str):
        _put_text(stream, item)
    elif isinstance(item, int | np.integer):
        data = int(item).to_bytes((int(item).bit_length() >> 3) + 1, "little", signed=True)
        stream.write(b"\x8a" + bytes([len(data)]) + data)
    elif isinstance(item, float | np.floating):
        stream.write(b"G" + struct.pack(">d", float(item)))
    elif isinstance(item, np.ndarray):
        _put_text(stream, name)
        _put_array(stream, item, name)
        stream.write(b"\x86")
    elif isinstance(item, Mapping):
        stream.write(b"}(")
        for key, value in item.items():
            _put(stream, key, name)
            _put(stream, value, f"{name}.{key}" if name else str(key))
        stream.write(b"u")
    elif isinstance(item, list | tuple):
        stream.write(b"](" if isinstance(item, list) else b"(")
        for index, value in enumerate(item):
            _put(stream, value, f"{name}.{index}")
        stream.write(b"e" if isinstance(item, list) else b"t")
    else:
        what = f"a value of type {type(item).__name__} cannot be stored in a .pdparams file"
        raise WeightsError(what, where=name, cure=_STORABLE)


def _put_text(stream: BinaryIO, text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    stream.write(b"X" + struct.pack("<I", len(data)) + data)


def _put_global(stream: BinaryIO, module: str, name: str) -> None:
    stream.write(f"c{module}\n{name}\n".encode("ascii"))


def _put_array(stream: BinaryIO, array: npt.NDArray, name: str) -> None:
    """Write an array as NumPy pickles it, under the module name that NumPy 1 and 2 both know."""
    if array.dtype.char not in _WRITABLE:
        what = f"an array of {array.dtype} cannot be stored in a .pdparams file"
        raise WeightsError(what, where=name, cure="Convert it, for example to float32 or int64")
    array = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
    _put_global(stream, "numpy.core.multiarray", "_reconstruct")
    _put_global(stream, "numpy", "ndarray")
    stream.write(b"K\x00\x85C\x01b\x87R(K\x01(")
    for side in array.shape:
        _put(stream, side, name)
    stream.write(b"t")
    _put_global(stream, "numpy", "dtype")
    _put_text(stream, array.dtype.str[1:])
    stream.write(b"\x89\x88\x87R(K\x03")
    _put_text(stream, "<" if array.dtype.itemsize > 1 else "|")
    stream.write(b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89\x8e" + struct.pack("<Q", array.nbytes))
    stream.write(array.reshape(-1).view(np.uint8).data)
    stream.write(b"tb")
