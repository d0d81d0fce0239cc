"""The same photo twice in a data set, under two names: what is held back must not lie among what is trained on.

Collections from the web hold many photos several times, cut, scaled or coloured a little differently. UTKFace does:
one in ten of 500 faces drawn from it is another of its faces.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import PIL.Image

from ppgan_ext.data.image_source import BadFileError, ImageSource
from ppgan_ext.types import FloatArray, Image

THRESHOLD = 0.95
"""Correlation from which two aligned faces are one photo. Of 500 aligned faces 52 reach it with one of 16,000 others,
and one of these is another person; below, at 0.94, are people who look alike."""
_SIDE = 24
_ROWS_AT_ONCE = 2048


def find_twins(
    source: ImageSource, rows: Sequence[int], others: Sequence[int], threshold: float = THRESHOLD
) -> list[tuple[int, int]]:
    """Find pairs of pictures that are the same photo, as it is or mirrored.

    Args:
        source: the pictures, aligned.
        rows: of these.
        others: against these.
        threshold: correlation of small grey copies from which two are one.

    Returns:
        Pairs (row, other). Pictures that cannot be read have no twins.
    """
    wanted = list(rows)
    own = np.concatenate([copies for _, copies in _described(source, wanted)]) if wanted else np.zeros((0, _SIDE**2))
    mirrored = own.reshape(-1, _SIDE, _SIDE)[:, :, ::-1].reshape(-1, _SIDE**2)
    pairs = []
    for chunk, copies in _described(source, list(others)):
        alike = np.maximum(own @ copies.T, mirrored @ copies.T)
        pairs += [(wanted[i], chunk[j]) for i, j in zip(*np.nonzero(alike > threshold), strict=True)]
    return [(row, other) for row, other in pairs if row != other]


def small_copy(image: Image) -> FloatArray:
    """Describe a picture by its grey values at 24 px, (576,), of mean 0 and length 1; zeros for a flat one."""
    grey = PIL.Image.fromarray(image).convert("L").resize((_SIDE, _SIDE), PIL.Image.Resampling.BOX)
    values = np.asarray(grey, np.float32).ravel()
    values = values - values.mean()
    length = float(np.linalg.norm(values))
    return values / length if length > 0 else values


def _described(source: ImageSource, rows: list[int]) -> Iterator[tuple[list[int], FloatArray]]:
    """Yield rows and their copies (n, 576), some thousands at a time."""

    def one(row: int) -> FloatArray:
        try:
            return small_copy(source.read(row))
        except BadFileError:
            return np.zeros(_SIDE**2, np.float32)

    with ThreadPoolExecutor() as pool:
        for first in range(0, len(rows), _ROWS_AT_ONCE):
            chunk = rows[first : first + _ROWS_AT_ONCE]
            yield chunk, np.stack(list(pool.map(one, chunk)))
