"""Small messages between the processes of a run, over TCP connections of their own, and the failures of processes.

Gloo gives up when another process is 30 seconds late, and neither gloo nor NCCL reports why a process ended. Over these
connections a process waits for the others without a time limit, and learns at once that one has failed or ended. Rank 0
is the centre of a star. Messages are bytes, and nothing in them is executed.
"""

from __future__ import annotations

import os
import secrets
import socket
import struct
from typing import Any

from ppgan_ext.errors import TrainingError

_KEY = "ppgan_ext/peer_messages"
_HEAD = struct.Struct("<BI")  # kind, length
_MESSAGE, _FAILURE = 0, 1
_TOKEN_BYTES = 16
MAX_BYTES = 2**20
_CHUNK_BYTES = 2**20


class PeerError(TrainingError):
    """Another process of the run failed or ended; the text is its own error message if it sent one."""


class PeerMessages:
    """The connections of one process to the others.

    Args:
        rank: rank of this process.
        size: number of processes.
        store: Paddle's key-value store, through which the processes find each other.
    """

    def __init__(self, rank: int, size: int, store: Any) -> None:
        self._rank, self._size = rank, size
        self._peers: dict[int, socket.socket] = {}
        host = os.environ.get("PADDLE_TRAINER_ENDPOINTS", "127.0.0.1:0").partition(",")[0].rpartition(":")[0]
        if rank == 0:
            self._accept_peers(host, store)
        else:
            self._connect_to_centre(store)

    def exchange(self, message: bytes = b"") -> list[bytes]:
        """Send a message to all processes and receive theirs; blocks until every process has called this.

        Returns:
            The messages in the order of the ranks, the same in every process.

        Raises:
            PeerError: another process has failed or ended.
        """
        if self._rank == 0:
            messages = [message, *(self._receive(rank) for rank in range(1, self._size))]
            packed = b"".join(struct.pack("<I", len(item)) + item for item in messages)
            for rank in self._peers:
                self._send(rank, _MESSAGE, packed)
            return messages
        self._send(0, _MESSAGE, message)
        return _unpack(self._receive(0))

    def gather(self, message: bytes) -> list[bytes]:
        """Send a message of any size to rank 0.

        Returns:
            In rank 0 all messages in the order of the ranks, in the others an empty list.

        Raises:
            PeerError: another process has failed or ended.
        """
        if self._rank == 0:
            return [message, *(self._receive(rank) for rank in range(1, self._size))]
        self._send(0, _MESSAGE, message)
        return []

    def report_failure(self, text: str) -> None:
        """Send the error that ends this process; the others raise it as a `PeerError` when they next receive."""
        for rank in self._peers:
            try:
                self._send(rank, _FAILURE, text.encode()[:MAX_BYTES])
            except PeerError:
                continue  # that process ended before this one

    def close(self) -> None:
        """Close the connections."""
        for connection in self._peers.values():
            connection.close()
        self._peers = {}

    def _accept_peers(self, host: str, store: Any) -> None:
        token = secrets.token_bytes(_TOKEN_BYTES)
        with socket.create_server((host, 0), backlog=self._size) as server:
            store.set(_KEY, f"{host}:{server.getsockname()[1]}:{token.hex()}".encode())
            while len(self._peers) < self._size - 1:
                connection, _ = server.accept()
                greeting = _read_bytes(connection, _TOKEN_BYTES + 4)
                if greeting[:_TOKEN_BYTES] == token:
                    self._peers[struct.unpack("<I", greeting[_TOKEN_BYTES:])[0]] = _configured(connection)
                else:
                    connection.close()  # not a process of this run

    def _connect_to_centre(self, store: Any) -> None:
        host, port, token = bytes(store.get(_KEY)).decode().rsplit(":", 2)
        centre = _configured(socket.create_connection((host, int(port))))
        centre.sendall(bytes.fromhex(token) + struct.pack("<I", self._rank))
        self._peers[0] = centre

    def _send(self, rank: int, kind: int, message: bytes) -> None:
        try:
            self._peers[rank].sendall(_HEAD.pack(kind, len(message)) + message)
        except OSError as error:
            raise self._lost(rank) from error

    def _receive(self, rank: int) -> bytes:
        connection = self._peers[rank]
        head = _read_bytes(connection, _HEAD.size)
        kind, length = _HEAD.unpack(head) if len(head) == _HEAD.size else (_MESSAGE, 0)
        message = _read_bytes(connection, length)
        if len(head) < _HEAD.size or len(message) < length:
            raise self._lost(rank)
        if kind == _FAILURE:
            text = message.decode("utf-8", "replace")
            self._drop(rank, text)
            raise PeerError(text)
        return message

    def _lost(self, rank: int) -> PeerError:
        error = PeerError(f"process {rank} has ended", cure="Its own log may contain the reason")
        self._drop(rank, str(error))
        return error

    def _drop(self, rank: int, reason: str) -> None:
        """Close the connection to a process; the centre forwards the reason to the others."""
        connection = self._peers.pop(rank, None)
        if connection is not None:
            connection.close()
        if self._rank == 0:
            self.report_failure(reason)


def _configured(connection: socket.socket) -> socket.socket:
    connection.settimeout(None)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return connection


def _read_bytes(connection: socket.socket, count: int) -> bytes:
    """Read ``count`` bytes; fewer if the other side has closed the connection."""
    data = bytearray()
    while len(data) < count:
        try:
            chunk = connection.recv(min(count - len(data), _CHUNK_BYTES))
        except OSError:
            break
        if not chunk:
            break
        data += chunk
    return bytes(data)


def _unpack(packed: bytes) -> list[bytes]:
    messages, position = [], 0
    while position < len(packed):
        (length,) = struct.unpack_from("<I", packed, position)
        messages.append(packed[position + 4 : position + 4 + length])
        position += 4 + length
    return messages
