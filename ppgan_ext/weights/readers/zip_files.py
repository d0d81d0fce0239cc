"""Zip archives of arrays, as NumPy and PyTorch write them: stored or deflated, and not encrypted."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator
from pathlib import Path

from ppgan_ext.errors import WeightsError

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive, after a look at its directory.

    Raises:
        WeightsError: an entry is encrypted, or compressed by a method that weights never use.
    """
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.flag_bits & 1:
                cure = "Unpack it with its password, and pack the files again without one"
                raise WeightsError("is an encrypted archive", where=path, cure=cure)
            if entry.compress_type not in _METHODS:
                cure = "Unpack it, and pack the files again without compression"
                raise WeightsError(
                    f"is compressed by a method that is not read (number {entry.compress_type})", where=path, cure=cure
                )
        yield archive
