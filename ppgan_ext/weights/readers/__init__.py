"""Reading weight files of every format without running any code in them, and writing two of the formats.

Formats, recognised by content: Paddle's ``.pdparams``, ``.safetensors``, PyTorch's ``.pt`` (zip and legacy), NVIDIA's
``.pkl``, dlib's ``.dat``, ``.npz`` and ``.npy``.
"""

from __future__ import annotations

import os
import pickletools
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from ppgan_ext import files
from ppgan_ext.errors import ConfigError, WeightsError
from ppgan_ext.file_names import cure_of_missing
from ppgan_ext.untrusted import BudgetError, budget_of, door
from ppgan_ext.weights.readers import (
    dlib_dat,
    dlib_predictor,
    numpy_files,
    nvidia_pkl,
    pdparams,
    safetensors,
    torch_legacy,
    torch_zip,
)
from ppgan_ext.weights.readers.records import ForbiddenError, Reading

FORMATS: dict[str, Callable[[Path, Reading], Any]] = {
    "pdparams": pdparams.read,
    "safetensors": safetensors.read,
    "torch-zip": torch_zip.read,
    "torch-legacy": torch_legacy.read,
    "nvidia-pkl": nvidia_pkl.read,
    "dlib-dat": dlib_dat.read,
    "dlib-predictor": dlib_predictor.read,
    "npz": numpy_files.read_npz,
    "npy": numpy_files.read_npy,
}
_HEAD_BYTES = 512
_OLD_PICKLE_BYTES = 2**20


def read(path: str | os.PathLike[str]) -> Any:
    """Read a weight file, whatever its suffix.

    Args:
        path: the file.

    Returns:
        The content of the file with its original nesting: dicts, lists, numbers, text, and NumPy arrays (some of them
        read-only) instead of tensors; a bare array for ``.npy`` and for files with a single tensor. bfloat16 becomes
        float32. Networks pickled by NVIDIA's code become :class:`nvidia_pkl.PickledNetwork`.

    Raises:
        WeightsError: the file is missing, not a weight file, truncated or damaged, contains a pickle that requests
            more than arrays, or would take more memory or steps than a file of its size may
            (:class:`ppgan_ext.untrusted.Budget`).
    """
    path = Path(path)
    with door(path, WeightsError):
        try:
            return FORMATS[identify(path)](path, Reading(budget_of(path)))
        except ForbiddenError as error:
            raise _refusal(error, path) from None


def read_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read the text entries in the header of a ``.safetensors`` file; empty for other formats."""
    path = Path(path)
    if identify(path) != "safetensors":
        return {}
    with door(path, WeightsError):
        return safetensors.read_metadata(path)


def map_arrays(path: str | os.PathLike[str]) -> dict[str, npt.NDArray]:
    """Map the arrays of a ``.safetensors`` file, read-only, instead of reading them.

    Raises:
        WeightsError: the file is missing or damaged.
    """
    path = Path(path)
    with door(path, WeightsError):
        return safetensors.map_arrays(path)


def write(path: str | os.PathLike[str], state: Mapping[str, Any], metadata: Mapping[str, str] | None = None) -> None:
    """Write a state atomically, in the format of the suffix.

    Args:
        path: ``.pdparams`` (nested values allowed, read by ``paddle.load``) or ``.safetensors`` (arrays only).
        state: name -> array. :func:`read` returns the same names, types, shapes and bytes.
        metadata: text for the header of a ``.safetensors`` file.

    Raises:
        ConfigError: the suffix is not supported, or there is metadata for a ``.pdparams`` file, which cannot store it.
        WeightsError: the format cannot store one of the values.
        OutputError: the file cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".pdparams", ".safetensors"):
        raise ConfigError("weights are written as .pdparams or .safetensors", where=path, cure="Change the suffix")
    if suffix == ".pdparams" and metadata:
        raise ConfigError("a .pdparams file cannot store metadata", where=path, cure="Write a .safetensors file")
    with files.atomic_path(path) as temporary:
        if suffix == ".pdparams":
            pdparams.write(temporary, state)
        else:
            safetensors.write(temporary, state, metadata)


