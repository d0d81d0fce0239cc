"""Text files as editors write them: UTF-8, or UTF-16 and UTF-32 with their byte order marks; others are named."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ppgan_ext.errors import InputError
from ppgan_ext.file_names import cure_of_missing
from ppgan_ext.untrusted import shown

# The marks of UTF-32 begin with those of UTF-16, so they come first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MAX_SHOWN, _CHUNK = 20, 2**20


def read_text(path: str | os.PathLike[str], max_bytes: int) -> str:
    """Read a text file that somebody has written.

    Args:
        path: in UTF-8, with or without a byte order mark, or in UTF-16 or UTF-32 with one.
        max_bytes: a longer file is refused.

    Raises:
        InputError: the file cannot be read, is too long, or is in another encoding, which is named if it is clear.
    """
    source = Path(path)
    try:
        with source.open("rb") as stream:
            data = b"".join(_chunks(stream, max_bytes + 1))
    except FileNotFoundError:
        raise InputError("no such file", where=source, cure=cure_of_missing(source)) from None
    except IsADirectoryError:
        raise InputError("is a folder, not a file", where=source, cure="Name a file in it") from None
    except OSError as error:
        cure = "Check its permissions"
        raise InputError(f"cannot be read ({error.strerror or error})", where=source, cure=cure) from error
    if len(data) > max_bytes:
        raise InputError(f"has more than {max_bytes:,} bytes", where=source, cure="Give the right file, or split it")
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise _unknown_encoding(data, error, source) from None


def _chunks(stream: BinaryIO, max_bytes: int) -> Iterator[bytes]:
    """Yield at most that many bytes; asked for all of them at once, Python would reserve their memory first."""
    left = max_bytes
    while left and (chunk := stream.read(min(left, _CHUNK))):
        left -= len(chunk)
        yield chunk


def _unknown_encoding(data: bytes, error: UnicodeDecodeError, source: Path) -> InputError:
    """Say which line is not UTF-8, and what it is if it is GBK, as Chinese editions of Windows and Excel write it.

    GBK is named and not assumed: text in Latin-1, Korean or Russian encodings can pass for it.
    """
    start = data.rfind(b"\n", 0, error.start) + 1
    line = data[start : data.find(b"\n", error.start) if b"\n" in data[error.start :] else len(data)]
    where = f"{source}, line {data.count(bytes((10,)), 0, start) + 1}"
    if b"\0" in data:
        what, cure = "is not text, or text in UTF-16 without its mark", "Save it as UTF-8"
        return InputError(what, where=source, cure=cure)
    try:
        read = line.strip().decode("gbk")
    except UnicodeDecodeError:
        return InputError(f"is not UTF-8 text ({error.reason})", where=where, cure="Save it as UTF-8")
    cure = f"Save it as UTF-8, in an editor or with: iconv -f GBK -t UTF-8 {source.name}"
    return InputError(f"is not UTF-8 text; it seems to be GBK: '{shown(read, _MAX_SHOWN)}'", where=where, cure=cure)
