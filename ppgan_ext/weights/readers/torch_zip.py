"""PyTorch's ``.pt`` since version 1.6: a zip with a pickle ``data.pkl`` and one file per storage."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any, cast

from ppgan_ext.errors import WeightsError
from ppgan_ext.weights.readers import zip_files
from ppgan_ext.weights.readers.records import Reading
from ppgan_ext.weights.readers.resolve import resolve
from ppgan_ext.weights.readers.torch_tensors import TORCH_NAMES, Storage, item_size, storage_id
from ppgan_ext.weights.readers.unpickle import Unpickler

PROGRAM = "data.pkl"
_MAX_BYTE_ORDER = 16


def read(path: Path, reading: Reading) -> Any:
    """Read a file of ``torch.save``: containers are kept, tensors become arrays."""
    with zip_files.opened(path) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        pickles = [name for name in entries if name.rsplit("/", 1)[-1] == PROGRAM]
        prefix = pickles[0].removesuffix(PROGRAM) if pickles else ""
        if f"{prefix}constants.pkl" in entries:
            raise _torchscript(path)
        if len(pickles) != 1:
            raise ValueError(f"a zip without one {PROGRAM}")
        if f"{prefix}byteorder" in entries and _short(archive, entries[f"{prefix}byteorder"]) != b"little":
            raise NotImplementedError("tensors in big-endian byte order")
        storages: dict[str, Storage] = {}

        def load_storage(pid: Any) -> Storage:
            kind, key, count = storage_id(pid, 5)
            if key not in storages:
                entry = entries.get(f"{prefix}data/{key}")
                if entry is None or entry.file_size != count * item_size(kind):
                    raise ValueError(f"storage {key[:40]} is missing or of the wrong size")
                reading.budget.allocate(entry.file_size)
                with archive.open(entry) as stream:
                    storages[key] = Storage(kind, count, stream.read(entry.file_size))
            return storages[key]

        entry = entries[pickles[0]]
        with archive.open(entry) as stream, io.BufferedReader(cast(io.RawIOBase, stream)) as program:
            return resolve(Unpickler(program, entry.file_size, reading, TORCH_NAMES, load_storage).load(), reading)


def _short(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with archive.open(entry) as stream:
        return stream.read(_MAX_BYTE_ORDER).strip()


def _torchscript(path: Path) -> WeightsError:
    what = "is a TorchScript program, which contains code, not a checkpoint"
    cure = f"Save its arrays in PyTorch: torch.save(torch.jit.load('{path.name}').state_dict(), 'arrays.pt')"
    return WeightsError(what, where=path, cure=cure)
