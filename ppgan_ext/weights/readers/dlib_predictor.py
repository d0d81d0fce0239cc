"""dlib's ``.dat`` of a shape predictor, as written by its ``serialize``, read into arrays; nothing in it is run.

The format is defined in dlib's shape_predictor.h and float_details.h. Integers and floats are encoded as in a network's
file (`dlib_dat`): of one to nine bytes each, so the place of a number depends on all before it. The sixteen million
numbers of the 68-point predictor's leaves are read nonetheless within a second: a leaf starts with a header of four
bytes, all headers are searched for, and the leaves are then read beside one another, one number of each at a time.
That every leaf ends where the next thing starts proves that the headers were no other bytes.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ppgan_ext.weights.readers.records import Reading

_Positions: TypeAlias = npt.NDArray[np.int64]

_MAX_POINTS = 127  # a count of 2 * points that fits one byte
_MAX_SPLITS, _MAX_TREES, _MAX_PIXELS = 255, 2**20, 2**16
_PADDING = b"\0" * 16
_MASKS = np.array([0, 0xFF, 0xFFFF, 0xFFFFFF, 0xFFFFFFFF], np.uint32)
_SIGNS = np.array([1, -1])
_TOGETHER = 4096  # positions read together: their bytes stay in the processor's cache
_MAX_EXPONENT = 100
_BYTES_PER_NUMBER = 4  # the shortest float takes as many as the float32 that it becomes


def is_predictor(head: bytes) -> bool:
    """Return whether a file's first bytes are those of a predictor: version 1, then a column of numbers."""
    return head[:3] == b"\x01\x01\x81" and head[4:6] == b"\x81\x01"


def read(path: Path, reading: Reading) -> dict[str, npt.NDArray]:
    """Read a shape predictor: a cascade of C forests of T trees with L leaves, for N points.

    Returns:
        ``initial`` (N, 2) float32, the mean shape; x and y from 0 to 1 across the face's box. ``pixels`` (C, T, L - 1,
        2) uint16, the two pixels that a split compares; ``thresholds`` (C, T, L - 1) float32; the children of split i
        are 2 i + 1 and 2 i + 2, those from L - 1 on are leaves. ``leaves`` (C, T, L, N, 2) float32, what is added to
        the shape. ``anchors`` (C, P) uint16, the point that each of P pixels lies at; ``deltas`` (C, P, 2) float32, how
        far from it.

    Raises:
        ValueError: the file is truncated or inconsistent.
    """
    num_bytes = path.stat().st_size
    reading.budget.allocate(2 * num_bytes)
    stream = _Numbers(path.read_bytes())
    if stream.integer(0)[0] != 1:
        raise ValueError("a predictor of another version")
    header = stream.data[2:6]
    num_points, odd = divmod(header[1], 2)
    if odd or not 1 <= num_points <= _MAX_POINTS or not is_predictor(stream.data[:8]):
        raise ValueError("a mean shape that is none")
    starts = np.array([match.start() for match in re.finditer(re.escape(header), stream.data)], np.int64)
    initial, at = stream.floats(starts[:1] + 4, 2 * num_points)
    num_forests, where = stream.count(int(at[0]), _MAX_TREES, "forests")
    num_trees, where = stream.count(where, _MAX_TREES, "trees")
    num_splits, _ = stream.count(where, _MAX_SPLITS, "splits")
    num_leaves, total = num_splits + 1, num_forests * num_trees
    if num_leaves & num_splits or len(starts) - 1 < total * num_leaves:
        raise ValueError("trees that are incomplete")
    starts = starts[1 : 1 + total * num_leaves]
    reading.budget.allocate(_BYTES_PER_NUMBER * 2 * num_points * len(starts))
    leaves, ends = stream.floats(starts + 4, 2 * num_points)
    after_trees = ends.reshape(total, num_leaves)
    if not np.array_equal(after_trees[:, :-1], starts.reshape(total, num_leaves)[:, 1:]):
        raise ValueError("leaves that overlap")
    before = np.concatenate([[where], after_trees[:-1, -1]])
    for forest in range(1, num_forests):
        trees, before[forest * num_trees] = stream.count(int(before[forest * num_trees]), _MAX_TREES, "trees")
        if trees != num_trees:
            raise ValueError("forests of different sizes")
    pixels, thresholds = _read_splits(stream, before, num_splits, starts[::num_leaves])
    anchors, where = _read_anchors(stream, int(ends[-1]), num_forests, num_points)
    deltas, where = _read_deltas(stream, where, anchors.shape)
    if where != num_bytes:
        raise ValueError("bytes that follow its end")
    if pixels.max() >= anchors.shape[1]:
        raise ValueError("a split that compares unknown pixels")
    each = (num_forests, num_trees)
    return {
        "initial": initial.reshape(num_points, 2),
        "pixels": pixels.reshape(*each, num_splits, 2).astype(np.uint16),
        "thresholds": thresholds.reshape(*each, num_splits),
        "leaves": leaves.reshape(*each, num_leaves, num_points, 2),
        "anchors": anchors.astype(np.uint16),
        "deltas": deltas,
    }


