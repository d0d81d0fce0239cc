"""Give a face the skin and the light of another, as factors of linear light, from the colours of skin only.

A face is separated into a part that varies slowly, which is the light and the tone of the skin, and the rest, which is
features and pores. The slow part comes from the photo. The rest is a factor, so it keeps its contrast in any exposure
and under any lamp; where the photo's skin has less contrast, as pale skin has, it is lowered.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.color import to_lab
from ppgan_ext.faces.landmarks import LEFT_EYE, RIGHT_EYE
from ppgan_ext.faces.light import LUMINANCE, luminance, to_linear, to_srgb
from ppgan_ext.faces.mask import face_mask
from ppgan_ext.types import FloatArray, Image

_LIGHT = 0.2  # width of the Gaussian that separates light from features, as a share of the face's size
_OUTLIER = 2.5  # robust deviations from the median of the skin's colours
_EDGE = 0.02  # width of the face's edge where foreign colours are looked for
_MIN_PIXELS = 24
_SURE = 0.02  # weight under the Gaussian: with less skin than this nearby, the mean of all skin dominates
_FLOOR = 0.02  # of the skin's luminance, added before logarithms
_LEAST_LEVEL = 2e-4  # luminance of skin in a photo that is nearly black
_MOST_SPREAD = (12.0, 4.0, 4.0)  # of the Lab colours of skin
_LIKE = 0.2  # luminance at which colours are compared, whatever the exposure
# Of detail on skin: highlights are as bright as the photo's brightest 4%, shadows as dark as its darkest 4%.
_BRIGHT_SHARE, _DARK_SHARE = 0.96, 0.04
_BRIGHT_GAINS, _DARK_GAINS = (0.5, 1.4), (0.6, 1.4)
# Shares of the skin between which the curve of the brightness is straight, and its slopes.
_SHARES = (0.01, 0.04, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.96, 0.99)
_SLOPES = (0.5, 1.4)
# Of the photo's skin, so much has less detail; what exceeds that, or a least amount, is lowered by a share.
_MOST_SHARE, _LEAST_MOST, _SOFTENED = 0.98, 0.12, 0.7
_COLOR = (np.eye(3) - LUMINANCE[:, None]).astype(np.float32)  # from logarithms of channels to those over the luminance
_WHITES = 0.85  # share of an eye's pixels that are darker than its white
_WHITES_COUNT = 0.7
_LAMP_LIMIT = 1.6  # natural logarithm: how far skin may differ between people
_BROWS = (slice(17, 22), slice(22, 27))
_MOUTH = slice(48, 60)
# Parts that follow the lamp rather than the skin: points, widening as a share of the face's size, share of skin.
_PARTS_FOLLOW = (
    (_BROWS[0], 0.01, 0.5), (_BROWS[1], 0.01, 0.5), (_MOUTH, 0.0, 0.7), (slice(60, 68), 0.0, 0.4),
    (RIGHT_EYE, 0.0, 0.25), (LEFT_EYE, 0.0, 0.25),
)  # fmt: skip


def face_size(landmarks: FloatArray) -> float:
    """Return the size of a face in pixels: the square root of the area of the hull of its landmarks (68, 2)."""
    hull = cv2.convexHull(np.asarray(landmarks, np.float32))
    return math.sqrt(max(float(cv2.contourArea(hull)), 1.0))


class SkinWeights(NamedTuple):
    """Weights of skin and of objects that cover it, (H, W) float32 in [0, 1] each.

    Attributes:
        skin: within the face, outside eyes, brows and mouth, and with the skin's colour.
        foreign: anything else on the bare parts of the face: hair, a hand's shadow, a frame.
    """

    skin: npt.NDArray[np.float32]
    foreign: npt.NDArray[np.float32]


def find_skin(landmarks: FloatArray, image: Image | FloatArray) -> SkinWeights:
    """Separate skin from objects that cover it.

    Args:
        landmarks: (68, 2), pixels of the picture.
        image: (H, W, 3) RGB, 0 to 255.
    """
    expected = bare_skin(landmarks, image.shape)
    foreign = _foreign_color(image, expected)
    whole = bare_skin(landmarks, image.shape, feather=_EDGE)
    return SkinWeights(expected * (1.0 - foreign), (whole > 0.5) * foreign)


def bare_skin(landmarks: FloatArray, shape: tuple[int, ...], feather: float = 0.1) -> npt.NDArray[np.float32]:
    """Draw the parts of a face where skin is expected, (H, W) in [0, 1]; ``feather`` as for `face_mask`."""
    size = face_size(landmarks)
    weight = face_mask(landmarks, shape, feather)
    for part, width in ((RIGHT_EYE, 0.06), (LEFT_EYE, 0.06), (_MOUTH, 0.03), *((brow, 0.05) for brow in _BROWS)):
        weight = np.minimum(weight, 1.0 - draw_part(landmarks[part], shape, width * size))
    return weight.astype(np.float32)


def _foreign_color(image: Image | FloatArray, expected: FloatArray) -> npt.NDArray[np.float32]:
    """Return how far each pixel's colour is from the colours where skin is expected, (H, W) in [0, 1]."""
    inside = expected > 0.5
    if np.count_nonzero(inside) < _MIN_PIXELS:
        return np.zeros(image.shape[:2], np.float32)
    light = to_linear(np.asarray(image, np.float32))
    level = max(float(np.median(luminance(light)[inside])), _LEAST_LEVEL)
    lab = to_lab(to_srgb(light * np.float32(_LIKE / level)))
    colors = lab[inside]
    middle = np.median(colors, axis=0)
    # A beard or a hat within the face must not make everything pass for skin.
    spread = np.minimum(1.4826 * np.median(np.abs(colors - middle), axis=0) + 1.0, _MOST_SPREAD)
    # Light changes L much more than it changes the colour of skin.
    spread *= np.array([1.3, 1.0, 1.0], spread.dtype)
    distance = functools.reduce(np.maximum, (np.abs(lab[..., i] - middle[i]) / spread[i] for i in range(3)))
    return np.clip(distance - np.float32(_OUTLIER), 0.0, 1.0)


