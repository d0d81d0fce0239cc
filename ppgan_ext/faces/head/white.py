"""The light of a white surface where a face is: what tells pale skin in shadow from dark skin in the sun."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.light import luminance, to_linear
from ppgan_ext.faces.mask import face_mask
from ppgan_ext.types import FloatArray

_EYES = 128.0  # pixels between the eyes of the copy that is looked at
# Share of the skin's lack of blue in the light, and of its red as a part of that: the grey hair of 22 old portraits has
# 1.7 and 5.7 of CIE Lab's a and b at an L of 60, with none of the red it is greenish.
_WARMTH, _REDNESS = 0.2, 0.5
_ALIKE, _OF_CAST = (1.25, 1.6), 0.4  # colours of the most over the least colourful tenths; share of a tint beyond
_FEW = 50  # pixels that suffice to estimate a colour


def white_light(picture: npt.NDArray, landmarks: FloatArray) -> npt.NDArray[np.float32]:
    """Estimate the linear RGB of a white surface in the light that falls on a face.

    The brightest spots of the face reflect the light itself, whatever the skin's tone; skin of any tone is darker than
    white. The colour is that of the least colourful tenth of the picture, so that grey hair in a sepia photo is sepia,
    with a little less blue where skin has little and a little more red, since neutral grey looks violet beside skin,
    and what lacks blue alone looks green.

    Args:
        picture: (H, W, 3) sRGB, 0 to 255.
        landmarks: (68, 2) in the picture.
    """
    step = max(1, round(eye_distance(landmarks) / _EYES))
    small = to_linear(picture[::step, ::step])
    inside = face_mask(landmarks / step, small.shape, feather=0.02) > 0.5
    colours = small.reshape(-1, 3)
    bright = luminance(colours)
    of_face = bright[inside.ravel()] if inside.any() else bright
    if of_face.size == 0:
        return np.ones(3, np.float32)
    middle, top = np.percentile(of_face, (50, 98))
    level = max(float(top) * 1.35, float(middle) * 1.9, 1e-4)
    lit = (bright > 0.1 * level) & (bright < 1.2 * level)
    if np.count_nonzero(lit) < _FEW:
        return np.full(3, level, np.float32)
    ratios = colours[lit] / bright[lit, None]
    colourful = np.abs(ratios - 1.0).max(axis=1)
    least, most = np.percentile(colourful, (10, 90))
    cast = np.median(ratios[colourful <= least], axis=0)
    # Only where all is tinted alike, as in a sepia photo, is the tint that of the light and not of a wall.
    alike = float(np.clip((_ALIKE[1] - most / max(float(least), 1e-3)) / (_ALIKE[1] - _ALIKE[0]), 0.0, 1.0))
    cast = 1.0 + (cast - 1.0) * (_OF_CAST + (1.0 - _OF_CAST) * alike)
    # Grey cloth is often a little blue; grey hair beside skin must be neither that nor green.
    cast[2] -= 0.7 * max(float(cast[2]) - 1.0, 0.0)
    cast[0] += 0.7 * max(1.0 - float(cast[0]), 0.0) * (1.0 - alike)
    skin = colours[inside.ravel()] if inside.any() else colours
    tint = np.median(skin, axis=0)
    tint = tint / max(float(luminance(tint)), 1e-6)
    tint = np.array([1.0 + _REDNESS * max(float(tint[0]) - 1.0, 0.0), 1.0, min(float(tint[2]), 1.0)])
    mixed = cast * (1.0 - _WARMTH) + tint * _WARMTH
    return np.asarray(level * mixed / float(luminance(mixed)), np.float32)
