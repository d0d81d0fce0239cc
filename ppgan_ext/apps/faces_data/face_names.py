"""Names of the files of training faces: fit for every file system, and no two photos share one."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from ppgan_ext.apps.faces_data.manifest import Manifest
from ppgan_ext.file_names import clean, folded, shortened, unique

_REFUSED = re.compile(r'[:*?"<>|]')  # by the file systems of Windows, of cameras and of most sticks
_MAX_BYTES = 200


class FaceNames:
    """Names each photo's faces after it, in this run as in the earlier ones that the manifest records.

    Args:
        manifest: the record of the folder.
        folder: the folder.
    """

    def __init__(self, manifest: Manifest, folder: Path) -> None:
        self.folder = folder
        self._base_of: dict[str, str] = {}
        for source, entry in manifest.entries.items():
            for face in entry.get("faces", [])[:1]:
                self._base_of[source] = re.sub(r"\.\d+\.png$", "", str(face["file"]))
        self._taken = {folded(base) for base in self._base_of.values()}

    def base_of(self, photo: str) -> str:
        """Return the name of a photo's faces without ``.<number>.png``; it never leads out of the folder."""
        if photo not in self._base_of:
            parts = PurePosixPath(photo).parts
            wanted = "/".join(shortened(_REFUSED.sub("_", clean(part)), _MAX_BYTES) for part in parts)
            self._base_of[photo] = unique(wanted, self._taken)
            self._taken.add(folded(self._base_of[photo]))
        return self._base_of[photo]
