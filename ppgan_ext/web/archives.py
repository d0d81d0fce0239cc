"""The files of runs, packed into one file to download."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path


def pack(archive: Path, folders: Sequence[Path]) -> Path:
    """Pack all files of folders; those of several folders into subfolders 01, 02, ...

    Args:
        archive: the zip to write.
        folders: where the files are.
    """
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as packed:  # pictures do not get smaller
        for number, folder in enumerate(folders, start=1):
            place = Path(f"{number:02d}" if len(folders) > 1 else "")
            for file in sorted(path for path in folder.rglob("*") if path.is_file()):
                packed.write(file, place / file.relative_to(folder))
    return archive
