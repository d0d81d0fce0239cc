"""Give a face the skin and the light of another, as factors of linear light, from the colours of skin only.

A face is separated into a part that varies slowly, which is the light and the tone of the skin, and the rest, which is
features and pores. The slow part comes from the photo. The rest is a factor, so it keeps its contrast in any exposure
and under any lamp; where the photo's skin has less contrast, as pale skin has, it is lowered.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.landmarks import INNER_LIPS, LEFT_EYE, LIPS, RIGHT_EYE
from ppgan_ext.faces.light import LUMINANCE, luminance, to_linear, to_srgb
from ppgan_ext.faces.mask import WITH_RIM, draw_part
from ppgan_ext.faces.skin import face_size
from ppgan_ext.faces.swap.brows import Brows
from ppgan_ext.faces.swap.detail import Detail
from ppgan_ext.faces.swap.feature_light import (
    FaceLight,
    find_eyes,
    find_lamp,
    light_eyes,
    light_lips,
    light_teeth,
)
from ppgan_ext.faces.swap.lit_skin import LitSkin
from ppgan_ext.faces.swap.shading import even_shading
from ppgan_ext.faces.swap.skin_tint import tint_change
from ppgan_ext.types import FloatArray

_LIGHT = 0.2  # width of the Gaussian that separates light from features, as a share of the face's size
_MIN_PIXELS = 24
_SURE = 0.02  # weight under the Gaussian: with less skin than this nearby, the mean of all skin dominates
_FLOOR = 0.02  # of the skin's luminance, added before logarithms
# Skin is burnt out where the brightest channel reaches this; with more than these shares of it burnt out, what its
# colour does with the light is doubted, and unknown: it runs from white to orange, as the channels clip one by one.
_BURNT, _BURNT_SHARES = 0.92, (0.4, 0.85)
_LEAST_LEVEL = 2e-4  # luminance of skin in a photo that is nearly black
# Of detail on skin: highlights are as bright as the photo's brightest 4%, shadows as dark as its darkest 4%.
_BRIGHT_SHARE, _DARK_SHARE = 0.96, 0.04
_BRIGHT_GAINS, _DARK_GAINS = (0.5, 1.4), (0.6, 1.4)
# Shares of the skin between which the curve of the brightness is straight, and its slopes.
_SHARES = (0.01, 0.04, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.96, 0.99)
_SLOPES, _LEAST_BRIGHT_SLOPE = (0.5, 1.4), 0.35
# Of the photo's skin, so much has less detail; what exceeds that, or a least amount, is lowered by a share.
_MOST_SHARE, _LEAST_MOST, _SOFTENED = 0.98, 0.12, 0.7
_COLOR = (np.eye(3) - LUMINANCE[:, None]).astype(np.float32)  # from logarithms of channels to those over the luminance
# Log light below the slow part: skin in light and in shade, where colours within a Gaussian of this width are evened, a
# share of the face's size.
_SHADE, _SHADE_SOFT, _SPECKS, _SURE_SKIN = (0.1, 0.6), 0.01, 0.03, 0.99
_COLORLESS = (0.01, 0.03)  # deviation of colours in a grey photo, and in a colourful one
# Of skin: the share that is even, and the shares that do not exceed its brightest and its darkest. What lies between
# keeps at least this slope.
_EVEN, _BRIGHTEST, _DARKEST, _LEAST_SLOPE = 0.65, 0.995, 0.98, 0.3
# By so much at most a brow's hairs are darkened, where paler skin would fade them. Darker skin lightens none.
_HAIR_DARKER = 0.7
_GREYEST = 0.65  # share of the skin's colour that they lack at most
_DARK_BROW = (1.0, 1.8)  # log light below the skin's: hair of brows is darkened as above, and not at all
# Lips that are redder than skin, by these logarithms of red over green, keep this share of their own colour.
_LIPS_OWN, _RED_LIPS = 0.7, (0.1, 0.4)
_PART_SOFT = 0.015  # of a part's edge, a share of the face's size
# Parts that follow the lamp rather than the skin: points, share of skin.
_PARTS_FOLLOW = ((LIPS, 0.7), (INNER_LIPS, 0.4), (RIGHT_EYE, 0.25), (LEFT_EYE, 0.25))


def match_skin(
    face: FloatArray,
    photo: FloatArray,
    face_skin: LitSkin,
    photo_skin: LitSkin,
    landmarks: FloatArray,
    own_tone: FloatArray | float = 0.0,
    relaxed: float = 0.0,
    brows: Brows | None = None,
) -> FloatArray:
    """Give a face the skin and the light of the photo beneath it.

    Args:
        face: (H, W, 3) RGB float32, 0 to 255.
        photo: (H, W, 3) RGB float32, 0 to 255, with its features at the same positions as the face's.
        face_skin: skin in the face.
        photo_skin: skin in the photo.
        landmarks: (68, 2) of both.
        own_tone: share of its own mean tone that the face keeps, (H, W) or one number; the photo's light gradient is
            always used.
        relaxed: how far a smile was taken back, 0 to 1.
        brows: what grows on the face, which was taken off it.

    Returns:
        (H, W, 3) RGB float32.
    """
    if min(np.count_nonzero(each.skin > 0.5) for each in (face_skin, photo_skin)) < _MIN_PIXELS:
        return np.asarray(face, np.float32)
    own, other = (_Light.of(*seen, landmarks) for seen in ((face, face_skin.skin), (photo, photo_skin.skin)))
    share = np.asarray(own_tone, np.float32)
    tone = other.slow + (own.mean - other.mean) * (share[..., None] if share.ndim else share)
    # Eyes, teeth and hair have no skin's colour: they follow the lamp, by which the two photos differ too.
    face_light, photo_light = (FaceLight(which.slow + which.detail, which.mean) for which in (own, other))
    eyes = find_eyes(face_light, photo_light, landmarks)
    lamp = find_lamp(face_light, photo_light, eyes)
    bare = _follow(landmarks, face.shape)
    detail = _fit_detail(own, other, bare, tone, (face_skin.known, photo_skin.clear), landmarks, relaxed)
    by_skin = tone - own.slow
    matched = own.slow + detail + bare[..., None] * by_skin + (1.0 - bare[..., None]) * lamp
    if brows is not None:
        matched = matched + _grown(brows, lamp - by_skin, matched)
    lit = light_eyes(np.asarray(matched), face_light, photo_light, eyes, lamp, landmarks)
    lit = light_teeth(lit, face_light, photo_light, eyes, lamp, landmarks)
    lit = light_lips(lit, np.asarray(tone), photo_light.values, other.slow, landmarks)
    lit = _as_colorful(lit, photo_light)
    return to_srgb(np.exp(lit) - _FLOOR * other.level)


def _grown(brows: Brows, over_skin: FloatArray, skin: FloatArray) -> npt.NDArray[np.float32]:
    """Return what is added to logarithms of light where brows grow, (H, W, 3).

    Args:
        brows: as they are on the person's skin.
        over_skin: (H, W, 3), by how much more the lamp changes than the skin.
        skin: (H, W, 3), logarithms of the light of the skin on which they grow.
    """
    dark = np.clip((_DARK_BROW[1] + brows.light) / np.ptp(_DARK_BROW), 0.0, 1.0)
    light = brows.light + np.clip(over_skin @ LUMINANCE, -_HAIR_DARKER, 0.0) * brows.hair * dark
    # Hair has the skin's colour or less of it.
    usual = skin @ _COLOR
    along = (brows.color * usual).sum(axis=2) / (np.square(usual).sum(axis=2) + np.float32(1e-6))
    color = np.clip(along, -_GREYEST, 0.0)[..., None] * usual
    return np.asarray(light[..., None] + color, np.float32)


class _Light(NamedTuple):
    """The light of a picture of a face, in natural logarithms of linear light, each channel for itself.

    Attributes:
        slow: (H, W, 3), what varies slowly on skin.
        detail: (H, W, 3), the rest.
        mean: (3,), over skin.
        skin: (H, W) bool.
        level: median luminance of the skin, linear.
        burnt: how far its skin is burnt out, 0 to 1.
    """

    slow: FloatArray
    detail: FloatArray
    mean: FloatArray
    skin: npt.NDArray[np.bool_]
    level: float
    burnt: float

    @classmethod
    def of(cls, picture: FloatArray, skin: FloatArray, landmarks: FloatArray) -> _Light:
        light = to_linear(np.asarray(picture, np.float32))
        is_skin = skin > 0.5
        level = max(float(np.median(luminance(light)[is_skin])), _LEAST_LEVEL)
        # Far below the level of the skin a logarithm would show noise alone.
        values = np.log(light + np.float32(_FLOOR * level))
        slow, mean = slow_part(values, skin, landmarks)
        share = float((light[is_skin].max(axis=1) > _BURNT).mean())
        burnt = float(np.clip((share - _BURNT_SHARES[0]) / np.ptp(_BURNT_SHARES), 0.0, 1.0))
        return cls(slow, values - slow, mean, is_skin, level, burnt)


def _fit_detail(
    own: _Light,
    other: _Light,
    bare: FloatArray,
    tone: FloatArray,
    clear: tuple[FloatArray, FloatArray],
    landmarks: FloatArray,
    relaxed: float,
) -> FloatArray:
    """Return a face's detail, (H, W, 3), as contrasty and as colourful as the photo's may be.

    The same highlight stands out more from dark skin than from pale skin, and skin in hard light has deeper shadows: so
    the brightness of skin is spread as the photo's is, and its colour changes with the brightness as the photo's does.

    Args:
        own: the face's light.
        other: the photo's.
        bare: (H, W), how far each pixel follows the skin.
        tone: (H, W, 3), the slow part that the face is given.
        clear: (H, W) in [0, 1] each, where the face is shown, and where nothing covers the photo's.
        landmarks: (68, 2) of both.
        relaxed: how far a smile was taken back, 0 to 1.
    """
    light = _fit_light(own, other, bare, tone)
    slopes, rests = map(list, zip(*(_color_with_light(which) for which in (own, other)), strict=True))
    rests[0] = _without_specks(rests[0], own.detail @ LUMINANCE, bare, face_size(landmarks))
    gain = np.float32(min(1.0, _variety(rests[1][other.skin]) / max(_variety(rests[0][own.skin]), 1e-3)))
    strength, usual = (np.linalg.norm(rest @ _COLOR, axis=2) for rest in rests)
    evened = _soften(gain * rests[0], gain * strength, usual[other.skin], bare)
    rest = evened + _red_lips(rests[0], landmarks)[..., None] * (rests[0] - evened)
    # Before colour follows the light: shade that is taken away takes its colour along.
    seen, shown = Detail(light, rest, clear[0]), Detail(other.detail @ LUMINANCE, rests[1], clear[1])
    seen = seen._replace(color=rest + tint_change(seen, shown, landmarks))
    light, rest = even_shading(seen, shown, landmarks, relaxed)
    if other.burnt:
        slopes[1] = slopes[1] + np.float32(other.burnt) * (slopes[0] - slopes[1])
    # Features have colours of their own, so only skin's change with the light as the photo's skin does.
    follow = bare[..., None] * (slopes[1] - slopes[0]) + slopes[0]
    return light[..., None] * (1.0 + follow) + rest


def _fit_light(own: _Light, other: _Light, bare: FloatArray, tone: FloatArray) -> npt.NDArray[np.float32]:
    """Return the brightness of a face's detail, (H, W), spread as the photo's.

    Of features, what is brighter and what is darker than the slow part are fitted separately, by one factor each.
    """
    light = own.detail @ LUMINANCE
    on_skin = [(which.detail @ LUMINANCE)[which.skin] for which in (own, other)]
    gains = []
    for share, (least, most) in zip((_BRIGHT_SHARE, _DARK_SHARE), (_BRIGHT_GAINS, _DARK_GAINS), strict=True):
        has, wanted = (float(np.quantile(values, share)) for values in on_skin)
        gains.append(float(np.clip(wanted / has, least, most)) if has * wanted > 0 else 1.0)
    fitted = np.where(light > 0, np.float32(gains[0]), np.float32(gains[1])) * light
    fitted += bare * (_as_spread(light, *on_skin) - fitted)
    over = float(((tone - other.slow) @ LUMINANCE)[own.skin].mean())
    usual_light = ((other.slow + other.detail) @ LUMINANCE)[other.skin] + over
    return np.asarray(fitted + bare * _within(fitted + tone @ LUMINANCE, own.skin, usual_light), np.float32)


def _color_with_light(light: _Light) -> tuple[FloatArray, FloatArray]:
    """Return how the colour of skin changes with its brightness, (3,), and the rest of the detail's colour, (H, W, 3).

    Highlights are as white as the lamp, so they bleach dark skin much more than pale skin.
    """
    brightness = light.detail @ LUMINANCE
    color = light.detail - brightness[..., None]
    on_skin = brightness[light.skin]
    slope = (color[light.skin] * on_skin[:, None]).sum(axis=0) / max(float(np.square(on_skin).sum()), 1e-6)
    return slope.astype(np.float32), (color - slope * brightness[..., None]).astype(np.float32)


def _without_specks(color: FloatArray, light: FloatArray, bare: FloatArray, size: float) -> FloatArray:
    """Even small differences of colour in the shade of skin: what a camera records there is noise.

    Args:
        color: (H, W, 3), the face's.
        light: (H, W), its brightness over the slow part.
        bare: (H, W), how far each pixel follows the skin.
        size: the face's.
    """
    skin = np.asarray(bare > _SURE_SKIN, np.float32)
    shade = np.clip((-light - np.float32(_SHADE[0])) / np.float32(np.ptp(_SHADE)), 0.0, 1.0)
    weight = skin * cv2.GaussianBlur(shade, (0, 0), max(0.5, _SHADE_SOFT * size))
    sigma = max(0.5, _SPECKS * size)
    total = cv2.GaussianBlur(skin, (0, 0), sigma)[..., None] + np.float32(1e-3)
    even = cv2.GaussianBlur(color * skin[..., None], (0, 0), sigma) / total
    return np.asarray(color + weight[..., None] * (even - color))


def _as_spread(values: FloatArray, own: FloatArray, other: FloatArray) -> FloatArray:
    """Map values (H, W) so that those on one skin (N,) are spread as those on another (M,): a monotone curve.

    Hard sun spreads the middle of skin wide, and other light does not, though both have dark nostrils: a single factor
    would leave the patches of the sun, or fade the nostrils. The curve is as steep as `_SLOPES` at most and at least;
    highlights, which dark skin has stronger, may become flatter.
    """
    has, wanted = (np.quantile(which, _SHARES) for which in (own, other))
    middle = len(_SHARES) // 2
    least = np.where(np.arange(len(_SHARES) - 1) < middle, _SLOPES[0], _LEAST_BRIGHT_SLOPE)
    slopes = np.clip(np.diff(wanted) / np.maximum(np.diff(has), 1e-3), least, _SLOPES[1])
    places = np.concatenate([[0.0], np.cumsum(slopes * np.diff(has))])
    places += wanted[middle] - places[middle]
    ends = np.array([-10.0, 10.0])
    # What is darker or brighter than skin usually is, is hair or a gleam, which stand out enough.
    beyond = places[[0, -1]] + np.minimum(slopes[[0, -1]], 1.0) * (ends - has[[0, -1]])
    curve = np.interp(values, [ends[0], *has, ends[1]], [beyond[0], *places, beyond[1]])
    return curve.astype(np.float32)


def _within(light: FloatArray, skin: npt.NDArray[np.bool_], usual: FloatArray) -> FloatArray:
    """Return what to add to the brightness of a face, (H, W), so that it stays within what is usual.

    Highlights that are brighter than any of the photo's skin, and shadows that are darker, are drawn nearer together:
    sun on dark skin would else burn out on pale skin.

    Args:
        light: (H, W), the face's.
        skin: (H, W), where it shows skin.
        usual: (N,), of the photo's skin.
    """
    change = np.zeros(light.shape, np.float32)
    for sign, limit in ((1.0, _BRIGHTEST), (-1.0, _DARKEST)):
        start, end = np.quantile(sign * light[skin], (_EVEN, limit))
        wanted = max(float(np.quantile(sign * usual, limit)), float(np.median(sign * light[skin])))
        if end > max(wanted, start):
            slope = max((wanted - start) / (end - start), _LEAST_SLOPE)
            change += np.float32(sign * (slope - 1.0)) * np.maximum(sign * light - start, 0.0).astype(np.float32)
    return change


def _as_colorful(values: FloatArray, photo: FaceLight) -> FloatArray:
    """Return light (H, W, 3) in the one colour of a grey photo; a colourful photo changes nothing."""
    deviation = float((photo.values @ _COLOR)[::2, ::2].std(axis=(0, 1)).max())
    share = np.clip((deviation - _COLORLESS[0]) / (_COLORLESS[1] - _COLORLESS[0]), 0.0, 1.0)
    if share == 1.0:
        return values
    color = values @ _COLOR
    return values + np.float32(1.0 - share) * (photo.skin @ _COLOR - color).astype(np.float32)


def _soften(values: FloatArray, strength: FloatArray, usual: FloatArray, bare: FloatArray) -> FloatArray:
    """Lower values (H, W, ...) on skin as far as their strength (H, W) exceeds what is usual on the photo's skin."""
    most = max(float(np.quantile(usual, _MOST_SHARE)), _LEAST_MOST)
    factor = 1.0 - _SOFTENED * bare * np.maximum(strength - most, 0.0) / np.maximum(strength, 1e-6)
    return values * (factor if values.ndim == 2 else factor[..., None]).astype(np.float32)


