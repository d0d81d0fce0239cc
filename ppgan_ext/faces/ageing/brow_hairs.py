"""White hairs of brows: where they grow, and how they lie.

Brows turn grey hair by hair. Their hairs lie close to each other and all one way: up beside the nose, outwards from
there, and from both edges towards the ridge between. Each face has its own hairs, of which more years show more.
"""

from __future__ import annotations

import numpy as np

from ppgan_ext.faces.ageing.white_hairs import POINTS, Hairs, values_at
from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.types import FloatArray

# Landmarks from the nose outwards, and to which side that is.
_BROWS = (range(21, 16, -1), -1.0), (range(22, 27), 1.0)
# All lengths are shares of the eyes' distance, all angles radians.
# How far roots are looked for: before a brow's landmarks and beyond them, and above and below them.
_BEFORE, _BEYOND, _BESIDE = 0.02, -0.06, 0.16
_SPACING, _SCATTER = 0.0115, 1.6  # of roots; how far they lie off their grid, as a share of its spacing
_LENGTH, _LENGTH_VARIES, _AT_TAIL = 0.085, 0.3, 0.6  # of hairs; deviation of the logarithm; and of those at the tail
# Where hairs are upright, how far along the brow they lie down, and how they point there; where angles are up.
_UPRIGHT, _LIE_DOWN, _LIE = 1.1, (0.0, 0.45), (0.16, -0.1)
_TO_RIDGE, _TURNED, _BENT = 0.22, 0.1, 0.3  # towards the ridge at an edge; how far directions vary; how hairs bend
_TURNS = 0.25  # over how much of the way from none to all a hair turns white
_FAINTEST = 0.15  # hairs lie deep in the brow, or are not wholly white
_LEAST_ROOTS = 8


def brow_hairs(dense: FloatArray, landmarks: FloatArray, share: float, seed: int) -> Hairs:
    """Choose the white hairs of both brows.

    Args:
        dense: (H, W) in [0, 1], how dense brows are.
        landmarks: (68, 2) in pixels of that map.
        share: of the hairs that are white, 0 to 1. A larger one shows the same hairs and more.
        seed: decides where they grow.

    Returns:
        In pixels of the map.
    """
    eyes, rng = eye_distance(landmarks), np.random.default_rng([seed, 3])
    points = np.asarray(landmarks, np.float64)
    both = [_of_one(dense, points[list(brow)], side, eyes, share, rng) for brow, side in _BROWS]
    return Hairs(np.concatenate([one.curves for one in both]), np.concatenate([one.white for one in both]))


def _of_one(
    dense: FloatArray, brow: FloatArray, side: float, eyes: float, share: float, rng: np.random.Generator
) -> Hairs:
    """Choose the white hairs of a brow with landmarks (5, 2) from the nose outwards."""
    outwards = brow[-1] - brow[0]
    wide = max(float(np.linalg.norm(outwards)), 1e-6)
    outwards = outwards / wide
    up = side * np.array([outwards[1], -outwards[0]])
    axes = np.stack([outwards, up])
    line = (brow - brow[0]) @ axes.T
    along = np.arange(-_BEFORE * eyes, wide + _BEYOND * eyes, _SPACING * eyes)
    beside = np.arange(line[:, 1].min() - _BESIDE * eyes, line[:, 1].max() + _BESIDE * eyes, _SPACING * eyes)
    places = np.stack(np.meshgrid(along, beside), axis=2).reshape(-1, 2)
    chances, normal = rng.random((len(places), 5)), rng.standard_normal((len(places), 2))
    places = places + _SPACING * _SCATTER * eyes * (chances[:, :2] - 0.5)
    density = np.clip(values_at(dense, brow[0] + places @ axes), 0.0, 1.0)
    white = np.clip((share * (1.0 + _TURNS) - chances[:, 2]) / _TURNS, 0.0, 1.0) * (density > chances[:, 3])
    white *= _FAINTEST + (1.0 - _FAINTEST) * chances[:, 4] ** 1.5
    here = white > 0.0
    if np.count_nonzero(density > 0.5) < _LEAST_ROOTS or not here.any():
        return Hairs(np.zeros((0, POINTS, 2)), np.zeros(0))
    across = _from_ridge(places, density)
    curves = _curves(places[here], across[here], normal[here], wide, eyes)
    return Hairs(brow[0] + curves @ axes, white[here])


def _from_ridge(places: FloatArray, density: FloatArray) -> FloatArray:
    """Return how far roots (N, 2) lie above the middle of the brow, (N,) in -1 to 1, by its density there (N,)."""
    weight = np.sqrt(np.asarray(density, np.float64))
    ridge = np.polynomial.Polynomial.fit(places[:, 0], places[:, 1], 2, w=weight)
    above = places[:, 1] - ridge(places[:, 0])
    half = 1.7 * np.sqrt(float((density * above * above).sum() / max(float(density.sum()), 1e-6)))
    return np.asarray(np.clip(above / max(half, 1e-6), -1.0, 1.0))


def _curves(places: FloatArray, across: FloatArray, normal: FloatArray, wide: float, eyes: float) -> FloatArray:
    """Return how hairs lie, (N, 8, 2) outwards and up."""
    share = np.clip(places[:, 0] / wide, 0.0, 1.0)
    down = np.clip((share - _LIE_DOWN[0]) / (_LIE_DOWN[1] - _LIE_DOWN[0]), 0.0, 1.0)
    lie = _LIE[0] + (_LIE[1] - _LIE[0]) * share
    angle = lie + (_UPRIGHT - lie) * (1.0 - down) ** 1.5 - _TO_RIDGE * across * down + _TURNED * normal[:, 0]
    lengths = _LENGTH * eyes * (1.0 + (_AT_TAIL - 1.0) * share) * np.exp(_LENGTH_VARIES * normal[:, 1])
    way = np.linspace(0.0, 1.0, POINTS - 1)
    angles = angle[:, None] * (1.0 - _BENT * way)
    steps = np.stack([np.cos(angles), np.sin(angles)], axis=2) * (lengths / (POINTS - 1))[:, None, None]
    return np.concatenate([places[:, None], places[:, None] + np.cumsum(steps, axis=1)], axis=1)
