"""White hairs of a beard: where they grow, how they lie, and which of them an age shows.

A beard turns grey hair by hair, and that is how it is drawn: black stubble on dark skin cannot be told from shade, so
what is lightened there as a whole is a haze, but a white hair that falls on bare skin is just a hair. Each face has its
own hairs, of which more years show more; the first are those of the chin.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.axes import eye_distance, upwards
from ppgan_ext.types import FloatArray

# All lengths are shares of the eyes' distance, all angles radians.
_ACROSS, _DOWN = 1.2, (-0.5, 1.3)  # how far beards reach from the middle of the mouth
_SPACING = 0.0135  # of roots
_SCATTER = 1.6  # how far roots lie off their grid, as a share of its spacing
# Share of the hairs that are white by that of the head's; more on the chin, and fewer away from it; the width of the
# chin; and over how much of the way a hair turns white.
_WHITE, _CHIN_FIRST, _CHIN_WIDE, _TURNS = 1.05, (-0.1, 0.35), 0.55, 0.12
_THIN, _EDGE = 0.75, 0.15  # chance of a root by how dense the beard is; how gradually it comes up
_STUBBLE, _LONGEST, _LENGTH_VARIES = (0.016, 0.034), 0.1, 0.25  # of hairs; standard deviation of the logarithm
_OUTWARDS = (0.15, 0.75), (0.3, 0.3)  # slope of hairs beside the mouth: on the chin, and more above; over which widths
_TURNED, _BENT, _WAVY = 0.5, 0.8, 0.35  # how far directions vary: of hairs, along a hair, and in its waves
_WAVES = (0.6, 1.4)  # along a hair
_FAINTEST = 0.12  # hairs are deep in the beard, or not wholly white
_WHOLE = 0.045  # length from which a hair is seen whole
POINTS = 8
"""Points of a hair's curve."""


class Hairs(NamedTuple):
    """White hairs: their curves (N, 8, 2) from the root, x and y in pixels, and how white each is (N,) in [0, 1]."""

    curves: FloatArray
    white: FloatArray

    def and_also(self, others: Hairs) -> Hairs:
        """Return both these hairs and others."""
        return Hairs(*(np.concatenate(both) for both in zip(self, others, strict=True)))


def white_hairs(dense: FloatArray, full: float, landmarks: FloatArray, share: float, seed: int) -> Hairs:
    """Choose the white hairs of a beard.

    Args:
        dense: (H, W) in [0, 1], how dense the beard is.
        full: how full it is as a whole, 0 to 1: stubble has short hairs only, wherever it is dark.
        landmarks: (68, 2) in pixels of that map.
        share: share of the head's hair that is grey, 0 to 1. A larger one shows the same hairs and more.
        seed: decides where they grow.

    Returns:
        In pixels of the map.
    """
    eyes = eye_distance(landmarks)
    middle, down = landmarks[[48, 51, 54, 57]].mean(axis=0), -upwards(landmarks)
    axes = eyes * np.array([[down[1], -down[0]], down])
    frame = (np.asarray(landmarks) - middle) @ axes.T / eyes**2
    rng = np.random.default_rng([seed, 2])
    places = np.mgrid[_DOWN[0] : _DOWN[1] : _SPACING, -_ACROSS:_ACROSS:_SPACING].reshape(2, -1)[::-1].T
    chances, normal = rng.random((len(places), 8)), rng.standard_normal((len(places), 3))
    places = places + _SPACING * _SCATTER * (chances[:, :2] - 0.5)
    density = values_at(dense, middle + places @ axes)
    white = _whiteness(places, density, chances[:, 2:5], frame, share)
    here = white > 0.0
    lengths = _lengths(density[here], full, chances[here, 5], normal[here, 0])
    curves = _curves(places[here], lengths, chances[here, 6:], normal[here, 1:])
    return Hairs(middle + curves @ axes, white[here] * np.minimum(lengths / _WHOLE, 1.0))


def values_at(values: FloatArray, places: FloatArray) -> npt.NDArray[np.float32]:
    """Return a map's values at places (N, 2), 0 outside."""
    x, y = (np.ascontiguousarray(places[None, :, axis], np.float32) for axis in (0, 1))
    return cv2.remap(np.asarray(values, np.float32), x, y, cv2.INTER_LINEAR, None, cv2.BORDER_CONSTANT, 0)[0]


def _whiteness(
    places: FloatArray, density: FloatArray, chances: FloatArray, frame: FloatArray, share: float
) -> FloatArray:
    """Return how white the hair of each root is, (N,) in [0, 1]; 0 where none grows or it is still dark.

    Args:
        places: (N, 2) across and down from the middle of the mouth.
        density: (N,) of the beard, in [0, 1].
        chances: (N, 3) in [0, 1].
        frame: landmarks (68, 2), as the places.
        share: of the head's hair that is grey.
    """
    across, below = places.T
    first = np.exp(-np.square(across / _CHIN_WIDE)) * np.clip(below / max(frame[8, 1], 1e-3), 0.0, 1.0)
    turned = _WHITE * (1.0 + _CHIN_FIRST[0] + _CHIN_FIRST[1] * first) * share
    white = np.clip((turned - chances[:, 0]) / _TURNS, 0.0, 1.0)
    grows = np.clip((density - _THIN * chances[:, 1]) / _EDGE, 0.0, 1.0)
    return np.asarray(white * grows * (_FAINTEST + (1.0 - _FAINTEST) * np.square(chances[:, 2])))


def _lengths(density: FloatArray, full: float, chances: FloatArray, normal: FloatArray) -> FloatArray:
    """Return lengths (N,): where a full beard is dense (N,), some hairs are long."""
    longest = _STUBBLE[1] + full * (_LONGEST - _STUBBLE[1])
    longer = (longest - _STUBBLE[0]) * np.clip(density, 0.0, 1.0) ** 1.5
    return np.asarray((_STUBBLE[0] + longer * chances) * np.exp(_LENGTH_VARIES * normal))


def _curves(places: FloatArray, lengths: FloatArray, chances: FloatArray, normal: FloatArray) -> FloatArray:
    """Return how hairs lie, (N, 8, 2) across and down: outwards from the mouth, down the chin, each a little curly.

    Args:
        places: (N, 2), the roots, as `_whiteness`.
        lengths: (N,).
        chances: (N, 2) in [0, 1].
        normal: (N, 2) of standard deviation 1.
    """
    (on_chin, more_above), (aside, above) = _OUTWARDS
    higher = np.clip((0.5 * above - places[:, 1]) / above, 0.0, 1.0)
    outwards = np.clip(places[:, 0] / aside, -1.0, 1.0) * (on_chin + more_above * higher)
    way = np.linspace(0.0, 1.0, POINTS - 1)
    waves = _WAVES[0] + (_WAVES[1] - _WAVES[0]) * chances[:, :1]
    angles = np.arctan(outwards)[:, None] + _TURNED * normal[:, :1] + _BENT * normal[:, 1:] * (way - 0.3)
    angles = angles + _WAVY * np.sin(2.0 * np.pi * (waves * way + chances[:, 1:]))
    steps = np.stack([np.sin(angles), np.cos(angles)], axis=2) * (lengths / (POINTS - 1))[:, None, None]
    return np.concatenate([places[:, None], places[:, None] + np.cumsum(steps, axis=1)], axis=1)
