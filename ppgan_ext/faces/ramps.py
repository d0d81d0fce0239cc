"""How weights rise from 0 to 1."""

from __future__ import annotations

from typing import TypeVar

import numpy.typing as npt

_Share = TypeVar("_Share", float, npt.NDArray)


def smooth_step(share: _Share) -> _Share:
    """Return a share in [0, 1] as a rise whose slope is 0 at both ends."""
    return share * share * (3.0 - 2.0 * share)
