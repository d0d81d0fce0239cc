"""Which row of a table of labels belongs to which file, where both name it by a path of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ppgan_ext.errors import InputError
from ppgan_ext.untrusted import shown

Parts: TypeAlias = "tuple[str, ...]"

_SEVERAL = -2
_CURE = "Give each file one row, named by its path"


def match(labels: Sequence[str], names: Sequence[str]) -> npt.NDArray[np.int64]:
    """Match files to rows by the longest common path, counted from the end and without the suffix.

    ``alice/1.png`` belongs to the row ``faces/alice/1`` or, if there is only one such row, to ``1``; never to
    ``bob/1``. Where both sides have further folders that differ, as in ``train/alice/1`` and ``faces/alice/1``, these
    must be the same two for all files.

    Args:
        labels: names in the table, (R,).
        names: names of the files, (N,).

    Returns:
        The row of each file, (N,); -1 for none.

    Raises:
        InputError: two rows have the same name, or a file fits several rows alike.
    """
    rows, ends = [_parts(label) for label in labels], {}
    whole: dict[Parts, int] = {}
    for row, parts in enumerate(rows):
        if whole.setdefault(parts, row) != row:
            raise InputError(f"'{shown(labels[row])}' occurs twice", where="labels", cure=_CURE)
        for length in range(1, len(parts) + 1):
            end = parts[-length:]
            ends[end] = _SEVERAL if end in ends else row
    found: dict[int, tuple[int, int, tuple[Parts, Parts]]] = {}  # row -> length, file, what is left on either side
    order = np.full(len(names), -1, np.int64)
    for index, name in enumerate(names):
        parts = _parts(name)
        length = next((length for length in range(len(parts), 0, -1) if parts[-length:] in ends), 0)
        row = whole.get(parts[-length:], ends.get(parts[-length:], -1)) if length else -1
        is_name_only = length == 1 and len(parts) > 1  # of the file's path; its folders are not those of the row
        if row == _SEVERAL and not is_name_only:
            what = f"'{shown(name)}' fits several rows that end in '{shown('/'.join(parts[-length:]))}'"
            raise InputError(what, where="labels", cure=_CURE)
        if row < 0 or (is_name_only and len(rows[row]) > 1):
            continue
        best = found.get(row)
        if best is None or length > best[0]:
            if best is not None:
                order[best[1]] = -1
            found[row] = length, index, (rows[row][:-length], parts[:-length])
            order[index] = row
        elif length == best[0] and parts[:-length] == best[2][1]:
            order[index] = row  # the same file with another suffix
    return _without_other_roots(order, [place for place in found.values() if order[place[1]] >= 0])


def _without_other_roots(
    order: npt.NDArray[np.int64], found: Sequence[tuple[int, int, tuple[Parts, Parts]]]
) -> npt.NDArray[np.int64]:
    """Drop matches whose paths begin with other folders than those of most files."""
    roots = Counter(left for _, _, left in found if left[0] and left[1])
    usual = roots.most_common(1)[0][0] if roots else None
    for _, index, left in found:
        if left[0] and left[1] and left != usual:
            order[index] = -1
    return order


def _parts(name: str) -> Parts:
    path = PurePosixPath(name.replace("\\", "/"))
    return (*(part for part in path.parent.parts if part not in ("/", ".")), path.stem)
