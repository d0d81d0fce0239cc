"""PyTorch's ``.pt`` before version 1.6: pickles of magic number, version, system, object and keys; then storages."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

from ppgan_ext.weights.readers.records import Reading
from ppgan_ext.weights.readers.resolve import resolve
from ppgan_ext.weights.readers.torch_tensors import TORCH_NAMES, Storage, item_size, storage_id
from ppgan_ext.weights.readers.unpickle import Unpickler

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
# The magic number as pickle protocols from 2 on encode it: LONG1, ten bytes.
MAGIC_BYTES = b"\x8a\n" + MAGIC.to_bytes(10, "little")


def read(path: Path, reading: Reading) -> Any:
    """Read a file of ``torch.save``: containers are kept, tensors become arrays."""
    with path.open("rb") as stream:
        return resolve(load(stream, path.stat().st_size, reading), reading)


def load(stream: BinaryIO, num_bytes: int, reading: Reading) -> Any:
    """Read a file from the stream's current position; its storages are filled, but its records are not resolved yet.

    Args:
        stream: a buffered binary file.
        num_bytes: of the stream, from its beginning.
        reading: the read that the file is part of.
    """
    storages: dict[str, Storage] = {}
    views: list[tuple[Storage, str, int]] = []

    def load_storage(pid: Any) -> Storage:
        kind, key, count = storage_id(pid, 6)
        root = storages.setdefault(reading.checked_key(key), Storage(kind, count))
        if pid[5] is None:
            return root
        _, offset, view_count = pid[5]
        if type(offset) is not int or type(view_count) is not int or offset < 0 or view_count < 0:
            raise ValueError("a view of a storage without offset or size")
        view = Storage(kind, view_count)
        views.append((view, key, offset))
        return view

    def unpickled() -> Any:
        return Unpickler(stream, num_bytes, reading).load()

    for expected in (MAGIC, VERSION):
        number = unpickled()
        if type(number) is not int or number != expected:
            raise ValueError("an unknown version of the format")
    system = unpickled()
    if not isinstance(system, dict) or system.get("little_endian", True) is not True:
        raise NotImplementedError("tensors in big-endian byte order")
    item = Unpickler(stream, num_bytes, reading, TORCH_NAMES, load_storage).load()
    keys = unpickled()
    if not isinstance(keys, list) or sorted(map(_text, keys)) != sorted(storages):
        raise ValueError("the storages are not those of the tensors")
    for key in keys:
        _fill(stream, num_bytes, storages[key], reading)
    for view, key, offset in views:
        start = offset * item_size(view.kind)
        view.data = memoryview(storages[key].data or b"")[start : start + view.count * item_size(view.kind)]
    return item


def _text(key: Any) -> str:
    if not isinstance(key, str):
        raise ValueError("a storage without a name")
    return key


def _fill(stream: BinaryIO, num_bytes: int, storage: Storage, reading: Reading) -> None:
    count = int.from_bytes(stream.read(8), "little", signed=True)
    if count != storage.count:
        raise ValueError("the size of a storage differs from that of its tensors")
    needed = count * item_size(storage.kind)
    if needed > num_bytes - stream.tell():
        raise ValueError(f"a storage of {needed:,} bytes that ends early")
    reading.budget.allocate(needed)
    storage.data = stream.read(needed)
