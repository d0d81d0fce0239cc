"""PyTorch's ``.pt`` before version 1.6: pickles of magic number, version, system, object and keys; then storages."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

from ppgan_ext.weights.readers.torch_tensors import TORCH_NAMES, Storage, item_size, storage_id
from ppgan_ext.weights.readers.unpickle import Unpickler, resolve

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
# The magic number as pickle protocols from 2 on encode it: LONG1, ten bytes.
MAGIC_BYTES = b"\x8a\n" + MAGIC.to_bytes(10, "little")


def read(path: Path) -> Any:
    """Read a file of ``torch.save``: containers are kept, tensors become arrays."""
    with path.open("rb") as stream:
        return resolve(load(stream))


def load(stream: BinaryIO) -> Any:
    """Read a file from the stream's current position; its storages are filled, but its records are not resolved yet."""
    storages: dict[str, Storage] = {}
    views: list[tuple[Storage, str, int]] = []

    def load_storage(pid: Any) -> Storage:
        kind, key, count = storage_id(pid, 6)
        root = storages.setdefault(key, Storage(kind, count))
        if pid[5] is None:
            return root
        _, offset, view_count = pid[5]
        if type(offset) is not int or type(view_count) is not int or offset < 0 or view_count < 0:
            raise ValueError("a view of a storage without offset or size")
        view = Storage(kind, view_count)
        views.append((view, key, offset))
        return view

    if Unpickler(stream).load() != MAGIC or Unpickler(stream).load() != VERSION:
        raise ValueError("an unknown version of the format")
    if not Unpickler(stream).load().get("little_endian", True):
        raise NotImplementedError("tensors in big-endian byte order")
    item = Unpickler(stream, TORCH_NAMES, load_storage).load()
    keys = Unpickler(stream).load()
    if set(keys) != set(storages):
        raise ValueError("the storages are not those of the tensors")
    for key in keys:
        _fill(stream, storages[key])
    for view, key, offset in views:
        start = offset * item_size(view.kind)
        view.data = (storages[key].data or b"")[start : start + view.count * item_size(view.kind)]
    return item


def _fill(stream: BinaryIO, storage: Storage) -> None:
    count = int.from_bytes(stream.read(8), "little", signed=True)
    if count != storage.count:
        raise ValueError("the size of a storage differs from that of its tensors")
    storage.data = stream.read(count * item_size(storage.kind))
