"""The folds in front of jowls: from beside the corners of the mouth down towards the jaw, and the jowls behind them.

The mean marks of old faces have them as soft shades only, since they lie a little differently in each face. Places,
lengths and leans follow what 30 portraits of people beyond 63 years show.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.types import FloatArray


class _Fold(NamedTuple):
    """A fold beside the mouth; lengths in the eyes' distance, from the corner of the mouth.

    Attributes:
        aside: how far aside it begins.
        bend: how far its middle lies outwards of its ends.
        lean: how much farther aside it ends.
        above: where it begins.
        below: where it ends.
        width: of the dark line.
        depth: log light.
    """

    aside: float
    bend: float
    lean: float
    above: float
    below: float
    width: float
    depth: float


_FOLDS = (
    _Fold(aside=0.085, bend=0.03, lean=0.04, above=0.06, below=0.48, width=0.018, depth=0.26),
    _Fold(aside=0.215, bend=0.03, lean=0.02, above=0.20, below=0.36, width=0.014, depth=0.14),
)
# How much they differ between faces: aside, bend, lean, and depth (logarithm); and between sides, as a share of that.
_SPREAD, _SIDES, _FARTHEST = (0.014, 0.02, 0.06, 0.25), 0.5, 1.6
_ALONG = (0.0, 0.7, 1.0, 0.9, 0.4, 0.0)  # depth of a fold along its way
# Across it, in widths: weight, width and distance outwards of Gaussians. The fold, the shade before it, the lit jowl.
_INWARDS, _OUTWARDS = 0.25, 0.8  # how far from the corner of the mouth anything is drawn
_ACROSS = ((-0.75, 0.9, 0.0), (-0.5, 3.0, -2.0), (0.62, 3.3, 5.2))


def draw_jowls(landmarks: FloatArray, shape: tuple[int, ...], seed: int) -> npt.NDArray[np.float32]:
    """Draw the folds of a face that looks at the camera.

    Args:
        landmarks: (68, 2), level.
        shape: (H, W) of the picture.
        seed: decides how they run.

    Returns:
        (H, W), log light.
    """
    eyes, rng = eye_distance(landmarks), np.random.default_rng([seed, 12])
    drawn = np.zeros(shape[:2], np.float32)
    for fold in _FOLDS:
        face = rng.standard_normal(4)
        for corner, outwards in ((48, -1.0), (54, 1.0)):
            own = np.clip(face + _SIDES * rng.standard_normal(4), -_FARTHEST, _FARTHEST) * np.array(_SPREAD)
            x, y = landmarks[corner]
            sides = sorted((x - outwards * _INWARDS * eyes, x + outwards * _OUTWARDS * eyes))
            columns = np.arange(max(0, round(sides[0])), min(shape[1], round(sides[1])), dtype=np.float32)
            top, bottom = round(y - fold.above * eyes), round(y + fold.below * eyes)
            rows = np.arange(max(0, top), min(shape[0], bottom), dtype=np.float32)
            if not (len(rows) and len(columns)):
                continue
            along = ((rows - np.float32(y)) / np.float32(eyes) + fold.above) / (fold.below + fold.above)
            depth = fold.depth * np.exp(own[3]) * np.interp(along, np.linspace(0.0, 1.0, len(_ALONG)), _ALONG)
            bent = (fold.bend + own[1]) * np.sin(np.pi * np.clip(along, 0.0, 1.0))
            path = fold.aside + own[0] + bent + (fold.lean + own[2]) * along
            aside = outwards * (columns - np.float32(x)) / np.float32(eyes)
            aside = ((aside[None, :] - path[:, None]) / fold.width).astype(np.float32)
            across = sum(weight * np.exp(-0.5 * ((aside - place) / width) ** 2) for weight, width, place in _ACROSS)
            part = drawn[int(rows[0]) : int(rows[-1]) + 1, int(columns[0]) : int(columns[-1]) + 1]
            part += (depth[:, None] * across).astype(np.float32)
    return drawn
