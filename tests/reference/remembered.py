"""A function of pictures that is computed once for each, for tests that look at the same few again and again."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np

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
