"""The bare skin of a neck in a photo: where it is, and how the neck runs from the chin to the collar.

A head turns on its neck, so the face's place says little of the neck's: skin is followed down from the jaw as far as
its colour changes only slowly, and the neck's middle and width are read from what is found.

Convention: the neck's frame is an upright copy of the photo, eyes level. Lengths are told in head lengths: the eyes'
distance, or what that would be if the head were not turned.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing.skin_view import Cover
from ppgan_ext.faces.axes import across_eyes, levelling
from ppgan_ext.faces.head.bands import blur
from ppgan_ext.faces.head.hair_network import Chances
from ppgan_ext.faces.head.head_patch import patch_matrix
from ppgan_ext.faces.head.skin_colour import SkinColour, ramp
from ppgan_ext.faces.head.white import white_light
from ppgan_ext.faces.landmarks import BOTH_BROWS, BOTH_EYES, JAW_AND_BROWS, LIPS
from ppgan_ext.faces.light import luminance, to_linear
from ppgan_ext.faces.mask import draw_part
from ppgan_ext.faces.morphology import disc, pieces_at
from ppgan_ext.faces.warp import compose, invert, transform_points, warp
from ppgan_ext.types import FloatArray, Image

_WIDTH, _BELOW = 3.4, 1.7  # of the copy: across, and below the chin
_ABOVE = 2.1  # above the chin, so that the face shows as well
_COPY = 48.0  # pixels of a head's length on the copy where the neck is looked for
_FINEST = 200.0  # the same of the frame on which it is drawn, at most
_COARSEST = 32.0  # and at least
_DOWN = 0.9  # of the way from the eyes to the mouth: the eyes' distance of a head that is not turned
# Chances of hair and of a person, and light as a share of the face's: from where skin is possible, and likely.
_HAIR, _PERSON, _LIGHT = (0.25, 0.50), (0.3, 0.6), (0.015, 0.04)
_SEEDS = (0.06, 0.45)  # the neck is surely between these distances below the jaw, if it shows at all
_LEAST_SEEDS, _FEWEST_SEEDS = 0.42, 0.04  # share of what is not hair there that must be like skin; area of it
_LEAST_AREA = 0.2  # of a neck, in squares of the length
_NO_LIGHT = 0.02  # of the skin's light, added before logarithms
# Skin may differ so much from the skin around it, in logarithms of the ratios of its colours: along the line from grey
# to the skin's colour, towards grey as pale cloth does and the other way as shade does, and across that line. In small
# gaps, times the last.
_ALONG, _ACROSS, _IN_GAPS = (0.30, 0.55), 0.16, 1.6
_AROUND, _ROUNDS = 0.16, 10  # Gaussian over the skin around; steps in which skin is followed
_OTHER_HUE = 24.0  # degrees from the face's hue: a pink collar has 32, of 188 necks one has more than 20
_BRIDGE, _GAP = 0.035, 0.06  # half the least width of skin, and of gaps that are closed
_SHADE = (0.5, 0.15)  # of the skin's light and colour: gaps that are darker, and have more of the colour, are filled
_BEARD = (0.15, 0.45)  # shares of beard from where skin is less likely, and hidden
_THIN, _STANDS_OUT = 0.045, (0.22, 0.42)  # width of jewellery and hairs; by how much their log light or colour differs
_BRIGHTER, _DARKER, _OTHER_COLOUR = 0.7, -0.4, 1.2  # weights of these differences
_ROWS, _FEW_ROWS = (0.10, 0.90), 5  # below the chin, where the neck's outline is read
_HALF_WIDTH = (0.55, 0.75, 0.98)  # least, usual and most
_NECK_ALONE, _SHOULDERS, _NOT_ABOVE = 1.15, 1.45, 0.25  # times the neck's width; shoulders lie lower than the last
_TO_COLLAR, _LENGTH = 0.35, (0.6, 1.1)  # from where shoulders begin; bounds of a neck's length
_MOST_LEANING = 0.5
_EDGE = 0.05  # how far inside its outline skin fades in


class Neck(NamedTuple):
    """A neck in its frame, of which the part that shows skin is kept, (H, W).

    Attributes:
        matrix: (2, 3), photo to frame.
        scale: pixels of a head's length in the frame.
        chin: (2,), where the chin is in the frame; it may lie outside what is kept.
        skin: (H, W) in [0, 1], bare skin of the neck and below it.
        picture: (H, W, 3) RGB float32, 0 to 255.
        level: luminance of the face's skin, linear.
        reflectance: the same as a share of a white surface's.
        middle: (2,), x of the neck's middle at the chin's height, and its change for a step down.
        half_width: of the neck, in pixels.
        length: from the chin to the collar, in pixels.
    """

    matrix: FloatArray
    scale: float
    chin: FloatArray
    skin: npt.NDArray[np.float32]
    picture: npt.NDArray[np.float32]
    level: float
    reflectance: float
    middle: tuple[float, float]
    half_width: float
    length: float


def head_length(landmarks: FloatArray) -> float:
    """Return the distance of the eyes, or what it would be if the head were not turned; pixels."""
    down = landmarks[LIPS].mean(axis=0) - landmarks[BOTH_EYES].mean(axis=0)
    return max(float(np.hypot(*across_eyes(landmarks))), _DOWN * float(np.hypot(*down)), 1e-6)


def find_neck(photo: Image, landmarks: FloatArray, chances: Chances, beard: Cover | None = None) -> Neck | None:
    """Find the neck of a face.

    Args:
        photo: (H, W, 3) RGB uint8.
        landmarks: (68, 2), photo pixels.
        chances: of hair and of a person, on the head patch.
        beard: where the face has one.

    Returns:
        None if the neck is covered, cannot be told from its surroundings, or the photo has no colour.
    """
    matrix = _copy_matrix(landmarks)
    size = round(_WIDTH * _COPY), round((_ABOVE + _BELOW) * _COPY)
    picture, points = warp(photo, matrix, size), transform_points(landmarks, matrix)
    known = SkinColour.of(picture, points)
    if known is None:
        return None
    hair, of_person = (_moved(one, compose(matrix, invert(patch_matrix(landmarks))), size) for one in chances)
    hairy = ramp(hair, _HAIR)
    if beard is not None and beard.weight.any():
        hairy = np.maximum(hairy, ramp(_moved(beard.weight, _affine(beard.landmarks, points), size), _BEARD))
    light = cv2.GaussianBlur(to_linear(picture), (0, 0), 1.0)
    face = _face(points, picture.shape)
    bare = (1.0 - hairy) * (1.0 - face)
    possible = known.likeness(light) * ramp(luminance(light) / known.level, _LIGHT)
    possible *= bare * ramp(of_person, _PERSON) * _inside(photo.shape, matrix, size)
    found = _grown(possible, bare, light, points, known)
    if found is None or abs(known.turned(light[found])) > _OTHER_HUE:
        return None
    shade = (luminance(light) < _SHADE[0] * known.level) & (known.share(light) > _SHADE[1])
    found = _filled(found, face, shade & (bare > 0.5))
    white = max(float(luminance(white_light(picture, points))), 1e-4)
    return _view(photo, landmarks, found, matrix, _trunk(found, points), (known.level, known.level / white))


def _copy_matrix(landmarks: FloatArray) -> FloatArray:
    """Return the (2, 3) similarity from the photo to the copy."""
    across = across_eyes(landmarks)
    across = across / max(float(np.hypot(*across)), 1e-6) * _COPY / head_length(landmarks)
    turn = levelling(across)
    # The jaw's corners lie near the neck, wherever the chin has turned to.
    x, y = float((turn @ landmarks[3:14].mean(axis=0))[0]), float((turn @ landmarks[8])[1])
    return np.column_stack([turn, [_WIDTH / 2 * _COPY - x, _ABOVE * _COPY - y]])


def _inside(shape: tuple[int, ...], matrix: FloatArray, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Draw where a frame shows the photo, (H, W) of 0 and 1."""
    right, bottom = shape[1] - 1.5, shape[0] - 1.5
    corners = transform_points(np.array([[0.5, 0.5], [right, 0.5], [right, bottom], [0.5, bottom]]), matrix)
    return draw_part(corners, size[::-1], 0.0)