def _read_splits(
    stream: _Numbers, at: _Positions, num_splits: int, ends: _Positions
) -> tuple[_Positions, npt.NDArray[np.float32]]:
    """Read the splits of all trees, and the number of leaves behind them."""
    counts, at = stream.integers(at)
    pixels, thresholds = [], []
    for _ in range(num_splits):
        first, at = stream.integers(at)
        second, at = stream.integers(at)
        threshold, at = stream.floats(at, 1)
        pixels.append(np.stack([first, second], axis=1))
        thresholds.append(threshold[:, 0])
    num_leaves, at = stream.integers(at)
    if (counts != num_splits).any() or (num_leaves != num_splits + 1).any() or not np.array_equal(at, ends):
        raise ValueError("trees of different sizes")
    chosen = np.stack(pixels, axis=1)
    if chosen.min() < 0:
        raise ValueError("a split that compares unknown pixels")
    return chosen, np.stack(thresholds, axis=1)


def _read_anchors(stream: _Numbers, where: int, num_forests: int, num_points: int) -> tuple[_Positions, int]:
    rows, where = stream.count(where, num_forests, "anchors")
    anchors: list[list[int]] = []
    for _ in range(rows):
        num_pixels, where = stream.count(where, _MAX_PIXELS, "pixels")
        row = []
        for _ in range(num_pixels):
            anchor, where = stream.integer(where)
            row.append(anchor)
        anchors.append(row)
    if rows != num_forests or len({len(row) for row in anchors}) != 1:
        raise ValueError("forests with different numbers of pixels")
    array = np.array(anchors, np.int64)
    if array.min() < 0 or array.max() >= num_points:
        raise ValueError("a pixel at an unknown point")
    return array, where


def _read_deltas(stream: _Numbers, where: int, shape: tuple[int, ...]) -> tuple[npt.NDArray[np.float32], int]:
    rows, where = stream.count(where, shape[0], "deltas")
    deltas = []
    for _ in range(rows):
        num_pixels, where = stream.count(where, shape[1], "pixels")
        if num_pixels != shape[1]:
            break
        row, end = stream.floats(np.array([where]), 2 * num_pixels)
        deltas.append(row.reshape(num_pixels, 2))
        where = int(end[0])
    if len(deltas) != shape[0]:
        raise ValueError("a pixel without a place")
    return np.stack(deltas), where


class _Numbers:
    """The file's bytes. Numbers are read at many positions at once; each read returns the positions behind them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        padded = data + _PADDING
        self._bytes = np.frombuffer(padded, np.uint8)
        # The four bytes from each position on, as one number.
        self._words = np.ndarray((len(data) + len(_PADDING) - 4,), "<u4", padded, 0, (1,))

    def integers(self, at: _Positions) -> tuple[_Positions, _Positions]:
        """Read one integer of at most four bytes at each position."""
        if at.min() < 0 or at.max() >= len(self.data):
            raise ValueError(f"it ends at byte {len(self.data):,}")
        control = self._bytes[at]
        size = control & 0x0F
        if size.min() < 1 or size.max() > 4 or (control & 0x70).any():
            raise ValueError("no integer where one should be")
        values = (self._words[at + 1] & _MASKS[size]).astype(np.int64)
        values *= _SIGNS[control >> 7]
        return values, at + 1 + size

    def floats(self, at: _Positions, count: int) -> tuple[npt.NDArray[np.float32], _Positions]:
        """Read ``count`` floats one after another at each position, (positions, count)."""
        values, ends = np.empty((len(at), count), np.float32), np.empty_like(at)
        for start in range(0, len(at), _TOGETHER):
            part = slice(start, start + _TOGETHER)
            here = at[part]
            for column in range(count):
                mantissa, here = self.integers(here)
                exponent, here = self.integers(here)
                if exponent.max() > _MAX_EXPONENT or exponent.min() < -_MAX_EXPONENT:
                    raise ValueError("a number that is not finite")
                values[part, column] = np.ldexp(mantissa.astype(np.float32), exponent)
            ends[part] = here
        return values, ends

    def integer(self, where: int) -> tuple[int, int]:
        """Read one integer."""
        if not 0 <= where < len(self.data):
            raise ValueError(f"it ends at byte {len(self.data):,}")
        control = self.data[where]
        size = control & 0x0F
        if not 1 <= size <= 8 or control & 0x70:
            raise ValueError(f"no integer at byte {where:,}")
        value = int.from_bytes(self.data[where + 1 : where + 1 + size], "little")
        return -value if control & 0x80 else value, where + 1 + size

    def count(self, where: int, limit: int, what: str) -> tuple[int, int]:
        """Read a length, at least 1."""
        value, where = self.integer(where)
        if not 1 <= value <= limit:
            raise ValueError(f"{value:,} {what}")
        return value, where
