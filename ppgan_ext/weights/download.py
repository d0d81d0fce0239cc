"""Downloading a file over HTTPS: interrupted transfers are resumed, and only a complete, verified file is kept.

The file comes from the hosts that were named, in the time and size that were allowed, or not at all.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import json
import os
import re
import shutil
import ssl
import sys
import time
import urllib.error
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ppgan_ext.errors import ConfigError, OutputError, PpganExtError, WeightsError
from ppgan_ext.untrusted import shown
from ppgan_ext.version import __version__
from ppgan_ext.weights.connections import Deadline, ForeignHostError, host_of, open_url

# Called with the bytes done and the total (None if the server does not state it).
OnProgress: TypeAlias = Callable[[int, int | None], None]

PAUSES = (1.0, 4.0)  # seconds before the second and third attempt
TIMEOUT = 30.0  # seconds without a byte
CHUNK = 2**20
DEADLINE = 3 * 3600.0  # seconds for all attempts; the next call goes on where this one ends
SLOW_SECONDS, SLOW_BYTES = 60.0, 2**16  # a server that sends less than this in this time has stalled
MAX_BYTES = 4 * 2**30
_TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Request:
    """A file to download, its target, and how to verify it.

    Attributes:
        url: https.
        target: path of the finished file.
        sha256: expected hash in hexadecimal, or None.
        sha256_source: where that hash comes from, for messages.
        min_bytes: a shorter file is refused.
        max_bytes: a longer file is refused, at the latest when this many bytes have come.
        hosts: further hosts that the URL's own host may send on to, with their ports unless these are 443.
        check: raises a PpganExtError if the downloaded file has the wrong content.
        on_progress: called after every chunk.
    """

    url: str
    target: Path
    sha256: str | None = None
    sha256_source: str = ""
    min_bytes: int = 1
    max_bytes: int = MAX_BYTES
    hosts: tuple[str, ...] = ()
    check: Callable[[Path], object] | None = None
    on_progress: OnProgress | None = None

    @property
    def part(self) -> Path:
        """Path of the incomplete download."""
        return self.target.with_name(self.target.name + ".part")

    @property
    def journal(self) -> Path:
        """Path of the notes on the server's file to which ``part`` belongs."""
        return self.target.with_name(self.target.name + ".part.json")

    @property
    def cure(self) -> str:
        """How to download the file by hand."""
        return f"Download {self.url} by other means and put it into {self.target.parent} as {self.target.name}"

    def discard(self) -> None:
        """Remove the incomplete download."""
        self.part.unlink(missing_ok=True)
        self.journal.unlink(missing_ok=True)


class _TransientError(Exception):
    """A temporary failure, worth another attempt."""


def download(request: Request) -> Path:
    """Download the file, or wait for another process that is downloading it.

    The next attempt or call resumes an interrupted transfer, if the server's file is still the same (by its ETag or
    Last-Modified).

    Returns:
        ``request.target``.

    Raises:
        WeightsError: there is no connection, or the server sends an error, a web page, a file that is too short, too
            long or has another hash, sends on to a foreign host, or takes too long; the message says how to download
            the file by hand.
        OutputError: the folder cannot be written, or the disk is full.
        ConfigError: the URL is not https.
    """
    if not host_of(request.url):
        cure = "Give a URL that begins with https://"
        raise ConfigError("only https is supported", where=request.url, cure=cure)
    try:
        request.target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(request.target.with_name(f".{request.target.name}.lock")):
            if not request.target.is_file():
                with Deadline(DEADLINE) as deadline:
                    _attempt(request, deadline)
    except OSError as error:  # network errors are handled further down: this one comes from the disk
        if error.errno in _FULL:
            request.discard()  # an incomplete file would keep the disk full
        raise _disk_error(error, request) from error
    return request.target


