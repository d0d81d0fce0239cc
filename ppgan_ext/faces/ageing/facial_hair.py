"""Brows, and how much darker than the skin around each pixel of a face is."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing.bands import blur, local_mean
from ppgan_ext.faces.ageing.frame import eye_distance
from ppgan_ext.faces.ageing.parts import hull, skin_area, skin_weight
from ppgan_ext.faces.landmarks import LEFT_EYE, RIGHT_EYE
from ppgan_ext.faces.light import luminance, to_linear
from ppgan_ext.types import FloatArray

_BROWS = (slice(17, 22), slice(22, 27))
_COPY_EYES = 72.0  # pixels between the eyes of the copy on which brows are looked for
_DARKER = (0.10, 0.55)  # log light below the skin around: none and full
_BROW_WIDTH = 0.075  # around the brow's points, as a share of the eyes' distance


def brow_weight(picture: npt.NDArray, landmarks: FloatArray) -> npt.NDArray[np.float32]:
    """Return how far each pixel is hair of the brows: darker than the skin around, where brows grow.

    Args:
        picture: (H, W, 3) RGB, 0 to 255.
        landmarks: (68, 2) in the picture.

    Returns:
        (H, W) float32 in [0, 1].
    """
    copy, points = reduced(picture, landmarks)
    eyes = eye_distance(points)
    place = np.zeros(copy.shape[:2], np.float32)
    for brow in _BROWS:
        place = np.maximum(place, blur(hull(points[brow], copy.shape, _BROW_WIDTH * eyes), 0.025 * eyes))
    for eye in (RIGHT_EYE, LEFT_EYE):
        place *= 1.0 - blur(hull(points[eye], copy.shape, 0.12 * eyes), 0.02 * eyes)
    return whole(place * _darkness(copy, points), picture)


def darkness(picture: npt.NDArray, landmarks: FloatArray) -> npt.NDArray[np.float32]:
    """Return how much darker each pixel is than the face's skin nearby, (H, W) in [0, 1]: dark hair between skin."""
    copy, points = reduced(picture, landmarks)
    return whole(_darkness(copy, points), picture)


def _darkness(copy: npt.NDArray, points: FloatArray) -> npt.NDArray[np.float32]:
    bright = luminance(to_linear(copy))
    skin = skin_weight(copy, skin_area(points, copy.shape))
    tone = float((bright * skin).sum() / max(float(skin.sum()), 1e-3))
    values = np.log(bright / np.float32(max(tone, 1e-4)) + np.float32(0.04))
    around = local_mean(values, skin + np.float32(1e-3), 0.25 * eye_distance(points))
    return np.clip((around - values - _DARKER[0]) / (_DARKER[1] - _DARKER[0]), 0.0, 1.0).astype(np.float32)


def reduced(picture: npt.NDArray, landmarks: FloatArray) -> tuple[npt.NDArray, FloatArray]:
    """Return a copy of the picture with a face of moderate size, and its landmarks."""
    height, width = picture.shape[:2]
    shrink = min(1.0, _COPY_EYES / eye_distance(landmarks))
    size = (max(4, round(width * shrink)), max(4, round(height * shrink)))
    points = (np.asarray(landmarks, np.float64) + 0.5) * (size[0] / width, size[1] / height) - 0.5
    return (cv2.resize(picture, size, interpolation=cv2.INTER_AREA) if shrink < 1.0 else picture), points


def whole(weight: FloatArray, picture: npt.NDArray) -> npt.NDArray[np.float32]:
    """Enlarge a weight to the picture it was found in."""
    size = (picture.shape[1], picture.shape[0])
    return np.asarray(cv2.resize(np.asarray(weight, np.float32), size, interpolation=cv2.INTER_LINEAR), np.float32)