def match_skin(
    face: FloatArray,
    photo: FloatArray,
    face_skin: FloatArray,
    photo_skin: FloatArray,
    landmarks: FloatArray,
    own_tone: FloatArray | float = 0.0,
) -> FloatArray:
    """Give a face the skin and the light of the photo beneath it.

    Args:
        face: (H, W, 3) RGB float32, 0 to 255.
        photo: (H, W, 3) RGB float32, 0 to 255, with its features at the same positions as the face's.
        face_skin: (H, W), weight of skin in the face.
        photo_skin: (H, W), weight of skin in the photo.
        landmarks: (68, 2) of both.
        own_tone: share of its own mean tone that the face keeps, (H, W) or one number; the photo's light gradient is
            always used.

    Returns:
        (H, W, 3) RGB float32.
    """
    if min(np.count_nonzero(face_skin > 0.5), np.count_nonzero(photo_skin > 0.5)) < _MIN_PIXELS:
        return np.asarray(face, np.float32)
    own, other = (_Light.of(*seen, landmarks) for seen in ((face, face_skin), (photo, photo_skin)))
    share = np.asarray(own_tone, np.float32)
    tone = other.slow + (own.mean - other.mean) * (share[..., None] if share.ndim else share)
    # Eyes, teeth and hair have no skin's colour: they follow the lamp, by which the two photos differ too.
    lamp = _lamp(own, other, landmarks)
    bare = _follow(landmarks, face_skin)[..., None]
    detail = _fit_detail(own, other, bare[..., 0])
    return to_srgb(np.exp(own.slow + detail + bare * (tone - own.slow) + (1.0 - bare) * lamp) - _FLOOR * other.level)


class _Light(NamedTuple):
    """The light of a picture of a face, in natural logarithms of linear light, each channel for itself.

    Attributes:
        slow: (H, W, 3), what varies slowly on skin.
        detail: (H, W, 3), the rest.
        mean: (3,), over skin.
        skin: (H, W) bool.
        level: median luminance of the skin, linear.
    """

    slow: FloatArray
    detail: FloatArray
    mean: FloatArray
    skin: npt.NDArray[np.bool_]
    level: float

    @classmethod
    def of(cls, picture: FloatArray, skin: FloatArray, landmarks: FloatArray) -> _Light:
        light = to_linear(np.asarray(picture, np.float32))
        is_skin = skin > 0.5
        level = max(float(np.median(luminance(light)[is_skin])), _LEAST_LEVEL)
        # Far below the level of the skin a logarithm would show noise alone.
        values = np.log(light + np.float32(_FLOOR * level))
        slow, mean = slow_part(values, skin, landmarks)
        return cls(slow, values - slow, mean, is_skin, level)