def _attempt(request: Request, deadline: Deadline) -> None:
    """Try until the file is complete; an interrupted transfer that got further than all before costs no attempt."""
    pauses, furthest = list(PAUSES), 0
    while True:
        try:
            resumed = _transfer(request, deadline)
            if _verify(request, may_restart=resumed):
                os.replace(request.part, request.target)
                request.journal.unlink(missing_ok=True)
                return
            reason = "the resumed file has another sha256"
        except _TransientError as error:
            reason = str(error)
        length = request.part.stat().st_size if request.part.exists() else 0
        if not deadline.left:
            reason = f"{length:,} bytes came in {deadline.seconds:,.0f} seconds; another start goes on from there"
            break
        if length >= furthest + CHUNK and request.journal.exists():
            pauses = list(PAUSES)
        furthest = max(furthest, length)
        if not pauses:
            break
        time.sleep(min(pauses.pop(0), deadline.left))
    raise WeightsError(f"could not be downloaded ({reason})", where=request.url, cure=request.cure)


def _transfer(request: Request, deadline: Deadline) -> bool:
    """Download the rest of the part file, and return whether it was resumed rather than started."""
    journal = _read_journal(request)
    offset = request.part.stat().st_size if journal else 0
    headers = {"User-Agent": f"ppgan_ext/{__version__}", "Accept-Encoding": "identity"}
    if journal and offset:
        if offset == journal.get("total"):
            return True
        headers |= {"Range": f"bytes={offset}-", "If-Range": str(journal["validator"])}
    hosts = {host_of(request.url), *(host.lower() for host in request.hosts)}
    try:
        with open_url(request.url, headers, hosts, deadline, TIMEOUT) as response:
            if response.status == 206 and offset and _continues(response, offset, journal):
                _receive(request, response, offset, journal.get("total"), deadline)
                return True
            if response.status != 200:
                request.discard()
                raise _TransientError(f"the server sent the unexpected status {response.status}")
            total = _begin(request, response)
            _receive(request, response, 0, total, deadline)
            return False
    except ForeignHostError as error:
        what = f"the server sends on to {shown(str(error))}, which is not one of its known addresses"
        raise WeightsError(what, where=request.url, cure=request.cure) from None
    except urllib.error.HTTPError as error:
        with error:
            _raise_for_status(request, error)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, ssl.SSLError) as error:
        raise _TransientError(_reason(error)) from error
    return False


def _raise_for_status(request: Request, error: urllib.error.HTTPError) -> None:
    if error.code == 416:  # the part is at least as long as the server's file, which must be another one
        request.discard()
        raise _TransientError("the server's file has changed")
    if error.code in _TRANSIENT_STATUS:
        raise _TransientError(f"the server answered {error.code} {error.reason}")
    raise WeightsError(f"the server answered {error.code} {error.reason}", where=request.url, cure=request.cure)


