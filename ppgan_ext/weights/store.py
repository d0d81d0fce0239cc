"""Find a file of weights on this machine, or fetch it.

Searched in this order: the path given by hand, ``$PPGAN_EXT_HOME``, ``~/.cache/ppgan_ext``, the folders into which
PaddleGAN and Paddle download, the package itself; then the file is downloaded into the first of the folders.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from ppgan_ext import files
from ppgan_ext.errors import OutputError, WeightsError
from ppgan_ext.weights import catalog, readers
from ppgan_ext.weights.catalog import FileRecord
from ppgan_ext.weights.download import OnProgress, Request, download, hash_file

# Hashing a smaller file takes less time than is worth remembering.
_REMEMBERED_BYTES = 32 * 2**20


def home() -> Path:
    """The package's own folder: ``$PPGAN_EXT_HOME``, or ``~/.cache/ppgan_ext``; it need not exist."""
    given = os.environ.get("PPGAN_EXT_HOME")
    return Path(given).expanduser() if given else Path.home() / ".cache" / "ppgan_ext"


def search_folders() -> list[Path]:
    """Folders in which files are looked for, first hit first."""
    cache = Path.home() / ".cache"
    folders = [home(), cache / "ppgan_ext", cache / "ppgan", cache / "paddle" / "hapi" / "weights"]
    return list(dict.fromkeys(folders))


def find_local(record: FileRecord) -> Path | None:
    """Find the file without the network; where its sha256 is known, a file with another content is passed over."""
    candidates = [folder / record.name for folder in search_folders()]
    if record.bundled:
        candidates.append(catalog.BUNDLED_FOLDER / record.name)
    for path in candidates:
        if path.is_file() and (record.sha256 is None or file_hash(path) == record.sha256.lower()):
            return path
    return None


def locate(
    record: FileRecord, path: str | os.PathLike[str] | None = None, *, on_progress: OnProgress | None = None
) -> Path:
    """Find the file, and download it if it is nowhere.

    Args:
        record: what to look for.
        path: a file given by hand, which wins.
        on_progress: called with bytes done and bytes in all during a download.

    Returns:
        A file that exists.

    Raises:
        WeightsError: the path given does not exist; or the file can neither be found nor downloaded, and then the
            message says from where to where to copy it.
        OutputError: the download cannot be stored.
    """
    if path is not None:
        given = Path(path).expanduser()
        if not given.is_file():
            raise WeightsError("no such file", where=given, cure="Check the path")
        return given
    found = find_local(record)
    if found is not None:
        return found
    if record.url is None:
        folder = catalog.BUNDLED_FOLDER if record.bundled else home()
        cure = "Install the package again" if record.bundled else f"Put it into {home()}"
        raise WeightsError(f"{record.name} is missing or damaged", where=folder, cure=cure)
    request = Request(
        record.url,
        home() / record.name,
        sha256=record.sha256,
        min_bytes=record.min_bytes,
        check=readers.identify,
        on_progress=on_progress,
    )
    return download(request)


def file_hash(path: str | os.PathLike[str]) -> str:
    """Compute a file's sha256, in hexadecimal; that of a large file is remembered by path, size and time of change."""
    path = Path(path).resolve()
    try:
        status = path.stat()
        if status.st_size < _REMEMBERED_BYTES:
            return hash_file(path)
        notebook = home() / "hashes.json"
        known = _read_notebook(notebook)
        stamp = [status.st_size, status.st_mtime_ns]
        entry = known.get(str(path))
        if isinstance(entry, list) and entry[:-1] == stamp:
            return str(entry[-1])
        digest = hash_file(path)
    except OSError as error:
        raise WeightsError(f"cannot be read ({error.strerror or error})", where=path) from error
    known[str(path)] = [*stamp, digest]
    with contextlib.suppress(OutputError):  # a read-only home costs time, not the result
        files.write_bytes(notebook, json.dumps(known, indent=1).encode())
    return digest


def _read_notebook(path: Path) -> dict:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