def _fit_detail(own: _Light, other: _Light, bare: FloatArray) -> FloatArray:
    """Return a face's detail, (H, W, 3), as contrasty and as colourful as the photo's may be.

    The same highlight stands out more from dark skin than from pale skin, and skin in hard light has deeper shadows: so
    the brightness of skin is spread as the photo's is, and its colour changes with the brightness as the photo's does.
    Of features, what is brighter and what is darker than the slow part are fitted separately, by one factor each.

    Args:
        own: the face's light.
        other: the photo's.
        bare: (H, W), how far each pixel follows the skin.
    """
    light = own.detail @ LUMINANCE
    on_skin = [(which.detail @ LUMINANCE)[which.skin] for which in (own, other)]
    gains = []
    for share, (least, most) in zip((_BRIGHT_SHARE, _DARK_SHARE), (_BRIGHT_GAINS, _DARK_GAINS), strict=True):
        has, wanted = (float(np.quantile(values, share)) for values in on_skin)
        gains.append(float(np.clip(wanted / has, least, most)) if has * wanted > 0 else 1.0)
    fitted = np.where(light > 0, np.float32(gains[0]), np.float32(gains[1])) * light
    fitted += bare * (_as_spread(light, *on_skin) - fitted)
    slopes, rests = zip(*(_color_with_light(which) for which in (own, other)), strict=True)
    gain = np.float32(min(1.0, _variety(rests[1][other.skin]) / max(_variety(rests[0][own.skin]), 1e-3)))
    strength, usual = (np.linalg.norm(rest @ _COLOR, axis=2) for rest in rests)
    rest = _soften(gain * rests[0], gain * strength, usual[other.skin], bare)
    # Features have colours of their own, so only skin's change with the light as the photo's skin does.
    follow = bare[..., None] * (slopes[1] - slopes[0]) + slopes[0]
    return fitted[..., None] * (1.0 + follow) + rest


def _color_with_light(light: _Light) -> tuple[FloatArray, FloatArray]:
    """Return how the colour of skin changes with its brightness, (3,), and the rest of the detail's colour, (H, W, 3).

    Highlights are as white as the lamp, so they bleach dark skin much more than pale skin.
    """
    brightness = light.detail @ LUMINANCE
    color = light.detail - brightness[..., None]
    on_skin = brightness[light.skin]
    slope = (color[light.skin] * on_skin[:, None]).sum(axis=0) / max(float(np.square(on_skin).sum()), 1e-6)
    return slope.astype(np.float32), (color - slope * brightness[..., None]).astype(np.float32)


def _as_spread(values: FloatArray, own: FloatArray, other: FloatArray) -> FloatArray:
    """Map values (H, W) so that those on one skin (N,) are spread as those on another (M,): a monotone curve.

    Hard sun spreads the middle of skin wide, and other light does not, though both have dark nostrils: a single factor
    would leave the patches of the sun, or fade the nostrils. The curve is as steep as `_SLOPES` at most and at least.
    """
    has, wanted = (np.quantile(which, _SHARES) for which in (own, other))
    slopes = np.clip(np.diff(wanted) / np.maximum(np.diff(has), 1e-3), *_SLOPES)
    places = np.concatenate([[0.0], np.cumsum(slopes * np.diff(has))])
    middle = len(_SHARES) // 2
    places += wanted[middle] - places[middle]
    ends = np.array([-10.0, 10.0])
    beyond = places[[0, -1]] + slopes[[0, -1]] * (ends - has[[0, -1]])
    curve = np.interp(values, [ends[0], *has, ends[1]], [beyond[0], *places, beyond[1]])
    return curve.astype(np.float32)


def _soften(values: FloatArray, strength: FloatArray, usual: FloatArray, bare: FloatArray) -> FloatArray:
    """Lower values (H, W, ...) on skin as far as their strength (H, W) exceeds what is usual on the photo's skin."""
    most = max(float(np.quantile(usual, _MOST_SHARE)), _LEAST_MOST)
    factor = 1.0 - _SOFTENED * bare * np.maximum(strength - most, 0.0) / np.maximum(strength, 1e-6)
    return values * (factor if values.ndim == 2 else factor[..., None]).astype(np.float32)


def _variety(colors: FloatArray) -> float:
    """Return how much colours (N, 3) differ, a robust deviation of logarithms; 0 in a grey photo."""
    return float(1.4826 * np.median(np.abs(colors @ _COLOR), axis=0).max())


