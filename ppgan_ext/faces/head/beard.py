"""Beards: which of a man's moustache, goatee and whiskers there are, and how far each pixel is hair of them.

Dark places of the lower face are hair or shadow. One place does not tell which, but a whole part of a beard does: hair
is rough, dark and has less of the skin's colour. A linear regression on such figures says for each part how likely
there is one, where there is a beard at all (`beard_presence`); within it, what is darker than the skin around is hair.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.axes import eye_distance, upwards
from ppgan_ext.faces.head.bands import blur
from ppgan_ext.faces.head.beard_presence import beard_presence
from ppgan_ext.faces.head.facial_hair import darkness, reduced, shading, whole
from ppgan_ext.faces.head.hair_texture import roughness
from ppgan_ext.faces.head.head_places import beyond_jaw
from ppgan_ext.faces.head.parts import skin_area, skin_weight
from ppgan_ext.faces.head.skin_colour import SkinColour, ramp
from ppgan_ext.faces.head.white import white_light
from ppgan_ext.faces.landmarks import LIPS, NOSTRILS
from ppgan_ext.faces.light import luminance, to_linear
from ppgan_ext.faces.mask import draw_part
from ppgan_ext.types import FloatArray

PARTS = ("moustache", "goatee", "whiskers")
# Fitted by tools/hair_model/fit_beard.py: a constant, and the weights of a part's four figures.
_WEIGHTS = {
    "moustache": (0.108, -0.029, -0.21, -0.224, 0.44),
    "goatee": (0.5, -0.052, -0.133, -0.442, 0.477),
    "whiskers": (0.383, -0.127, -0.088, -0.482, 0.44),
}
# Reflectance of skin from which a beard can be told from shade, and from which surely: on darker skin black stubble
# cannot, and what turns grey with it is a haze.
_SKIN = (0.17, 0.3)
_LIKELY = (0.3, 0.6)  # by the regression: no beard, and one
# Chance of a beard of any kind: no part is one, and each may be. On photos of people 95% of 226 faces without a beard
# have at most 0.11, half of 26 with stubble more than 0.10, and 90% of 36 with a beard more than 0.3.
_PRESENT = (0.06, 0.2)
# What is never beard: points of the landmarks, and by how much they are widened, in distances of the eyes.
_NOT_BEARD = ((LIPS, 0.03), (NOSTRILS, 0.04))
_SOFT = 0.0375  # width of the Gaussian by which the outlines end, likewise
_FINE, _AROUND = 0.02, 0.05  # widths of the Gaussians for texture, likewise
_NO_LIGHT, _NO_TEXTURE = 0.02, 0.01
_FEW = 20
# Shade under a nose is no wider than it, and ends above the lip: of 122 portraits, five women's have up to 0.11 of
# darkness on the darker of both; and chances of a goatee with which none is needed.
_TOLD = (0.12, 0.25), (0.5, 0.8)
_DRAWN_TOLD = (0.03, 0.12), (0.3, 0.5)  # the same for white hairs, which do little harm where there is no beard
_HALF = 0.25  # darkness of one side over the other's
_SURE_MOUSTACHE = (0.6, 0.9)  # chances: not all of it stays, and all
_SURE = (0.4, 0.8)  # likewise, none of it turns grey as brows do, and all
_LOW = 0.6  # of the way from the nose to the lip
_LEAST_MOUSTACHE = 0.3  # chance of one below which less than all of a goatee counts
_BETWEEN = 0.06  # width of the Gaussian over the skin between hairs, in distances of the eyes
_JOIN = 0.12  # half the width of gaps between parts, in distances of the eyes
_DIMPLE = 0.06, 0.015  # radius of the dark corners of a mouth, and how softly they end, likewise
_DENSITY = 0.02  # width of the Gaussian over the density of a beard, likewise
# Signed distances from the jaw's outline over which stubble fades, as darkness there is shade, and over which a beard
# does; how full a beard is that begins to reach beyond, and that does so fully.
_STUBBLE_ENDS, _BEARD_ENDS, _REACHES = (-0.06, 0.03), (0.0, 0.2), (0.2, 0.55)
_BLACK = (1.5, 2.1)  # log light below the skin around from which hair shows no hairs, but is no shade
_ROUGH = (0.15, 0.65)  # logarithm of the roughness over the bare skin's: shade, and hair
# Stubble, and a full beard: by the mean density; by the log light that the darker part of the chin lacks, where single
# hairs stand out from each other. The chin begins at that distance above the jaw's outline.
_FULL, _FULL_CHIN, _STANDS_OUT = (0.15, 0.3), (1.1, 1.9), (0.045, 0.08)
_CHIN, _DARKER_PART = -0.2, 85.0
_DEPTH = (0.1, 1.0)  # log light below the skin around: no hair, and dense hair
_EVEN = 0.8  # how far a moustache is as dense everywhere
_GROWS = (0.15, 0.5)  # chances of a part: none of it is drawn, and all
_SHADE, _SHADE_LESS = (0.6, 1.1), 0.45  # share of the skin's colour: hair, and stubble or shade; how much less dense
_DENSE = (0.2, 0.45)  # mean of the hair there: no cover, and full


class Region(NamedTuple):
    """A part of a beard: its outline (H, W) in [0, 1], and its figures (4,)."""

    outline: npt.NDArray[np.float32]
    figures: FloatArray


class Growth(NamedTuple):
    """Where a beard grows.

    Attributes:
        hair: (H, W) in [0, 1], how far each pixel is hair of a beard, or shade where there may be one.
        dense: (H, W) in [0, 1], how dense the beard is where it is told from shade.
        full: how full the whole of that is, 0 stubble to 1.
        moustache: (H, W) in [0, 1], where a moustache surely grows, with the skin between its hairs: dark places there
            are hair, on skin of any tone.
    """

    hair: npt.NDArray[np.float32]
    dense: npt.NDArray[np.float32]
    full: float
    moustache: npt.NDArray[np.float32]


def beard_chances(picture: npt.NDArray, landmarks: FloatArray) -> dict[str, float]:
    """Return how likely a face has each part of a beard, 0 to 1 by `PARTS`; nothing where that cannot be told."""
    return {part: float(chance) for part, (chance, _) in _likely_parts(*reduced(picture, landmarks)).items()}


def told_chances(picture: npt.NDArray, landmarks: FloatArray) -> dict[str, float]:
    """Return how likely each part is hair and not shade, as `beard_cover` tells them; else as `beard_chances`."""
    copy, points = reduced(picture, landmarks)
    parts = _likely_parts(copy, points)
    return _sure_chances(darkness(copy, points), points, parts)[0] if parts else {}


def tells_beard(picture: npt.NDArray, landmarks: FloatArray) -> float:
    """Return how well a face's skin lets its beard be told from shade, 0 to 1, by the skin's reflectance."""
    skin = skin_weight(picture, skin_area(landmarks, picture.shape)) > 0.6
    if not skin.any():
        return 0.0
    level = float(np.median(luminance(to_linear(picture))[skin]))
    return _ramp(level / max(float(luminance(white_light(picture, landmarks))), 1e-4), _SKIN)


def beard_cover(picture: npt.NDArray, landmarks: FloatArray) -> npt.NDArray[np.float32]:
    """Return how far each pixel is covered by a beard, (H, W) in [0, 1], with the skin between its hairs.

    Whiskers alone are the shade of a jaw, a goatee alone mostly that of a lip, and a moustache that is as narrow as the
    nose is the nose's.

    Args:
        picture: (H, W, 3) RGB, 0 to 255.
        landmarks: (68, 2) in the picture.
    """
    copy, points = reduced(picture, landmarks)
    parts = _likely_parts(copy, points)
    if not parts:
        return np.zeros(picture.shape[:2], np.float32)
    dark = darkness(copy, points)
    chances, told = _sure_chances(dark, points, parts)
    likely = _joined({part: outline for part, (_, outline) in parts.items()}, chances, points)
    width = _BETWEEN * eye_distance(points)
    dense = blur(dark * likely, width) / np.maximum(blur(likely, width), np.float32(0.05))
    cover = likely * np.clip((dense - _DENSE[0]) / (_DENSE[1] - _DENSE[0]), 0.0, 1.0)
    # What is surely a moustache stays whole, with its ends and its grey hairs, whatever side light falls from.
    sure = np.float32(_ramp(chances["moustache"], _SURE_MOUSTACHE) * told)
    return whole(np.maximum(cover, sure * _whole_moustache(points, copy.shape)), picture)


def beard_place(picture: npt.NDArray, landmarks: FloatArray, shares: Mapping[str, float]) -> npt.NDArray[np.float32]:
    """Draw where hairs of a beard may grow, be they few or bright, (H, W) in [0, 1].

    Args:
        picture: (H, W, ...), of which only the size counts.
        landmarks: (68, 2) in it.
        shares: how far there is each part, 0 to 1 by `PARTS`.
    """
    copy, points = reduced(picture, landmarks)
    place = _joined(beard_outlines(points, copy.shape), shares, points)
    moustache = np.float32(shares["moustache"]) * _whole_moustache(points, copy.shape)
    return whole(np.maximum(place, moustache) * _beside_dimples(points, copy.shape), picture)


def _joined(
    outlines: Mapping[str, npt.NDArray[np.float32]], shares: Mapping[str, float], points: FloatArray
) -> npt.NDArray[np.float32]:
    """Draw the parts of a beard, each as far as there is one, (H, W) in [0, 1]; they join beside the mouth."""
    drawn = np.maximum.reduce([np.float32(shares[part]) * outline for part, outline in outlines.items()])
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(_JOIN * eye_distance(points)) + 1,) * 2)
    return np.asarray(cv2.morphologyEx(drawn, cv2.MORPH_CLOSE, kernel) * _bare_of_beard(points, drawn.shape))


def beard_growth(picture: npt.NDArray, landmarks: FloatArray, told: float = 1.0) -> Growth:
    """Return where a beard grows, of the parts that `beard_cover` tells from shade, and how full it is.

    Args:
        picture: (H, W, 3) RGB, 0 to 255.
        landmarks: (68, 2) in the picture.
        told: how well skin of this tone lets hair be told from shade by its darkness, 0 to 1. Where it does not, what
            has the skin's colour is thin stubble at most.

    Returns:
        None of it if the face shows too little skin, or has no colour.
    """
    copy, points = reduced(picture, landmarks)
    parts, rough = _likely_parts(copy, points), roughness(picture, landmarks)
    none = np.zeros(picture.shape[:2], np.float32)
    if not parts:
        return Growth(none, none, 0.0, none)
    dark = darkness(copy, points)
    chances, _ = _sure_chances(dark, points, parts, _DRAWN_TOLD)
    likely = np.maximum.reduce([chance * outline for chance, outline in parts.values()])
    hair = whole(likely * dark, picture)
    moustache = whole(np.float32(_ramp(chances["moustache"], _SURE)) * _whole_moustache(points, copy.shape), picture)
    if rough is None:
        return Growth(hair, none, 0.0, moustache)
    itself, over_skin = (cv2.resize(one, copy.shape[1::-1], interpolation=cv2.INTER_AREA) for one in rough)
    values, around, _ = shading(copy, points)
    deeper = (around - values) * np.maximum(ramp(over_skin, _ROUGH), ramp(around - values, _BLACK))
    grows = {part: _ramp(chances[part], _GROWS) for part in parts}
    dense = _density(copy, points, parts, grows, ramp(deeper, _DEPTH), told)
    beyond = beyond_jaw(points, dense.shape)
    everywhere = np.maximum.reduce([outline for _, outline in parts.values()]) > 0.5
    chin = (parts["goatee"][1] > 0.5) & (beyond > _CHIN)
    black = float(np.percentile((deeper * ramp(itself, _STANDS_OUT))[chin], _DARKER_PART)) if chin.any() else 0.0
    full = max(_ramp(_mean(dense, everywhere), _FULL), grows["goatee"] * _ramp(black, _FULL_CHIN))
    reach = _ramp(full, _REACHES)
    start, end = (one + reach * (other - one) for one, other in zip(_STUBBLE_ENDS, _BEARD_ENDS, strict=True))
    return Growth(hair, whole(dense * (1.0 - ramp(beyond, (start, end))), picture), full, moustache)


def _density(
    copy: npt.NDArray,
    points: FloatArray,
    parts: dict[str, tuple[float, npt.NDArray[np.float32]]],
    grows: dict[str, float],
    depth: FloatArray,
    told: float,
) -> npt.NDArray[np.float32]:
    """Return how dense a beard is, (H, W) in [0, 1], wherever its parts end.

    Args:
        copy: (H, W, 3) RGB, 0 to 255, see `reduced`.
        points: (68, 2) in it.
        parts: chance and outline of each, from `_likely_parts`.
        grows: how far each part is drawn, 0 to 1 by `PARTS`.
        depth: (H, W) in [0, 1], how dark the hair is.
        told: see `beard_growth`.
    """
    dense = np.zeros(copy.shape[:2], np.float32)
    for part, (_, outline) in parts.items():
        even = _EVEN * (part == "moustache")  # whatever shade of a nose falls on it
        mean = float((depth * outline).sum() / max(float(outline.sum()), 1e-3))
        hairs = outline * (depth + np.float32(even) * (np.float32(mean) - depth))
        np.maximum(dense, np.float32(grows[part]) * hairs, out=dense)
    eyes, colour = eye_distance(points), SkinColour.of(copy, points)
    width = _DENSITY * eyes
    if colour is not None:
        share = blur(np.clip(colour.share(to_linear(copy)), 0.0, 1.5), width)
        dense *= 1.0 - np.float32(_SHADE_LESS * (1.0 - told)) * ramp(share, _SHADE)
    return blur(dense, width) * _bare_of_beard(points, dense.shape) * _beside_dimples(points, dense.shape)


def _beside_dimples(points: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw all but the dark corners of a mouth, softly, (H, W) in [0, 1]."""
    eyes = eye_distance(points)
    dimples = np.maximum(*(draw_part(points[[corner]], shape, _DIMPLE[0] * eyes) for corner in (48, 54)))
    return np.asarray(1.0 - blur(dimples, _DIMPLE[1] * eyes), np.float32)


