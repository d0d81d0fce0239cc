"""Single hairs and thin strands over a face's skin, thinner than a network of heads sees: long lines, dark or pale.

Folds, wrinkles and the edges of shade are lines, too. But shade has another light on its other side; folds lie around
nose and mouth, which are left out here; and a strand begins at hair, or runs down from an eye that it crosses. Where
more of the lines do not, the skin is wrinkled, and those that do are wrinkles as well.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.landmarks import LEFT_EYE, LIPS, NOSE, RIGHT_EYE
from ppgan_ext.faces.light import luminance, to_linear
from ppgan_ext.faces.mask import draw_part, face_mask
from ppgan_ext.faces.morphology import disc
from ppgan_ext.faces.skin import bare_skin, face_size
from ppgan_ext.types import FloatArray, Image

# Lengths are shares of the face's size, and light is in natural logarithms.
_COPY = 256.0  # size of the face on the copy that is looked at, pixels
_LEAST_COPY = 70.0  # a smaller face shows no single hairs
_WAYS = 16  # directions of lines
_LONG, _ACROSS = 0.035, 0.004  # widths of the Gaussian along and across a line
_BESIDE = 0.014  # from a line to the skin on both its sides
_FLOOR = 0.02  # of the skin's light
_FAINT, _CLEAR = 0.045, 0.09  # by how much a strand differs from the skin on both sides: along it, and somewhere
_NOISE = (2.5, 5.0)  # the same as multiples of what half of the skin has
_JOINED, _FREE = 0.10, 0.22  # lengths of strands that begin at hair, and of those that cross an eye
_NEXT = 0.03  # how near to hair, or to the surroundings of an eye, a strand begins
_THIN = 0.035  # width of a strand
_UPRIGHT = 0.8  # part of a direction along the face's height from which on a line at an eye is no wrinkle
_AROUND_EYES, _AROUND_MOUTH = 0.09, 0.06  # where lashes, lids and folds lie
_OUTLINE = 0.05  # where the face's edge is a line, unless hair is next to it
_MOSTLY_STRANDS = 0.5  # share of the lines on skin that begin as strands do, with less of which they are wrinkles
_BELOW_MOUTH = 0.05  # strands end above this, and the lines of chin and jaw begin
_WIDER, _SOFT = 0.009, 0.006  # of a strand's edge and its shadow


class _Copy(NamedTuple):
    """A face on a small copy.

    Attributes:
        light: (h, w), logarithm of light over the skin's.
        points: (68, 2) in it.
        hair: (h, w) in [0, 1].
        window: rows and columns of the picture that it shows.
    """

    light: npt.NDArray[np.float32]
    points: FloatArray
    hair: npt.NDArray[np.float32]
    window: tuple[slice, slice]


class _Line(NamedTuple):
    """A line over skin that is long, thin and clear.

    Attributes:
        where: (h, w).
        long: its extent, pixels.
        begins: it begins at hair or runs down from an eye, as strands do.
    """

    where: npt.NDArray[np.bool_]
    long: float
    begins: bool


def find_thin_strands(picture: Image, landmarks: FloatArray, hair: FloatArray) -> npt.NDArray[np.float32]:
    """Find single hairs and thin strands over skin, (H, W) float32 in [0, 1], a little wider than they are.

    Args:
        picture: (H, W, 3) RGB uint8.
        landmarks: (68, 2) in it.
        hair: (H, W) in [0, 1], the hair known.
    """
    result = np.zeros(hair.shape, np.float32)
    copy = _copy(picture, landmarks, hair)
    if copy is None:
        return result
    size, place = face_size(copy.points), _place(copy)
    if not place.any():
        return result
    lines = [
        line for sign in (1.0, -1.0) for line in _long_ones(*_lines(np.float32(sign) * copy.light, size), place, copy)
    ]
    strands = [line for line in lines if line.begins]
    # Skin that is wrinkled has such lines elsewhere, too.
    if not strands or sum(line.long for line in strands) < _MOSTLY_STRANDS * sum(line.long for line in lines):
        return result
    found = np.logical_or.reduce([line.where for line in strands])
    wide = cv2.dilate(found.astype(np.uint8), disc(_WIDER * size)).astype(np.float32)
    soft = cv2.GaussianBlur(wide, (0, 0), max(0.5, _SOFT * size))
    part = result[copy.window]
    part[:] = cv2.resize(np.maximum(wide, soft), part.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return result


def _copy(picture: Image, landmarks: FloatArray, hair: FloatArray) -> _Copy | None:
    """Look at a face on a copy; None where it is too small or too dark."""
    size = face_size(landmarks)
    height, width = hair.shape
    up = np.array([0.0, 0.35 * size])
    first, last = np.floor(landmarks.min(axis=0) - up), np.ceil(landmarks.max(axis=0)) + 1.0
    left, top = (int(v) for v in np.clip(first, 0, (width, height)))
    right, bottom = (int(v) for v in np.clip(last, 0, (width, height)))
    if size < _LEAST_COPY or right - left < 8 or bottom - top < 8:
        return None
    window = slice(top, bottom), slice(left, right)
    scale = min(1.0, _COPY / size)
    small_size = (max(8, round((right - left) * scale)), max(8, round((bottom - top) * scale)))
    small, known = (
        cv2.resize(np.ascontiguousarray(each[window]), small_size, interpolation=cv2.INTER_AREA)
        for each in (picture, np.asarray(hair, np.float32))
    )
    points = (landmarks - (left, top) + 0.5) * (np.array(small_size) / (right - left, bottom - top)) - 0.5
    light = luminance(to_linear(small.astype(np.float32)))
    skin = bare_skin(points, light.shape) > 0.5
    level = float(np.median(light[skin])) if skin.any() else 0.0
    if level <= 0.0:
        return None
    return _Copy(np.asarray(np.log(light / np.float32(level) + np.float32(_FLOOR)), np.float32), points, known, window)


def _place(copy: _Copy) -> npt.NDArray[np.bool_]:
    """Return where a line may be a strand, (h, w): skin outside the folds of eyes, nose and mouth."""
    points, shape, size = copy.points, copy.light.shape, face_size(copy.points)
    place = (bare_skin(points, shape, 0.02) > 0.5) & (copy.hair < 0.5)
    near_hair = cv2.dilate((copy.hair > 0.5).astype(np.uint8), disc(_OUTLINE * size)) > 0
    place &= (cv2.erode(face_mask(points, shape, 0.02), disc(_OUTLINE * size)) > 0.5) | near_hair
    up = points[27] - points[8]
    x, y = np.arange(shape[1])[None, :], np.arange(shape[0])[:, None]
    lowest = float((points[[48, 54]] @ up).mean()) - _BELOW_MOUTH * size * float(np.hypot(*up))
    place &= x * up[0] + y * up[1] > lowest
    place &= ~_around_eyes(copy, _AROUND_EYES)
    folds = np.vstack([points[NOSE], points[LIPS], points[[21, 22]]])
    place &= draw_part(folds, shape, _AROUND_MOUTH * size) == 0
    return np.asarray(place)


def _around_eyes(copy: _Copy, width: float) -> npt.NDArray[np.bool_]:
    """Draw the eyes, wider by so much of the face's size, (h, w)."""
    wide = width * face_size(copy.points)
    return np.asarray(
        np.maximum(*(draw_part(copy.points[eye], copy.light.shape, wide) for eye in (RIGHT_EYE, LEFT_EYE))) > 0
    )


