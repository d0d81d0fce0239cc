"""Find photos that a data set contains twice under different names, so that no test photo is also trained on.

Collections from the web contain many photos several times, with slightly different cuts, sizes or colours: of 500 faces
drawn from UTKFace, one in ten is in the set a second time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import PIL.Image

from ppgan_ext.data.image_source import BadFileError, ImageSource
from ppgan_ext.types import FloatArray, Image

THRESHOLD = 0.95
"""Correlation above which two aligned faces count as one photo. Of 500 aligned faces, 52 reach it with one of 16,000
others, and one of these 52 is a different person; pairs at 0.94 are different people who look alike."""
_SIDE = 24
_ROWS_AT_ONCE = 2048


def find_twins(
    source: ImageSource, rows: Sequence[int], others: Sequence[int], threshold: float = THRESHOLD
) -> list[tuple[int, int]]:
    """Find pairs of pictures that show the same photo, mirrored or not.

    Args:
        source: aligned pictures.
        rows: the pictures to find twins of.
        others: the pictures among which to look for twins.
        threshold: correlation of small grey copies above which two pictures count as one photo.

    Returns:
        Pairs (row, other). Pictures that cannot be read have no twins.
    """
    rows = list(rows)
    own = np.concatenate([copies for _, copies in _small_copies(source, rows)]) if rows else np.zeros((0, _SIDE**2))
    mirrored = own.reshape(-1, _SIDE, _SIDE)[:, :, ::-1].reshape(-1, _SIDE**2)
    pairs = []
    for chunk, copies in _small_copies(source, list(others)):
        correlations = np.maximum(own @ copies.T, mirrored @ copies.T)
        pairs += [(rows[i], chunk[j]) for i, j in zip(*np.nonzero(correlations > threshold), strict=True)]
    return [(row, other) for row, other in pairs if row != other]


def small_copy(image: Image) -> FloatArray:
    """Return a picture's grey values at 24 x 24 px, (576,), with mean 0 and length 1; zeros if it is uniform."""
    grey = PIL.Image.fromarray(image).convert("L").resize((_SIDE, _SIDE), PIL.Image.Resampling.BOX)
    values = np.asarray(grey, np.float32).ravel()
    values = values - values.mean()
    length = float(np.linalg.norm(values))
    return values / length if length > 0 else values


def _small_copies(source: ImageSource, rows: list[int]) -> Iterator[tuple[list[int], FloatArray]]:
    """Yield chunks of rows with their small copies (n, 576)."""

    def copy_of(row: int) -> FloatArray:
        try:
            return small_copy(source.read(row))
        except BadFileError:
            return np.zeros(_SIDE**2, np.float32)

    with ThreadPoolExecutor() as pool:
        for first in range(0, len(rows), _ROWS_AT_ONCE):
            chunk = rows[first : first + _ROWS_AT_ONCE]
            yield chunk, np.stack(list(pool.map(copy_of, chunk)))