def _sure_chances(
    dark: FloatArray,
    points: FloatArray,
    parts: dict[str, tuple[float, npt.NDArray[np.float32]]],
    tells: tuple[tuple[float, float], tuple[float, float]] = _TOLD,
) -> tuple[dict[str, float], float]:
    """Return how likely each part is hair and not shade, 0 to 1 by `PARTS`, and how well a moustache can be told.

    Args:
        dark: (H, W) in [0, 1], from `darkness`.
        points: (68, 2).
        parts: chance and outline of each, from `_likely_parts`.
        tells: darkness beyond the nose, and chances of a goatee, by which a moustache is not told, and surely.
    """
    left, right, below = _beyond_nose(dark, points, parts["moustache"][1])
    # Half a moustache is worse than none.
    is_half = min(left, right) < _HALF * max(left, right)
    told = max(_ramp(min(left, right), tells[0]), _ramp(parts["goatee"][0], tells[1]))
    moustache = parts["moustache"][0] * max(told, 0.0 if is_half else _ramp(below, tells[0]))
    goatee = parts["goatee"][0] * min(1.0, moustache / _LEAST_MOUSTACHE)
    return {
        "moustache": moustache,
        "goatee": goatee,
        "whiskers": parts["whiskers"][0] * max(moustache, goatee),
    }, told


