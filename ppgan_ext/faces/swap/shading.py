"""Shadows, highlights and folds of a swapped face's skin that the photo's light and expression do not explain.

Two faces at the same landmarks have about the same surface, so shade of a middle size that only one of them shows comes
from its light, or from its expression.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.light import luminance, to_linear, to_srgb
from ppgan_ext.faces.skin import bare_skin, draw_part, face_size
from ppgan_ext.types import FloatArray

_COPY = 160.0  # size of the face on the copy on which shade is found, pixels
# Lengths are shares of the face's size.
_SHADE = (0.05, 0.2)  # widths of the Gaussians between which shadows and highlights lie
_SHADE_FADES = 0.3  # share of the excess that is taken away: the rest is the person's own relief
_FOLDS = (0.02, 0.12)  # the same, of folds and the bulges beside them
_FOLDS_FADE = 0.8
_CHEEKS = ([31, 48, 59, 6, 4, 2, 1], [35, 54, 55, 10, 12, 14, 15])
_MOUTH = slice(48, 60)
_EDGE, _CHEEK_EDGE = 0.02, 0.06  # of soft edges
_FLOOR = 4e-3  # of linear light, added before logarithms
_LEAST = 1e-2  # weight of skin under a Gaussian


def even_shading(face: FloatArray, photo: FloatArray, landmarks: FloatArray, shut: float) -> FloatArray:
    """Take away shade on skin that exceeds the photo's at the same place, in part.

    Args:
        face: (H, W, 3) RGB float32, 0 to 255, in the photo's light.
        photo: (H, W, 3) RGB, the photo with the same landmarks.
        landmarks: (68, 2) of both.
        shut: how far an open mouth was drawn shut, 0 to 1: so far the folds of a smile fade, too.

    Returns:
        (H, W, 3) RGB float32.
    """
    light = to_linear(np.asarray(face, np.float32))
    height, width = light.shape[:2]
    # All of it is smooth: it is found on a copy.
    scale = min(1.0, _COPY / face_size(landmarks))
    size = (max(4, round(width * scale)), max(4, round(height * scale)))
    points = (np.asarray(landmarks) + 0.5) * (np.array(size) / (width, height)) - 0.5
    small = [cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (light, np.asarray(photo, np.float32))]
    values = [np.log(luminance(each) + np.float32(_FLOOR)) for each in (small[0], to_linear(small[1]))]
    change = cv2.resize(_change(values[0], values[1], points, shut), (width, height), interpolation=cv2.INTER_LINEAR)
    return to_srgb(light * np.exp(-change)[..., None])


def _change(own: FloatArray, other: FloatArray, landmarks: FloatArray, shut: float) -> npt.NDArray[np.float32]:
    """Return by how much log light of a face (H, W) goes beyond the photo's, as far as it is taken away."""
    size = face_size(landmarks)
    skin = bare_skin(landmarks, own.shape, feather=_EDGE)
    excess = _excess(*(_band(values, skin, _SHADE, size) for values in (own, other)))
    change = _SHADE_FADES * cv2.GaussianBlur(skin, (0, 0), max(0.5, _EDGE * size)) * excess
    if shut > 0.0:
        everywhere = np.ones_like(skin)
        excess = _excess(*(_band(values, everywhere, _FOLDS, size) for values in (own - change, other)))
        change += _FOLDS_FADE * np.float32(shut) * _cheeks(landmarks, own.shape) * excess
    return np.asarray(change, np.float32)


def _excess(own: FloatArray, other: FloatArray) -> FloatArray:
    """Return by how much values go beyond others of the same sign."""
    sign = np.sign(own)
    return np.asarray(sign * np.maximum(np.abs(own) - np.maximum(sign * other, 0.0), 0.0), np.float32)


def _band(values: FloatArray, weight: FloatArray, widths: tuple[float, float], size: float) -> FloatArray:
    """Return what lies between two Gaussians, (H, W), of weighted values."""
    fine, wide = (
        cv2.GaussianBlur(values * weight, (0, 0), max(0.5, width * size))
        / np.maximum(cv2.GaussianBlur(weight, (0, 0), max(0.5, width * size)), _LEAST)
        for width in widths
    )
    return np.asarray((fine - wide) * weight, np.float32)


def _cheeks(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw the cheeks beside nose and mouth, (H, W) in [0, 1], without the lips."""
    size = face_size(landmarks)
    cheeks = np.maximum(*(draw_part(landmarks[part], shape, 0.0) for part in _CHEEKS))
    cheeks *= 1.0 - draw_part(landmarks[_MOUTH], shape, 0.01 * size)
    return np.asarray(cv2.GaussianBlur(cheeks, (0, 0), max(0.5, _CHEEK_EDGE * size)), np.float32)
