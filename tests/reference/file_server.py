"""A loopback web server with one file and the habits, good and bad, of servers that weights come from."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


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
        delay: seconds before each block of 64 KiB.
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
    requests: list = field(default_factory=list)
    url: str = ""


@contextlib.contextmanager
def serve(served: Served):
    """Run the server in a thread."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def log_message(self, *_):
            pass

        def do_GET(self):
            number = len(served.requests)
            served.requests.append(dict(self.headers))
            status = served.statuses[number] if number < len(served.statuses) else None
            if status is not None:
                self.send_error(status)
                return
            start = self._start()
            if start is not None and start >= len(served.content):
                self.send_error(416)
                return
            cut = served.cut_at[number] if number < len(served.cut_at) else None
            self._send(start, cut)

        def _start(self):
            wanted = self.headers.get("Range")
            unchanged = self.headers.get("If-Range") in (None, served.etag)
            if wanted is None or not served.ranges or not unchanged:
                return None
            return int(wanted.removeprefix("bytes=").rstrip("-"))

        def _send(self, start, cut):
            total = len(served.content)
            self.send_response(200 if start is None else 206)
            body = served.content[start or 0 : cut]
            if start is not None:
                self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
            if served.length:
                self.send_header("Content-Length", str(total - (start or 0)))
            if served.etag:
                self.send_header("ETag", served.etag)
            self.send_header("Content-Type", served.content_type)
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                for at in range(0, len(body), 65536):
                    time.sleep(served.delay)
                    self.wfile.write(body[at : at + 65536])

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_port}/models/model.pdparams"
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
