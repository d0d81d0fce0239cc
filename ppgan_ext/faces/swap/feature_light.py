"""Light of eyes and lips in a swapped face: they have no skin's colour, so skin does not tell their light.

The lamp is judged by the whites of the eyes, which are alike in all people. Eyes are as dark and as bright as it asks
for: a pupil is black under any lamp. Lips stand out from the skin more as the photo's do.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.landmarks import INNER_LIPS, LEFT_EYE, LIPS, RIGHT_EYE
from ppgan_ext.faces.light import LUMINANCE
from ppgan_ext.faces.mask import WITH_RIM, draw_part
from ppgan_ext.faces.skin import face_size
from ppgan_ext.faces.swap.mouth import PARTED, opening
from ppgan_ext.types import FloatArray

_FEW = 24  # pixels of a feature, of which something is known
# Light is in natural logarithms, and lengths are shares of the face's size.
_SOFT = 0.015  # of a feature's edge
# Of an eye: shares of its pixels that are darker than its dark and its white, and how far the range may change.
_DARK, _WHITE = 0.06, 0.9
_RANGE_GAINS = (0.9, 1.3)
_GLINT, _BEYOND = 0.3, 0.5  # above the photo's whites only glints lie; share that stays of what goes beyond
_AS_TEETH = 0.7  # share of what teeth lack in brightness to the photo's: those are better known than the lamp
# Whites darker than the skin by more than this are in the shade of brows or of lids that are nearly shut, which another
# face does not have: of what exceeds it, a share counts.
_SHADED, _OF_SHADE = -0.8, 0.4
_LEAST_RANGE = 0.4  # between dark and white: less is a shut eye
_EYE_WIDER, _EYE_SOFT = 0.008, 0.012
# Whites are small, and shaded by lids: of what they tell beyond the skin, a share counts, within limits.
_WHITES_COUNT, _APART = 0.7, (-2.3, 1.2)
_COLOR_FLOOR = 0.025  # of the white: what is darker has a colour of noise
_TINT, _MOST_TINT = 0.5, 0.12  # share of the lamp's colour that eyes take, and its limit: a blue cast shows on irises
# Where the face's whites are more colourful than the photo's, its eyes become less so, to this share at least.
_LEAST_COLOR, _COLOR_NOISE = 0.65, 0.05
# Shares of the difference from the photo's lips in brightness and in colour, and their limit. Lips of dark skin are as
# colourful as skin, so on pale skin they would be pale.
_LIPS_FOLLOW, _LIPS_COLOR_FOLLOWS, _MOST_OF_LIPS = 0.25, 0.35, 0.4


class FaceLight(NamedTuple):
    """The light of a face in a picture.

    Attributes:
        values: (H, W, 3), logarithms of linear light.
        skin: (3,), their mean over the skin.
    """

    values: FloatArray
    skin: FloatArray

    @property
    def level(self) -> float:
        """The skin's brightness."""
        return float(self.skin @ LUMINANCE)


class _Eye(NamedTuple):
    """An eye in a picture.

    Attributes:
        dark, white: its brightness over the skin's.
        color: (3,), the white's, in logarithms over its brightness.
    """

    dark: float
    white: float
    color: FloatArray


class EyePair(NamedTuple):
    """One eye in the face and in the photo.

    Attributes:
        points: its landmarks.
        own, other: what the face and the photo show.
        apart: how much more the white becomes brighter than the skin, within limits.
    """

    points: slice
    own: _Eye
    other: _Eye
    apart: float


def find_eyes(face: FaceLight, photo: FaceLight, landmarks: FloatArray) -> list[EyePair]:
    """Find the eyes that are open in a face and in the photo beneath it, at the same landmarks (68, 2)."""
    found = []
    for points in (RIGHT_EYE, LEFT_EYE):
        inside = draw_part(landmarks[points], face.values.shape[:2], WITH_RIM) > 0
        if np.count_nonzero(inside) < _FEW:
            continue
        own, other = (_look_at(light.values[inside], light) for light in (face, photo))
        if min(own.white - own.dark, other.white - other.dark) > _LEAST_RANGE:
            found.append(EyePair(points, own, other, float(np.clip(other.white - own.white, *_APART))))
    return found


