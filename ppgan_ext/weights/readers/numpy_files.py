"""NumPy's ``.npy`` and ``.npz``, without arrays of Python objects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt


def read_npy(path: Path) -> npt.NDArray:
    """Read one array."""
    return np.load(path, allow_pickle=False)


def read_npz(path: Path) -> dict[str, npt.NDArray]:
    """Read all arrays of an archive."""
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}
