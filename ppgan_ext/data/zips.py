"""Zip files of pictures, read without unpacking."""

from __future__ import annotations

import os
import re
import stat
import zipfile
from pathlib import Path, PurePosixPath

from ppgan_ext import own_files
from ppgan_ext.data.image_source import BadFileError, ImageSource, decode_or_raise
from ppgan_ext.errors import InputError
from ppgan_ext.picture_formats import HEAD_BYTES, SUFFIXES, is_foreign, recognise
from ppgan_ext.picture_listing import FOREIGN, NO_PICTURE, UNREADABLE_MEMBER, LeftOut
from ppgan_ext.types import Image

MAX_FILE_BYTES = 512 * 2**20
"""Largest unpacked size of one picture: a small zip can unpack to an enormous file."""

_DRIVE = re.compile(r"[A-Za-z]:")
_ENCRYPTED = 0x1  # flag bit of an entry


class ZipSource(ImageSource):
    """The pictures in a zip file, sorted by name, read without unpacking.

    Nothing is written to disk, so a path that leads out of the archive could do no harm; it is refused nevertheless.

    Raises:
        InputError: the file is not a zip or contains no pictures.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._archive: zipfile.ZipFile | None = None
        self._process = 0
        self.left_out: list[LeftOut] = []
        names: set[str] = set()
        for info in self._open().infolist():
            self._check_path(info.filename)
            reason = self._reason(info)
            if reason is None:
                names.add(info.filename)
            elif reason:
                self.left_out.append(LeftOut(info.filename, reason))
        self._names = sorted(names)
        if not self._names:
            raise InputError("contains no pictures", where=path, cure="Zip the folder of pictures again")

    @property
    def path(self) -> Path:
        """The zip file."""
        return self._path

    def __len__(self) -> int:
        return len(self._names)

    def name(self, index: int) -> str:
        """Return the path within the archive."""
        return self._names[index]

    def read(self, index: int) -> Image:
        """Decode a picture."""
        name = self._names[index]
        where = f"{self._path}/{name}"
        try:
            archive = self._open()
            info = archive.getinfo(name)
            if info.flag_bits & _ENCRYPTED:
                raise BadFileError("is encrypted", where=where, cure="Make the zip without a password")
            if info.file_size > MAX_FILE_BYTES:
                raise BadFileError(f"has {info.file_size} bytes", where=where, cure="Scale it down first")
            data = archive.read(info)
        except BadFileError:
            raise
        except Exception as error:  # zipfile lets the errors of its decompressors through
            raise BadFileError(f"cannot be read ({error})", where=where, cure="Copy the zip again") from error
        return decode_or_raise(data, where)

    def num_bytes(self, index: int) -> int:
        """Return a picture's unpacked size in bytes."""
        return self._open().getinfo(self._names[index]).file_size

    def _check_path(self, name: str) -> None:
        """Refuse a path that leads out of the archive: absolute, through "..", or to a drive of Windows."""
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if ".." in parts or parts[:1] == ("/",) or (len(parts) > 1 and _DRIVE.fullmatch(parts[0])):
            cure = "Do not trust this archive; zip the pictures again"
            raise InputError(f"contains a path that leads out of it, '{name}'", where=self._path, cure=cure)

    def _reason(self, info: zipfile.ZipInfo) -> str | None:
        """Return why a member is left out, "" for what is not mentioned (see `picture_listing`); None for a picture."""
        parts = PurePosixPath(info.filename).parts
        is_link = stat.S_ISLNK(info.external_attr >> 16)
        if info.is_dir() or is_link or any(part.startswith(".") or part == "__MACOSX" for part in parts):
            return ""
        if PurePosixPath(info.filename).suffix.lower() in SUFFIXES:
            return None
        try:
            with self._open().open(info) as member:
                head = member.read(max(HEAD_BYTES, own_files.HEAD_BYTES))
            if recognise(head[:HEAD_BYTES], info.filename) is not None:
                return None
        except Exception:  # noqa: BLE001 - zipfile lets the errors of its decompressors through
            return UNREADABLE_MEMBER
        if is_foreign(info.filename):
            return FOREIGN
        return "" if own_files.is_own_content(info.filename, head) else NO_PICTURE

    def _open(self) -> zipfile.ZipFile:
        """Return the archive, opened once in each process: after a fork, a shared handle would share its position."""
        if self._archive is None or self._process != os.getpid():
            try:
                self._archive = zipfile.ZipFile(self._path)
            except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
                cure = "Copy or create it again"
                raise InputError(f"is not a readable zip file ({error})", where=self._path, cure=cure) from error
            self._process = os.getpid()
        return self._archive

    def __getstate__(self) -> dict[str, object]:
        """Drop the file handle."""
        return {**self.__dict__, "_archive": None}

    def __del__(self) -> None:
        archive = getattr(self, "_archive", None)
        if archive is not None:
            archive.close()
