"""Open a source of pictures: a folder, a zip file, a pack (.npz), or a folder of packs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from ppgan_ext.data.image_source import BadFileError, ImageSource, JoinedSource
from ppgan_ext.data.packs import PACK_SUFFIX, PackSource, is_pack
from ppgan_ext.data.zips import ZipSource
from ppgan_ext.errors import InputError
from ppgan_ext.images import SUFFIXES, read_image
from ppgan_ext.types import Image


def open_source(path: str | os.PathLike[str]) -> ImageSource:
    """Open a folder of pictures (with its subfolders), a ``.zip``, a ``.npz`` pack, or a folder of packs.

    Raises:
        InputError: the path does not exist, is something else, or contains no pictures.
    """
    root = Path(path)
    if not root.exists():
        raise InputError("no such file or folder", where=root, cure="Check dataroot")
    if root.is_dir():
        return _open_folder(root)
    suffix = root.suffix.lower()
    if suffix == PACK_SUFFIX:
        return PackSource(root)
    if suffix == ".zip":
        return ZipSource(root)
    cure = "Give a folder of pictures, a .zip or a .npz pack"
    what = "is a single picture" if suffix in SUFFIXES else "is not a data set"
    raise InputError(what, where=root, cure=cure)


def _open_folder(root: Path) -> ImageSource:
    try:
        names = sorted(_walk(root, set()))
        packs = sorted(p for p in root.glob(f"[!.]*{PACK_SUFFIX}") if is_pack(p))
    except OSError as error:
        raise InputError(f"cannot be listed ({error})", where=root, cure="Check its permissions") from error
    if names and packs:
        cure = f"Give the path of the pack, {packs[0].name}, or keep the pictures in a folder of their own"
        raise InputError("contains both pictures and a pack", where=root, cure=cure)
    if packs:
        return PackSource(packs[0]) if len(packs) == 1 else JoinedSource(root, [PackSource(pack) for pack in packs])
    if not names:
        suffixes = ", ".join(sorted(SUFFIXES))
        zips = sorted(root.glob("*.zip"))
        cure = f"Give the path of {zips[0].name}" if zips else f"Put files ending in {suffixes} there, or .npz packs"
        raise InputError("contains no pictures", where=root, cure=cure)
    return FolderSource(root, names)


def _walk(folder: Path, above: set[str], prefix: str = "") -> Iterator[str]:
    """Yield relative paths of the pictures below a folder, with slashes; links are followed, except in circles."""
    real = os.path.realpath(folder)
    if real in above:
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                yield from _walk(Path(entry.path), above | {real}, f"{prefix}{entry.name}/")
            elif _is_picture(entry.name):
                yield prefix + entry.name


def _is_picture(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in SUFFIXES


class FolderSource(ImageSource):
    """The pictures of a folder and its subfolders.

    Args:
        root: the folder.
        names: paths relative to it, with slashes, in the order of the source.
    """

    def __init__(self, root: Path, names: Sequence[str]) -> None:
        self._root = root
        self._names = list(names)

    @property
    def path(self) -> Path:
        """The folder."""
        return self._root

    def __len__(self) -> int:
        return len(self._names)

    def name(self, index: int) -> str:
        """Return the path relative to the folder, with slashes."""
        return self._names[index]

    def read(self, index: int) -> Image:
        """Decode a picture."""
        try:
            return read_image(self._root / self._names[index])
        except InputError as error:
            raise BadFileError(error.what, where=error.where, cure=error.cure) from error

    def num_bytes(self, index: int) -> int:
        """Return the size of a picture's file in bytes."""
        path = self._root / self._names[index]
        try:
            return path.stat().st_size
        except OSError as error:
            raise BadFileError(f"cannot be found ({error.strerror})", where=path, cure="Check the path") from error
