"""The cache of compiled programs: entries are complete, verified when read, and removed least recently used first.

An entry is a folder of program files and ``entry.json``, which lists their names, sizes and CRC-32 sums. It is built
under a temporary name and renamed, so that several processes can build and read at the same time. The files are checked
before Paddle reads them, because Paddle may crash on a damaged program instead of raising an error.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ppgan_ext.weights.store import home

MANIFEST = "entry.json"
SIZE_LIMIT_BYTES = 2 << 30
_BUILDING = ".building-"
_STALE_SECONDS = 24 * 3600.0
_CHUNK = 1 << 22


@dataclass(frozen=True)
class Entry:
    """One compiled program on disk.

    Attributes:
        folder: contains its files.
        num_bytes: total size of the files.
        last_used: seconds since the epoch.
    """

    folder: Path
    num_bytes: int
    last_used: float


class ProgramCache:
    """A folder of compiled programs.

    Args:
        folder: None uses ``compiled`` in the package's home.
        size_limit_bytes: above this total, the least recently used entries are removed.
    """

    def __init__(self, folder: Path | None = None, size_limit_bytes: int = SIZE_LIMIT_BYTES) -> None:
        self.folder = default_folder() if folder is None else folder
        self.size_limit_bytes = size_limit_bytes

    def find(self, name: str) -> Path | None:
        """Return the folder of an intact entry, or None; a damaged entry is removed."""
        folder = self.folder / name
        if not folder.is_dir():
            return None
        if not _is_whole(folder):
            self.discard(name)
            return None
        with contextlib.suppress(OSError):  # a read-only cache is still usable
            os.utime(folder / MANIFEST)
        return folder

    def publish(self, name: str, build: Callable[[Path], None]) -> Path:
        """Build an entry and return its folder; if another process has published the same entry, its entry is used.

        Args:
            name: folder name of the entry.
            build: writes the program files into the folder it receives.

        Returns:
            The folder of the entry; if the cache cannot be written, a temporary folder that is removed at exit.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            building = Path(tempfile.mkdtemp(prefix=_BUILDING, dir=self.folder))
        except OSError:
            return _build_temporary(build)
        try:
            build(building)
            _write_manifest(building)
        except OSError:  # most likely a full disk
            shutil.rmtree(building, ignore_errors=True)
            return _build_temporary(build)
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise
        building.chmod(0o755)
        folder = self.folder / name
        try:
            building.rename(folder)
        except OSError:
            if self.find(name) is None:
                return _keep_until_exit(building)
            shutil.rmtree(building, ignore_errors=True)
        self.prune(keep=name)
        return folder

    def discard(self, name: str) -> None:
        """Remove an entry, or leave it if it cannot be removed."""
        doomed = self.folder / f"{_BUILDING}{name}-{os.getpid()}"
        with contextlib.suppress(OSError):
            (self.folder / name).rename(doomed)
            shutil.rmtree(doomed, ignore_errors=True)

    def entries(self) -> list[Entry]:
        """List the entries, the most recently used first."""
        return sorted(self._entries(), key=lambda entry: -entry.last_used)

    def prune(self, keep: str = "") -> None:
        """Remove leftovers of crashed processes, and the oldest entries until the size limit is met.

        Args:
            keep: name of an entry to keep, whatever its size.
        """
        with contextlib.suppress(OSError):
            for leftover in self.folder.glob(f"{_BUILDING}*"):
                if time.time() - leftover.stat().st_mtime > _STALE_SECONDS:
                    shutil.rmtree(leftover, ignore_errors=True)
        total = 0
        for entry in sorted(self._entries(), key=lambda entry: (entry.folder.name != keep, -entry.last_used)):
            total += entry.num_bytes
            if total > self.size_limit_bytes and entry.folder.name != keep:
                self.discard(entry.folder.name)

    def _entries(self) -> Iterator[Entry]:
        for manifest in self.folder.glob(f"*/{MANIFEST}"):
            if manifest.parent.name.startswith(_BUILDING):
                continue
            with contextlib.suppress(OSError):  # removed by another process meanwhile
                num_bytes = sum(path.stat().st_size for path in manifest.parent.iterdir())
                yield Entry(manifest.parent, num_bytes, manifest.stat().st_mtime)


def default_folder() -> Path:
    """Return the folder of compiled programs in the package's home."""
    return home() / "compiled"


def _write_manifest(folder: Path) -> None:
    files = {path.name: [path.stat().st_size, _checksum(path)] for path in sorted(folder.iterdir())}
    (folder / MANIFEST).write_text(json.dumps({"files": files}), encoding="utf-8")


def _is_whole(folder: Path) -> bool:
    try:
        files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        return bool(files) and all(
            (folder / name).stat().st_size == size and _checksum(folder / name) == checksum
            for name, (size, checksum) in files.items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _checksum(path: Path) -> int:
    value = 0
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            value = zlib.crc32(chunk, value)
    return value


def _build_temporary(build: Callable[[Path], None]) -> Path:
    folder = _keep_until_exit(Path(tempfile.mkdtemp(prefix="ppgan_ext-")))
    build(folder)
    return folder


def _keep_until_exit(folder: Path) -> Path:
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
