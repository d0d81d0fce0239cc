"""Eyes, brows, lips and beard in the photo's light: they follow the lamp more than the skin does."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing.facial_hair import beard_weight
from ppgan_ext.faces.landmarks import LEFT_EYE, RIGHT_EYE
from ppgan_ext.faces.light import LUMINANCE
from ppgan_ext.faces.skin import draw_part, face_size
from ppgan_ext.faces.swap.mouth import opening
from ppgan_ext.faces.swap.relight.detail import share_darker
from ppgan_ext.images import from_levels
from ppgan_ext.types import FloatArray

if TYPE_CHECKING:
    from ppgan_ext.faces.swap.relight.match import Layers

_EYES = (RIGHT_EYE, LEFT_EYE)
_BROWS = (slice(17, 22), slice(22, 27))
_MOUTH, _INNER_LIPS = slice(48, 60), slice(60, 68)
_SOFT = 0.006  # width of the parts' soft edges, as a share of the face's size
_WHITES = 0.85  # share of an eye's pixels that are darker than its white
_LAMP_COLOR = 0.6  # share of the colour of the eyes' whites that is the lamp's
_WHITES_COUNT = (0.3, 0.8)  # share of a darker and of a brighter lamp that only whites tell
_WHITES_COLOR, _MOST_COLOR = 0.6, 0.3  # share of the whites' difference of colour, and its limit
_AGREED = 0.5  # share of a colour on which skin and whites agree
_LAMP_LIMIT = 2.5  # natural logarithm: how far skin may differ between people
_MIN_PIXELS = 24
_OPEN = 0.004  # area between the lips above which a mouth is open, as a share of the squared face size
_EXPOSURE_COUNTS = 0.3  # whites in shade, and dark people's, are dimmer: of a difference, so much is exposure
# Logarithm of light below the skin's from which dark pixels are hair, lashes or pupils: none, and full.
_DARK = (0.3, 1.5)
_DARKEST = (1.0, 2.2)  # logarithm below the skin from which hair darkens less, on paler and on darker skin
_HAIR_COLOR = 0.6  # share of the skin's colour that hair has
_DEEPER = 0.3  # logarithm by which hair is darker on darker skin, whose features have more contrast
_HAIR_FOLLOWS = 0.45  # share of the skin's change that hair follows
_EYES_FOLLOW = 0.05
_UNLIKE = (0.2, 0.9)  # logarithm of the ratio of both skins between which lips take the photo's tone
# Shares of its brightness and of its colour, on like or darker skin, and on much paler skin.
_LIPS_TAKE = ((0.2, 0.5), (0.5, 0.9))
_PALE_LIPS_TAKE = (0.0, 0.2)  # the same, on much darker skin
_LEAST_COLOR = 0.35  # colour, as a norm of logarithms, that lips may have anyway
_LIPS_COLOR = 0.5  # share of the differences of colour on lips, between unlike skins
_SHINE = (0.15, 1.5)  # limits of the factor of light that lips reflect without colouring it
_IRIS = (0.7, 1.9)  # logarithm below the white of the eye: white, and iris
_DARK_COLOR = 0.5  # share of the colour of dark pixels between the lids that is noise, if they are lifted
_IRIS_LIFTED = 0.4  # share of a brighter lamp's change on irises


class Features(NamedTuple):
    """Parts of a face that do not change as its skin does, (H, W) float32 in [0, 1].

    Attributes:
        eyes: between the lids.
        hair: brows, lashes, beard.
        lips: lips.
        mouth: what is between the lips.
        lamp: (3,), logarithm of the photo's lamp over the face's.
        eyes_color: (3,), by how much the whites of the photo's eyes differ in colour beyond the lamp, logarithm.
        lips_own: (3,), how the face's lips differ from its skin, logarithm.
        lips_apart: (3,), how the photo's lips differ from its skin beyond how the face's do, logarithm.
        white: logarithm of the white of the face's eyes.
        lifted: by how much the photo's skin itself is paler, logarithm.
    """

    eyes: npt.NDArray[np.float32]
    hair: npt.NDArray[np.float32]
    lips: npt.NDArray[np.float32]
    mouth: npt.NDArray[np.float32]
    lamp: FloatArray
    eyes_color: FloatArray
    lips_own: FloatArray
    lips_apart: FloatArray
    white: float
    lifted: float

    @property
    def exposure(self) -> float:
        """Logarithm of the photo's exposure over the face's."""
        return float(self.lamp @ LUMINANCE)

    def apply(self, skin: FloatArray, own: Layers, target: FloatArray) -> npt.NDArray[np.float32]:
        """Return logarithms of light, (H, W, 3), of skin that was relit, with the parts in their own light.

        Args:
            skin: (H, W, 3), relit skin.
            own: the face's own light.
            target: (H, W, 3), what varies slowly on relit skin.
        """
        values, base = own.values, own.field + own.local
        change = target - base
        # The lamp with its shades on the head.
        mean = (change * own.skin[..., None]).sum(axis=(0, 1)) / own.skin.sum()
        shade = (change - mean) @ LUMINANCE
        lamp = self.lamp + shade[..., None]
        result = skin + self.lips[..., None] * (target + self._lips(values - base) - skin)
        result = result + self.mouth[..., None] * (values + lamp - result)
        # Hair is as black as it was, but never lighter beside the new skin than beside the old one.
        bright, change_of_light = lamp @ LUMINANCE, change @ LUMINANCE
        lifts = np.minimum(bright + np.float32(_HAIR_FOLLOWS) * (change_of_light - bright), change_of_light)
        # Its colour is lost in the dark; a little of the skin's shines through.
        hair_color = np.float32(_HAIR_COLOR) * (target - (target @ LUMINANCE)[..., None])
        hair = (values @ LUMINANCE + lifts)[..., None] + hair_color
        hair = hair - np.float32(_DEEPER * share_darker(self.lifted))
        most = _DARKEST[0] if self.lifted > 0 else _DARKEST[1]
        below = np.maximum((target - hair) @ LUMINANCE - most, 0.0)
        hair = hair + (below - 0.5 * np.tanh(below))[..., None]
        unlike = np.float32(np.clip(abs(self.lifted) / _UNLIKE[1], 0.0, 1.0))
        result = result + unlike * self.hair[..., None] * (hair - result)
        darker = np.clip((self.white - values @ LUMINANCE - _IRIS[0]) / (_IRIS[1] - _IRIS[0]), 0.0, 1.0)
        lifted = np.maximum(lamp @ LUMINANCE, 0.0) * np.float32(1.0 - _IRIS_LIFTED) * darker
        color = values - (values @ LUMINANCE)[..., None]
        eyes = values - np.float32(_DARK_COLOR * unlike) * darker[..., None] * color
        eyes = eyes + lamp + self.eyes_color + np.float32(_EYES_FOLLOW) * (change - lamp) - lifted[..., None]
        return np.asarray(result + self.eyes[..., None] * (eyes - result), np.float32)

    def _lips(self, detail: FloatArray) -> FloatArray:
        """Return how lips differ from relit skin, (H, W, 3), of how they differ from the face's own, logarithms.

        What is brighter than lips are on average shines: that adds to the light, so it is stronger on darker lips.
        """
        unlike = float(np.clip((abs(self.lifted) - _UNLIKE[0]) / (_UNLIKE[1] - _UNLIKE[0]), 0.0, 1.0))
        # Dark lips lose their colour on pale skin, pale ones keep it on dark skin.
        take = [low + unlike * (high - low) for low, high in _LIPS_TAKE]
        of_light, of_color = _PALE_LIPS_TAKE if self.lifted < -_UNLIKE[0] else take
        usual = self.lips_own + self.lips_apart
        own, color = (lips - lips @ LUMINANCE for lips in (self.lips_own, usual))
        if self.lifted > -_UNLIKE[0]:
            most = max(float(np.linalg.norm(color)), _LEAST_COLOR)
            own = own * min(1.0, most / max(float(np.linalg.norm(own)), 1e-6))
        bright = (self.lips_own + of_light * self.lips_apart) @ LUMINANCE
        lips = np.asarray(bright + own + of_color * (color - own), np.float32)
        rest = detail - self.lips_own
        light = rest @ LUMINANCE
        colors = (rest - light[..., None]) * np.float32(1.0 + unlike * (_LIPS_COLOR - 1.0))
        factor = np.float32(np.clip(np.exp(-self.lifted), *_SHINE))
        bent = np.where(light > 0, np.log1p(np.expm1(np.maximum(light, 0.0)) * factor), light)
        return np.asarray(lips + bent[..., None] + colors, np.float32)


def find_features(face: FloatArray, own: Layers, other: Layers, known: FloatArray, landmarks: FloatArray) -> Features:
    """Find the parts of a face that follow the lamp.

    Args:
        face: (H, W, 3) RGB, 0 to 255.
        own: its light.
        other: the photo's.
        known: (H, W) in [0, 1], where the face is known.
        landmarks: (68, 2) of both.
    """
    size, shape = face_size(landmarks), face.shape
    soft = max(0.5, _SOFT * size)

    lamp, by_skin = _lamp(own, other, landmarks), float((other.mean - own.mean) @ LUMINANCE)

    def part(points: slice, width: float) -> npt.NDArray[np.float32]:
        return known * cv2.GaussianBlur(draw_part(landmarks[points], shape, width * size), (0, 0), soft)

    eyes = np.maximum(*(part(eye, 0.0) for eye in _EYES))
    mouth = np.zeros(shape[:2], np.float32)
    cv2.fillPoly(mouth, [np.rint(landmarks[_INNER_LIPS] * 16).astype(np.int32)], 1.0, cv2.LINE_8, 4)
    mouth = cv2.GaussianBlur(mouth * np.float32(opening(landmarks) > _OPEN), (0, 0), soft)
    lips = part(_MOUTH, 0.005)
    place = np.maximum(*(cv2.GaussianBlur(part(brow, 0.04), (0, 0), 2 * soft) for brow in _BROWS))
    # What lies between a brow and its eye is shade.
    place *= 1.0 - np.maximum(*(part(eye, 0.05) for eye in _EYES))
    place = np.maximum(place, 0.5 * np.maximum(*(part(eye, 0.01) for eye in _EYES)))
    beard = beard_weight(from_levels(face), landmarks)
    place = np.maximum(place, np.clip(2.0 * beard * known, 0.0, 1.0)) * (1.0 - lips)
    below = (own.field + own.local - own.values) @ LUMINANCE
    hair = place * np.clip((below - _DARK[0]) / (_DARK[1] - _DARK[0]), 0.0, 1.0)
    drawn = eye_openings(landmarks, shape)
    only_lips = (lips > 0.9) & (mouth < 0.1)
    eyes_color = _eyes_color(own, other, drawn, lamp)
    return Features(
        eyes, hair.astype(np.float32), lips, mouth, lamp, eyes_color,
        _lips_of(own, only_lips), _lips_of(other, only_lips) - _lips_of(own, only_lips),
        float(_white(own.values, drawn) @ LUMINANCE) if drawn.any() else 0.0,
        by_skin - _EXPOSURE_COUNTS * float(lamp @ LUMINANCE),
    )  # fmt: skip


def _lips_of(light: Layers, lips: npt.NDArray[np.bool_]) -> FloatArray:
    """Return how lips differ from the skin around, (3,)."""
    if np.count_nonzero(lips) < _MIN_PIXELS:
        return np.zeros(3, np.float32)
    return np.asarray(np.median((light.values - light.field - light.local)[lips], axis=0), np.float32)


def _eyes_color(own: Layers, other: Layers, eyes: npt.NDArray[np.bool_], lamp: FloatArray) -> FloatArray:
    """Return the change of the eyes' colour, (3,), that the whites tell beyond the lamp's."""
    if np.count_nonzero(eyes) < _MIN_PIXELS:
        return np.zeros(3, np.float32)
    by_eyes = _white(other.values, eyes) - _white(own.values, eyes)
    color = _WHITES_COLOR * (by_eyes - by_eyes @ LUMINANCE) - (lamp - lamp @ LUMINANCE)
    return np.asarray(np.clip(color, -_MOST_COLOR, _MOST_COLOR), np.float32)


def eye_openings(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Return what lies between the lids, (H, W)."""
    return np.maximum(*(draw_part(landmarks[eye], shape, 0.0) for eye in _EYES)) > 0


