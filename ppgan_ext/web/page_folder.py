"""The page's temporary folder, which goes with the page, and what pages leave behind that were killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "ppgan_ext-page-"


@contextlib.contextmanager
def page_folder() -> Iterator[Path]:
    """Make a folder that nobody else can read, and delete it when the block ends."""
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o700)
        yield folder


def show_use(folder: Path) -> None:
    """Note that a page still uses its folder; made again if it has been deleted."""
    folder.mkdir(mode=0o700, exist_ok=True)
    os.utime(folder)


def delete_left_behind(folder: Path, before: float) -> None:
    """Delete the folders of other pages that no page has used since a time; `time.time` seconds."""
    for other in folder.parent.glob(f"{_PREFIX}*"):
        if other != folder and is_older(other, before):
            shutil.rmtree(other, ignore_errors=True)  # another user's stays


def is_older(path: Path, limit: float) -> bool:
    """Return whether a path has last been written to before a time; False if there is none."""
    with contextlib.suppress(OSError):
        return path.lstat().st_mtime < limit
    return False
