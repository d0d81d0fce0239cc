"""The formats of pictures that may be opened. A file's content decides which one it has, never its name.

Pillow recognises some sixty formats, among them PostScript, for which it starts another program. So each format below
is read by the one decoder that the table names, and nothing else is opened.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import IO, Any

import PIL.Image

from ppgan_ext.errors import InputError

HEAD_BYTES = 256
"""Bytes at the beginning of a file from which its format is recognised."""

_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIF_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1", b"heif"}
)
_BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})  # sizes of the header that follows the file's own
_PPM = re.compile(rb"(P[1-6]|P[Ff])\s+(#|\d)")


@dataclass(frozen=True)
class PictureFormat:
    """A format of pictures and its decoder.

    Attributes:
        name: Pillow's name of it.
        suffixes: of files that usually have it, in lower case.
        matches: whether the first bytes of a file are those of this format.
        decoder: module and name of the decoder, called with a binary file and a file name.
        needs: what to do where the decoder is missing.
    """

    name: str
    suffixes: tuple[str, ...]
    matches: Callable[[bytes], bool]
    decoder: str
    needs: str = "Install Pillow anew: pip install --force-reinstall pillow"

    def open(self, file: IO[bytes], name: str) -> PIL.Image.Image:
        """Open a file of this format; its pixels are decoded when they are first needed.

        Raises:
            InputError: the decoder is not installed.
            Exception: whatever the decoder raises on a damaged file.
        """
        module, _, attribute = self.decoder.partition(":")
        try:
            decoder: Any = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise InputError(f"is a {self.name} picture, for which a decoder is missing", cure=self.needs) from error
        return decoder(file, name)


def _is_bmp(head: bytes) -> bool:
    return head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS


def _brands(head: bytes) -> frozenset[bytes]:
    """Return the brands of an ISO base media file (ISO/IEC 14496-12, section 4.3): the main one and the compatible."""
    if head[4:8] != b"ftyp":
        return frozenset()
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return frozenset({head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))})


_PILLOW_WITH_AVIF = "Install a build of Pillow that reads it: pip install 'pillow>=11.3'"
FORMATS: tuple[PictureFormat, ...] = (
    PictureFormat(
        "JPEG", (".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".mpo"), lambda head: head[:3] == b"\xff\xd8\xff",
        "PIL.JpegImagePlugin:jpeg_factory",
    ),
    PictureFormat(
        "PNG", (".png", ".apng"), lambda head: head[:8] == b"\x89PNG\r\n\x1a\n", "PIL.PngImagePlugin:PngImageFile"
    ),
    PictureFormat(
        "WEBP", (".webp",), lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP",
        "PIL.WebPImagePlugin:WebPImageFile",
    ),
    PictureFormat(
        "TIFF", (".tif", ".tiff"), lambda head: head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
        "PIL.TiffImagePlugin:TiffImageFile",
    ),
    PictureFormat("GIF", (".gif",), lambda head: head[:6] in (b"GIF87a", b"GIF89a"), "PIL.GifImagePlugin:GifImageFile"),
    PictureFormat("BMP", (".bmp", ".dib"), _is_bmp, "PIL.BmpImagePlugin:BmpImageFile"),
    PictureFormat(
        "PPM", (".ppm", ".pgm", ".pbm", ".pnm", ".pfm"), lambda head: _PPM.match(head) is not None,
        "PIL.PpmImagePlugin:PpmImageFile",
    ),
    PictureFormat(
        "AVIF", (".avif", ".avifs"), lambda head: not _AVIF_BRANDS.isdisjoint(_brands(head)),
        "PIL.AvifImagePlugin:AvifImageFile", _PILLOW_WITH_AVIF,
    ),
    PictureFormat(
        "HEIF", (".heic", ".heif", ".hif", ".heics", ".heifs"),
        lambda head: not _HEIF_BRANDS.isdisjoint(_brands(head)),
        "pi_heif:HeifImageFile", "Install the decoder: pip install pi-heif; or save the photo as JPEG",
    ),
)  # fmt: skip
"""All formats that are read; the first that matches is a file's."""

SUFFIXES = frozenset(suffix for entry in FORMATS for suffix in entry.suffixes)
"""Suffixes of files that are expected to be pictures: one that is not is a failure, not something to leave out."""

FOREIGN_SUFFIXES = frozenset(
    {".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw"}
    | {".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"}
    | {".jp2", ".j2k", ".jpf", ".jpx", ".jxl", ".jxr", ".psd", ".xcf", ".svg", ".eps", ".ico", ".tga", ".exr", ".hdr"}
)
"""Suffixes of pictures that are not read. Most camera raws are TIFF files whose only picture is a thumbnail."""


def recognise(head: bytes, name: str = "") -> PictureFormat | None:
    """Return the format of a file that begins with these bytes (`HEAD_BYTES`, or all of it), or None.

    Args:
        head: the bytes.
        name: the file's name: a camera raw is no TIFF file, although it begins like one.
    """
    found = next((entry for entry in FORMATS if entry.matches(head)), None)
    return None if found is not None and found.name == "TIFF" and is_foreign(name) else found


def is_foreign(name: str) -> bool:
    """Return whether a file's name says that it is a picture of a format that is not read."""
    return PurePath(name).suffix.lower() in FOREIGN_SUFFIXES
