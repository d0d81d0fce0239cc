"""Grey hair: strands lose their colour one by one, and the hair becomes lighter without losing its shadows.

Everything is a factor on linear light, except that colour is mixed with its own luminance, so a photo that is k times
as bright gives a result that is k times as bright, and a photo without colour stays without.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing.grey_light import GREY, Hair, log_over_grey, turn_grey
from ppgan_ext.faces.ageing.strands import strand_noise, strand_order
from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.head.bands import blur
from ppgan_ext.faces.head.bare_skin import head_without_hair
from ppgan_ext.faces.head.head_places import (
    at_sides,
    below_chin_rows,
    beside_jaw,
    beside_jaw_rows,
    first_places,
    hairline,
    may_lighten,
    near_skin,
    within,
)
from ppgan_ext.faces.head.skin_colour import SkinColour, ramp
from ppgan_ext.faces.head.strips import cut, enlarge, strips
from ppgan_ext.faces.head.white import white_light
from ppgan_ext.faces.light import luminance, to_linear, to_srgb
from ppgan_ext.types import FloatArray

# Share of grey hair by age. Between 45 and 65 three quarters of people have grey hair, a quarter to a third of it on
# average (Panhard, Lozano and Loussouarn, British Journal of Dermatology 2012); whoever asks to be older expects more.
_AGES = (40.0, 50.0, 60.0, 70.0, 80.0)
_GREY_AT = (0.0, 0.2, 0.5, 0.75, 0.9)

_BLOND, _GREY_OF_BLOND = (-0.7, 0.3), 0.6  # light of blond hair, in logarithms over grey's; how far it turns grey
# Log light over grey's of the lights of hair that is white already, and its colour: highest over lowest of RGB, less 1.
_IS_WHITE, _IS_COLOURFUL = (0.2, 0.6), (0.25, 0.5)
_LEAST_WEIGHT = 0.004  # below, the photo's bits stay
_PRIOR = 0.02  # weight of hair below which the shading is taken from farther off
# Skin that shows between the strands or was taken for hair: log light above the shading, none and full; how much more
# of it is needed away from the face, beside which hair is thin; and how far the shading may lie above its mean, since
# an ear that is taken for hair makes its own.
_SHOWS, _MORE_AWAY, _OWN_SHADING = (0.4, 1.1), 1.2, 0.45
_WIDE, _OF_STRANDS = 0.03, 0.25  # half the width of skin, in eyes' distances; how far narrower places keep colour
# Of the texture that the hair has elsewhere: none of hair beside the jaw, and all; its width; the least that tells.
_SMOOTH, _AROUND, _ROUGH = (0.35, 0.7), 0.06, 0.1
# Of the skin's colour: width of the Gaussian over which it is told, percentile of it in the hair elsewhere, how much
# more is skin, and how much of it hair has in which skin cannot be told by it, from and fully.
_SHARE_AROUND, _MOST_SHARE, _SHARE_TELLS, _HAIR_SHARE = 0.02, 80.0, 0.3, (0.55, 0.75)
_ANY_SHARE = (0.05, 0.2)  # what has less of it than even skin in a shadow is black hair
_OF_SKIN, _SMOOTHER = (0.5, 0.8), (0.2, 0.4)  # of what has the skin's colour and no less, where it must be smoother
_STRAND_STAYS = 0.6  # how much less light it gains there
_FEW = 100
_MUCH_DARKER = (1.5, 2.3)  # log light of skin over that of the hair: told from hair by it, not at all and well
_IN_SHADOW = 0.6  # how much of the light is gained less in shadows beside the jaw, where much may be no hair

_MOTTLE_EYES = 200.0  # pixels between the eyes of the copy on which strands and slow light are found
_SLOW = 0.06  # width of the Gaussian that separates strands from shading
# Standard deviation of log light between strands, in black hair and in light; what the photo lacks of it is drawn.
_CONTRAST, _DARK = (0.42, 0.2), (-2.2, -1.0)
_SINGLE = 0.4  # share of the grey that is in single strands
# At the edges of the sides: share of the strands that turn, over how much of the way each does, and how far; how soon
# sides are wholly that; and log light above the shading of hair and of what is behind it.
_AT_EDGES, _EDGE_BLEND, _EDGE_LIGHT = 0.65, 0.2, 0.75
_SIDES_WHOLE, _BEHIND = 2.0, (0.1, 0.5)
_STRANDS_SHOW = 140.0  # pixels between the eyes from which on a picture shows single strands
_BLEND = 0.7  # how gradually a strand turns grey, as a share of the whole way from none to all


def grey_amount(age_after: float, amount: float = 1.0) -> float:
    """Return how grey hair is at an age, 0 to 1, times the user's ``amount`` in [0, 1]."""
    return float(np.interp(age_after, _AGES, _GREY_AT)) * float(np.clip(amount, 0.0, 1.0))


