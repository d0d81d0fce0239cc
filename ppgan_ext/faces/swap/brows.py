"""Brows of a swapped face: they are taken off both faces, and the person's grow again on the fused one.

A brow is a layer over skin. What lies under it is not known, but it continues the skin around; and the brow is then a
factor of light over that. So the skin of both faces is matched without brows, nothing of the photo's is left beside the
person's, and theirs keep their contrast whatever happens to the skin's.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.head.facial_hair import within_sides
from ppgan_ext.faces.landmarks import BROWS, LEFT_EYE, RIGHT_EYE
from ppgan_ext.faces.light import LUMINANCE, luminance, to_linear
from ppgan_ext.faces.mask import draw_part, height_above_brows
from ppgan_ext.faces.morphology import disc
from ppgan_ext.faces.occlusion.skin_fill import continue_skin, grain_around, window_around
from ppgan_ext.faces.skin import bare_skin, even_lab
from ppgan_ext.images import from_levels
from ppgan_ext.types import FloatArray

# Lengths are shares of the distance of the eyes, and light is in natural logarithms.
# Where a brow grows: so far around its landmarks, and around its outer ones, with an edge of this width.
_WIDER, _END_WIDER, _SOFT = 0.09, 0.06, 0.03
_FULL = 1.5  # the blurred place is multiplied by this, so that its edge lies mostly outside
_TAIL = 0.25  # how far it goes on beyond the last landmark, as a share of the distance to the one before
# It ends this far outside the landmarks' hull, which is raised by this share of the nose's length above the brows.
_OUTSIDE, _ABOVE = 0.02, 0.15
# Instead of `_END_WIDER` and `_TAIL`, where bushy ends that hang down count, too; and by how much more of the temples.
_WHOLE_END, _WHOLE_TAIL, _WHOLE_SIDES = 0.13, 0.5, 3.0
_CORE = 0.025  # how far around its landmarks a brow is surely hair, if there is one
_EYE, _EYE_SOFT = 0.12, 0.03  # how far around the eyes are lids and lashes, and the width of that edge
# How far around the eyes nothing tells the skin below brows: on the first look, when lids may be in shade, and later.
_LIDS, _LASHES = 0.25, 0.06
_FAINT = 0.03  # weight of hair from which on a pixel does not tell the skin
_AROUND = 0.4  # width of the skin around a brow from which it is continued below
_FILL_EYES = 48.0  # pixels between the eyes of the copy on which that is done
_LOOKS, _COARSER = 3, 0.5  # how often, and how much smaller the copy is for all looks but the last
_FLOOR = 0.02  # of the skin's light, added before logarithms
_LIKE_SKIN = 3.0  # robust deviations from the colour of skin
# A brow's darkness is that of its core that so many of the pixels do not exceed. What has these shares of it is skin,
# and hair; with less than the least there is no brow.
_DARKNESS, _HAIRY, _LEAST_BROW = 0.75, (0.15, 0.45), 0.15
_FAINTLY, _FAINTLY_JOINED = (0.05, 0.2), 0.5  # the same, where faint hairs count, too
_JOINED, _LARGE = 0.9, 0.08  # weight of hair that hangs together; least size of a piece, as a share of the largest
_BETWEEN, _HAIR_SOFT = 0.02, 0.015  # widths of gaps between hairs, and of their edge
_WITHIN = 0.04  # around the points hair is hair; farther it may be a fold
_DENSE = 1.2  # darkness of hair that hides the skin
_FAINT_BROW = (0.35, 0.75)  # darkness of a brow that may be shade of skin, and of one that is hair
# Wrinkles of the forehead, up to this height above the brows, are what is darker than a Gaussian of this width; their
# depth is this quantile of it. A brow that is deeper by the first factor only is like them, by the second it is hair.
_FOREHEAD, _RELIEF, _DEEP, _STANDS_OUT = 0.35, 0.12, 0.9, (1.3, 2.2)
_FEW = 24  # pixels, of which something is known
_WHITE_BROW = (0.25, 0.5)  # share of a brow's light that is brighter than skin: a dark brow, and a white one
_PALER = np.float32(0.45)  # share of the photo's brow that stands for one that is not seen
_GIVES_WAY = (0.35, 0.6)  # mean of the mask over a brow: the photo's stays, and the person's replaces it


def without_brows(
    picture: FloatArray, landmarks: FloatArray, known: FloatArray, *, wholly: bool = False
) -> npt.NDArray[np.float32]:
    """Return a face without brows, (H, W, 3) RGB float32: the skin around them goes on below.

    Args:
        picture: (H, W, 3) RGB, 0 to 255.
        landmarks: (68, 2) in it.
        known: (H, W) in [0, 1], where the face is shown and nothing lies over it.
        wholly: faint hairs go too, and shade and wrinkles among them: no tail of the brow may be left.
    """
    result = np.asarray(picture, np.float32).copy()
    eyes = eye_distance(landmarks)
    sure = np.clip(2.0 * known - 1.0, 0.0, 1.0)
    places = [sure * brow_place(landmarks, known.shape, brow, wholly=wholly) for brow in BROWS]
    window = window_around(np.maximum(*places) > _FAINT, _AROUND * eyes)
    if window is None:
        return result
    skin = _skin_around(result, landmarks, known)[window]
    lids = _lids(landmarks, known.shape, _LIDS * eyes)[window]
    cores = [(_core(landmarks, known.shape, brow) & (known > 0.5))[window] for brow in BROWS]
    places, part = [place[window] for place in places], result[window]
    image, scale = from_levels(part), min(1.0, _FILL_EYES / eyes)
    # First below all of the place where brows grow; then only below what turns out to be hair.
    hair = np.maximum(*places)
    for look in range(_LOOKS):
        hidden = ((hair > _FAINT) | ~skin | (lids & (look == 0))).astype(np.uint8)
        _, filled = continue_skin(image, hidden, hidden, scale if look == _LOOKS - 1 else _COARSER * scale)
        darker = _darker(part, filled, np.maximum(*places), eyes)
        limits = (_HAIRY, _JOINED) if not wholly else (_FAINTLY, _FAINTLY_JOINED)
        hair = np.maximum(*(_hair(darker, *of_brow, eyes, *limits) for of_brow in zip(places, cores, strict=True)))
    filled += grain_around(image, hidden, 1.0 / scale)
    part += hair[..., None] * (filled - part)
    return result


def brow_place(
    landmarks: FloatArray, shape: tuple[int, ...], brow: slice, *, wholly: bool = False
) -> npt.NDArray[np.float32]:
    """Draw where one of the `BROWS` grows, softly, (H, W) in [0, 1].

    Args:
        landmarks: (68, 2).
        shape: (H, W, ...).
        brow: which one.
        wholly: with all that may hang on its outer end, nearer to the outline of the face.
    """
    eyes, points = eye_distance(landmarks), _from_inside(landmarks, brow)
    wider, tail = (_WHOLE_END, _WHOLE_TAIL) if wholly else (_END_WIDER, _TAIL)
    end = np.vstack([points[3:], points[4] + tail * (points[4] - points[3])])
    drawn = np.maximum(draw_part(points[:4], shape, _WIDER * eyes), draw_part(end, shape, wider * eyes))
    # Above the outer ends temples begin, with hair of the head.
    up = _ABOVE * (landmarks[17:27].mean(axis=0) - landmarks[33])
    drawn *= draw_part(np.vstack([landmarks, landmarks[18:26] + up]), shape, _OUTSIDE * eyes)
    place = np.minimum(_FULL * cv2.GaussianBlur(drawn, (0, 0), max(0.5, _SOFT * eyes)), np.float32(1.0))
    for eye in (RIGHT_EYE, LEFT_EYE):
        drawn = draw_part(landmarks[eye], shape, _EYE * eyes)
        place *= 1.0 - cv2.GaussianBlur(drawn, (0, 0), max(0.5, _EYE_SOFT * eyes))
    sides = within_sides(landmarks, shape)
    return np.asarray(place * (np.minimum(_WHOLE_SIDES * sides, 1.0) if wholly else sides), np.float32)


def _core(landmarks: FloatArray, shape: tuple[int, ...], brow: slice) -> npt.NDArray[np.bool_]:
    """Draw where a brow is surely hair, if there is one, (H, W); hair of the head may touch its outer end."""
    return draw_part(_from_inside(landmarks, brow)[:4], shape, _CORE * eye_distance(landmarks)) > 0


def _from_inside(landmarks: FloatArray, brow: slice) -> FloatArray:
    """Return the points of a brow, (5, 2), from the nose to the temple."""
    return landmarks[brow][::-1] if brow == BROWS[0] else landmarks[brow]


def _lids(landmarks: FloatArray, shape: tuple[int, ...], width: float) -> npt.NDArray[np.bool_]:
    """Draw the eyes and so many pixels around them, (H, W)."""
    return np.asarray(np.maximum(*(draw_part(landmarks[eye], shape, width) for eye in (RIGHT_EYE, LEFT_EYE))) > 0)


def _skin_around(picture: FloatArray, landmarks: FloatArray, known: FloatArray) -> npt.NDArray[np.bool_]:
    """Return which pixels, (H, W), tell the skin below brows: those with the colours of the face's skin."""
    seen = ~_lids(landmarks, known.shape, _LASHES * eye_distance(landmarks)) & (known > 0.5)
    expected = bare_skin(landmarks, known.shape) * known
    if np.count_nonzero(expected > 0.5) < _FEW:
        return np.asarray(seen)
    lab = even_lab(picture, expected)
    colors = lab[expected > 0.5]
    middle = np.median(colors, axis=0)
    spread = 1.4826 * np.median(np.abs(colors - middle), axis=0) + 1.0
    return np.asarray(seen & (np.abs(lab - middle) < _LIKE_SKIN * spread).all(axis=2))