def _lamp(own: Layers, other: Layers, landmarks: FloatArray) -> FloatArray:
    """Return the logarithm of the photo's lamp over the face's, (3,), judged by skin and by the whites of the eyes.

    Whites are alike in all people, but small, and shaded by the lids: in brightness they count in part. Of the colour
    counts what skin and whites agree on, as people's skin differs in colour too.
    """
    by_skin = other.mean - own.mean
    eyes = eye_openings(landmarks, own.skin.shape)
    if np.count_nonzero(eyes) < _MIN_PIXELS:
        return np.asarray(by_skin, np.float32)
    by_eyes = _white(other.values, eyes) - _white(own.values, eyes)
    light = float(by_skin @ LUMINANCE)
    apart = float(np.clip(by_eyes @ LUMINANCE - light, -_LAMP_LIMIT, _LAMP_LIMIT))
    # Half-shut lids shade whites, and nothing brightens them.
    apart *= _WHITES_COUNT[int(apart > 0)]
    colors = [change - float(change @ LUMINANCE) for change in (by_skin, by_eyes)]
    agreed = np.where(colors[0] * colors[1] > 0, np.sign(colors[0]) * np.minimum(*np.abs(colors)), 0.0)
    return np.asarray(light + apart + _AGREED * agreed, np.float32)


def lamp_color(values: FloatArray, skin: FloatArray, eyes: npt.NDArray[np.bool_]) -> FloatArray:
    """Return the colour of the lamp, (3,), of luminance 1: between grey and the whites of the eyes.

    Args:
        values: (H, W, 3), logarithm of light.
        skin: (H, W), weight of skin.
        eyes: (H, W), what lies between the lids.
    """
    if np.count_nonzero(eyes) < _MIN_PIXELS:
        return np.ones(3, np.float32)
    white, tone = _white(values, eyes), np.median(values[skin > 0.5], axis=0)
    color, most = white - white @ LUMINANCE, np.abs(tone - tone @ LUMINANCE)
    lamp = np.exp(_LAMP_COLOR * np.clip(color, -most, most))
    return np.asarray(lamp / (lamp @ LUMINANCE), np.float32)


def _white(values: FloatArray, eyes: npt.NDArray[np.bool_]) -> FloatArray:
    """Return the colour of the brightest pixels of the eyes, (3,), in logarithms."""
    inside = values[eyes]
    brightness = inside @ LUMINANCE
    return np.asarray(inside[brightness >= np.quantile(brightness, _WHITES)].mean(axis=0))
