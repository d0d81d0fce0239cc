"""Brows, and how much darker than the skin around each pixel of a face is."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.head.bands import blur, local_mean
from ppgan_ext.faces.head.parts import skin_area, skin_weight
from ppgan_ext.faces.landmarks import BROWS, LEFT_EYE, RIGHT_EYE
from ppgan_ext.faces.light import luminance, to_linear
from ppgan_ext.faces.mask import draw_part
from ppgan_ext.faces.morphology import disc
from ppgan_ext.types import FloatArray

_COPY_EYES = 72.0  # pixels between the eyes of the copy on which brows are looked for
_DARKER = (0.10, 0.55)  # log light below the skin around: none and full
_BROW_WIDTH = 0.075  # around the brow's points, as a share of the eyes' distance
_EYE_WIDTH, _EYE_SOFT = 0.15, 0.035  # of what is eye, lid and the shade of the brow
# How thick brows are at most, as a share of the eyes' distance; what is dark, of `darkness`; and how far around what is
# thicker is no brow either.
_THICKEST, _IS_DARK, _THICK_REACH = 0.38, (0.3, 0.8), 0.03
_SIDE = 0.04  # of the face's width, over which brows begin at its side
NO_LIGHT = np.float32(0.04)
"""What is added to light over the skin's before the logarithm: deeper black is alike."""


def brow_weight(picture: npt.NDArray, landmarks: FloatArray) -> npt.NDArray[np.float32]:
    """Return how far each pixel is hair of the brows: darker than the skin around, where brows grow.

    Args:
        picture: (H, W, 3) RGB, 0 to 255.
        landmarks: (68, 2) in the picture.

    Returns:
        (H, W) float32 in [0, 1].
    """
    copy, points = reduced(picture, landmarks)
    return whole(brow_place(points, copy.shape) * _darkness(copy, points), picture)


def thicker_than_brows(picture: npt.NDArray, landmarks: FloatArray) -> npt.NDArray[np.float32]:
    """Return where what is darker than the skin around is thicker than a brow, as a scarf or the shadow of a hat.

    Args:
        picture: (H, W, 3) RGB, 0 to 255.
        landmarks: (68, 2) in the picture.

    Returns:
        (H, W) float32 in [0, 1].
    """
    copy, points = reduced(picture, landmarks)
    eyes, dark = eye_distance(points), _darkness(copy, points) * _beside_eyes(points, copy.shape)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (round(_THICKEST * eyes) | 1,) * 2)
    opened = cv2.dilate(cv2.morphologyEx(dark, cv2.MORPH_OPEN, kernel), disc(_THICK_REACH * eyes))
    low, high = _IS_DARK
    return whole(blur(np.clip((opened - low) / (high - low), 0.0, 1.0), 0.5 * _THICK_REACH * eyes), picture)


def brow_place(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw where brows grow, softly, (H, W) in [0, 1]."""
    eyes = eye_distance(landmarks)
    place = np.zeros(shape[:2], np.float32)
    for brow in BROWS:
        place = np.maximum(place, blur(draw_part(landmarks[brow], shape, _BROW_WIDTH * eyes), 0.025 * eyes))
    return place * _beside_eyes(landmarks, shape) * within_sides(landmarks, shape)


def _beside_eyes(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw all but eyes, lids and the shade of the brows, softly, (H, W) in [0, 1]."""
    eyes, beside = eye_distance(landmarks), np.ones(shape[:2], np.float32)
    for eye in (RIGHT_EYE, LEFT_EYE):
        beside *= 1.0 - blur(draw_part(landmarks[eye], shape, _EYE_WIDTH * eyes), _EYE_SOFT * eyes)
    return beside


def within_sides(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw what lies between the sides of a face, (H, W) in [0, 1]: beside it begin hair, scarves and hoods."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    right, left = landmarks[0], landmarks[16]
    across = (left - right) / max(float((left - right) @ (left - right)), 1e-6)
    way = (x - np.float32(right[0])) * np.float32(across[0]) + (y - np.float32(right[1])) * np.float32(across[1])
    return np.asarray(np.clip(np.minimum(way, 1.0 - way) / np.float32(_SIDE), 0.0, 1.0), np.float32)


def darkness(picture: npt.NDArray, landmarks: FloatArray) -> npt.NDArray[np.float32]:
    """Return how much darker each pixel is than the face's skin nearby, (H, W) in [0, 1]: dark hair between skin."""
    copy, points = reduced(picture, landmarks)
    return whole(_darkness(copy, points), picture)


def _darkness(copy: npt.NDArray, points: FloatArray) -> npt.NDArray[np.float32]:
    values, around, _ = shading(copy, points)
    return np.clip((around - values - _DARKER[0]) / (_DARKER[1] - _DARKER[0]), 0.0, 1.0).astype(np.float32)


def shading(copy: npt.NDArray, points: FloatArray) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], float]:
    """Return log light over the skin's (H, W), that of the skin around (H, W), and the skin's luminance, linear.

    Args:
        copy: (H, W, 3) RGB, 0 to 255, see `reduced`.
        points: landmarks (68, 2) in it.
    """
    bright = luminance(to_linear(copy))
    skin = skin_weight(copy, skin_area(points, copy.shape))
    tone = max(float((bright * skin).sum() / max(float(skin.sum()), 1e-3)), 1e-4)
    values = np.log(bright / np.float32(tone) + NO_LIGHT)
    return values, local_mean(values, skin + np.float32(1e-3), 0.25 * eye_distance(points)), tone


def reduced(picture: npt.NDArray, landmarks: FloatArray, eyes: float = _COPY_EYES) -> tuple[npt.NDArray, FloatArray]:
    """Return a copy of the picture with at most so many pixels between the eyes, and its landmarks."""
    height, width = picture.shape[:2]
    shrink = min(1.0, eyes / eye_distance(landmarks))
    size = (max(4, round(width * shrink)), max(4, round(height * shrink)))
    points = (np.asarray(landmarks, np.float64) + 0.5) * (size[0] / width, size[1] / height) - 0.5
    return (cv2.resize(picture, size, interpolation=cv2.INTER_AREA) if shrink < 1.0 else picture), points


def whole(weight: FloatArray, picture: npt.NDArray) -> npt.NDArray[np.float32]:
    """Enlarge a weight to the picture it was found in."""
    size = (picture.shape[1], picture.shape[0])
    return np.asarray(cv2.resize(np.asarray(weight, np.float32), size, interpolation=cv2.INTER_LINEAR), np.float32)