def _darker(picture: FloatArray, skin: FloatArray, place: FloatArray, eyes: float) -> npt.NDArray[np.float32]:
    """Return by how much each pixel, (H, W), is darker than the skin below it, in log light."""
    own, below = (luminance(to_linear(np.asarray(each, np.float32))) for each in (picture, skin))
    floor = np.float32(_FLOOR * max(float(np.average(below, weights=place + 1e-6)), 1e-4))
    return cv2.GaussianBlur(np.log(below + floor) - np.log(own + floor), (0, 0), max(0.5, 0.5 * _HAIR_SOFT * eyes))


def _hair(
    darker: FloatArray,
    place: FloatArray,
    core: npt.NDArray[np.bool_],
    eyes: float,
    hairy: tuple[float, float],
    joins: float,
) -> npt.NDArray[np.float32]:
    """Return how far each pixel, (H, W) in [0, 1], is hair of a brow, with the gaps between hairs.

    Args:
        darker: (H, W), from `_darker`.
        place: (H, W) in [0, 1], where the brow grows.
        core: (H, W), where it is densest.
        eyes: their distance.
        hairy: shares of the brow's darkness: of skin, and of hair.
        joins: how far what hangs together with the brow is hair.
    """
    depth = float(np.quantile(darker[core], _DARKNESS)) if np.count_nonzero(core) >= _FEW else 0.0
    if depth < _LEAST_BROW:
        return np.zeros(darker.shape, np.float32)
    least, full = (share * depth for share in hairy)
    hair = np.clip((darker - np.float32(least)) / np.float32(full - least), 0.0, 1.0)
    hair = np.asarray(hair * (place > _FAINT), np.float32)
    # Hair of the head, wrinkles and scarves nearby do not hang together with the brow.
    number, pieces = cv2.connectedComponents((hair > joins).astype(np.uint8), connectivity=8)
    inside = np.bincount(pieces[core], minlength=number)[1:]
    joined = np.concatenate([[False], inside > _LARGE * float(inside.max(initial=0))])[pieces]
    near = cv2.dilate(joined.astype(np.uint8), disc(2.0 * _BETWEEN * eyes)) * (joined | (pieces == 0))
    kernel = disc(_BETWEEN * eyes)
    hair = cv2.dilate(cv2.morphologyEx(hair * near, cv2.MORPH_CLOSE, kernel), kernel)
    return np.asarray(place * cv2.GaussianBlur(hair, (0, 0), max(0.5, _HAIR_SOFT * eyes)), np.float32)