def _look_at(values: FloatArray, light: FaceLight) -> _Eye:
    brightness = values @ LUMINANCE
    dark, white = (float(level) for level in np.quantile(brightness, (_DARK, _WHITE)))
    color = _color(values[brightness >= white].mean(axis=0))
    over_skin = white - light.level
    over_skin -= (1.0 - _OF_SHADE) * min(over_skin - _SHADED, 0.0)
    return _Eye(dark - light.level, over_skin, color)


def _color(values: FloatArray) -> FloatArray:
    return np.asarray(values - float(values @ LUMINANCE))


def find_lamp(face: FaceLight, photo: FaceLight, eyes: list[EyePair]) -> FloatArray:
    """Return the logarithm of the photo's lamp over the face's, (3,), judged by skin and by the whites of the eyes.

    Of the colour counts what skin and whites agree on, as people's skin differs in colour too.
    """
    by_skin = np.asarray(photo.skin - face.skin, np.float32)
    if not eyes:
        return by_skin
    apart = _WHITES_COUNT * float(np.mean([eye.apart for eye in eyes]))
    by_whites = np.mean([eye.other.color - eye.own.color for eye in eyes], axis=0)
    by_color = _color(by_skin)
    agreed = np.where(
        by_color * by_whites > 0, np.sign(by_color) * np.minimum(np.abs(by_color), np.abs(by_whites)), 0.0
    )
    return np.asarray(float(by_skin @ LUMINANCE) + apart + agreed, np.float32)


def light_eyes(
    values: FloatArray,
    face: FaceLight,
    photo: FaceLight,
    eyes: list[EyePair],
    lamp: FloatArray,
    landmarks: FloatArray,
) -> FloatArray:
    """Give the eyes the photo's range of light, the lamp's colour, and whites that are no more colourful.

    Args:
        values: (H, W, 3), the face's light as it is now, which stays outside the eyes.
        face: the face as it was drawn.
        photo: the photo beneath it.
        eyes: from `find_eyes`.
        lamp: (3,), from `find_lamp`.
        landmarks: (68, 2) of both.

    Returns:
        (H, W, 3).
    """
    if not eyes:
        return values
    size, result = face_size(landmarks), values
    usual = float(np.mean([eye.apart for eye in eyes]))
    brightness = face.values @ LUMINANCE
    color = _in_lamp(face.values - brightness[..., None], eyes, lamp)
    for points, own, other, apart in eyes:
        # What whites tell is less sure for one eye than for both.
        shift = photo.level - face.level + _WHITES_COUNT * (apart + usual) / 2.0
        gain = np.float32(np.clip((other.white - other.dark) / (own.white - own.dark), *_RANGE_GAINS))
        white = np.float32(own.white + face.level)
        seen = np.exp(brightness - white)
        seen = seen / (seen + np.float32(_COLOR_FLOOR))
        raised = brightness + np.float32(shift) + (gain - 1.0) * (brightness - white)
        raised = _soft_ends(raised, other.dark + photo.level, other.white + photo.level + _GLINT)
        lit = raised[..., None] + seen[..., None] * color
        drawn = draw_part(landmarks[points], values.shape[:2], _EYE_WIDER * size)
        result = result + cv2.GaussianBlur(drawn, (0, 0), max(0.5, _EYE_SOFT * size))[..., None] * (lit - result)
    return result


def _in_lamp(color: FloatArray, eyes: list[EyePair], lamp: FloatArray) -> npt.NDArray[np.float32]:
    """Return colours (H, W, 3), logarithms over the brightness, of what is white by nature, in the photo's lamp.

    They are tinted a little, and where the face's whites are more colourful than the photo's, they become paler.
    """
    fade = 1.0
    if eyes:
        own, other = (
            float(np.mean([np.linalg.norm(eye.color) for eye in side]))
            for side in zip(*((pair.own, pair.other) for pair in eyes), strict=True)
        )
        fade = float(np.clip((other + _COLOR_NOISE) / (own + _COLOR_NOISE), _LEAST_COLOR, 1.0))
    tint = np.clip(_TINT * _color(lamp), -_MOST_TINT, _MOST_TINT)
    return np.asarray(np.float32(fade) * color + tint.astype(np.float32), np.float32)


