"""A line between the processes of a run, for small messages: who has arrived, who has failed, and why.

Gloo gives up when another process comes 30 seconds late, and neither gloo nor NCCL can say why one has gone. On this
line processes wait for one another as long as it takes, and learn at once when one ends. Rank 0 is the centre of a
star; messages are bytes, nothing in them is run.
"""

from __future__ import annotations

import os
import secrets
import socket
import struct
from typing import Any

from ppgan_ext.errors import TrainingError

_KEY = "ppgan_ext/line"
_HEAD = struct.Struct("<BI")  # kind, length
_SAID, _FAILED = 0, 1
_TOKEN_BYTES = 16
MAX_BYTES = 2**20
_PIECE_BYTES = 2**20


class PeerError(TrainingError):
    """Another process of the run failed or has gone; the text is that process's own, where it left one."""


class PeerMessages:
    """The line, seen from one process.

    Args:
        rank: of this process.
        size: number of processes.
        store: Paddle's key-value store, by which the processes find one another.
    """

    def __init__(self, rank: int, size: int, store: Any) -> None:
        self._rank, self._size = rank, size
        self._others: dict[int, socket.socket] = {}
        host = os.environ.get("PADDLE_TRAINER_ENDPOINTS", "127.0.0.1:0").partition(",")[0].rpartition(":")[0]
        if rank == 0:
            self._listen(host, store)
        else:
            self._call(store)

    def exchange(self, message: bytes = b"") -> list[bytes]:
        """Give a message to all processes and take theirs; waits until every process has come.

        Returns:
            The messages in the order of the ranks, the same in every process.

        Raises:
            PeerError: one of the others has failed or gone.
        """
        if self._rank == 0:
            said = [message, *(self._hear(rank) for rank in range(1, self._size))]
            together = b"".join(struct.pack("<I", len(one)) + one for one in said)
            for rank in self._others:
                self._say(rank, _SAID, together)
            return said
        self._say(0, _SAID, message)
        return _parted(self._hear(0))

    def gather(self, message: bytes) -> list[bytes]:
        """Send a message of any size to rank 0; return all messages there, in the order of the ranks.

        Raises:
            PeerError: one of the others has failed or gone.
        """
        if self._rank == 0:
            return [message, *(self._hear(rank) for rank in range(1, self._size))]
        self._say(0, _SAID, message)
        return []

    def fail(self, text: str) -> None:
        """Tell the others that this process ends, and why; they raise `PeerError` when they next come to the line."""
        for rank in self._others:
            try:
                self._say(rank, _FAILED, text.encode()[:MAX_BYTES])
            except PeerError:
                continue  # gone before us

    def close(self) -> None:
        """Hang up."""
        for other in self._others.values():
            other.close()
        self._others = {}

    def _listen(self, host: str, store: Any) -> None:
        token = secrets.token_bytes(_TOKEN_BYTES)
        with socket.create_server((host, 0), backlog=self._size) as server:
            store.set(_KEY, f"{host}:{server.getsockname()[1]}:{token.hex()}".encode())
            while len(self._others) < self._size - 1:
                other, _ = server.accept()
                greeting = _receive(other, _TOKEN_BYTES + 4)
                if greeting[:_TOKEN_BYTES] == token:
                    self._others[struct.unpack("<I", greeting[_TOKEN_BYTES:])[0]] = _prepared(other)
                else:
                    other.close()  # somebody else's call

    def _call(self, store: Any) -> None:
        host, port, token = bytes(store.get(_KEY)).decode().rsplit(":", 2)
        centre = _prepared(socket.create_connection((host, int(port))))
        centre.sendall(bytes.fromhex(token) + struct.pack("<I", self._rank))
        self._others[0] = centre

    def _say(self, rank: int, kind: int, message: bytes) -> None:
        try:
            self._others[rank].sendall(_HEAD.pack(kind, len(message)) + message)
        except OSError as error:
            raise self._gone(rank) from error

    def _hear(self, rank: int) -> bytes:
        other = self._others[rank]
        head = _receive(other, _HEAD.size)
        kind, length = _HEAD.unpack(head) if len(head) == _HEAD.size else (_SAID, 0)
        message = _receive(other, length)
        if len(head) < _HEAD.size or len(message) < length:
            raise self._gone(rank)
        if kind == _FAILED:
            text = message.decode("utf-8", "replace")
            self._pass_on(rank, text)
            raise PeerError(text)
        return message

    def _gone(self, rank: int) -> PeerError:
        error = PeerError(f"process {rank} has gone", cure="Its own log may say why")
        self._pass_on(rank, str(error))
        return error

    def _pass_on(self, rank: int, text: str) -> None:
        """Let the centre tell the others what it has heard from one."""
        lost = self._others.pop(rank, None)
        if lost is not None:
            lost.close()
        if self._rank == 0:
            self.fail(text)


def _prepared(connection: socket.socket) -> socket.socket:
    connection.settimeout(None)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return connection


def _receive(connection: socket.socket, count: int) -> bytes:
    """Receive so many bytes; fewer where the other side has hung up."""
    data = bytearray()
    while len(data) < count:
        try:
            piece = connection.recv(min(count - len(data), _PIECE_BYTES))
        except OSError:
            break
        if not piece:
            break
        data += piece
    return bytes(data)


def _parted(together: bytes) -> list[bytes]:
    parts, position = [], 0
    while position < len(together):
        (length,) = struct.unpack_from("<I", together, position)
        parts.append(together[position + 4 : position + 4 + length])
        position += 4 + length
    return parts
