"""Fine structure of skin and hair: stubble and beards are rough down to single hairs, shade is smooth."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.head.bands import blur
from ppgan_ext.faces.head.facial_hair import reduced, whole
from ppgan_ext.faces.head.parts import skin_area, skin_weight
from ppgan_ext.faces.light import luminance, to_linear
from ppgan_ext.types import FloatArray

_EYES = 140.0  # pixels between the eyes of the copy on which it is looked for
_FINE, _AROUND = 0.012, 0.06  # width of the Gaussian of what is finer, half the window; in distances of the eyes
_NO_LIGHT = np.float32(0.015)  # of the skin's: little, as black hair is rough in what light it has
_SMOOTHEST = 0.008  # of skin: less is lost when a photo is compressed
_LEVELS = np.float32(1000.0)  # of roughness, so that bytes of which a median is fast hold up to 0.255
_FEW = 20


class Roughness(NamedTuple):
    """How rough each place is, (H, W): in log light, and the logarithm of that over the face's bare skin."""

    itself: npt.NDArray[np.float32]
    over_skin: npt.NDArray[np.float32]


def roughness(picture: npt.NDArray, landmarks: FloatArray) -> Roughness | None:
    """Measure the fine structure around each place of a face.

    Its median is what counts, which one edge does not raise: neither the outline of a jaw nor a fold is hair.

    Args:
        picture: (H, W, 3) RGB, 0 to 255.
        landmarks: (68, 2) in the picture.

    Returns:
        None if the face shows too little skin.
    """
    copy, points = reduced(picture, landmarks, _EYES)
    eyes, bright = eye_distance(points), luminance(to_linear(copy))
    skin = skin_weight(copy, skin_area(points, copy.shape)) > 0.6
    row = np.arange(copy.shape[0])[:, None]
    skin &= (row < points[33, 1]) & (row > points[27, 1])
    if np.count_nonzero(skin) < _FEW:
        return None
    values = np.log(bright / np.float32(max(float(np.median(bright[skin])), 1e-4)) + _NO_LIGHT)
    fine = np.abs(values - blur(values, _FINE * eyes))
    window = 2 * max(1, round(_AROUND * eyes)) + 1
    rough = cv2.medianBlur(np.rint(np.minimum(fine * _LEVELS, 255.0)).astype(np.uint8), window) / _LEVELS
    usual = max(float(np.median(rough[skin])), _SMOOTHEST)
    over_skin = np.log(np.maximum(rough, np.float32(1e-3)) / np.float32(usual))
    return Roughness(whole(rough, picture), whole(over_skin, picture))