def _lines(light: FloatArray, size: float) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.intp]]:
    """Return by how much each pixel is darker than both sides of the clearest line through it, and that line's way."""
    best, way = np.full(light.shape, -np.inf, np.float32), np.zeros(light.shape, np.intp)
    for index in range(_WAYS):
        left, right = _kernels(np.pi * index / _WAYS, size)
        sides = (cv2.filter2D(light, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT) for kernel in (left, right))
        both = np.minimum(*sides)
        better = both > best
        best[better], way[better] = both[better], index
    return best, way


def _kernels(angle: float, size: float) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return two kernels: the light on one side of a line through the middle, without that of the line itself."""
    radius = max(3, round(2.5 * _LONG * size))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1].astype(np.float64)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    wide = max(0.6, _ACROSS * size)

    def stripe(offset: float) -> FloatArray:
        weight = np.exp(-0.5 * (along / (_LONG * size)) ** 2 - 0.5 * ((across - offset) / wide) ** 2)
        return np.asarray(weight / weight.sum())

    beside = max(2.0, _BESIDE * size)
    one, other = (np.asarray(stripe(offset) - stripe(0.0), np.float32) for offset in (-beside, beside))
    return one, other


def _long_ones(lines: FloatArray, way: npt.NDArray[np.intp], place: npt.NDArray[np.bool_], copy: _Copy) -> list[_Line]:
    """Return the lines that are long, thin and clear."""
    size = face_size(copy.points)
    usual = float(np.median(np.abs(lines[place])))
    likely = place & (lines > max(_FAINT, _NOISE[0] * usual))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(likely.astype(np.uint8), connectivity=8)
    up = copy.points[27] - copy.points[8]
    tall = float(np.hypot(*up))
    if tall < 1.0:
        return []
    angles = np.pi * way / _WAYS
    upright = np.abs(np.cos(angles) * up[0] + np.sin(angles) * up[1]) / tall
    beside = cv2.dilate((copy.hair > 0.5).astype(np.uint8), disc(_NEXT * size)) > 0
    below_eye = _around_eyes(copy, _AROUND_EYES + _NEXT)
    found = []
    for label in (1 + np.flatnonzero(np.hypot(stats[1:, 2], stats[1:, 3]) > _JOINED * size)).tolist():
        piece = labels == label
        long = _length(piece)
        clear = float(np.quantile(lines[piece], 0.6)) > max(_CLEAR, _NOISE[1] * usual)
        if clear and np.count_nonzero(piece) < _THIN * size * long:
            down = long > _FREE * size and float(np.median(upright[piece])) > _UPRIGHT
            begins = (piece & beside).any() or (down and (piece & below_eye).any())
            found.append(_Line(piece, long, bool(begins)))
    return found


def _length(piece: npt.NDArray[np.bool_]) -> float:
    """Return the longest extent of a piece, pixels."""
    _, (width, height), _ = cv2.minAreaRect(np.argwhere(piece).astype(np.float32))
    return max(width, height) + 1.0
