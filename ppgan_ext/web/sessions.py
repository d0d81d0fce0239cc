"""What the page knows of one visitor: photos, results, the job at hand. All of it goes when the visitor goes.

A visit is one load of the page in one tab. Nothing is kept of it for longer than an hour.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sys
import threading
import time
import traceback
from collections import UserDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ppgan_ext.web.jobs import Job
from ppgan_ext.web.page_folder import delete_left_behind, is_older, show_use
from ppgan_ext.web.recipes import Recipe
from ppgan_ext.web.uploads import Upload

LONGEST_SECONDS = 3600.0
_SECONDS_BETWEEN_SWEEPS = 60.0
_EARLY = 2 * _SECONDS_BETWEEN_SWEEPS  # what will have been kept for an hour at the next sweep goes now
_MAX_ITEMS = 60


@dataclass(frozen=True, eq=False)
class Item:
    """One picture among a visitor's results.

    Attributes:
        path: the file.
        before: the picture to compare it with, or None.
        caption: what was made.
        recipe: how to make it again, or None.
        folder: of the run, with all its files.
        made: `time.time` of it.
    """

    path: Path
    before: Path | None
    caption: str
    recipe: Recipe | None
    folder: Path
    made: float = field(default_factory=time.time)


class Kept(UserDict[str, Any]):
    """What tabs remember of a visit, by names of theirs, and since when."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        super().__init__()

    def __setitem__(self, name: str, value: Any) -> None:
        self._since[name] = time.time()
        super().__setitem__(name, value)

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        self._since.pop(name, None)

    def forget_old(self, before: float) -> None:
        """Forget what was put here before a time."""
        for name, since in list(self._since.items()):
            if since < before:
                self.pop(name, None)


@dataclass(eq=False)
class Session:
    """One visit.

    Attributes:
        folder: for its files; its name cannot be guessed.
        received: files as Gradio received them.
        uploads: photos that were chosen, by the place on the page.
        last_taken: what stands for the photo that came last, by the place; it may still be looked at.
        items: results, the newest first.
        selected: number of the item that is shown, or None.
        job: the work at hand, or None.
        opening: how many photos are being checked.
        kept: what tabs remember, such as encoded faces.
        touched: `time.time` of the last sign of life.
    """

    folder: Path
    received: set[Path] = field(default_factory=set)
    uploads: dict[str, Upload] = field(default_factory=dict)
    last_taken: dict[str, object] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)
    selected: int | None = None
    job: Job[Any] | None = None
    opening: int = 0
    kept: Kept = field(default_factory=Kept)
    touched: float = field(default_factory=time.time)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def new_folder(self) -> Path:
        """Make a folder for the files of one run."""
        folder = self.folder / secrets.token_hex(8)
        folder.mkdir(mode=0o700, parents=True)
        return folder

    def add(self, items: list[Item]) -> None:
        """Put results first, and select the first of them."""
        with self._lock:
            self.items = [*items, *self.items][:_MAX_ITEMS]
            self.selected = 0 if self.items else None

    def forget_old(self, before: float) -> None:
        """Forget what was made before a time: photos, results, encoded faces; their files go by `Sessions.sweep`."""
        with self._lock:
            self.items = [item for item in self.items if item.made >= before]
            if self.selected is not None and self.selected >= len(self.items):
                self.selected = None
        for place, upload in list(self.uploads.items()):
            if upload.made < before and self.uploads.get(place) is upload:  # no other was chosen meanwhile
                del self.uploads[place]
        self.kept.forget_old(before)


class Sessions:
    """All visits.

    Args:
        folder: the page's own temporary folder; everything in it is deleted after an hour.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}
        self._stop = threading.Event()

    def of(self, key: str | None) -> Session:
        """Return the visit of a key that the browser made up for it."""
        name = key or ""
        with self._lock:
            if name not in self._sessions:
                folder = self.folder / f"visit-{secrets.token_hex(16)}"
                folder.mkdir(mode=0o700)
                self._sessions[name] = Session(folder)
            session = self._sessions[name]
        session.touched = time.time()
        return session

    def __len__(self) -> int:
        return len(self._sessions)

    def end(self, key: str | None) -> None:
        """Stop a visitor's job, and delete everything of the visit."""
        with self._lock:
            session = self._sessions.pop(key or "", None)
            if session is None:
                return
            others = {path for other in self._sessions.values() for path in other.received}
            for path in session.received - others:
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
                    path.parent.rmdir()
        shutil.rmtree(session.folder, ignore_errors=True)
        if session.job is not None:
            session.job.abandon()
            session.job.then(lambda: shutil.rmtree(session.folder, ignore_errors=True))

    def sweep(self, now: float | None = None) -> None:
        """End visits without a sign of life, and delete all files that are an hour old, whoever made them.

        So are the files of pages that were killed before they could delete them.
        """
        limit = (time.time() if now is None else now) - LONGEST_SECONDS + _EARLY
        with self._lock:
            old = [key for key, session in self._sessions.items() if session.touched < limit and session.job is None]
            for session in self._sessions.values():
                session.forget_old(limit)
            folders = {session.folder for session in self._sessions.values()}
        for key in old:
            self.end(key)
        show_use(self.folder)
        delete_left_behind(self.folder, limit)
        # Unlike `rglob`, `walk` passes over a folder that a visit's end deletes meanwhile.
        found = [Path(parent, name) for parent, below, files in os.walk(self.folder) for name in (*below, *files)]
        for path in [path for path in sorted(found, reverse=True) if is_older(path, limit)]:  # files before folders
            with contextlib.suppress(OSError):  # a folder with younger files stays
                if path.is_dir():
                    if path not in folders:
                        path.rmdir()
                else:
                    path.unlink()

    @contextlib.contextmanager
    def swept(self) -> Iterator[None]:
        """Sweep at once and once a minute while the block runs; at its end, delete everything."""
        thread = threading.Thread(target=self._sweep_on, name="ppgan_ext-page-sweep", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()
            for key in list(self._sessions):
                self.end(key)
            shutil.rmtree(self.folder, ignore_errors=True)

    def _sweep_on(self) -> None:
        while True:
            try:
                self.sweep()
            except Exception:  # noqa: BLE001 - visitors' files must go even if this sweep failed, as on a full disk
                traceback.print_exc(file=sys.stderr)
            if self._stop.wait(_SECONDS_BETWEEN_SWEEPS):
                return
