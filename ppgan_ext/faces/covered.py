"""Parts of a face that something covers: a surgical mask, a hand, sunglasses.

An edit of such a part would be painted onto the object. Two signs tell it apart. The generator draws a face whatever it
is shown, so its structures disagree with the photo's where the photo shows no face. And a plain object, which it can
imitate, has not the colour of the skin around the other parts. Both are independent of the photo's exposure.

The limits below separate 122 portraits, in none of which mouth or both eyes are covered, from 12 pictures with masks,
hands and sunglasses drawn onto them.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.landmarks import BROWS, LEFT_EYE, LIPS, RIGHT_EYE
from ppgan_ext.faces.light import log_color, log_luminance, luminance, to_linear
from ppgan_ext.faces.mask import draw_part, face_mask
from ppgan_ext.faces.skin import bare_skin, face_size
from ppgan_ext.faces.warp import resize_matrix, transform_points, warp
from ppgan_ext.types import FloatArray, Image

_BoolArray: TypeAlias = npt.NDArray[np.bool_]

PARTS = {"lower face": "the lower face is", "eyes": "the eyes are"}  # with their verbs, for messages

_SIZE = 96.0  # size of the face, in pixels, at which pictures are compared
_FINE, _COARSE = 0.015, 0.1  # Gaussians between which structure lies; lengths are shares of the face's size
_NEAR = 0.05
_FLOOR = 0.1  # of the median luminance, where structure and darkness end
_FAINT = 0.08  # deviation of the logarithm of luminance that counts as structure
# Disagreement of structure: below 0.1 in most faces, about 0.2 under a hat's shadow, from 0.25 behind a hand.
_DISAGREES = 0.24
_STANDS_OUT = 2.5  # times the disagreement of the whole face; a poor reconstruction disagrees everywhere
_FOREIGN = 0.3  # distance of colour from skin, in logarithms
# Shares of what is around the mouth and on the nose. A grey beard leaves the nose bare, and a moustache the lips.
_MOUTH_FOREIGN, _NOSE_FOREIGN = 0.6, 0.95
_MOUTH_ALONE = 0.95
# Disagreement of structure from which on such a colour counts; no lips are drawn as they were seen.
_NOSE_UNSURE, _MOUTH_UNSURE = 0.05, 0.09
_EYES_FOREIGN = 0.85  # share of the surroundings of an eye; make-up and deep sockets reach 0.68
_EYES_DARK = -1.7  # logarithm of the luminance around an eye over that of skin
_NOSE = slice(30, 36)
_FEW_PIXELS = 24
_FEATHER = 0.06


class Covered(NamedTuple):
    """What is covered.

    Attributes:
        parts: "lower face" and "eyes", those that are covered.
        mask: (S, S) float32 in [0, 1] in the crop, 1 where the photo must stay; None where nothing is covered.
    """

    parts: tuple[str, ...]
    mask: FloatArray | None


def find_covered(crop: Image, reconstruction: FloatArray, landmarks: FloatArray) -> Covered:
    """Find the parts of a face that are covered.

    Args:
        crop: the aligned crop, (S, S, 3) RGB uint8.
        reconstruction: the generator's picture of it, (R, R, 3) RGB float32, 0 to 255, in any exposure.
        landmarks: (68, 2), crop pixels.
    """
    size = round(crop.shape[0] * _SIZE / face_size(landmarks))
    photo, drawn = (
        to_linear(warp(np.asarray(picture, np.float32), resize_matrix(picture.shape[:2], (size, size)), (size, size)))
        for picture in (crop, reconstruction)
    )
    points = transform_points(landmarks, resize_matrix(crop.shape[:2], (size, size)))
    skin = bare_skin(points, photo.shape) > 0.5
    # Above the middle of the nose: a mask covers more of the face than it leaves bare.
    upper = skin & (np.arange(size)[:, None] < points[29, 1])
    if np.count_nonzero(upper) < _FEW_PIXELS or not luminance(photo)[upper].any():
        return Covered((), None)
    disagreement = _disagreement(photo, drawn, face_mask(points, photo.shape, feather=0.05) > 0.5)
    color, light = _distance_from_skin(photo, upper)
    parts = []
    if _is_mouth_covered(points, disagreement, color):
        parts.append("lower face")
    if all(_is_eye_covered(points, eye, color, light) for eye in zip((RIGHT_EYE, LEFT_EYE), BROWS, strict=True)):
        parts.append("eyes")
    return Covered(tuple(parts), _draw(landmarks, parts, crop.shape) if parts else None)


def _disagreement(photo: FloatArray, drawn: FloatArray, inside: _BoolArray) -> FloatArray:
    """Return the disagreement of structure (H, W): 0 where it is the same, about 1 where it has nothing in common.

    It is relative to the median over the face where that is large, so that a poor reconstruction covers nothing.
    """
    photo_bands, drawn_bands = (_structure(light, inside) for light in (photo, drawn))
    sigma = _NEAR * _SIZE
    apart = cv2.GaussianBlur(np.square(photo_bands - drawn_bands), (0, 0), sigma)
    power = cv2.GaussianBlur(np.square(photo_bands) + np.square(drawn_bands), (0, 0), sigma)
    ratio = apart / (power + np.float32(_FAINT**2))
    usual = _STANDS_OUT * float(np.median(ratio[inside])) / _DISAGREES
    return ratio / max(1.0, usual)


def _structure(light: FloatArray, inside: _BoolArray) -> FloatArray:
    values = log_luminance(light, max(float(np.median(luminance(light)[inside])), 1e-6), _FLOOR)
    return cv2.GaussianBlur(values, (0, 0), _FINE * _SIZE) - cv2.GaussianBlur(values, (0, 0), _COARSE * _SIZE)


def _distance_from_skin(photo: FloatArray, skin: _BoolArray) -> tuple[FloatArray, FloatArray]:
    """Return the distance of colours from those of skin and the luminance over its, logarithms, (H, W) each."""
    median = max(float(np.median(luminance(photo)[skin])), 1e-6)
    soft = cv2.GaussianBlur(photo, (0, 0), _FINE * _SIZE)
    color, light = log_color(soft, median), log_luminance(soft, median, _FLOOR)
    distance = np.sqrt(np.square(color - np.median(color[skin], axis=0)).sum(axis=2))
    return distance, light - np.median(light[skin])


def _is_mouth_covered(points: FloatArray, disagreement: FloatArray, color: FloatArray) -> bool:
    lips = draw_part(points[LIPS], color.shape, 0.05 * _SIZE) > 0
    nose = draw_part(points[_NOSE], color.shape, 0.04 * _SIZE) > 0
    apart = float(disagreement[lips].mean())
    mouth_foreign, nose_foreign = (float((color[part] > _FOREIGN).mean()) for part in (lips, nose))
    is_masked = mouth_foreign > _MOUTH_FOREIGN and nose_foreign > _NOSE_FOREIGN and apart > _NOSE_UNSURE
    is_veiled = mouth_foreign > _MOUTH_ALONE and apart > _MOUTH_UNSURE  # below the nose
    return apart > _DISAGREES or is_masked or is_veiled


def _is_eye_covered(points: FloatArray, parts: tuple[slice, slice], color: FloatArray, light: FloatArray) -> bool:
    """Tell by the skin around one eye, between the lids' edges and the brow."""
    eye, brow = parts
    around = draw_part(points[eye], color.shape, 0.07 * _SIZE) > 0
    around &= draw_part(points[eye], color.shape, 0.02 * _SIZE) == 0
    around &= draw_part(points[brow], color.shape, 0.04 * _SIZE) == 0
    if np.count_nonzero(around) < _FEW_PIXELS:
        return False
    return float((color[around] > _FOREIGN).mean()) > _EYES_FOREIGN or float(np.median(light[around])) < _EYES_DARK


def _draw(landmarks: FloatArray, parts: list[str], shape: tuple[int, ...]) -> FloatArray:
    """Draw the parts with soft edges, (S, S)."""
    size = face_size(landmarks)
    middle = landmarks[33]
    mask = np.zeros(shape[:2], np.float32)
    if "lower face" in parts:
        jaw = middle + 1.15 * (landmarks[1:16] - middle)
        mask = np.maximum(mask, draw_part(np.vstack([jaw, landmarks[28]]), shape, 0.02 * size))
    if "eyes" in parts:
        both = np.vstack([landmarks[part] for part in (RIGHT_EYE, LEFT_EYE, *BROWS)])
        mask = np.maximum(mask, draw_part(both, shape, 0.1 * size))
    return cv2.GaussianBlur(mask, (0, 0), _FEATHER * size)