def _whole_moustache(points: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw a moustache with its ends beside the corners of the mouth, (H, W) in [0, 1]."""
    eyes = eye_distance(points)
    down = -upwards(points) * eyes
    across = (points[54] - points[48]) / max(float(np.linalg.norm(points[54] - points[48])), 1e-6) * eyes
    upper = [points[31] + 0.01 * down, points[33] + 0.03 * down, points[35] + 0.01 * down]
    ends = [points[54] + 0.1 * across - 0.04 * down, points[54] + 0.1 * across + 0.08 * down]
    others = [points[48] - 0.1 * across + 0.08 * down, points[48] - 0.1 * across - 0.04 * down]
    drawn = _filled([*upper, *ends, *points[[54, 53, 52, 51, 50, 49, 48]], *others], shape)
    return _bare_of_beard(points, shape) * blur(drawn, _SOFT * eyes)


def _beyond_nose(dark: FloatArray, points: FloatArray, moustache: FloatArray) -> tuple[float, float, float]:
    """Return how dark a moustache is where no nose casts its shade: left and right of it, and next to the lip.

    Args:
        dark: (H, W) in [0, 1], from `darkness`.
        points: (68, 2).
        moustache: (H, W) in [0, 1], its outline.
    """
    across = (points[54] - points[48]) / max(float(np.linalg.norm(points[54] - points[48])), 1e-6)
    y, x = np.mgrid[: dark.shape[0], : dark.shape[1]].astype(np.float32)
    aside, down = x * across[0] + y * across[1], y * across[0] - x * across[1]
    nose, lip = (float(points[n] @ (-across[1], across[0])) for n in (33, 51))
    left, right = (float(points[n] @ across) for n in (31, 35))
    inside = moustache > 0.5
    low = inside & (aside > left) & (aside < right) & (down > nose + _LOW * (lip - nose))
    sides = inside & (aside < left), inside & (aside > right)
    return _mean(dark, sides[0]), _mean(dark, sides[1]), _mean(dark, low)


def _mean(values: FloatArray, where: npt.NDArray[np.bool_]) -> float:
    return float(values[where].mean()) if where.any() else 0.0


def _ramp(value: float, ends: tuple[float, float]) -> float:
    return min(max((value - ends[0]) / (ends[1] - ends[0]), 0.0), 1.0)


def _likely_parts(copy: npt.NDArray, points: FloatArray) -> dict[str, tuple[float, npt.NDArray[np.float32]]]:
    """Return the chance and the outline, (H, W) in [0, 1], of each part of a beard; nothing where no skin tells it."""
    regions = beard_regions(copy, points)
    if len(regions) != len(PARTS):
        return {}
    outlines, figures = ({part: region[n] for part, region in regions.items()} for n in (0, 1))
    present, parts = beard_presence(copy, points, outlines, figures), {}
    for part, (outline, measured) in regions.items():
        constant, *weights = _WEIGHTS[part]
        told = constant + float(measured @ np.array(weights))
        parts[part] = _ramp(told, _LIKELY) * _ramp(present, _PRESENT), outline
    return parts


def beard_regions(copy: npt.NDArray, landmarks: FloatArray) -> dict[str, Region]:
    """Measure the parts of a beard in a picture with a face of moderate size.

    The figures of a part are the mean of its log light and the fifth part that is darkest, both relative to the skin
    above the mouth, its share of the skin's colour, and its texture as a logarithm over the skin's.

    Args:
        copy: (H, W, 3) RGB, 0 to 255, about 72 pixels between the eyes.
        landmarks: (68, 2) in it.

    Returns:
        By the names of `PARTS`; nothing if too little skin shows, or it has no colour.
    """
    colour, eyes = SkinColour.of(copy, landmarks), eye_distance(landmarks)
    skin = skin_weight(copy, skin_area(landmarks, copy.shape)) > 0.6
    row = np.arange(copy.shape[0])[:, None]
    skin &= (row < landmarks[33, 1]) & (row > landmarks[27, 1])
    if colour is None or np.count_nonzero(skin) < _FEW:
        return {}
    light = to_linear(copy)
    bright = luminance(light)
    logs = np.log(bright / max(float(np.median(bright[skin])), 1e-5) + np.float32(_NO_LIGHT))
    fine = logs - blur(logs, _FINE * eyes)
    texture = np.log(np.sqrt(blur(fine * fine, _AROUND * eyes)) + np.float32(_NO_TEXTURE))
    texture -= float(np.median(texture[skin]))
    share = colour.share(light)
    regions = {}
    for part, outline in beard_outlines(landmarks, copy.shape).items():
        inside = outline > 0.5
        if np.count_nonzero(inside) >= _FEW:
            values = logs[inside], np.percentile(logs[inside], 20), share[inside], texture[inside]
            regions[part] = Region(outline, np.array([float(np.mean(value)) for value in values]))
    return regions


def beard_outlines(points: FloatArray, shape: tuple[int, ...]) -> dict[str, npt.NDArray[np.float32]]:
    """Draw where the parts of a beard grow, by `PARTS`, (H, W) in [0, 1] each.

    Args:
        points: landmarks (68, 2) in a picture of this shape.
        shape: of the picture.
    """
    eyes = eye_distance(points)
    down = -upwards(points) * eyes
    aside = np.array([0.0625, 0.125]) * eyes
    upper = [points[31] + 0.06 * down, points[33] + 0.05 * down, points[35] + 0.06 * down]
    moustache = _filled([*upper, *points[[54, 53, 52, 51, 50, 49, 48]]], shape)
    corners = (points[54] + aside, (points[54] + points[10]) / 2, (points[48] + points[6]) / 2)
    chin = (points[10], points[9] + 0.08 * down, points[8] + 0.1 * down, points[7] + 0.08 * down, points[6])
    left = points[48] + aside * (-1.0, 1.0)
    goatee = _filled([*points[[48, 59, 58, 57, 56, 55, 54]], *corners[:2], *chin, corners[2], left], shape)
    jaw = [points[n] + (0.08 if 4 <= n <= 12 else 0.024) * down for n in range(2, 15)]
    cheeks = {side: _cheek(points, *side, down) for side in ((14, 13, 54), (2, 3, 48))}
    lip = points[[54, 55, 56, 57, 58, 59, 48]]
    whiskers = _filled([*jaw, *cheeks[14, 13, 54], *lip, *cheeks[2, 3, 48][::-1]], shape)
    whiskers = np.clip(whiskers - np.maximum(goatee, moustache), 0.0, 1.0)
    bare = _bare_of_beard(points, shape)
    return {
        part: bare * blur(drawn, _SOFT * eyes) for part, drawn in zip(PARTS, (moustache, goatee, whiskers), strict=True)
    }


def _bare_of_beard(points: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw all but lips and nostrils, (H, W) in [0, 1]."""
    eyes, bare = eye_distance(points), np.ones(shape[:2], np.float32)
    for part, width in _NOT_BEARD:
        bare *= 1.0 - blur(draw_part(points[part], shape, width * eyes), 0.015 * eyes)
    return bare


def _cheek(points: FloatArray, ear: int, jaw: int, mouth: int, down: FloatArray) -> list[FloatArray]:
    """Return the upper edge of whiskers from the ear to the corner of the mouth."""
    return [
        points[ear] * 0.85 + points[30] * 0.15,
        points[jaw] * 0.7 + points[mouth] * 0.3 - 0.1 * down,
        points[mouth] * 0.8 + points[jaw] * 0.2 - 0.11 * down,
    ]


def _filled(outline: list[FloatArray], shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    drawn = np.zeros(shape[:2], np.float32)
    cv2.fillPoly(drawn, [np.rint(np.asarray(outline) * 16).astype(np.int32)], 1.0, cv2.LINE_8, 4)
    return drawn
