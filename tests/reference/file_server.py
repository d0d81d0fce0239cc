"""A loopback https server with one file and the habits, good and bad, of servers that weights come from.

Its certificate and key, which protect nothing, were made with OpenSSL for 127.0.0.1 and localhost until 2120; programs
trust it when SSL_CERT_FILE names it.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CERTIFICATE = Path(__file__).parent / "localhost.pem"


@dataclass
class Served:
    """What the server sends, and what it was asked.

    Attributes:
        content: the file.
        etag: None sends no validator.
        ranges: whether Range is honoured.
        cut_at: per answer, in order: close the connection after so many bytes of the file; None or no entry: whole.
        statuses: per answer, in order: an error status instead of the file; None or no entry: the file.
        content_type: header.
        length: whether Content-Length is sent.
        delay: seconds before each block.
        block: bytes of a block.
        redirects: per answer, in order: send on to this address; None or no entry: the file.
        headers: further headers of the answer.
        partial: answer 206 with this Content-Range, whatever was asked.
        drip: seconds between the bytes of the answer's headers.
        requests: headers of all requests.
    """

    content: bytes
    etag: str | None = '"one"'
    ranges: bool = True
    cut_at: list = field(default_factory=list)
    statuses: list = field(default_factory=list)
    content_type: str = "application/octet-stream"
    length: bool = True
    delay: float = 0.0
    block: int = 65536
    redirects: list = field(default_factory=list)
    headers: dict = field(default_factory=dict)
    partial: str | None = None
    drip: float = 0.0
    requests: list = field(default_factory=list)
    url: str = ""


class _Server(ThreadingHTTPServer):
    """Each connection makes its handshake in its own thread, so that one that hangs up does not hold the others."""

    daemon_threads = True

    def finish_request(self, request, client_address):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        with contextlib.suppress(OSError), context.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request, client_address):
        """Say nothing about connections that a client has closed."""


class _Handler(BaseHTTPRequestHandler):
    served: Served
    protocol_version = "HTTP/1.0"

    def log_message(self, *_):
        pass

    def do_GET(self):
        number = len(self.served.requests)
        self.served.requests.append(dict(self.headers))
        if self.served.drip:
            self._drip()
            return
        address = self.served.redirects[number] if number < len(self.served.redirects) else None
        if address is not None:
            self.send_response(302)
            self.send_header("Location", address)
            self.end_headers()
            return
        status = self.served.statuses[number] if number < len(self.served.statuses) else None
        if status is not None:
            self.send_error(status)
            return
        start = self._start()
        if start is not None and start >= len(self.served.content):
            self.send_error(416)
            return
        cut = self.served.cut_at[number] if number < len(self.served.cut_at) else None
        self._send(start, cut)

    def _drip(self):
        with contextlib.suppress(OSError):
            self.wfile.write(b"HTTP/1.0 200 OK\r\nX-Filler: ")
            while True:
                time.sleep(self.served.drip)
                self.wfile.write(b"x")

    def _start(self):
        wanted = self.headers.get("Range")
        unchanged = self.headers.get("If-Range") in (None, self.served.etag)
        if wanted is None or not self.served.ranges or not unchanged:
            return None
        return int(wanted.removeprefix("bytes=").rstrip("-"))

    def _send(self, start, cut):
        total = len(self.served.content)
        self.send_response(200 if start is None and self.served.partial is None else 206)
        body = self.served.content[start or 0 : cut]
        if start is not None or self.served.partial is not None:
            own = f"bytes {start}-{total - 1}/{total}"
            self.send_header("Content-Range", own if self.served.partial is None else self.served.partial)
        for name, value in self.served.headers.items():
            self.send_header(name, value)
        if self.served.length:
            self.send_header("Content-Length", str(total - (start or 0)))
        if self.served.etag:
            self.send_header("ETag", self.served.etag)
        self.send_header("Content-Type", self.served.content_type)
        self.end_headers()
        with contextlib.suppress(OSError):
            for at in range(0, len(body), self.served.block):
                time.sleep(self.served.delay)
                self.wfile.write(body[at : at + self.served.block])


@contextlib.contextmanager
def serve(served: Served):
    """Run the server in a thread."""
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"served": served}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    served.url = f"https://127.0.0.1:{server.server_port}/models/model.pdparams"
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def left_over(request):
    """Return the names beside the target that are not lock files."""
    return sorted(p.name for p in request.target.parent.iterdir() if not p.name.endswith(".lock"))
