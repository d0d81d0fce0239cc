"""HTTPS connections that lead to known hosts only and end in time."""

from __future__ import annotations

import contextlib
import functools
import http.client
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable, Collection, Mapping
from types import TracebackType
from typing import Any
from urllib.parse import urljoin, urlsplit

_MAX_REDIRECTS = 5


class ForeignHostError(Exception):
    """A server sends on to an address that is not one of the allowed hosts."""


class Deadline:
    """A moment at which connections are closed, whatever they are doing: waiting, reading headers, reading content.

    Args:
        seconds: from now.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._close)
        self._timer.daemon = True

    def __enter__(self) -> Deadline:
        """Start to watch."""
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop watching."""
        self._timer.cancel()

    @property
    def left(self) -> float:
        """Seconds that are left, 0 if it has passed."""
        return max(self._end - time.monotonic(), 0.0)

    def watch(self, connected: socket.socket) -> None:
        """Watch this socket from now on, instead of the one before."""
        self._socket = connected

    def _close(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


def host_of(url: str) -> str:
    """Return the host of a URL, with its port if it has one; "" if the URL is not https."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2].lower() if parts.scheme.lower() == "https" else ""


def open_url(
    url: str, headers: Mapping[str, str], hosts: Collection[str], deadline: Deadline, timeout: float
) -> http.client.HTTPResponse:
    """Open an https URL and follow redirections, to the allowed hosts only.

    Args:
        url: https.
        headers: of the request.
        hosts: as `host_of` returns them.
        deadline: watches the connection.
        timeout: seconds without a byte.

    Raises:
        ForeignHostError: the server sends on to another host, or away from https.
        OSError: among them urllib's errors, as `urllib.request.urlopen` raises them.
    """
    request = urllib.request.Request(url, headers=dict(headers))
    opener = urllib.request.build_opener(_Secure(deadline.watch), _Redirects(hosts))
    response: http.client.HTTPResponse = opener.open(request, timeout=min(timeout, max(deadline.left, 0.001)))
    return response


class _Redirects(urllib.request.HTTPRedirectHandler):
    max_redirections = _MAX_REDIRECTS

    def __init__(self, hosts: Collection[str]) -> None:
        self._hosts = hosts

    def http_error_302(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any) -> Any:
        """Check the address before urllib looks at it."""
        target = headers.get("Location") or headers.get("URI") or ""
        address = urljoin(req.full_url, target)
        if host_of(address) not in self._hosts:
            fp.close()
            raise ForeignHostError(address)
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


class _Secure(urllib.request.HTTPSHandler):
    def __init__(self, watch: Callable[[socket.socket], None]) -> None:
        super().__init__()
        self._watch = watch

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """Open a connection whose socket is watched."""
        return self.do_open(functools.partial(_Connection, self._watch), req)


class _Connection(http.client.HTTPSConnection):
    def __init__(self, watch: Callable[[socket.socket], None], host: str, **settings: Any) -> None:
        self._watched, self._secure = watch, ssl.create_default_context()
        super().__init__(host, context=self._secure, **settings)

    def connect(self) -> None:
        """Connect, and let the socket be watched before the handshake."""
        http.client.HTTPConnection.connect(self)
        name = getattr(self, "_tunnel_host", None) or self.host
        self.sock = self._secure.wrap_socket(self.sock, server_hostname=name, do_handshake_on_connect=False)
        self._watched(self.sock)
        self.sock.do_handshake()
