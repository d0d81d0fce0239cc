"""Finding a weight file on this machine, or downloading it.

The search order is: an explicit path, ``$PPGAN_EXT_HOME``, ``~/.cache/ppgan_ext``, the download folders of PaddleGAN
and Paddle, the package itself. If the file is in none of them, it is downloaded into the first of these folders.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import warnings
from pathlib import Path

from ppgan_ext import files
from ppgan_ext.errors import ConfigError, OutputError, WeightsError
from ppgan_ext.file_names import cure_of_missing
from ppgan_ext.weights import catalog, readers
from ppgan_ext.weights.catalog import FileRecord
from ppgan_ext.weights.download import OnProgress, Request, download, hash_file

# Hashes of files from this size on are remembered; a smaller file is hashed quickly enough.
_REMEMBERED_BYTES = 32 * 2**20
KNOWN_FILES = "known_files.json"  # the hashes with which files without one in the catalog first came here


class FirstDownloadWarning(UserWarning):
    """A file has been downloaded whose publisher states no hash; the one that it has is remembered."""


def home() -> Path:
    """Return the package's own folder, ``$PPGAN_EXT_HOME`` or ``~/.cache/ppgan_ext``; it need not exist.

    Raises:
        ConfigError: ``$PPGAN_EXT_HOME`` names an unknown user's home, or is unset and the user has no home.
    """
    folder = os.environ.get("PPGAN_EXT_HOME")
    if folder:
        return files.expand_user(folder, "PPGAN_EXT_HOME")
    try:
        return _user_cache() / "ppgan_ext"
    except RuntimeError as error:
        cure = "Set PPGAN_EXT_HOME to a folder"
        raise ConfigError("this user has no home folder for downloads and caches", cure=cure) from error


def search_folders() -> list[Path]:
    """Return the folders to search for files, in order."""
    folders = [home()]
    with contextlib.suppress(RuntimeError):  # without a home there are no others
        cache = _user_cache()
        folders += [cache / "ppgan_ext", cache / "ppgan", cache / "paddle" / "hapi" / "weights"]
    return list(dict.fromkeys(folders))


def _user_cache() -> Path:
    return Path.home() / ".cache"


def find_local(record: FileRecord) -> Path | None:
    """Find the file on this machine; if its sha256 is known, files with another content are skipped."""
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
    """Find the file, or download it if it is not on this machine.

    Args:
        record: the file to find.
        path: an explicit path, which takes precedence.
        on_progress: called with the bytes done and the total during a download.

    Returns:
        The path of a file that exists.

    Raises:
        WeightsError: ``path`` does not exist, or the file can neither be found nor downloaded; then the message says
            where to get it and where to put it.
        OutputError: the download cannot be stored.
    """
    if path is not None:
        explicit = files.expand_user(path)
        if not explicit.is_file():
            raise WeightsError("no such file", where=explicit, cure=cure_of_missing(explicit))
        return explicit
    local = find_local(record)
    if local is not None:
        return local
    if record.url is None:
        folder = catalog.BUNDLED_FOLDER if record.bundled else home()
        cure = "Install the package again" if record.bundled else f"Put it into {home()}"
        raise WeightsError(f"{record.name} is missing or damaged", where=folder, cure=cure)
    return _fetch(record, record.url, on_progress)


def _fetch(record: FileRecord, url: str, on_progress: OnProgress | None) -> Path:
    """Download a file; where the catalog has no hash, it must have the one with which it first came to this machine."""
    notebook = home() / KNOWN_FILES
    known = _read_notebook(notebook)
    first = known.get(record.name, {}).get("sha256") if isinstance(known.get(record.name), dict) else None
    request = Request(
        url,
        home() / record.name,
        sha256=record.sha256 or first,
        sha256_source="" if record.sha256 else f"that it had when it was first downloaded (noted in {notebook})",
        min_bytes=record.min_bytes,
        max_bytes=record.max_bytes,
        hosts=record.hosts,
        check=readers.identify,
        on_progress=on_progress,
    )
    path = download(request)
    if request.sha256 is None:
        _remember(notebook, record.name, url, path)
    return path


def _remember(notebook: Path, name: str, url: str, path: Path) -> None:
    """Note the hash of a file that came for the first time, and tell the user."""
    digest = hash_file(path)
    entry = {"sha256": digest, "bytes": path.stat().st_size, "url": url, "date": time.strftime("%Y-%m-%d")}
    with contextlib.suppress(OutputError):  # the file is there all the same
        files.write_bytes(notebook, json.dumps({**_read_notebook(notebook), name: entry}, indent=1).encode())
    message = f"{name} came from {url}, which states no hash; from now on it must have sha256 {digest} ({notebook})"
    warnings.warn(message, FirstDownloadWarning, stacklevel=4)


def file_hash(path: str | os.PathLike[str]) -> str:
    """Return a file's sha256 in hexadecimal; for a large file, it is remembered by path, size and modification time."""
    path = Path(path).resolve()
    try:
        status = path.stat()
        if status.st_size < _REMEMBERED_BYTES:
            return hash_file(path)
        notebook = home() / "hashes.json"
        hashes = _read_notebook(notebook)
        stamp = [status.st_size, status.st_mtime_ns]
        entry = hashes.get(str(path))
        if isinstance(entry, list) and entry[:-1] == stamp:
            return str(entry[-1])
        digest = hash_file(path)
    except OSError as error:
        cure = "Check its permissions"
        raise WeightsError(f"cannot be read ({error.strerror or error})", where=path, cure=cure) from error
    hashes[str(path)] = [*stamp, digest]
    with contextlib.suppress(OutputError):  # with a read-only home, the file is hashed again next time
        files.write_bytes(notebook, json.dumps(hashes, indent=1).encode())
    return digest


def _read_notebook(path: Path) -> dict:
    try:
        hashes = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return hashes if isinstance(hashes, dict) else {}
