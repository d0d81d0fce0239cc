"""Messages over a pipe: a pickle followed by the arrays it refers to, written and read without a copy.

Both ends are processes of the same program; data from a file or a network is never unpickled here.
"""

from __future__ import annotations

import pickle
import struct
from typing import Any, BinaryIO

_COUNT = struct.Struct(">Q")


class ClosedError(EOFError):
    """The other end of the pipe has closed it."""


def send(stream: BinaryIO, message: Any) -> None:
    """Write one message.

    Raises:
        OSError: the other end has closed the pipe.
    """
    arrays: list[pickle.PickleBuffer] = []
    head = pickle.dumps(message, protocol=5, buffer_callback=arrays.append)
    parts = [memoryview(head), *(array.raw() for array in arrays)]
    stream.write(_COUNT.pack(len(parts)) + b"".join(_COUNT.pack(part.nbytes) for part in parts))
    for part in parts:
        stream.write(part)
    stream.flush()


def receive(stream: BinaryIO) -> Any:
    """Read one message.

    Raises:
        ClosedError: the other end has closed the pipe, before or within a message.
    """
    (num_parts,) = _COUNT.unpack(_read(stream, _COUNT.size))
    sizes = [_COUNT.unpack(_read(stream, _COUNT.size))[0] for _ in range(num_parts)]
    head, *arrays = [_read(stream, size) for size in sizes]
    return pickle.loads(head, buffers=arrays)


def _read(stream: BinaryIO, size: int) -> bytearray:
    data = bytearray(size)
    view = memoryview(data)
    done = 0
    while done < size:
        count = stream.readinto(view[done:])  # type: ignore[attr-defined]
        if not count:
            raise ClosedError("the pipe was closed")
        done += count
    return data
