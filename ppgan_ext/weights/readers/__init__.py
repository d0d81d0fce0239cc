"""Read weight files of every format by their content, run nothing that is in them, write two of the formats.

Formats: Paddle's ``.pdparams``, ``.safetensors``, PyTorch's ``.pt`` (zip and legacy), NVIDIA's ``.pkl``, dlib's
``.dat``, ``.npz`` and ``.npy``.
"""

from __future__ import annotations

import os
import pickle
import pickletools
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ppgan_ext import files
from ppgan_ext.errors import ConfigError, WeightsError
from ppgan_ext.weights.readers import dlib_dat, numpy_files, nvidia_pkl, pdparams, safetensors, torch_legacy, torch_zip
from ppgan_ext.weights.readers.unpickle import DAMAGE, ForbiddenError, damage, refusal

FORMATS: dict[str, Callable[[Path], Any]] = {
    "pdparams": pdparams.read,
    "safetensors": safetensors.read,
    "torch-zip": torch_zip.read,
    "torch-legacy": torch_legacy.read,
    "nvidia-pkl": nvidia_pkl.read,
    "dlib-dat": dlib_dat.read,
    "npz": numpy_files.read_npz,
    "npy": numpy_files.read_npy,
}
# A compressed archive may unpack to this many times its size, and to the floor in any case.
MAX_EXPANSION, EXPANSION_FLOOR = 100, 256 * 2**20
_HEAD_BYTES = 512
_OLD_PICKLE_BYTES = 2**20


def read(path: str | os.PathLike[str]) -> Any:
    """Read a weight file, whatever its suffix says.

    Args:
        path: the file.

    Returns:
        What the file holds, as nested as it is there: dicts, lists, numbers, text, and NumPy arrays (some read-only)
        in place of tensors; a bare array for ``.npy`` and for files that hold one tensor. bfloat16 becomes float32.
        Networks that NVIDIA's code has pickled become :class:`nvidia_pkl.PickledNetwork`.

    Raises:
        WeightsError: no such file; not a weight file; truncated or damaged; a pickle that asks for more than arrays.
    """
    path = Path(path)
    try:
        return FORMATS[identify(path)](path)
    except ForbiddenError as error:
        raise refusal(error, path) from None
    except OSError as error:
        raise WeightsError(f"cannot be read ({error.strerror or error})", where=path) from error
    except DAMAGE as error:
        raise damage(error, path) from error


def read_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read the text entries in the header of a ``.safetensors`` file; other formats have none."""
    path = Path(path)
    if identify(path) != "safetensors":
        return {}
    try:
        return safetensors.read_metadata(path)
    except DAMAGE as error:
        raise damage(error, path) from error


def write(path: str | os.PathLike[str], state: Mapping[str, Any], metadata: Mapping[str, str] | None = None) -> None:
    """Write a state atomically, in the format of the suffix.

    Args:
        path: ``.pdparams`` (nested values allowed, read by ``paddle.load``) or ``.safetensors`` (arrays only).
        state: name -> array. What :func:`read` gives back has the same names, types, shapes and bytes.
        metadata: text for the header of a ``.safetensors`` file.

    Raises:
        ConfigError: another suffix, or metadata for a ``.pdparams``, which has no place for it.
        WeightsError: a value that the format cannot hold.
        OutputError: the file cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".pdparams", ".safetensors"):
        raise ConfigError("weights are written as .pdparams or .safetensors", where=path, cure="Change the suffix")
    if suffix == ".pdparams" and metadata:
        raise ConfigError("a .pdparams has no place for metadata", where=path, cure="Write a .safetensors file")
    with files.atomic_path(path) as temporary:
        if suffix == ".pdparams":
            pdparams.write(temporary, state)
        else:
            safetensors.write(temporary, state, metadata)


def identify(path: str | os.PathLike[str]) -> str:
    """Tell the format from the content.

    Returns:
        A key of ``FORMATS``.

    Raises:
        WeightsError: no such file, an empty one, a web page, text, or something else that holds no weights.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except IsADirectoryError:
        raise WeightsError("is a folder, not a weight file", where=path) from None
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise WeightsError(reason, where=path, cure="Check the path") from error
    if torch_legacy.MAGIC_BYTES in head[:32]:
        return "torch-legacy"
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "nvidia-pkl" if nvidia_pkl.is_marked(path) else "pdparams"
    if head.startswith(b"PK\x03\x04"):
        return _identify_zip(path, size)
    if head.startswith(b"\x93NUMPY"):
        return "npy"
    if dlib_dat.is_network(head):
        return "dlib-dat"
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= max(size - 8, 0):
        return "safetensors"
    if _is_old_pickle(path, head, size):
        return "pdparams"
    raise _not_weights(path, head)


def _identify_zip(path: Path, size: int) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except DAMAGE as error:
        raise damage(error, path) from error
    total = sum(entry.file_size for entry in entries)
    if total > max(size * MAX_EXPANSION, EXPANSION_FLOOR):
        raise WeightsError(f"refused: its {size:,} bytes would unpack to {total:,}", where=path)
    names = [entry.filename for entry in entries]
    if any(name.rsplit("/", 1)[-1] == "data.pkl" for name in names):
        return "torch-zip"
    if names and all(name.endswith(".npy") for name in names):
        return "npz"
    raise WeightsError("is a zip archive, but not one of NumPy or PyTorch", where=path, cure="Unpack it first")


def _is_old_pickle(path: Path, head: bytes, size: int) -> bool:
    """Tell a pickle of protocol 0 or 1, which has no mark of its own: a small file that parses as one to its end."""
    if not head[:1] or head[:1] not in b"(c]}Iid" or size > _OLD_PICKLE_BYTES:
        return False
    data = path.read_bytes()
    try:
        last = [position for _, _, position in pickletools.genops(data)][-1]
    except (*DAMAGE, pickle.PickleError):
        return False
    return last == len(data.rstrip()) - 1


def _not_weights(path: Path, head: bytes) -> WeightsError:
    cure = "Download it again, and look at it in an editor first"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        return WeightsError("the file is empty", where=path, cure="Download or copy it again")
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")):
        return WeightsError("is a web page, not a weight file: a server answered the download with it", where=path)
    if start.startswith(b"version https://git-lfs"):
        return WeightsError("is a Git LFS pointer, not the file", where=path, cure="Run git lfs pull in its folder")
    if _is_text(head):
        return WeightsError("is a text file, not a weight file", where=path, cure=cure)
    what = f"is not a weight file of a known format (it begins with {head[:8].hex(' ')})"
    cure = "Known are .pdparams, .safetensors, .pt, .pth, .pkl, .dat, .npz and .npy"
    return WeightsError(what, where=path, cure=cure)


def _is_text(head: bytes) -> bool:
    text = head.decode("utf-8", "ignore")  # a character cut at the end may be lost, up to three bytes
    whole = len(head) - len(text.encode("utf-8")) <= 3
    return whole and all(char.isprintable() or char.isspace() for char in text)