def _moved(values: FloatArray, matrix: FloatArray, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    return np.asarray(cv2.warpAffine(np.asarray(values, np.float32), matrix, size, flags=cv2.INTER_LINEAR), np.float32)


def _affine(starts: FloatArray, ends: FloatArray) -> FloatArray:
    """Return the (2, 3) that moves landmarks of one copy to those of another."""
    ones = np.column_stack([starts, np.ones(len(starts))])
    return np.asarray(np.linalg.lstsq(ones, ends, rcond=None)[0].T)


def _face(points: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    outline = np.concatenate([points[JAW_AND_BROWS], points[BOTH_BROWS] - [0.0, 0.5 * _COPY]])
    return draw_part(outline, shape, 0.03 * _COPY)


def _grown(
    possible: FloatArray, bare: FloatArray, light: FloatArray, points: FloatArray, known: SkinColour
) -> npt.NDArray[np.bool_] | None:
    """Follow skin down from the jaw.

    Args:
        possible: (H, W) in [0, 1], how far each pixel may be skin of the person, by its own colour and light.
        bare: (H, W) in [0, 1], where neither face nor hair is.
        light: (H, W, 3), linear.
        points: (68, 2).
        known: the face's skin.

    Returns:
        (H, W), or None if hardly any skin shows where necks are.
    """
    zone = np.zeros(possible.shape, np.uint8)
    upper, lower = (points[5:12] + np.array([0.0, down * _COPY]) for down in _SEEDS)
    ring = np.vstack([upper, lower[::-1]])
    cv2.fillPoly(zone, [np.rint(ring).astype(np.int32)], 1)
    place = (zone > 0) & (bare > 0.5)
    seeds = place & (possible > 0.5)
    num = np.count_nonzero(seeds)
    if num < _LEAST_SEEDS * np.count_nonzero(place) or num < _FEWEST_SEEDS * _COPY * _COPY:
        return None
    logs = np.log(light + np.float32(_NO_LIGHT * known.level))
    along = known.tone / float(np.hypot(*known.tone))
    ratios = np.stack([logs[..., 0] - logs[..., 1], logs[..., 1] - logs[..., 2]], axis=-1)
    tone = ratios @ np.array([[along[0], along[1]], [along[1], -along[0]]], np.float32)
    tone[..., 1] /= np.float32(_ACROSS)
    bridge, gap = disc(_BRIDGE * _COPY), disc(_GAP * _COPY)
    found = seeds
    for _ in range(_ROUNDS):
        known_here = found.astype(np.float32)
        total = blur(known_here, _AROUND * _COPY) + np.float32(1e-3)
        away = tone - blur(tone * known_here[..., None], _AROUND * _COPY) / total[..., None]
        apart = np.hypot(away[..., 0] / np.where(away[..., 0] < 0, *_ALONG), away[..., 1]).astype(np.float32)
        near = (possible > 0.5) & (apart < 1.0) & (total > 0.02)
        opened = cv2.morphologyEx(near.astype(np.uint8), cv2.MORPH_OPEN, bridge)
        joined = pieces_at(opened > 0, seeds).astype(np.uint8)
        closed = cv2.morphologyEx(joined, cv2.MORPH_CLOSE, gap) > 0
        grown = closed & (possible > 0.3) & (apart < _IN_GAPS)
        changed = np.count_nonzero(grown != found)
        found = grown
        if changed < 10:
            break
    return found if np.count_nonzero(found) >= _LEAST_AREA * _COPY * _COPY else None


def _filled(found: npt.NDArray[np.bool_], face: FloatArray, shade: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Add to the skin, (H, W), the deep shade that lies in its holes, and in those between it and the face."""
    whole = (found | (face > 0.5)).astype(np.uint8)
    around = cv2.copyMakeBorder(whole, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    cv2.floodFill(around, None, (0, 0), 1)
    holes = around[1:-1, 1:-1] == 0
    return found | (holes & shade & (face < 0.5))


class _Trunk(NamedTuple):
    """A neck on the copy, pixels: see `Neck`."""

    middle: float
    lean: float
    half_width: float
    length: float


def _trunk(found: npt.NDArray[np.bool_], points: FloatArray) -> _Trunk:
    """Read a neck's middle and width from its rows above the shoulders."""
    chin, jaw = float(points[8, 1]), float(points[3:14, 0].mean())
    rows = np.arange(round(chin + _ROWS[0] * _COPY), min(round(chin + _ROWS[1] * _COPY), len(found)))
    rows = rows[found[rows].any(axis=1)]
    least, usual, most = (share * _COPY for share in _HALF_WIDTH)
    if len(rows) < _FEW_ROWS:
        return _Trunk(jaw, 0.0, usual, _COPY)
    ends = np.array([np.flatnonzero(found[row])[[0, -1]] for row in rows], np.float64)
    heights, half, middles = rows - chin, (ends[:, 1] - ends[:, 0]) / 2, ends.mean(axis=1)
    narrow = float(np.percentile(half[: max(_FEW_ROWS, len(half) // 2)], 30))
    shoulders = np.flatnonzero((half > _SHOULDERS * narrow) & (heights > _NOT_ABOVE * _COPY))
    length = float(np.clip(heights[shoulders[0]] / _COPY + _TO_COLLAR, *_LENGTH)) if len(shoulders) else 1.0
    neck = half <= _NECK_ALONE * narrow
    lean = 0.0
    if np.count_nonzero(neck) >= _FEW_ROWS:
        lean = 0.5 * float(np.clip(np.polyfit(heights[neck], middles[neck], 1)[0], -_MOST_LEANING, _MOST_LEANING))
    start = float(middles[neck].mean() - lean * heights[neck].mean()) if neck.any() else jaw
    # A neck half hidden by hair seems narrow and to one side.
    sure = float(np.clip((narrow / _COPY - 0.4) / 0.3, 0.0, 1.0))
    return _Trunk(sure * start + (1 - sure) * jaw, sure * lean, float(np.clip(narrow, least, most)), length * _COPY)


def _view(
    photo: Image,
    landmarks: FloatArray,
    found: npt.NDArray[np.bool_],
    matrix: FloatArray,
    trunk: _Trunk,
    light: tuple[float, float],
) -> Neck | None:
    """Draw the frame of a neck that was found on the copy.

    Args:
        photo: (H, W, 3) RGB uint8.
        landmarks: (68, 2), photo pixels.
        found: (h, w), on the copy.
        matrix: (2, 3), photo to copy.
        trunk: how the neck runs.
        light: the skin's luminance, and its reflectance.
    """
    scale = float(np.clip(head_length(landmarks), _COARSEST, _FINEST))
    factor = scale / _COPY
    # The rectangle of the copy that shows skin, and what is around it.
    rows, columns = (np.flatnonzero(found.any(axis=axis))[[0, -1]] for axis in (1, 0))
    left, top = max(int(columns[0]) - 3, 0), max(int(rows[0]) - 3, 0)
    size = (round((int(columns[1]) + 4 - left) * factor), round((int(rows[1]) + 4 - top) * factor))
    # The copy's pixel x is (x - left + 0.5) * factor - 0.5 of the frame.
    shift = [(0.5 - left) * factor - 0.5, (0.5 - top) * factor - 0.5]
    copy_to_frame = np.array([[factor, 0.0, shift[0]], [0.0, factor, shift[1]]])
    to_frame = compose(copy_to_frame, matrix)
    picture = np.asarray(warp(photo, to_frame, size), np.float32)
    soft = _moved(blur(found.astype(np.float32), 1.0), copy_to_frame, size)
    skin = soft * _without_thin(picture, soft, scale)
    skin = ramp(blur(skin, _EDGE * scale), (0.5, 0.95)) * ramp(skin, (0.3, 0.8))
    if np.count_nonzero(skin > 0.5) < _LEAST_AREA * scale * scale / 2:
        return None
    chin = transform_points(landmarks[8:9], to_frame)[0]
    middle = (trunk.middle * factor + shift[0], trunk.lean)
    return Neck(to_frame, scale, chin, skin, picture, *light, middle, trunk.half_width * factor, trunk.length * factor)


def _without_thin(picture: FloatArray, skin: FloatArray, scale: float) -> npt.NDArray[np.float32]:
    """Return where no chain, hair or other thin thing lies on skin: what differs much from its surroundings; (H, W)."""
    light = cv2.GaussianBlur(to_linear(picture), (0, 0), 0.8)
    bright = luminance(light)
    level = max(float(np.median(bright[skin > 0.5])), 1e-5) if (skin > 0.5).any() else 1.0
    logs = np.log(light + np.float32(0.05 * level))
    values = np.stack([logs.mean(axis=2), logs[..., 0] - logs[..., 1], logs[..., 1] - logs[..., 2]], axis=2)
    weight = skin[..., None]
    total = blur(skin, _THIN * scale) + np.float32(1e-3)
    apart = values - blur(values * weight, _THIN * scale) / total[..., None]
    # Folds of skin are dark and no brighter than their surroundings by much; metal and hair have another colour.
    lit = np.where(apart[..., 0] > 0, _BRIGHTER, _DARKER) * apart[..., 0]
    stands_out = np.maximum(lit, _OTHER_COLOUR * np.abs(apart[..., 1:]).max(axis=2))
    thing = ramp(stands_out, _STANDS_OUT)
    return 1.0 - cv2.dilate(thing, disc(0.012 * scale))