def _lamp(own: _Light, other: _Light, landmarks: FloatArray) -> FloatArray:
    """Return the logarithm of the photo's lamp over the face's, (3,), judged by skin and by the whites of the eyes.

    Whites are alike in all people, but small, and shaded by the lids: in brightness they count in part. Of the colour
    counts what skin and whites agree on, as people's skin differs in colour too.
    """
    by_skin = other.mean - own.mean
    drawn = [draw_part(landmarks[eye], own.skin.shape, 0.0) for eye in (RIGHT_EYE, LEFT_EYE)]
    eyes = np.maximum(*drawn) > 0
    if np.count_nonzero(eyes) < _MIN_PIXELS:
        return by_skin
    by_eyes = _white(other, eyes) - _white(own, eyes)
    light = float(by_skin @ LUMINANCE)
    apart = _WHITES_COUNT * float(np.clip(by_eyes @ LUMINANCE - light, -_LAMP_LIMIT, _LAMP_LIMIT))
    colors = [change - float(change @ LUMINANCE) for change in (by_skin, by_eyes)]
    agreed = np.where(colors[0] * colors[1] > 0, np.sign(colors[0]) * np.minimum(*np.abs(colors)), 0.0)
    return np.asarray(light + apart + agreed, np.float32)


def _white(light: _Light, eyes: npt.NDArray[np.bool_]) -> FloatArray:
    """Return the colour of the brightest pixels of the eyes, (3,), in logarithms."""
    values = (light.slow + light.detail)[eyes]
    brightness = values @ LUMINANCE
    return np.asarray(values[brightness >= np.quantile(brightness, _WHITES)].mean(axis=0))


def slow_part(values: FloatArray, skin: FloatArray, landmarks: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the slowly varying part of values on skin, which is light and tone, extended over the rest.

    Args:
        values: (H, W, C) float32.
        skin: (H, W), weight of skin; at least one pixel above 0.
        landmarks: (68, 2) of the face.

    Returns:
        The slow part (H, W, C), and the mean over skin, (C,).
    """
    sigma = _LIGHT * face_size(landmarks)
    weight = np.asarray(skin, np.float32)
    mean = (values * weight[..., None]).sum(axis=(0, 1)) / weight.sum()
    num, total = (_soft(array, sigma) for array in ((values - mean) * weight[..., None], weight))
    return mean + num / (total + _SURE)[..., None], mean


def _soft(array: FloatArray, sigma: float) -> FloatArray:
    """Blur by a wide Gaussian on a smaller copy, which is exact enough as the result is smooth."""
    height, width = array.shape[:2]
    scale = min(1.0, 8.0 / sigma)
    size = (max(4, round(width * scale)), max(4, round(height * scale)))
    small = cv2.resize(np.asarray(array, np.float32), size, interpolation=cv2.INTER_AREA)
    # Zeros beyond the picture, where nothing is known; the weights compensate for them.
    small = cv2.GaussianBlur(small, (0, 0), max(sigma * scale, 0.5), borderType=cv2.BORDER_CONSTANT)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def _follow(landmarks: FloatArray, skin: FloatArray) -> npt.NDArray[np.float32]:
    """Return how far each pixel follows a change of skin, (H, W) in [0, 1]."""
    size, shape = face_size(landmarks), skin.shape
    follow = np.ones(shape[:2], np.float32)
    for part, width, share in _PARTS_FOLLOW:
        soft = cv2.GaussianBlur(draw_part(landmarks[part], shape, width * size), (0, 0), max(0.015 * size, 0.5))
        follow = np.minimum(follow, 1.0 - (1.0 - share) * soft)
    return follow


def draw_part(points: FloatArray, shape: tuple[int, ...], width: float) -> npt.NDArray[np.float32]:
    """Draw the hull of points (N, 2), widened by ``width`` pixels, (H, W) float32 of 0 and 1."""
    drawn = np.zeros(shape[:2], np.float32)
    hull = cv2.convexHull(np.asarray(points, np.float32))
    fixed = np.rint(hull * 16).astype(np.int32)
    cv2.fillConvexPoly(drawn, fixed, 1.0, cv2.LINE_8, 4)
    cv2.polylines(drawn, [fixed], True, 1.0, max(1, round(2 * width)), cv2.LINE_8, 4)
    return drawn
