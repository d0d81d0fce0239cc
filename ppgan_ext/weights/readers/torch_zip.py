"""PyTorch's ``.pt`` since version 1.6: a zip with a pickle ``data.pkl`` and one file per storage."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

from ppgan_ext.weights.readers.torch_tensors import TORCH_NAMES, Storage, item_size, storage_id
from ppgan_ext.weights.readers.unpickle import Unpickler, resolve


def read(path: Path) -> Any:
    """Read a file of ``torch.save``: containers are kept, tensors become arrays."""
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        pickles = [name for name in entries if name.rsplit("/", 1)[-1] == "data.pkl"]
        if len(pickles) != 1:
            raise ValueError("a zip without one data.pkl")
        prefix = pickles[0].removesuffix("data.pkl")
        if f"{prefix}constants.pkl" in entries:
            raise ValueError("a TorchScript program, not a checkpoint")
        if f"{prefix}byteorder" in entries and archive.read(f"{prefix}byteorder").strip() != b"little":
            raise NotImplementedError("tensors in big-endian byte order")
        storages: dict[str, Storage] = {}

        def load_storage(pid: Any) -> Storage:
            kind, key, count = storage_id(pid, 5)
            if key not in storages:
                entry = entries.get(f"{prefix}data/{key}")
                if entry is None or entry.file_size != count * item_size(kind):
                    raise ValueError(f"storage {key[:40]} is missing or of the wrong size")
                with archive.open(entry) as stream:
                    storages[key] = Storage(kind, count, stream.read(entry.file_size))
            return storages[key]

        program = io.BytesIO(archive.read(pickles[0]))
        return resolve(Unpickler(program, TORCH_NAMES, load_storage).load())
