"""Upper lids that come down with age: the skin under the brow sinks over the crease towards the lashes.

What lies between lashes and brow is told by its height: 0 at the lashes, 1 at the brow. The darkness of lashes, lid and
crease ends at 0.33 in people up to 35 years and at 0.19 in those beyond 62 (26 and 32 portraits that look at the
camera); towards the temple the skin hangs over the corner of the eye, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.head.bands import blur
from ppgan_ext.faces.ramps import smooth_step
from ppgan_ext.faces.warp import rectangle_around
from ppgan_ext.types import FloatArray

# Landmarks from the temple to the nose: corners of the eye and upper lid, the brow above; and the lower lid.
_EYES = (((36, 37, 38, 39), (17, 18, 19, 20, 21), (40, 41)), ((45, 44, 43, 42), (26, 25, 24, 23, 22), (46, 47)))
_SUNK = 0.2  # how far the skin comes down where it does most, in heights, for an amount of 1
# Heights between which it comes down, and where it does most; places along the eye, from the outer corner at 0 to the
# inner one at 1, likewise.
_HEIGHTS, _BY_HEIGHT = (0.03, 0.19, 0.8), (0.0, 1.0, 0.0)
_PLACES, _BY_PLACE = (-0.45, -0.1, 0.65, 1.0), (0.0, 1.0, 0.9, 0.0)
_LIT_HEIGHTS = (0.1, 0.3, 0.65)  # between which the skin is lit then, and most
_LEAST_HEIGHT = 0.1  # from lashes to brow, in eyes' distances
_SMOOTH = 0.012  # of the eyes' distance


class _Lid(NamedTuple):
    """The surroundings of an upper lid.

    Attributes:
        window: rows and columns of them in the picture, (h, w).
        place: (h, w), along the eye: 0 at the corner beside the temple, 1 at the other.
        height: (h, w), 0 at the lashes, 1 at the brow.
        gap: (h, w), pixels from the lashes to the brow.
        up: (2,), the unit vector from eye to brow.
    """

    window: tuple[slice, slice]
    place: FloatArray
    height: FloatArray
    gap: FloatArray
    up: FloatArray


def lids_move(landmarks: FloatArray, shape: tuple[int, ...], amount: float) -> npt.NDArray[np.float32]:
    """Return where each pixel comes from, less where it is, when the upper lids come down.

    Args:
        landmarks: (68, 2), pixels, where they are in the result.
        shape: (H, W) of the result.
        amount: 0 for none, 1 for 50 years.

    Returns:
        (H, W, 2).
    """
    move = np.zeros((*shape[:2], 2), np.float32)
    for lid in _lids(landmarks, shape):
        sunk = _eased(lid.height, _HEIGHTS, _BY_HEIGHT) * _eased(lid.place, _PLACES, _BY_PLACE)
        move[lid.window] += ((amount * _SUNK * lid.gap * sunk)[..., None] * lid.up).astype(np.float32)
    return blur(move, _SMOOTH * eye_distance(landmarks))


def lit_lids(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw where the skin that has come down catches the light, soft, (H, W) in [0, 1], from landmarks (68, 2)."""
    drawn = np.zeros(shape[:2], np.float32)
    for lid in _lids(landmarks, shape):
        lit = _eased(lid.height, _LIT_HEIGHTS, _BY_HEIGHT) * _eased(lid.place, _PLACES, _BY_PLACE)
        drawn[lid.window] += lit.astype(np.float32)
    return drawn


def _lids(landmarks: FloatArray, shape: tuple[int, ...]) -> Iterator[_Lid]:
    """Describe the surroundings of both upper lids in a picture (H, W)."""
    least = _LEAST_HEIGHT * eye_distance(landmarks)
    for upper, brow, lower in _EYES:
        outer, inner = landmarks[upper[0]], landmarks[upper[-1]]
        width = max(float(np.hypot(*(inner - outer))), 1e-6)
        along = (inner - outer) / width
        up = np.array([along[1], -along[0]])
        up *= -np.sign((landmarks[list(lower)].mean(axis=0) - (inner + outer) / 2) @ up)
        around = landmarks[[*upper, *brow]]
        around = np.vstack([around - 0.5 * width, around + 0.5 * width])
        left, top, right, bottom = rectangle_around(around, shape)
        y, x = np.mgrid[top:bottom, left:right]
        axes = np.array([along / width, up])
        place, height = np.tensordot(axes, np.stack([x - outer[0], y - outer[1]]), axes=1)
        lashes, hairs = (np.interp(place, *(axes @ (landmarks[list(line)] - outer).T)) for line in (upper, brow))
        gap = np.maximum(hairs - lashes, least)
        yield _Lid((slice(top, bottom), slice(left, right)), place, (height - lashes) / gap, gap, up)


def _eased(x: FloatArray, places: tuple[float, ...], values: tuple[float, ...]) -> FloatArray:
    """Interpolate between values at places, with zero slope there."""
    start = np.clip(np.searchsorted(places, x) - 1, 0, len(places) - 2)
    low, high = np.asarray(places)[start], np.asarray(places)[start + 1]
    share = np.clip((x - low) / (high - low), 0.0, 1.0)
    share = smooth_step(share)
    return np.asarray(values)[start] * (1.0 - share) + np.asarray(values)[start + 1] * share
