"""What stands before Gradio: requests that name files of this machine or addresses elsewhere are refused.

Gradio fetches a picture by its web address when an address comes in place of an upload. A visitor's browser never sends
one, so such a request is answered with 400 and goes no further. Every page begins with a script that says its language.
Every answer tells the browser to load nothing from any other host, and to tell no other host where the visitor was; the
files of the page's program are kept by the browser, which would else ask for a hundred of them at each visit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, MutableMapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ppgan_ext.web import markup

MAX_BODY_BYTES = 2**20  # of a request that is no upload; the page's own have a few kilobytes
_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
        b"img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; "
        b"connect-src 'self' data: blob:; "
        b"worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'",
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
# Files whose names change with their content: a browser need not ask for them again.
_LASTING = re.compile(r"/assets/[^/]+-[\w-]{8}\.\w+$")
_KEPT = (b"cache-control", b"public, max-age=31536000, immutable")
_PLACES = ("path", "url")
_OWN_FILES = "/gradio_api/file="


class Guard:
    """ASGI middleware: checks the bodies of requests, and adds headers to answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with 400, 403 or 413."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        send_on = _Document(send).send if scope["method"] == "GET" else send

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [_KEPT] if message["status"] == 200 and _LASTING.search(scope["path"]) else []
                message["headers"] = [*message.get("headers", []), *_HEADERS, *kept]
            await send_on(message)

        if any(scheme in scope["path"].lower() for scheme in ("http:", "https:")):
            await _answer(send_with_headers, 403, "this page opens no web addresses")
            return
        if scope["method"] == "POST" and not _header(scope, b"content-type").startswith(b"multipart/form-data"):
            body = await _read_body(receive)
            if body is None:
                await _answer(send_with_headers, 413, "too large")
                return
            if names_other_places(body):
                await _answer(send_with_headers, 400, "only uploaded files can be used")
                return
            receive = _replay(body, receive)
        await self._app(scope, receive, send_with_headers)


class _Document:
    """Puts a script at the very beginning of a page of HTML; what is no such page passes as it is.

    Gradio chooses the language of its own words before it runs any script that it is given.

    Args:
        send: where to.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        """Send on, or keep until the page is whole."""
        if message["type"] == "http.response.start" and _is_html(message):
            self._start = message
        elif self._start is None or message["type"] != "http.response.body":
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                body = self._body.replace(b"<head>", b"<head>" + markup.language_script().encode(), 1)
                headers = [pair for pair in self._start["headers"] if pair[0].lower() != b"content-length"]
                length = (b"content-length", str(len(body)).encode())
                await self._send({**self._start, "headers": [*headers, length]})
                await self._send({"type": "http.response.body", "body": body})


def _is_html(start: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/html") for name, value in start.get("headers", [])
    )


def names_other_places(body: bytes) -> bool:
    """Return whether a JSON body names a web address, or data in place of a file, where an uploaded file belongs."""
    try:
        content = json.loads(body or b"null")
    except RecursionError:
        return True
    except ValueError:  # a form; as JSON, Gradio cannot read it either
        return False
    return any(_is_elsewhere(key, value) for key, value in _entries(content))


def _is_elsewhere(key: str, value: str) -> bool:
    """A browser sends with each upload the address under which this page serves it, which Gradio does not fetch."""
    text = value.strip().lower()
    if key == "url" and _OWN_FILES in text:
        return False
    return "://" in text or text.startswith(("//", "data:", "file:"))


def _entries(content: Any) -> Iterator[tuple[str, str]]:
    """Yield every text under the keys that Gradio takes for places of files, at any depth."""
    pending = [content]
    while pending:
        value = pending.pop()
        if isinstance(value, MutableMapping):
            pending.extend(value.values())
            yield from ((key, value[key]) for key in _PLACES if isinstance(value.get(key), str))
        elif isinstance(value, list):
            pending.extend(value)


def _header(scope: Scope, name: bytes) -> bytes:
    return next((value for key, value in scope["headers"] if key == name), b"")


async def _read_body(receive: Receive) -> bytes | None:
    """Read a body; None if it is too large."""
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            break
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY_BYTES:
            return None
        more = message.get("more_body", False)
    return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that gives a body that was read already, then what follows it."""
    pending = [body]

    async def again() -> Message:
        if pending:
            return {"type": "http.request", "body": pending.pop(), "more_body": False}
        return await receive()

    return again


async def _answer(send: Send, status: int, text: str) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": text.encode()})
