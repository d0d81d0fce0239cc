"""The shadow that a nose casts on its own face in hard light: drawn elsewhere, in other light, it is a black patch.

The nose of the fused face casts the photo's shadow, if any. So the person's is lifted before their face is drawn: to
the level of the skin around, each channel for itself, as a lamp and the sky differ in colour.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.head.beard import beard_chances
from ppgan_ext.faces.landmarks import LIPS, NOSE
from ppgan_ext.faces.light import LUMINANCE, to_linear, to_srgb
from ppgan_ext.faces.mask import WITH_RIM, draw_part
from ppgan_ext.faces.morphology import disc
from ppgan_ext.faces.skin import bare_skin, face_size
from ppgan_ext.faces.swap.skin_light import slow_part
from ppgan_ext.images import from_levels
from ppgan_ext.types import FloatArray, Image

_SHADE, _CAST = 0.5, 0.95  # log light below the skin around: what relief has, and what only a shadow has
_LIFTED = 0.85  # share of the shadow that is taken away
# Chances of a moustache: its darkness is none of light, and is hair. Cast shadows pass for one, too, but where skin
# loses light it keeps its colour: by how much red falls more than green, as a share of log light, in shade and in hair.
_MOUSTACHE, _GREYER = (0.4, 0.7), (-0.18, -0.06)
_ASIDE, _UP = 0.7, 0.5  # how far shadows reach beside and up the nose, in its half width and the length of its bridge
_SOFT, _EVEN, _SPREAD = 0.03, 0.012, 0.6  # widths, shares of the face's size, and log light, of soft edges
_THIN = 0.05  # width of what is a fold or the rim of a wing, a share of the face's size: it stays
_COPY = 240.0  # size of the face on the copy on which the shadow is found, pixels
_FLOOR = 2e-3  # of linear light, added before logarithms
_LEAST = 0.02  # log light: less is left as it is


def without_nose_shadow(picture: Image, landmarks: FloatArray) -> Image:
    """Lift the shadow that the nose casts beside and below it; a face in even light keeps its bits.

    Args:
        picture: (H, W, 3) RGB uint8.
        landmarks: (68, 2) in it.
    """
    size = face_size(landmarks)
    low = np.maximum(np.floor(landmarks.min(axis=0) - 0.1 * size).astype(int), 0)
    high = np.ceil(landmarks.max(axis=0) + 0.1 * size).astype(int)
    part = picture[low[1] : high[1], low[0] : high[0]]
    if min(part.shape[:2]) < 4:
        return picture
    scale = min(1.0, _COPY / size)
    copied = (max(4, round(part.shape[1] * scale)), max(4, round(part.shape[0] * scale)))
    copy = cv2.resize(part, copied, interpolation=cv2.INTER_AREA)
    points = (landmarks - low + 0.5) * (np.array(copied) / part.shape[1::-1]) - 0.5
    lift = _lift(copy, points)
    if float(lift.max()) < _LEAST:
        return picture
    share = 1.0 - _greyness(lift, points)
    if share < 1.0:
        moustache = beard_chances(picture, landmarks).get("moustache", 0.0)
        share = max(share, float(np.interp(moustache, _MOUSTACHE, (1.0, 0.0))))
    if share <= 0.0:
        return picture
    lift = cv2.resize(lift, part.shape[1::-1], interpolation=cv2.INTER_LINEAR) * np.float32(share)
    lit = to_srgb((to_linear(part.astype(np.float32)) + np.float32(_FLOOR)) * np.exp(lift) - np.float32(_FLOOR))
    result = picture.copy()
    changed = np.abs(lift).max(axis=2) > 0
    np.copyto(result[low[1] : high[1], low[0] : high[0]], from_levels(lit), where=changed[..., None])
    return result


def _lift(picture: Image, landmarks: FloatArray) -> npt.NDArray[np.float32]:
    """Return by how much each channel is lighter without the shadow, (H, W, 3), logarithms of linear light."""
    size = face_size(landmarks)
    values = np.log(to_linear(picture.astype(np.float32)) + np.float32(_FLOOR))
    zone = _zone(landmarks, picture.shape)
    skin = bare_skin(landmarks, picture.shape) * (1.0 - zone)
    if np.count_nonzero(skin > 0.5) < 24:
        return np.zeros(values.shape, np.float32)
    around, _ = slow_part(values, skin, landmarks)
    missing = np.asarray(around - values, np.float32)
    # A shadow is even inside, and ends at an edge; pores and hairs stay.
    missing = cv2.bilateralFilter(missing, -1, _SPREAD, max(1.0, _EVEN * size))
    dark = missing @ LUMINANCE
    cast = np.clip((dark - np.float32(_SHADE)) / np.float32(_CAST - _SHADE), 0.0, 1.0)
    wide = cv2.morphologyEx(cast, cv2.MORPH_OPEN, disc(_THIN * size / 2.0))
    cast = np.minimum(cast, cv2.dilate(wide, np.ones((5, 5), np.uint8)))
    over = np.maximum(1.0 - np.float32(_SHADE) / np.maximum(dark, np.float32(_SHADE)), 0.0)
    return np.asarray(_LIFTED * (zone * cast * over)[..., None] * np.maximum(missing, 0.0), np.float32)


def _greyness(lift: FloatArray, landmarks: FloatArray) -> float:
    """Return how far what is lifted below the nose, (H, W, 3), is greyer than skin, as hair is, 0 to 1."""
    below = draw_part(landmarks[[*range(31, 36), *range(49, 54)]], lift.shape, WITH_RIM)
    light, red, green = (float((values * below).sum()) for values in (lift @ LUMINANCE, lift[..., 0], lift[..., 1]))
    return float(np.interp((red - green) / max(light, 1e-6), _GREYER, (0.0, 1.0)))


def _zone(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw where a nose casts its shadow, (H, W) in [0, 1]: beside it and down to the lips, without nose and lips."""
    size = face_size(landmarks)
    up = _UP * (landmarks[27] - landmarks[33])
    sides = [landmarks[wing] + _ASIDE * (landmarks[wing] - landmarks[33]) for wing in (31, 35)]
    outline = np.array([sides[0] + up, sides[0], *landmarks[48:55], sides[1], sides[1] + up])
    zone = draw_part(outline, shape, WITH_RIM)
    zone *= 1.0 - draw_part(landmarks[NOSE], shape, WITH_RIM)
    zone = cv2.GaussianBlur(zone, (0, 0), max(0.5, _SOFT * size))
    nose, lips = (draw_part(landmarks[which], shape, WITH_RIM) for which in (NOSE, LIPS))
    keep = cv2.GaussianBlur(np.maximum(nose, lips), (0, 0), max(0.5, 0.005 * size))
    return np.asarray(zone * (1.0 - keep), np.float32)
