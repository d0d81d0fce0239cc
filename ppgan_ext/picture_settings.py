"""The settings that a picture was made with, inside of its file: beside the pixels, which are not written again.

PNG: an iTXt chunk before the end (ISO/IEC 15948, 11.3.4.5). JPEG: a comment segment, COM, after the application's
segments (ITU-T T.81, B.2.4.5). WebP: a chunk of its own at the end, which readers skip (RFC 9649, 2.7.1.6).
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path

from ppgan_ext.errors import InputError
from ppgan_ext.files import write_bytes
from ppgan_ext.untrusted import door

KEY = "ppgan_ext settings"
MAX_BYTES = 60_000
"""Longest text, in UTF-8: a JPEG segment holds no more than 65,533 bytes."""

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_CHUNK = b"PPGX"  # of WebP
_PREFIX = KEY.encode() + b"\0"
_MAX_FILE_BYTES = 256 * 2**20


def put_settings(path: str | os.PathLike[str], text: str) -> None:
    """Write a text into a PNG, JPEG or WebP file, whole or not at all; pixels and other metadata keep their bytes.

    Args:
        path: a picture.
        text: at most `MAX_BYTES` in UTF-8.

    Raises:
        InputError: another format, or a text that is too long.
        OutputError: the file cannot be written.
    """
    content = text.encode()
    if len(content) > MAX_BYTES:
        raise InputError("the settings are too long for a picture", where=path, cure="Keep them in a file beside it")
    data = Path(path).read_bytes()
    if data[:8] == _PNG:
        end = data.rindex(b"IEND") - 4
        data = data[:end] + _png_chunk(b"iTXt", _PREFIX + b"\0\0\0\0" + content) + data[end:]
    elif data[:2] == _JPEG:
        at = _after_application_segments(data)
        body = _PREFIX + content
        data = data[:at] + b"\xff\xfe" + (len(body) + 2).to_bytes(2, "big") + body + data[at:]
    elif _is_webp(data):
        body = data[8:] + _CHUNK + len(content).to_bytes(4, "little") + content + b"\0" * (len(content) % 2)
        data = b"RIFF" + len(body).to_bytes(4, "little") + body
    else:
        raise InputError("is no PNG, JPEG or WebP picture", where=path, cure="Write one of these")
    write_bytes(path, data)


def find_settings(path: str | os.PathLike[str]) -> str | None:
    """Return the text that `put_settings` wrote into a picture; None if there is none.

    Raises:
        InputError: the file cannot be read, or is damaged.
    """
    with door(path, InputError):
        source = Path(path)
        if source.stat().st_size > _MAX_FILE_BYTES:
            raise InputError("is larger than any picture written here", where=path, cure="Give another picture")
        data = source.read_bytes()
        if data[:8] == _PNG:
            found = _in_png(data)
        elif data[:2] == _JPEG:
            found = _in_jpeg(data)
        else:
            found = _in_webp(data) if _is_webp(data) else None
        return None if found is None else found[:MAX_BYTES].decode()


def _is_webp(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def _png_chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return len(content).to_bytes(4, "big") + kind + content + checksum.to_bytes(4, "big")


def _in_png(data: bytes) -> bytes | None:
    at = len(_PNG)
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        content = data[at + 8 : end - 4]
        if data[at + 4 : at + 8] == b"iTXt" and content.startswith(_PREFIX + b"\0\0\0\0"):
            return content[len(_PREFIX) + 4 :]
        at = end
    return None


def _in_jpeg(data: bytes) -> bytes | None:
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] == 0xFE and data[at + 4 : end].startswith(_PREFIX):
            return data[at + 4 + len(_PREFIX) : end]
        at = end
    return None


def _in_webp(data: bytes) -> bytes | None:
    at = 12
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == _CHUNK:
            return data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    return None


def _after_application_segments(data: bytes) -> int:
    """Return where the first segment of a JPEG file begins that is none of an application's (APP0 to APP15)."""
    at = 2
    while data[at] == 0xFF and 0xE0 <= data[at + 1] <= 0xEF:
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at
