"""Names of files: fit for every console and file system, unique over a run, and matched by folder and name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

MAX_BYTES = 255
"""Longest name of a file on nearly all file systems."""

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

# "https:/" too, since a Path drops the second slash.
_ADDRESS = re.compile(r"(https?|ftps?|file|gs|hdfs|s3):/|data:image/", re.IGNORECASE)


def printable(text: object) -> str:
    r"""Return a name for messages: characters that steer a console, and bytes that are no UTF-8, as escapes.

    Example:
        >>> print(printable("IMG\udcff\n.jpg"))
        IMG\xff\x0a.jpg
    """
    return _UNSAFE.sub(lambda match: _escape(match[0]), str(text))


def is_address(path: object) -> bool:
    """Return whether a path is a web address, such as ``https://example.org/photo.jpg``."""
    return _ADDRESS.match(str(path)) is not None


def cure_of_missing(path: object, cure: str = "Check the path") -> str:
    """Return the cure for a path where there is no file: of a web address another one than ``cure``."""
    return "Download the file and give its path; web addresses are not opened" if is_address(path) else cure


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8, as Python keeps it (PEP 383)
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def clean(name: str) -> str:
    """Return a name with "_" for every character that a console or a file system may refuse; slashes count as one."""
    cleaned = re.sub(r"[\\/]", "_", _UNSAFE.sub("_", name))
    return "_" if cleaned in ("", ".", "..") else cleaned


def shortened(name: str, max_bytes: int, keep_end: int = 0) -> str:
    """Return a name of at most ``max_bytes`` in UTF-8, cut between characters.

    Args:
        name: without characters that cannot be encoded.
        max_bytes: limit.
        keep_end: keep up to this many bytes of the end and cut before them.
    """
    data = name.encode()
    if len(data) <= max_bytes:
        return name
    end = data[len(data) - keep_end :].decode(errors="ignore") if keep_end else ""
    return data[: max_bytes - len(end.encode())].decode(errors="ignore") + end


def folded(name: str) -> str:
    """Return what two names share that some file system takes for one: they differ in case or in composed accents."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def unique(name: str, taken: Collection[str]) -> str:
    """Return ``name``, or ``name-2``, ``name-3`` ...: the first that is not ``taken`` when both are `folded`."""
    candidate, number = name, 2
    while folded(candidate) in taken:
        candidate, number = f"{name}-{number}", number + 1
    return candidate


def match_paths(wanted: Sequence[str], names: Sequence[str]) -> list[list[int]]:
    """Find for each path the names that it may mean: those with which it shares most folders.

    Folders must agree as far as both sides have them: ``alice/1.jpg`` may be ``1`` or ``faces/alice/1.png``, but not
    ``bob/1.jpg``. Folders that all of one side share may differ from the other side's; of relative paths, if there are
    several. Suffixes of files count only where they decide between several.

    Returns:
        For each path the indices of the best names: none, one, or several that fit equally well.
    """
    paths, others = _folders_and_name(wanted), _folders_and_name(names)
    by_stem: dict[str, list[int]] = {}
    for index, other in enumerate(others):
        by_stem.setdefault(other.path.stem, []).append(index)
    return [_best(path, [(index, others[index]) for index in by_stem.get(path.path.stem, [])]) for path in paths]


class _Place(NamedTuple):
    """A path, its folders from the innermost outwards, and how many of them must agree."""

    path: PurePosixPath
    folders: tuple[str, ...]
    num_decisive: int


def _folders_and_name(names: Sequence[str]) -> list[_Place]:
    paths = [PurePosixPath(name.replace("\\", "/")) for name in names]
    are_absolute = bool(paths) and all(path.is_absolute() or path.parts[:1][0][1:] == ":" for path in paths)
    shared = _num_common(*(path.parts[:-1] for path in paths)) if are_absolute or len(set(paths)) > 1 else 0
    return [_Place(path, path.parts[-2::-1], len(path.parts) - 1 - shared) for path in paths]


def _best(place: _Place, candidates: Sequence[tuple[int, _Place]]) -> list[int]:
    scores = {}
    for index, other in candidates:
        num = _num_common(place.folders, other.folders)
        if num >= min(place.num_decisive, other.num_decisive):
            is_whole = num == len(place.folders) == len(other.folders)
            scores[index] = (num, is_whole, place.path.suffix.lower() == other.path.suffix.lower())
    best = max(scores.values(), default=None)
    return [index for index, score in scores.items() if score == best]


def _num_common(*sequences: Sequence[str]) -> int:
    """Return how many items all sequences begin with."""
    num = 0
    for items in zip(*sequences, strict=False):
        if len(set(items)) > 1:
            break
        num += 1
    return num
