"""Atomic writes: a reader never sees a half-written file."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from ppgan_ext.errors import ConfigError, OutputError
from ppgan_ext.file_names import is_address

_has_no_current_folder = False


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Create a folder and its parents if they are missing, and return its path.

    Raises:
        OutputError: the folder cannot be created or is not writable.
    """
    folder = Path(path)
    if _has_no_current_folder and not folder.is_absolute():
        what = "cannot be written (the current folder has been deleted)"
        raise OutputError(what, where=folder, cure="Give an absolute path")
    if is_address(path):
        raise OutputError("is a web address, not a folder", where=path, cure="Give a folder on this machine")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise OutputError("is a file, not a folder", where=folder, cure="Give a folder") from error
    except OSError as error:
        raise _output_error(error, folder) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError("the folder is not writable", where=folder, cure="Write to another folder")
    return folder


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside ``path``, which is renamed to ``path`` when the block ends without an error.

    The temporary name keeps the suffix, so that libraries which look at it write the right format. On any error, Ctrl-C
    included, the temporary file is removed and an existing ``path`` stays as it was.

    Raises:
        OutputError: the file cannot be written (no permission, full disk).
    """
    target = Path(path)
    make_folder(target.parent)
    # The name is fixed before the file exists: the cleanup must know it even if Ctrl-C arrives in between.
    temporary = target.parent / f".part-{secrets.token_hex(8)}{target.suffix}"
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        yield temporary
        _sync(temporary)
        os.replace(temporary, target)
    except OSError as error:
        raise _output_error(error, target) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write bytes atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def move(source: Path, target: Path) -> None:
    """Move a complete file to its place in the same file system, over what is there; missing folders are made.

    Raises:
        OutputError: the file cannot be put there.
    """
    make_folder(target.parent)
    try:
        os.replace(source, target)
    except OSError as error:
        raise _output_error(error, target) from error


def append_text(path: str | os.PathLike[str], text: str) -> None:
    """Append text to a file, creating it if it is missing.

    Raises:
        OutputError: the file cannot be written; part of the text may have been appended.
    """
    target = Path(path)
    try:
        with target.open("a", encoding="utf-8") as handle:
            handle.write(text)
    except OSError as error:
        raise _output_error(error, target) from error


def expand_user(path: str | os.PathLike[str], where: str | None = None) -> Path:
    """Return a path with a leading ``~`` or ``~name`` replaced by that user's home.

    Args:
        path: the path.
        where: what sets it, for the error.

    Raises:
        ConfigError: there is no such user, or the user has no home.
    """
    try:
        return Path(path).expanduser()
    except (RuntimeError, KeyError) as error:
        cure = "Write the path without ~"
        raise ConfigError(f"'{os.fspath(path)}' names no user of this machine", where=where, cure=cure) from error


@contextlib.contextmanager
def outside_deleted_folder() -> Iterator[None]:
    """Work in the root folder where the current one has been deleted: Paddle and its libraries end in such a place.

    Relative paths then lead nowhere: `make_folder` refuses them.
    """
    global _has_no_current_folder
    if _current_folder_exists():
        yield
        return
    here = os.open(".", os.O_RDONLY)
    os.chdir(os.sep)
    _has_no_current_folder = True
    try:
        yield
    finally:
        _has_no_current_folder = False
        os.fchdir(here)
        os.close(here)


def _current_folder_exists() -> bool:
    try:
        Path.cwd()
    except OSError:
        return False
    return True


def _sync(path: Path) -> None:
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())


def _output_error(error: OSError, path: Path) -> OutputError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError("the disk is full", where=path, cure="Free some space, or write to another folder")
    reason = error.strerror or str(error)
    return OutputError(f"cannot be written ({reason})", where=path, cure="Write to another folder")