def _soft_ends(values: FloatArray, low: float, high: float) -> npt.NDArray[np.float32]:
    """Draw what lies outside two values nearer to them: a tear does not shine as a lamp does."""
    inside = np.clip(values, low, high)
    return np.asarray(inside + _BEYOND * (values - inside), np.float32)


def light_teeth(
    values: FloatArray,
    face: FaceLight,
    photo: FaceLight,
    eyes: list[EyePair],
    lamp: FloatArray,
    landmarks: FloatArray,
) -> FloatArray:
    """Let teeth, and the dark behind them, follow the lamp alone: they gleam no less where skin has no highlights.

    Args:
        values: (H, W, 3), the face's light as it is now, which stays outside an open mouth.
        face: the face as it was drawn.
        photo: the photo beneath it.
        eyes: from `find_eyes`; teeth are not much brighter than the photo's whites, or its teeth.
        lamp: (3,), from `find_lamp`.
        landmarks: (68, 2) of both.

    Returns:
        (H, W, 3).
    """
    share = np.clip((opening(landmarks) - PARTED[0]) / np.ptp(PARTED), 0.0, 1.0)
    inside = draw_part(landmarks[INNER_LIPS], values.shape[:2], WITH_RIM)
    if not share or np.count_nonzero(inside) < _FEW:
        return values
    lit = _mouth_in_lamp(face, photo, eyes, lamp, inside > 0)
    soft = np.float32(share) * cv2.GaussianBlur(inside, (0, 0), max(0.5, _SOFT * face_size(landmarks)))
    return np.asarray(values + soft[..., None] * (lit - values))


def _mouth_in_lamp(
    face: FaceLight, photo: FaceLight, eyes: list[EyePair], lamp: FloatArray, inside: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    """Return a face's light, (H, W, 3), as it is within a mouth, (H, W), in the photo's lamp; see `light_teeth`."""
    own, other = (which.values @ LUMINANCE for which in (face, photo))
    brightness = own + np.float32(lamp @ LUMINANCE)
    teeth, wanted = (float(np.quantile(each[inside], _WHITE)) for each in (brightness, other))
    brightness = brightness + np.float32(max(0.0, _AS_TEETH * (wanted - teeth)))
    if eyes:
        whites = photo.level + float(np.mean([eye.other.white for eye in eyes]))
        brightness = np.asarray(_soft_ends(brightness, -np.inf, max(whites + _GLINT, wanted)))
    return np.asarray(brightness[..., None] + _in_lamp(face.values - own[..., None], eyes, lamp), np.float32)


def light_lips(
    values: FloatArray, skin: FloatArray, photo: FloatArray, photo_skin: FloatArray, landmarks: FloatArray
) -> FloatArray:
    """Let lips stand out from the skin more as the photo's do.

    Args:
        values: (H, W, 3), the face's light.
        skin: (H, W, 3), that of the skin around.
        photo: (H, W, 3), the photo's light.
        photo_skin: (H, W, 3), that of the skin around.
        landmarks: (68, 2) of both.

    Returns:
        (H, W, 3).
    """
    outer, inner = (draw_part(landmarks[part], values.shape[:2], WITH_RIM) for part in (LIPS, INNER_LIPS))
    lips = outer - inner
    inside = lips > 0
    if np.count_nonzero(inside) < _FEW:
        return values
    own, other = (np.median(over[inside], axis=0) for over in (values - skin, photo - photo_skin))
    missing = other - own
    change = _LIPS_FOLLOW * float(missing @ LUMINANCE) + _LIPS_COLOR_FOLLOWS * _color(missing)
    change = np.clip(change, -_MOST_OF_LIPS, _MOST_OF_LIPS).astype(np.float32)
    soft = cv2.GaussianBlur(np.maximum(lips, 0.0), (0, 0), max(0.5, _SOFT * face_size(landmarks)))
    return values + soft[..., None] * change
