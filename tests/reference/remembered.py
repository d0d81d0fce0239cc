"""A function of pictures that is computed once for each, for tests that look at the same few again and again."""

from __future__ import annotations

import contextlib
import copy
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from ppgan_ext.faces import landmarks
from ppgan_ext.faces.detectors import libfacedetection
from ppgan_ext.types import Image


class Remembered:
    """A function whose results depend on a picture's pixels alone; callers get copies of their own.

    Args:
        function: maps a picture to anything that can be copied.
    """

    def __init__(self, function: Callable[[Image], Any]) -> None:
        self._function = function
        self._known: dict[tuple[object, ...], Any] = {}

    def __call__(self, picture: Image) -> Any:
        """Return what the function says of a picture."""
        pixels = np.ascontiguousarray(picture)
        key = pixels.shape, pixels.dtype.str, hashlib.blake2b(pixels, digest_size=16).digest()
        if key not in self._known:
            self._known[key] = self._function(picture)
        return copy.deepcopy(self._known[key])


_MEASURED = [(module, name, Remembered(getattr(module, name)))
             for module, name in ((libfacedetection, "_run"), (landmarks, "_predict_in_patch"))]  # fmt: skip


@contextlib.contextmanager
def pictures_measured_once() -> Iterator[None]:
    """Remember what the detector and the landmark predictor say of a picture, in all such blocks of this process.

    Both are functions of the pixels alone; tests/faces tests them without memory.
    """
    with pytest.MonkeyPatch.context() as patch:
        for module, name, remembered in _MEASURED:
            patch.setattr(module, name, remembered)
        yield
