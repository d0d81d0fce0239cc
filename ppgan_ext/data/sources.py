"""Open a source of pictures: a folder, a zip file, a pack (.npz), or a folder of packs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ppgan_ext.data.image_source import BadFileError, ImageSource, JoinedSource
from ppgan_ext.data.packs import PACK_SUFFIX, PackSource, is_pack
from ppgan_ext.data.zips import ZipSource
from ppgan_ext.errors import InputError
from ppgan_ext.file_names import cure_of_missing
from ppgan_ext.images import read_image
from ppgan_ext.picture_listing import LeftOut, is_picture, list_pictures, no_pictures
from ppgan_ext.types import Image


def open_source(path: str | os.PathLike[str], recursive: bool = True) -> ImageSource:
    """Open a folder of pictures, a ``.zip``, a ``.npz`` pack, or a folder of packs.

    Args:
        path: the file or folder.
        recursive: search the folder's subfolders too, as PaddleGAN's data sets do.

    Raises:
        InputError: the path does not exist, is something else, or contains no pictures.
    """
    root = Path(path)
    if not os.fspath(path):
        raise InputError("the path of the data is empty", cure="Check dataroot; a shell variable may be unset")
    if not root.exists():
        raise InputError("no such file or folder", where=root, cure=cure_of_missing(root, "Check dataroot"))
    if root.is_dir():
        return _open_folder(root, recursive)
    suffix = root.suffix.lower()
    if suffix == PACK_SUFFIX:
        return PackSource(root)
    if suffix == ".zip":
        return ZipSource(root)
    cure = "Give a folder of pictures, a .zip or a .npz pack"
    what = "is a single picture" if is_picture(root) else "is not a data set"
    raise InputError(what, where=root, cure=cure)


def _open_folder(root: Path, recursive: bool) -> ImageSource:
    listing = list_pictures(root, recursive)
    packs = sorted(p for p in root.glob(f"[!.]*{PACK_SUFFIX}") if is_pack(p))
    if listing.names and packs:
        cure = f"Give the path of the pack, {packs[0].name}, or keep the pictures in a folder of their own"
        raise InputError("contains both pictures and a pack", where=root, cure=cure)
    if packs:
        return PackSource(packs[0]) if len(packs) == 1 else JoinedSource(root, [PackSource(pack) for pack in packs])
    if listing.names:
        return FolderSource(root, listing.names, listing.left_out)
    zips = sorted(root.glob("*.zip"))
    if zips:
        raise InputError("contains no pictures", where=root, cure=f"Give the path of {zips[0].name}")
    raise no_pictures(root, listing.left_out)


class FolderSource(ImageSource):
    """The pictures of a folder and its subfolders.

    Args:
        root: the folder.
        names: paths relative to it, with slashes, in the order of the source.
        left_out: what else it contains.
    """

    def __init__(self, root: Path, names: Sequence[str], left_out: Sequence[LeftOut] = ()) -> None:
        self._root = root
        self._names = list(names)
        self.left_out = list(left_out)

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
