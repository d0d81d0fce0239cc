"""Photos that lie on their side or stand on their head, turned by quarters so that a face is upright."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.axes import upwards
from ppgan_ext.types import FloatArray


def turns_to_upright(landmarks: FloatArray) -> int:
    """Return how many quarter turns counterclockwise, 0 to 3, set a face with landmarks (68, 2) most nearly upright."""
    up = upwards(landmarks)
    return int(np.rint(np.arctan2(up[0], -up[1]) / (np.pi / 2))) % 4


def turn_photo(photo: npt.NDArray, turns: int) -> npt.NDArray:
    """Turn a photo (H, W, ...) by quarters, counterclockwise; no pixel changes its value. It is not copied for none."""
    return np.ascontiguousarray(np.rot90(photo, turns))


def turn_points(points: FloatArray, shape: tuple[int, ...], turns: int) -> FloatArray:
    """Turn points (N, 2) with the photo of that shape, (H, W, ...), as `turn_photo` does."""
    height, width = shape[:2]
    turned = np.asarray(points, np.float64)
    for _ in range(turns % 4):
        turned = np.stack([turned[:, 1], width - 1.0 - turned[:, 0]], axis=1)
        height, width = width, height
    return turned
