"""The chunks of a PNG file (ISO/IEC 15948, section 5): dropping its texts, and reading its colour profile."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator

_SIGNATURE_BYTES = 8
_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_PROFILE = b"iCCP"
MAX_PROFILE_BYTES = 16 * 2**20
"""Largest colour profile that is read; those of printers have up to a few megabytes."""


def without_texts(data: bytes) -> tuple[bytes, bytes | None]:
    """Return a PNG file without its texts and its colour profile, and the profile, None if it has none or is damaged.

    Args:
        data: the file.
    """
    kept = [data[:_SIGNATURE_BYTES]]
    profile = None
    for kind, chunk in _chunks(data):
        if kind == _PROFILE:
            profile = _read_profile(chunk[8:-4])
        elif kind not in _TEXTS:
            kept.append(chunk)
    return b"".join(kept), profile


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind of each chunk, and the chunk with its length, kind and checksum; the last may be cut short."""
    at = _SIGNATURE_BYTES
    while at + 8 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], data[at:end]
        at = end


def _read_profile(content: bytes) -> bytes | None:
    """Decompress the content of an iCCP chunk: a name, a zero, the method 0, the profile."""
    _, _, rest = content.partition(b"\0")
    with contextlib.suppress(zlib.error):
        profile = zlib.decompressobj().decompress(rest[1:], MAX_PROFILE_BYTES + 1)
        if rest[:1] == b"\0" and len(profile) <= MAX_PROFILE_BYTES:
            return profile
    return None