def with_faint_brows(
    picture: FloatArray, bare: FloatArray, landmarks: FloatArray, known: FloatArray
) -> npt.NDArray[np.float32]:
    """Return a face without the brows that stand out from its skin, (H, W, 3); faint ones are like its wrinkles.

    Args:
        picture: (H, W, 3) RGB, 0 to 255.
        bare: the same without brows.
        landmarks: (68, 2) in both.
        known: (H, W) in [0, 1], where the face is shown.
    """
    eyes, shape = eye_distance(landmarks), known.shape
    smooth = (
        cv2.GaussianBlur(luminance(to_linear(np.asarray(each, np.float32))), (0, 0), max(0.5, 0.5 * _HAIR_SOFT * eyes))
        for each in (picture, bare)
    )
    skin = bare_skin(landmarks, shape) * known
    height = height_above_brows(landmarks, shape)
    forehead = (skin > 0.5) & _skin_around(bare, landmarks, known) & (height > 0.0) & (height < _FOREHEAD)
    if np.count_nonzero(forehead) < _FEW:
        return np.asarray(bare, np.float32)
    own, below = smooth
    floor = np.float32(_FLOOR * max(float(np.median(below[forehead])), 1e-4))
    own, below = np.log(own + floor), np.log(below + floor)
    around = cv2.GaussianBlur(below * skin, (0, 0), _RELIEF * eyes)
    around /= cv2.GaussianBlur(skin, (0, 0), _RELIEF * eyes) + np.float32(1e-3)
    relief = max(float(np.quantile((around - below)[forehead], _DEEP)), 1e-3)
    cores = (_core(landmarks, shape, brow) & (known > 0.5) for brow in BROWS)
    depths = [float(np.quantile((below - own)[core], _DARKNESS)) for core in cores if np.count_nonzero(core) >= _FEW]
    # Both brows of a person are hair, or neither is: in a hard light one of them stands out less.
    depth = max(depths, default=0.0)
    apart = (depth / relief - _STANDS_OUT[0]) / np.ptp(_STANDS_OUT)
    share = np.float32(np.clip(min(apart, (depth - _FAINT_BROW[0]) / np.ptp(_FAINT_BROW)), 0.0, 1.0))
    result = np.asarray(picture, np.float32).copy()
    here = np.maximum(*(brow_place(landmarks, shape, brow) for brow in BROWS)) > 0
    result[here] += share * (bare[here] - result[here])
    return result


