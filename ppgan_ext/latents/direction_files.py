"""Files of directions: all common layouts can be read, and the package's own is written.

The package's layout, `.safetensors`: tensors `NAME.direction` and `NAME.regressor`, (n_latent, D) or (1, D), and one
header entry `ppgan_ext.directions` with JSON: {"notes": {...}, "directions": {NAME: {"unit", "bias", "statistics"}}}.
It is a single entry because the safetensors library writes several in random order, and the same directions must
produce the same bytes.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ppgan_ext.errors import InputError
from ppgan_ext.file_names import cure_of_missing
from ppgan_ext.latents.codes import read_numpy
from ppgan_ext.types import FloatArray
from ppgan_ext.untrusted import door, shown
from ppgan_ext.weights import readers

HEADER = "ppgan_ext.directions"
_DAMAGED, _WRITE_AGAIN = "its header is incomplete or damaged", "Write it again"
SUFFIXES = (".safetensors", ".pdparams", ".npy", ".npz", ".pt", ".pth")


@dataclass(frozen=True, eq=False)
class Record:
    """A direction as stored in a file, shapes unchecked."""

    name: str
    vector: FloatArray
    unit: str = "step"
    regressor: FloatArray | None = None
    bias: float = 0.0
    statistics: Mapping[str, float] = field(default_factory=dict)


def read_records(path: str | os.PathLike[str], name: str | None = None) -> list[Record]:
    """Read all directions of a file, or of every file in a folder.

    Raises:
        InputError: the file does not exist, is empty, or contains something other than directions.
        WeightsError: the file is damaged or would run code.
    """
    source = Path(path)
    if source.is_dir():
        with door(source, InputError):
            files = sorted(p for p in source.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file())
        records = [record for file in files for record in _read_file(file, None)]
    elif source.is_file():
        records = _read_file(source, name)
    else:
        raise InputError("no such file", where=source, cure=cure_of_missing(source, "Check the path of the directions"))
    if not records:
        raise InputError("contains no direction", where=source, cure=f"Give files ending in {', '.join(SUFFIXES)}")
    return records


def write_records(path: str | os.PathLike[str], records: Sequence[Record], notes: Mapping[str, str]) -> None:
    """Write the package's own layout, whole or not at all; the same records produce the same bytes.

    Raises:
        InputError: the name does not end in .safetensors.
        OutputError: the file cannot be written.
    """
    target = check_target(path)
    tensors: dict[str, FloatArray] = {}
    table: dict[str, dict[str, Any]] = {}
    for record in records:
        tensors[f"{record.name}.direction"] = np.ascontiguousarray(record.vector, dtype=np.float32)
        if record.regressor is not None:
            tensors[f"{record.name}.regressor"] = np.ascontiguousarray(record.regressor, dtype=np.float32)
        statistics = {key: float(value) for key, value in record.statistics.items()}
        table[record.name] = {"unit": record.unit, "bias": float(record.bias), "statistics": statistics}
    header = json.dumps({"notes": {str(k): str(v) for k, v in notes.items()}, "directions": table})
    readers.write(target, tensors, {HEADER: header})


def read_notes(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read the notes in a file of the package's own layout; empty for other files.

    Raises:
        InputError: the file does not exist, or its header is damaged.
        WeightsError: the file is damaged.
    """
    source = Path(path)
    if source.suffix.lower() != ".safetensors":
        return {}
    header = readers.read_metadata(source)
    with door(source, InputError, _WRITE_AGAIN, what=_DAMAGED):
        notes = json.loads(header.get(HEADER, "{}")).get("notes", {})
        return {str(key): str(value) for key, value in notes.items()}


def check_target(path: str | os.PathLike[str]) -> Path:
    """Return the path of a file of directions; raise InputError unless it ends in .safetensors."""
    target = Path(path)
    if target.suffix.lower() != ".safetensors":
        cure = f"Name it {target.with_suffix('.safetensors').name}"
        raise InputError("directions are saved as .safetensors", where=target, cure=cure)
    return target


def _read_file(path: Path, name: str | None) -> list[Record]:
    suffix = path.suffix.lower()
    if suffix == ".safetensors":
        return _read_safetensors(path)
    if suffix in (".npy", ".npz"):
        return _from_tree(read_numpy(path), path, name)
    if suffix in (".pdparams", ".pt", ".pth"):
        return _from_tree(readers.read(path), path, name)
    raise InputError("is not a file of directions", where=path, cure=f"Give one of {', '.join(SUFFIXES)}")


def _read_safetensors(path: Path) -> list[Record]:
    tensors, header = readers.read(path), readers.read_metadata(path)
    if HEADER not in header:
        return _from_tree(tensors, path, None)
    with door(path, InputError, _WRITE_AGAIN, what=_DAMAGED):
        table = json.loads(header[HEADER])["directions"]
        return [_from_header(name, entry, tensors, path) for name, entry in table.items()]


def _from_header(name: str, entry: Mapping[str, Any], tensors: Mapping[str, FloatArray], path: Path) -> Record:
    regressor = tensors.get(f"{name}.regressor")
    statistics = {str(key): float(value) for key, value in entry["statistics"].items()}
    bias = float(entry["bias"])
    if not math.isfinite(bias) or not statistics.get("stretch", 1.0) > 0:
        raise ValueError(f"{shown(name, 60)} has an impossible bias or stretch")
    return Record(
        name,
        _numbers(tensors[f"{name}.direction"], path),
        str(entry["unit"]),
        None if regressor is None else _numbers(regressor, path),
        bias,
        statistics,
    )


def _from_tree(node: Any, path: Path, name: str | None) -> list[Record]:
    """Convert an array, or a dict of arrays by name, to records."""
    if isinstance(node, np.ndarray):
        return [Record(name or _name_of(path), _numbers(node, path))]
    if isinstance(node, Mapping):
        entries = [(str(key), value) for key, value in node.items() if not str(key).startswith("StructuredToParameter")]
        wrong = _not_arrays(entries)
        if wrong:
            cure = "Give a dict of direction name to tensor"
            raise InputError(f"contains {shown(wrong[0], 60)}, which is not a tensor", where=path, cure=cure)
        if len(entries) == 1 and (name or entries[0][0] in ("direction", "boundary", "w", "arr_0", "")):
            return [Record(name or _name_of(path), _numbers(entries[0][1], path))]
        return [Record(key, _numbers(value, path)) for key, value in entries]
    raise InputError(f"contains {type(node).__name__}, not directions", where=path, cure="Save the tensor itself")


def _not_arrays(entries: Iterable[tuple[str, Any]]) -> list[str]:
    return [key for key, value in entries if not isinstance(value, np.ndarray)]


def _numbers(array: FloatArray, path: Path) -> FloatArray:
    if array.dtype.kind not in "fiu":
        raise InputError(f"contains {array.dtype}, not real numbers", where=path, cure="Save the direction as float32")
    return array


def _name_of(path: Path) -> str:
    """Return the attribute in a file name: "age" for InterFaceGAN's `stylegan_ffhq_age_w_boundary`."""
    stem = re.sub(r"_boundary$", "", path.stem)
    stem = re.sub(r"^(stylegan\d*|pggan)_(ffhq|celebahq)_", "", stem)
    return re.sub(r"_w$", "", stem)
