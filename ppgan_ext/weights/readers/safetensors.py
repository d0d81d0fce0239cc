"""Hugging Face's ``.safetensors``: a JSON header and raw arrays. The package's own format: it cannot contain code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors
from safetensors.numpy import save_file

from ppgan_ext.errors import WeightsError
from ppgan_ext.untrusted import BudgetError
from ppgan_ext.weights.readers.records import Reading

_MAX_HEADER = 32 * 2**20
_WIDENED = "BF16"
_MAPPED = {"F32": "<f4", "U16": "<u2"}
_READABLE = frozenset("F64 F32 F16 I64 U64 I32 U32 I16 U16 I8 U8 BOOL C64".split())


def read(path: Path, reading: Reading) -> dict[str, npt.NDArray]:
    """Read all arrays; bfloat16, which NumPy lacks, is widened to float32.

    Raises:
        WeightsError: an array has an unsupported type.
        ValueError: the file is damaged.
    """
    _check_header(path)
    reading.budget.allocate(path.stat().st_size)
    state: dict[str, npt.NDArray] = {}
    try:
        with safetensors.safe_open(path, framework="numpy") as handle:
            kinds = {reading.checked_key(name): handle.get_slice(name).get_dtype() for name in handle.keys()}
            odd = sorted(set(kinds.values()) - _READABLE - {_WIDENED})
            if odd:
                cure = "Convert the file to float32 or float16"
                raise WeightsError(f"arrays of type {', '.join(odd)} are not supported", where=path, cure=cure)
            bits = _read_bfloat16(path) if _WIDENED in kinds.values() else {}
            for name, kind in kinds.items():
                state[name] = reading.widened(bits[name]) if kind == _WIDENED else handle.get_tensor(name)
    except safetensors.SafetensorError as error:
        raise ValueError(str(error)) from error
    return state


def map_arrays(path: Path) -> dict[str, npt.NDArray]:
    """Map all arrays from the file, read-only: what is not looked at is never read.

    Raises:
        ValueError: the file is damaged, or has arrays of types that NumPy lacks.
    """
    _check_header(path)
    try:
        with safetensors.safe_open(path, framework="numpy") as handle:
            shapes = {name: handle.get_slice(name).get_shape() for name in handle.keys()}
    except safetensors.SafetensorError as error:
        raise ValueError(str(error)) from error
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(length))
    content = np.memmap(path, np.uint8, "r", offset=8 + length)
    arrays = {}
    for name, shape in shapes.items():
        if header[name]["dtype"] not in _MAPPED:
            raise ValueError("an array that cannot be mapped")
        start, end = header[name]["data_offsets"]
        arrays[name] = np.asarray(content[start:end]).view(_MAPPED[header[name]["dtype"]]).reshape(shape)
    return arrays


def read_metadata(path: Path) -> dict[str, str]:
    """Read the text entries of the header.

    Raises:
        ValueError: the file is damaged.
    """
    _check_header(path)
    try:
        with safetensors.safe_open(path, framework="numpy") as handle:
            return dict(handle.metadata() or {})
    except safetensors.SafetensorError as error:
        raise ValueError(str(error)) from error


def write(path: Path, state: Mapping[str, Any], metadata: Mapping[str, str] | None = None) -> None:
    """Write a flat dict of arrays, and text entries in the header.

    Raises:
        WeightsError: a value is not an array, or has an unsupported type.
    """
    arrays = {}
    for name, array in state.items():
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "biufc" or array.dtype.itemsize > 8:
            kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
            what = f"a value of type {kind} cannot be stored in a .safetensors file"
            raise WeightsError(what, where=name, cure="Store arrays of numbers of at most 64 bits")
        arrays[name] = np.asarray(array, order="C")
    mode = path.stat().st_mode if path.exists() else None
    save_file(arrays, path, metadata=None if metadata is None else dict(metadata))
    if metadata is not None and len(metadata) > 1:
        _sort_metadata(path)
    if mode is not None:  # the library replaces the file by a new one that only its owner may read
        path.chmod(mode)


def _sort_metadata(path: Path) -> None:
    """Put the text entries of a header in order: the library's order is random, and equal files have equal bytes."""
    with path.open("r+b") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(length))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
        if len(text) <= length:  # always so, unless the library's JSON is shorter than ours; then the file stays
            stream.seek(8)
            stream.write(text.ljust(length))


def _check_header(path: Path) -> None:
    """Refuse a header that is larger than thousands of arrays and their notes need, before it is parsed."""
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
    if length > _MAX_HEADER:
        raise BudgetError(f"its header of {length:,} bytes is larger than {_MAX_HEADER:,}")


def _read_bfloat16(path: Path) -> dict[str, npt.NDArray[np.uint16]]:
    """Read the bits of these arrays at the header's offsets, which the library has checked when opening the file."""
    bits = {}
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        for name, entry in json.loads(stream.read(length)).items():
            if entry.get("dtype") == _WIDENED:
                start, end = entry["data_offsets"]
                stream.seek(8 + length + start)
                bits[name] = np.frombuffer(stream.read(end - start), "<u2").reshape(entry["shape"])
    return bits