def grey_hair(
    picture: npt.NDArray,
    weight: FloatArray,
    amount: float,
    landmarks: FloatArray,
    seed: int = 0,
    white: FloatArray | None = None,
    of_head: bool = True,
    firm: FloatArray | None = None,
) -> npt.NDArray:
    """Make hair grey.

    Args:
        picture: (H, W, 3) sRGB, 0 to 255; the photo or a region of it.
        weight: (H, W) in [0, 1], how far each pixel is hair.
        amount: share of the hair that is grey afterwards, 0 to 1.
        landmarks: (68, 2) of the face, in pixels of ``picture``.
        seed: decides which strands turn first.
        white: (3,), the light of a white surface, see `white_light`; by default it is found in ``picture``.
        of_head: hair of the head: strands are drawn where it shows none, and at its edges and below the chin, where
            much may be no hair, it gains less light; stubble and brows do not need that.
        firm: (h, w) in [0, 1] over the whole of ``picture``, how far hair may gain light; by default it may everywhere.

    Returns:
        (H, W, 3), 0 to 255, uint8 if the picture is, else float32; where ``weight`` is 0 the picture as it was.
    """
    result = picture.copy() if picture.dtype == np.uint8 else np.array(picture, np.float32)
    columns, rows = (np.flatnonzero(weight.max(axis=axis, initial=0.0) > _LEAST_WEIGHT) for axis in (0, 1))
    if amount <= 0.0 or len(rows) == 0:
        return result
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    if white is None:
        white = white_light(picture, landmarks)
    part, mask = picture[top:bottom, left:right], np.asarray(weight[top:bottom, left:right], np.float32)
    points = np.asarray(landmarks, np.float64) - (left, top)
    grey = np.asarray(white, np.float32) * np.float32(GREY)
    skin = SkinColour.of(picture, landmarks)
    lighten = None if firm is None else cut(firm, picture.shape, (left, top, right, bottom))
    maps, hair = _plan(part, mask, amount, points, seed, float(luminance(grey)), of_head, skin, lighten)
    for start, stop in strips(mask.shape):
        here = mask[start:stop] > _LEAST_WEIGHT
        slow, turned, drawn, near, head, line, shaded, patch = (
            enlarge(values, mask.shape, (start, stop))[here] for values in maps
        )
        light, weights = to_linear(part[start:stop][here]), mask[start:stop][here] * (1.0 - shaded)
        if skin is not None:
            logs = log_over_grey(luminance(light), float(luminance(grey)))
            shows = _shows(logs - _shading(slow, hair.centre), near, head, line) * skin.likeness(light)
            # A narrow one may be a lit strand: it loses colour, but gains less light.
            kept = 1.0 - shows * (_OF_STRANDS + (1.0 - _OF_STRANDS) * patch)
            lit = shows * (patch + np.float32(_STRAND_STAYS) * (1.0 - patch))
            weights, turned = weights * kept, turned * (1.0 - lit) / np.maximum(kept, np.float32(1e-3))
        changed = to_srgb(turn_grey(light, slow, drawn, turned, weights, hair, grey))
        if result.dtype == np.uint8:
            changed = np.rint(changed).astype(np.uint8)
        result[top + start : top + stop, left:right][here] = changed
    return result


def _shading(slow: FloatArray, centre: float) -> npt.NDArray[np.float32]:
    return np.minimum(slow, np.float32(centre + _OWN_SHADING))


def _shows(above: FloatArray, near: FloatArray, head: FloatArray, line: FloatArray) -> npt.NDArray[np.float32]:
    """Return how far what has the skin's colour is skin, by its log light above the hair's shading and its place."""
    return np.maximum(head * ramp(above - _MORE_AWAY * (1.0 - near), _SHOWS), line)