class Brows(NamedTuple):
    """Brows as a layer over skin.

    Attributes:
        light: (H, W), logarithm of their brightness over the skin's.
        color: (H, W, 3), of each channel over that.
        hair: (H, W) in [0, 1], how far each pixel is dark hair rather than skin.
    """

    light: npt.NDArray[np.float32]
    color: npt.NDArray[np.float32]
    hair: npt.NDArray[np.float32]


def brow_layer(picture: FloatArray, bare: FloatArray, landmarks: FloatArray) -> Brows:
    """Return what brows do to the light of the skin below them.

    Args:
        picture: (H, W, 3) RGB, 0 to 255.
        bare: the same without brows.
        landmarks: (68, 2) in both.
    """
    shape = picture.shape[:2]
    light, color, hair = np.zeros(shape, np.float32), np.zeros(picture.shape, np.float32), np.zeros(shape, np.float32)
    there = (picture != bare).any(axis=2)
    if not there.any():
        return Brows(light, color, hair)
    own, below = (to_linear(np.asarray(each[there], np.float32)) for each in (picture, bare))
    eyes = eye_distance(landmarks)
    floor = np.float32(_FLOOR * max(float(np.median(luminance(below))), 1e-4))
    factor = np.log(own + floor) - np.log(below + floor)
    brightness = factor @ LUMINANCE
    light[there], color[there] = brightness, factor - brightness[:, None]
    for brow in BROWS:
        place = brow_place(landmarks, shape, brow) > 0
        core = _core(landmarks, shape, brow)
        # In a dark brow what is brighter is no hair, but skin beside it.
        bright = float(light[place & (light > 0)].sum()) / max(float(np.abs(light[place]).sum()), 1e-6)
        white = np.float32(np.clip((bright - _WHITE_BROW[0]) / np.ptp(_WHITE_BROW), 0.0, 1.0))
        light[place & (light > 0)] *= white
        depth = float(np.quantile(-light[core], _DARKNESS)) if np.count_nonzero(core) >= _FEW else 0.0
        if depth > _LEAST_BROW:
            within = cv2.GaussianBlur(draw_part(landmarks[brow], shape, _WITHIN * eyes), (0, 0), max(0.5, _SOFT * eyes))
            opaque = np.clip(-light / np.float32(max(depth, _DENSE)), 0.0, 1.0)
            np.maximum(hair, within * opaque, out=hair)
    return Brows(light, color, hair)


