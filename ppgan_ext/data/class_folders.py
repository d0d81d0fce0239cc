"""A folder whose subfolders are classes: the pictures with the numbers of their classes."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import numpy as np

from ppgan_ext.data.image_source import ImageSource
from ppgan_ext.data.sources import open_source
from ppgan_ext.errors import InputError
from ppgan_ext.types import Image


class ClassFolderSource(ImageSource):
    """The pictures in the subfolders of a folder; class 0 is the subfolder that comes first by name.

    Args:
        root: the folder, or a ``.zip`` of it.

    Attributes:
        classes: names of the subfolders, in the order of their numbers.
        labels: (N,) int64.

    Raises:
        InputError: there are no pictures, or some lie beside the subfolders.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self._source = open_source(root)
        parts = [PurePosixPath(self._source.name(index)).parts for index in range(len(self._source))]
        alone = next((part[0] for part in parts if len(part) < 2), None)
        if alone is not None:
            cure = "Make a subfolder for each class, or set dataset_name: ImageFolder, which has no classes"
            raise InputError(f"contains '{alone}' beside the folders of classes", where=self._source.path, cure=cure)
        self.classes = sorted({part[0] for part in parts})
        self.labels = np.array([self.classes.index(part[0]) for part in parts], np.int64)
        self.left_out = self._source.left_out

    @property
    def path(self) -> Path:
        """The folder."""
        return self._source.path

    def __len__(self) -> int:
        return len(self._source)

    def name(self, index: int) -> str:
        """Return a picture's path in the folder."""
        return self._source.name(index)

    def read(self, index: int) -> Image:
        """Decode a picture."""
        return self._source.read(index)

    def num_bytes(self, index: int) -> int:
        """Return the size of a picture's file in bytes."""
        return self._source.num_bytes(index)