def _wide(shows: FloatArray, eyes: float) -> npt.NDArray[np.float32]:
    """Return where what shows (H, W) is wider than strands of hair, softly; (H, W) in [0, 1]."""
    radius = max(1, round(_WIDE * eyes))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    opened = cv2.morphologyEx((shows > 0.3).astype(np.float32), cv2.MORPH_OPEN, kernel)
    return blur(cv2.dilate(opened, np.ones((3, 3), np.uint8)), 0.5 * radius)


def _not_white(light: FloatArray, sure: FloatArray, lights: float) -> float:
    """Return how far hair can still turn grey, 0 to 1: white hair, or white cloth that is taken for it, can not."""
    highest, lowest = ((values * sure).sum() for values in (light.max(axis=2), light.min(axis=2)))
    colourful = np.float32(highest / max(float(lowest), 1e-6) - 1.0)
    return 1.0 - float(ramp(np.float32(lights), _IS_WHITE) * (1.0 - ramp(colourful, _IS_COLOURFUL)))


def _skin_in_shadow(
    strand: FloatArray, hair: FloatArray, share: FloatArray | None, landmarks: FloatArray
) -> npt.NDArray[np.float32]:
    """Return how far each pixel beside the jaw and below it is skin and not this hair; (H, W) in [0, 1].

    Skin in the shadow of hair has its light, but not its strands; and its colour where the hair is black.

    Args:
        strand: (H, W), log light over the slow shading.
        hair: (H, W), how far each pixel is thought to be hair.
        share: (H, W), how much of the skin's colour there is, or None if that is not known.
        landmarks: (68, 2).
    """
    eyes, place = eye_distance(landmarks), beside_jaw(landmarks, hair.shape)
    elsewhere = (hair > 0.9) & (place < 0.1)
    if np.count_nonzero(elsewhere) < _FEW:
        return np.zeros(hair.shape, np.float32)
    sure = np.clip(2.0 * hair - 1.0, 0.0, 1.0)
    rough = np.sqrt(blur(np.square(strand) * sure, _AROUND * eyes) / (blur(sure, _AROUND * eyes) + np.float32(_PRIOR)))
    usual = max(float(np.median(rough[elsewhere])), _ROUGH)
    rough /= np.float32(usual)
    smooth = (place * (1.0 - ramp(rough, _SMOOTH))).astype(np.float32)
    if share is None:
        return smooth
    nearby = blur(np.clip(share, 0.0, 1.5), _SHARE_AROUND * eyes)
    under_chin = below_chin_rows(landmarks, hair.shape)
    below = np.maximum(place, under_chin)
    # On shoulders and chest hair ends before cloth as well.
    on_body = under_chin * ramp(nearby, _OF_SKIN) * (1.0 - ramp(rough, _SMOOTHER))
    smooth = np.maximum(smooth * ramp(nearby, _ANY_SHARE), on_body).astype(np.float32)
    elsewhere &= below < 0.1
    if np.count_nonzero(elsewhere) < _FEW:
        return smooth
    own = max(float(np.percentile(nearby[elsewhere], _MOST_SHARE)), 0.0)
    coloured = ramp(nearby, (own, own + _SHARE_TELLS)) * (1.0 - ramp(np.float32(own), _HAIR_SHARE))
    return np.maximum(smooth, below * coloured)


def _strands_at_edges(
    order: FloatArray, reach: FloatArray, strand: FloatArray, landmarks: FloatArray
) -> npt.NDArray[np.float32]:
    """Return how far single strands turn beside skin and at the edges of hair at the sides, (H, W) in [0, 1].

    Light of a whole edge is a rim around the face, and what is lighter than the hair there is skin behind it.

    Args:
        order: (H, W), see `strand_order`.
        reach: (H, W), up to which order strands turn.
        strand: (H, W), log light over the slow shading.
        landmarks: (68, 2).
    """
    place = np.minimum(_SIDES_WHOLE * at_sides(landmarks, order.shape[::-1]), 1.0) * (1.0 - ramp(strand, _BEHIND))
    return (_EDGE_LIGHT * place * np.clip((_AT_EDGES * reach - order) / _EDGE_BLEND, 0.0, 1.0)).astype(np.float32)