def identify(path: str | os.PathLike[str]) -> str:
    """Recognise the format of a file from its content.

    Returns:
        A key of ``FORMATS``.

    Raises:
        WeightsError: the file is missing, empty, a web page, text, or otherwise not a weight file.
    """
    path = Path(path)
    with door(path, WeightsError):
        return _identify(path)


def _identify(path: Path) -> str:
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except IsADirectoryError:
        cure = "Name a weight file, for example one in this folder"
        raise WeightsError("is a folder, not a weight file", where=path, cure=cure) from None
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise WeightsError(reason, where=path, cure=cure_of_missing(path)) from error
    if torch_legacy.MAGIC_BYTES in head[:32]:
        return "torch-legacy"
    # Before pickles: the length of a header, such as 0x380 bytes, can begin as they do, but no pickle as a length does.
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= max(size - 8, 0):
        return "safetensors"
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "nvidia-pkl" if nvidia_pkl.is_marked(path) else "pdparams"
    if head.startswith(b"PK\x03\x04"):
        return _identify_zip(path)
    if head.startswith(b"\x93NUMPY"):
        return "npy"
    if dlib_dat.is_network(head):
        return "dlib-dat"
    if dlib_predictor.is_predictor(head):
        return "dlib-predictor"
    if _is_old_pickle(path, head, size):
        return "pdparams"
    raise _not_weights(path, head)


def _identify_zip(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    total, budget = sum(entry.file_size for entry in entries), budget_of(path)
    if total > budget.max_bytes:
        raise BudgetError(f"its {path.stat().st_size:,} bytes would unpack to {total:,}")
    names = [entry.filename for entry in entries]
    if any(name.rsplit("/", 1)[-1] == torch_zip.PROGRAM for name in names):
        return "torch-zip"
    if names and all(name.endswith(".npy") for name in names):
        return "npz"
    raise WeightsError("is a zip archive, but not one of NumPy or PyTorch", where=path, cure="Unpack it first")


def _is_old_pickle(path: Path, head: bytes, size: int) -> bool:
    """Return whether a small file is a pickle of protocol 0 or 1, which has no signature: it must parse to its end."""
    if not head[:1] or head[:1] not in b"(c]}Iid" or size > _OLD_PICKLE_BYTES:
        return False
    data, last = path.read_bytes(), -1
    try:
        for _, _, position in pickletools.genops(data):
            last = position or 0
    except Exception:  # noqa: BLE001 - whatever the library makes of it, it is not a pickle
        return False
    return last == len(data.rstrip()) - 1


def _refusal(error: ForbiddenError, path: Path) -> WeightsError:
    """Return the error for a file that requests more than arrays."""
    cure = "Use a file that contains only arrays, from a source you trust, or ask its author for a .safetensors file"
    if "dnnlib.tflib." in str(error):
        cure = "It is a TensorFlow network: convert it with legacy.py of NVlabs/stylegan3, then give the result"
    what = f"refused: it asks {error}, which weights do not need; nothing in it was run"
    return WeightsError(what, where=path, cure=cure)


def _not_weights(path: Path, head: bytes) -> WeightsError:
    cure = "Download it again, and check its content in an editor"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        return WeightsError("the file is empty", where=path, cure="Download or copy it again")
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")):
        what = "is a web page that a server sent instead of the weight file"
        return WeightsError(what, where=path, cure="Download it again, in a browser if the site requires it")
    if start.startswith(b"version https://git-lfs"):
        return WeightsError("is a Git LFS pointer, not the file", where=path, cure="Run git lfs pull in its folder")
    if _is_text(head):
        return WeightsError("is a text file, not a weight file", where=path, cure=cure)
    what = f"is not a weight file of a known format (it begins with {head[:8].hex(' ')})"
    cure = "Give a .pdparams, .safetensors, .pt, .pth, .pkl, .dat, .npz or .npy file"
    return WeightsError(what, where=path, cure=cure)


def _is_text(head: bytes) -> bool:
    text = head.decode("utf-8", "ignore")  # a character cut off at the end loses up to three bytes
    whole = len(head) - len(text.encode("utf-8")) <= 3
    return whole and all(char.isprintable() or char.isspace() for char in text)
