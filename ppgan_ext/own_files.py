"""Recognise, by their content, the files that our tools write beside pictures: lists of pictures pass over them.

These are latent codes, the manifest of prepared faces, films, and networks that were tuned or fitted here.
"""

from __future__ import annotations

import io
import os
from pathlib import Path, PurePosixPath

import numpy as np

from ppgan_ext.array_files import read_header

_MARK = b"ppgan_ext"
_MARKED_HEADS = (".json", ".jsonl", ".safetensors")  # of which the first bytes name their writer
_FILM = ".mp4"  # names its writer at its end
_CODE = ".npy"
_CODE_ROWS = range(4, 19, 2)  # 2 * log2(size) - 2, of generators of 8 to 1024 pixels
HEAD_BYTES = TAIL_BYTES = 4096


def is_own_file(path: str | os.PathLike[str]) -> bool:
    """Return whether a file that is no picture was written here; False if it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(HEAD_BYTES)
            file.seek(max(file.seek(0, os.SEEK_END) - TAIL_BYTES, 0))
            return is_own_content(os.fspath(path), head, file.read(TAIL_BYTES))
    except OSError:
        return False


def is_own_content(name: str, head: bytes, tail: bytes = b"") -> bool:
    """Return whether the content of a file that is no picture was written here.

    Args:
        name: the file's name.
        head: its first `HEAD_BYTES`.
        tail: its last `TAIL_BYTES`, of which only films need any.
    """
    suffix = PurePosixPath(name).suffix.lower()
    if suffix == _CODE:
        return _is_code(head)
    return _MARK in (head if suffix in _MARKED_HEADS else tail if suffix == _FILM else b"")


def _is_code(head: bytes) -> bool:
    """Return whether an array is a latent code as it is saved: float32, (n_latent, style_dim)."""
    try:
        shape, _, dtype = read_header(io.BytesIO(head))
    except Exception:  # noqa: BLE001 - NumPy's readers raise anything on damaged headers
        return False
    return len(shape) == 2 and shape[0] in _CODE_ROWS and dtype == np.float32