def _continues(response: http.client.HTTPResponse, offset: int, journal: dict) -> bool:
    """Return whether a partial response is the rest of the file that the part file begins."""
    span = re.fullmatch(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", response.headers.get("Content-Range", "").strip())
    if span is None or int(span[1]) != offset:
        return False
    total = journal.get("total")
    whole = total if span[3] == "*" else int(span[3])
    return total in (None, whole) and (whole is None or int(span[2]) == whole - 1)


def _begin(request: Request, response: http.client.HTTPResponse) -> int | None:
    """Check the headers of a full response, discard the old part, write the journal, and return the file's length."""
    if response.headers.get_content_type() in ("text/html", "application/xhtml+xml"):
        raise WeightsError("the server answered with a web page", where=request.url, cure=request.cure)
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        what = f"the server sends it packed as {shown(encoding, 40)}, which was not asked for"
        raise WeightsError(what, where=request.url, cure=request.cure)
    length = response.headers.get("Content-Length", "")
    total = int(length) if re.fullmatch(r"[0-9]{1,18}", length) else None
    if total is not None and total < request.min_bytes:
        what = f"the server's file has {total:,} bytes instead of at least {request.min_bytes:,}"
        raise WeightsError(what, where=request.url, cure=request.cure)
    if total is not None and total > request.max_bytes:
        raise _too_long(request, total)
    request.discard()
    if total is not None and shutil.disk_usage(request.target.parent).free < total:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    etag = response.headers.get("ETag", "")
    validator = etag if etag.startswith('"') else response.headers.get("Last-Modified")
    if validator:
        entry = {"url": request.url, "validator": validator, "total": total}
        request.journal.write_text(json.dumps(entry), encoding="utf-8")
    return total


def _receive(
    request: Request, response: http.client.HTTPResponse, offset: int, total: int | None, deadline: Deadline
) -> None:
    done = offset
    with request.part.open("ab" if offset else "wb") as stream:
        for chunk in _chunks(response, deadline):
            done += len(chunk)
            if done > request.max_bytes:
                request.discard()
                raise _too_long(request, done)
            stream.write(chunk)
            if request.on_progress is not None:
                request.on_progress(done, total)
        stream.flush()
        os.fsync(stream.fileno())
    if total is not None and done < total:
        raise _TransientError(f"interrupted after {done:,} of {total:,} bytes")
    if done < request.min_bytes or (total is not None and done > total):
        request.discard()
        expected = f"at least {request.min_bytes:,}" if total is None else f"{total:,}"
        what = f"the server sent {done:,} bytes instead of {expected}"
        raise WeightsError(what, where=request.url, cure=request.cure)


def _chunks(response: http.client.HTTPResponse, deadline: Deadline) -> Iterator[bytes]:
    """Yield what the server sends, as it comes.

    Raises:
        _TransientError: the connection breaks, sends next to nothing for a while, or the deadline passes.
    """
    since, received = time.monotonic(), 0
    while True:
        try:
            chunk = response.read1(CHUNK)
        except (OSError, http.client.HTTPException) as error:
            raise _TransientError(f"interrupted: {_reason(error)}") from error
        if not deadline.left:
            raise _TransientError("it takes too long")
        if not chunk:
            return
        yield chunk
        received += len(chunk)
        now = time.monotonic()
        if now - since >= SLOW_SECONDS:
            if received < SLOW_BYTES:
                raise _TransientError(f"the server sent only {received:,} bytes in {now - since:.0f} seconds")
            since, received = now, 0


def _too_long(request: Request, num_bytes: int) -> WeightsError:
    what = f"the server sends {num_bytes:,} bytes or more, where at most {request.max_bytes:,} are expected"
    return WeightsError(what, where=request.url, cure=request.cure)


def _verify(request: Request, may_restart: bool) -> bool:
    """Verify the complete part file; return False if it must be downloaded again from the beginning."""
    try:
        if request.check is not None:
            request.check(request.part)
    except PpganExtError as error:
        request.discard()
        raise WeightsError(
            f"the server sent something else: {error.what}", where=request.url, cure=request.cure
        ) from None
    if request.sha256 is None:
        return True
    sha256 = hash_file(request.part)
    if sha256 == request.sha256.lower():
        return True
    request.discard()
    if may_restart:
        return False
    source = f" {request.sha256_source}" if request.sha256_source else ""
    what = f"the downloaded file has sha256 {sha256} instead of {request.sha256}{source}; it was removed"
    raise WeightsError(what, where=request.url, cure=request.cure)


def hash_file(path: Path) -> str:
    """Return the sha256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _read_journal(request: Request) -> dict:
    """Return the notes on the part file; empty if it cannot be resumed."""
    try:
        journal = json.loads(request.journal.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    fits = isinstance(journal, dict) and journal.get("url") == request.url and journal.get("validator")
    return journal if fits and request.part.is_file() else {}


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an operating-system lock, which is released even if the process dies."""
    with path.open("ab") as stream:
        if sys.platform == "win32":
            import msvcrt

            while True:
                try:
                    msvcrt.locking(stream.fileno(), msvcrt.LK_LOCK, 1)
                    break
                except OSError:
                    time.sleep(0.5)
            try:
                yield
            finally:
                stream.seek(0)
                msvcrt.locking(stream.fileno(), msvcrt.LK_UNLCK, 1)
        else:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX)
            yield


def _reason(error: BaseException) -> str:
    inner = getattr(error, "reason", None)
    return str(inner if inner else error) or type(error).__name__


def _disk_error(error: OSError, request: Request) -> OutputError:
    folder = request.target.parent
    cure = "Set PPGAN_EXT_HOME to a folder on another disk"
    if error.errno in _FULL:
        return OutputError(
            f"the disk is too full for {request.target.name}", where=folder, cure=f"Free space, or {cure}"
        )
    return OutputError(f"{request.target.name} cannot be stored ({error.strerror or error})", where=folder, cure=cure)