def _variety(colors: FloatArray) -> float:
    """Return how much colours (N, 3) differ, a robust deviation of logarithms; 0 in a grey photo."""
    return float(1.4826 * np.median(np.abs(colors @ _COLOR), axis=0).max())


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


def _red_lips(color: FloatArray, landmarks: FloatArray) -> npt.NDArray[np.float32]:
    """Return how far each pixel, (H, W) in [0, 1], keeps its own colour, as it is of lips that are redder than skin.

    That is no blotch of skin. Lips of dark skin are less red than it, and on pale skin they would be blue.

    Args:
        color: (H, W, 3), the face's colour over that of its skin, in logarithms.
        landmarks: (68, 2).
    """
    drawn = draw_part(landmarks[LIPS], color.shape[:2], WITH_RIM)
    inside = (drawn > 0) & (draw_part(landmarks[INNER_LIPS], color.shape[:2], WITH_RIM) == 0)
    if np.count_nonzero(inside) < _MIN_PIXELS:
        return np.zeros(color.shape[:2], np.float32)
    red = float(np.median((color[..., 0] - color[..., 1])[inside]))
    share = _LIPS_OWN * float(np.clip((red - _RED_LIPS[0]) / np.ptp(_RED_LIPS), 0.0, 1.0))
    soft = cv2.GaussianBlur(drawn, (0, 0), max(_PART_SOFT * face_size(landmarks), 0.5))
    return np.asarray(np.float32(share) * soft, np.float32)


def _follow(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Return how far each pixel follows a change of skin, (H, W) in [0, 1]."""
    size = face_size(landmarks)
    follow = np.ones(shape[:2], np.float32)
    for part, share in _PARTS_FOLLOW:
        soft = cv2.GaussianBlur(draw_part(landmarks[part], shape, WITH_RIM), (0, 0), max(_PART_SOFT * size, 0.5))
        follow = np.minimum(follow, 1.0 - (1.0 - share) * soft)
    return follow