def missing_brows(brows: Brows, landmarks: FloatArray) -> npt.NDArray[np.bool_]:
    """Return the places, (H, W), of brows of which there is no hair; ``landmarks`` (68, 2)."""
    missing = np.zeros(brows.light.shape, bool)
    for brow in BROWS:
        core = _core(landmarks, brows.light.shape, brow)
        if core.any() and float(np.quantile(-brows.light[core], _DARKNESS)) < _LEAST_BROW:
            missing |= brow_place(landmarks, brows.light.shape, brow) > 0
    return missing


def with_others_brows(brows: Brows, others: Brows, where: npt.NDArray[np.bool_]) -> Brows:
    """Return brows that are another face's, at the same landmarks, somewhere, (H, W).

    They are paler: who shows no hair there has faint brows.
    """
    light = np.where(where, _PALER * others.light, brows.light)
    color = np.where(where[..., None], _PALER * others.color, brows.color)
    # They are as dark as they may be on the photo's skin.
    return Brows(light, color, np.where(where, np.float32(0.0), brows.hair))


def brow_shares(mask: FloatArray, landmarks: FloatArray) -> npt.NDArray[np.float32]:
    """Return by how much the photo's brows give way to the person's, (H, W) in [0, 1]: each as a whole.

    Args:
        mask: (H, W) in [0, 1], the share of the person's face.
        landmarks: (68, 2).
    """
    shares = np.zeros(mask.shape, np.float32)
    for brow in BROWS:
        core = _core(landmarks, mask.shape, brow)
        if core.any():
            share = np.clip((float(mask[core].mean()) - _GIVES_WAY[0]) / np.ptp(_GIVES_WAY), 0.0, 1.0)
            place = brow_place(landmarks, mask.shape, brow, wholly=True) > 0
            np.maximum(shares, np.float32(share) * place, out=shares)
    return shares


def hair_cover(brows: Brows, landmarks: FloatArray) -> npt.NDArray[np.float32]:
    """Return how far hair of brows covers each pixel, (H, W) in [0, 1], softly."""
    eyes = eye_distance(landmarks)
    least, full = (share * _LEAST_BROW for share in (0.5, 1.5))
    hair = np.clip((np.abs(brows.light) - least) / (full - least), 0.0, 1.0).astype(np.float32)
    hair = cv2.dilate(hair, disc(_BETWEEN * eyes))
    return np.asarray(cv2.GaussianBlur(hair, (0, 0), max(0.5, _HAIR_SOFT * eyes)), np.float32)
