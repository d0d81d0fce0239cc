"""Names of result files: fit for the file system, none used twice in a run, none an input's."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from ppgan_ext.file_names import MAX_BYTES, clean, folded, shortened, unique

_MAX_STEM_BYTES = 160  # leaves room for ".age+20.strip.png" and the like
_KEPT_END_BYTES = 60


class ResultNames:
    """Gives each result file of a run a path of its own.

    Attributes:
        replaced: files that were there before the run and have been written anew.
    """

    def __init__(self) -> None:
        self._taken: dict[Path, set[str]] = {}
        self.replaced: list[Path] = []

    def protect(self, path: str | os.PathLike[str]) -> None:
        """Keep a path from being written to: it is an input."""
        real = Path(os.path.realpath(path))
        self._taken.setdefault(real.parent, set()).add(folded(real.name))

    def place(self, folder: Path, name: str) -> Path:
        """Return where a result file goes.

        Args:
            folder: the output folder.
            name: the name that it should have, with slashes between folders; its suffixes are kept.

        Returns:
            ``folder / name``, shortened or numbered where that is needed.
        """
        *folders, file = PurePosixPath(name).parts
        parent = folder.joinpath(*folders)
        taken = self._taken.setdefault(Path(os.path.realpath(parent)), set())
        file = shortened(file, _longest_name(folder), _KEPT_END_BYTES)
        if folded(file) in taken:
            stem, dot, suffix = file.rpartition(".")
            end = folded(dot + suffix)
            file = unique(stem, {name.removesuffix(end) for name in taken if name.endswith(end)}) + dot + suffix
        taken.add(folded(file))
        path = parent / file
        if path.exists():
            self.replaced.append(path)
        return path


def result_stem(path: str | os.PathLike[str]) -> str:
    """Return the first part of the names of an input's results: the input's path without its suffix, cleaned.

    Args:
        path: relative to the folder that was given, so that results lie in the same subfolders; or only a name.
    """
    given = PurePosixPath(os.fspath(path))
    return "/".join(shortened(clean(part), _MAX_STEM_BYTES) for part in (*given.parts[:-1], given.stem or "image"))


def _longest_name(folder: Path) -> int:
    """Return the longest name of a file in a folder, in bytes: encrypted file systems allow less than others."""
    try:
        return min(os.pathconf(folder, "PC_NAME_MAX"), MAX_BYTES)
    except (OSError, ValueError, AttributeError):  # AttributeError: Windows
        return MAX_BYTES
