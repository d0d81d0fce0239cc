"""List the pictures of a folder: the one way for all commands and data sets.

A file is listed if its name or its content says that it is a picture. Whatever else there is, is left out with a
reason, which the commands tell; what our own tools have written beside pictures (`own_files`) is not mentioned.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ppgan_ext.errors import InputError
from ppgan_ext.file_names import printable
from ppgan_ext.own_files import is_own_file
from ppgan_ext.picture_formats import HEAD_BYTES, SUFFIXES, is_foreign, recognise

NO_PICTURE = "file that is no picture"
FOREIGN = "picture in a format that is not read (save it as JPEG)"
SUBFOLDER = "subfolder, which --recursive searches"
UNREADABLE_FOLDER = "subfolder that cannot be listed"
SPECIAL = "entry that is neither a file nor a folder"
OWN_RESULT = "result of an earlier run"
UNREADABLE_MEMBER = "file that cannot be unpacked"
_PLURALS = {
    NO_PICTURE: "files that are no pictures",
    FOREIGN: "pictures in formats that are not read (save them as JPEG)",
    SUBFOLDER: "subfolders, which --recursive searches",
    UNREADABLE_FOLDER: "subfolders that cannot be listed",
    SPECIAL: "entries that are neither files nor folders",
    OWN_RESULT: "results of earlier runs",
    UNREADABLE_MEMBER: "files that cannot be unpacked",
}

_USUAL_SUFFIXES = ".bmp, .gif, .heic, .jpg, .png, .tif, .webp"
_NUM_EXAMPLES = 3
_NUM_KINDS = 5


class LeftOut(NamedTuple):
    """A file or folder that is not worked on: its path relative to the folder that was listed, and the reason."""

    name: str
    reason: str


@dataclass(frozen=True)
class Listing:
    """The pictures of a folder.

    Attributes:
        names: paths relative to the folder, with slashes, sorted.
        left_out: what is not listed; hidden files, and those that our tools write beside pictures, are not mentioned.
    """

    names: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def list_pictures(
    folder: str | os.PathLike[str], recursive: bool = False, leave_out: Callable[[Path], str | None] = lambda path: None
) -> Listing:
    """List the pictures of a folder.

    Args:
        folder: the folder.
        recursive: search its subfolders too; links are followed, except in circles.
        leave_out: returns a reason to leave a picture out, or None.

    Raises:
        InputError: there is no such folder, or it cannot be listed.
    """
    root = Path(folder)
    if not root.is_dir():
        raise InputError("no such folder", where=root, cure="Check the path")
    listing = Listing()
    try:
        _walk(root, "", frozenset(), recursive, listing)
    except OSError as error:
        what = f"cannot be listed ({error.strerror or error})"
        raise InputError(what, where=root, cure="Check its permissions") from error
    names = []
    for name in sorted(listing.names):
        reason = leave_out(root / name)
        if reason is None:
            names.append(name)
        else:
            listing.left_out.append(LeftOut(name, reason))
    return Listing(names, sorted(listing.left_out))


def no_pictures(folder: Path, left_out: Sequence[LeftOut]) -> InputError:
    """Return the error for a folder without pictures."""
    folders = [item.name for item in left_out if item.reason == SUBFOLDER]
    cure = f"Put files ending in {_USUAL_SUFFIXES} there"
    if folders:
        cure = f"Add --recursive to search {_examples(folders)}"
    elif any(item.reason != NO_PICTURE for item in left_out):
        cure = f"Left out: {describe_left_out(left_out)}"
    return InputError("contains no pictures", where=folder, cure=cure)


def describe_left_out(left_out: Iterable[LeftOut]) -> str:
    """Say in one line what was left out and why; empty if nothing was.

    Example:
        >>> describe_left_out([LeftOut("notes.txt", NO_PICTURE), LeftOut("a", SUBFOLDER), LeftOut("b", SUBFOLDER)])
        '1 file that is no picture: notes.txt; 2 subfolders, which --recursive searches: a, b'
    """
    names: dict[str, list[str]] = {}
    for item in left_out:
        names.setdefault(item.reason, []).append(item.name)
    return "; ".join(_describe(reason, group) for reason, group in names.items())


def _describe(reason: str, names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"1 {reason}: {printable(names[0])}"
    shown = _examples(names)
    if reason == NO_PICTURE and len(names) > _NUM_EXAMPLES:
        kinds = Counter(PurePosixPath(name).suffix.lower() for name in names).most_common(_NUM_KINDS)
        shown = ", ".join(f"{count} {printable(kind) or 'without suffix'}" for kind, count in kinds)
    return f"{len(names)} {_PLURALS.get(reason, reason)}: {shown}"


def _examples(names: Sequence[str]) -> str:
    shown = ", ".join(printable(name) for name in names[:_NUM_EXAMPLES])
    return f"{shown} and {len(names) - _NUM_EXAMPLES} more" if len(names) > _NUM_EXAMPLES else shown


def is_picture(path: str | os.PathLike[str]) -> bool:
    """Return whether a file is a picture: by its content, or by its name where it cannot be read."""
    try:
        return _has_picture_content(path)
    except (OSError, ValueError):
        return PurePosixPath(os.fspath(path)).suffix.lower() in SUFFIXES


def _walk(folder: Path, prefix: str, above: frozenset[str], recursive: bool, listing: Listing) -> None:
    real = os.path.realpath(folder)
    if real in above:
        return
    for entry in _entries(folder):
        name = f"{prefix}{entry.name}"
        mode = _mode(entry)
        looks_like_one = PurePosixPath(entry.name).suffix.lower() in SUFFIXES
        if not stat.S_ISDIR(mode):
            reason = _reason(entry, mode, looks_like_one)
            if reason is None:
                listing.names.append(name)
            elif reason != NO_PICTURE or not is_own_file(entry.path):
                listing.left_out.append(LeftOut(name, reason))
            continue
        before = len(listing.names)
        if recursive:
            try:
                _walk(Path(entry.path), f"{name}/", above | {real}, recursive, listing)
            except OSError:
                listing.left_out.append(LeftOut(name, UNREADABLE_FOLDER))
        elif not looks_like_one:
            listing.left_out.append(LeftOut(name, SUBFOLDER))
        if looks_like_one and len(listing.names) == before:
            listing.names.append(name)  # reading it fails, which says that it is a folder


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        yield from (entry for entry in entries if not entry.name.startswith("."))


def _mode(entry: os.DirEntry[str]) -> int:
    """Return the mode of what an entry leads to; 0 for a link that leads nowhere or to itself."""
    try:
        return entry.stat().st_mode
    except OSError:
        return 0


def _reason(entry: os.DirEntry[str], mode: int, looks_like_one: bool) -> str | None:
    """Return why a file is left out; None for a picture, and for what claims to be one and fails when it is read."""
    if mode and not stat.S_ISREG(mode):
        return SPECIAL
    if looks_like_one:
        return None
    try:
        if _has_picture_content(entry.path):
            return None
    except OSError:
        pass
    return FOREIGN if is_foreign(entry.name) else NO_PICTURE


def _has_picture_content(path: str | os.PathLike[str]) -> bool:
    if not stat.S_ISREG(Path(path).stat().st_mode):  # opening a pipe would wait for its other end
        return PurePosixPath(os.fspath(path)).suffix.lower() in SUFFIXES
    with Path(path).open("rb") as file:
        return recognise(file.read(HEAD_BYTES), os.fspath(path)) is not None