def _plan(
    part: npt.NDArray,
    mask: FloatArray,
    amount: float,
    landmarks: FloatArray,
    seed: int,
    grey: float,
    of_head: bool,
    skin: SkinColour | None,
    firm: FloatArray | None,
) -> tuple[tuple[npt.NDArray[np.float32], ...], Hair]:
    """Find on a reduced copy what `turn_grey` needs.

    These are the slow light of the hair, how far each strand turns grey, drawn strands, what is near skin, the head,
    the hairline, what is smooth beside the jaw, and patches of skin; and then the mean of the light.

    Black hair often shows no strands in a photo; grey hair that shows none looks like clay, so there they are drawn.
    """
    eyes = eye_distance(landmarks)
    shrink = min(1.0, _MOTTLE_EYES / eyes)
    size = (max(4, round(mask.shape[1] * shrink)), max(4, round(mask.shape[0] * shrink)))
    small = to_linear(cv2.resize(part, size, interpolation=cv2.INTER_AREA))
    share = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
    eyes = eyes * size[0] / mask.shape[1]
    values = log_over_grey(luminance(small), grey)
    sure = np.maximum(np.clip(2.0 * share - 1.0, 0.0, 1.0) ** 2, np.where(share == share.max(), np.float32(1e-3), 0.0))
    centre = float((values * sure).sum() / sure.sum())
    # Where the hair thins out, the shading is that of the hair nearby, and not of what is behind it.
    slow = np.full(values.shape, centre, np.float32)
    for width in (4.0 * _SLOW * eyes, _SLOW * eyes):
        slow = (blur(values * sure, width) + _PRIOR * slow) / (blur(sure, width) + _PRIOR)
    # Blond hair turns grey unnoticed: colour that is lost there would only show where the map of the hair ends.
    lights = float(np.percentile(values[sure > 0.5], 85)) if (sure > 0.5).any() else centre
    amount *= float(np.interp(lights, _BLOND, (1.0, _GREY_OF_BLOND))) * _not_white(small, sure, lights)
    points = (np.asarray(landmarks) + 0.5) * (size[0] / mask.shape[1]) - 0.5
    bias = first_places(points, size)
    strand = values - slow
    noise = strand_noise(strand, share, eyes, seed)
    order = strand_order(strand, noise, share, eyes, seed)
    reach = amount * (1.0 + _BLEND) + bias * amount * (1.0 - amount)
    single = np.clip((reach - order) / _BLEND, 0.0, 1.0)
    # A pixel shows more strands than one, the more the smaller the face: part of the grey is spread evenly.
    alone = _SINGLE * min(1.0, eyes / _STRANDS_SHOW)
    turned = alone * single + (1.0 - alone) * np.clip(reach / (1.0 + _BLEND), 0.0, 1.0)
    near = near_skin(points, values.shape)
    head = np.maximum(np.minimum(near, 1.0), head_without_hair(points, values.shape))
    line = drawn = shaded = patch = np.zeros(values.shape, np.float32)
    if of_head:
        surest = share / np.float32(max(float(share.max()), 1e-3))
        line = hairline(points, surest)
        shaded = _skin_in_shadow(strand, surest, None if skin is None else skin.share(small), points)
        shadow = np.exp(_IN_SHADOW * np.minimum(slow - centre, 0.0) * beside_jaw_rows(points, values.shape))
        inner = (1.0 - line) * within(surest, eyes)
        turned = inner * turned + (1.0 - inner) * _strands_at_edges(order, reach, strand, points)
        turned *= may_lighten(points, values.shape) * shadow
        if firm is not None:
            turned *= cv2.resize(firm, size, interpolation=cv2.INTER_LINEAR)
        wanted = float(np.interp(centre, _DARK, _CONTRAST)) * min(1.0, eyes / _STRANDS_SHOW)
        seen = blur(np.square(strand) * sure, _SLOW * eyes) / (blur(sure, _SLOW * eyes) + np.float32(_PRIOR))
        drawn = np.sqrt(np.maximum(wanted**2 - seen, 0.0)) * noise
    if skin is not None:
        # On the shoulders skin shows between the ends of hair that is much darker.
        apart = ramp(log_over_grey(np.float32(skin.level), grey) - np.float32(centre), _MUCH_DARKER)
        head = np.maximum(head, apart * below_chin_rows(points, values.shape))
        patch = _wide(_shows(values - _shading(slow, centre), near, head, line) * skin.likeness(small), eyes)
    maps = slow, turned, drawn, near, head, line, shaded, patch
    return tuple(one.astype(np.float32) for one in maps), Hair(centre, amount, of_head)
