"""Hair drawn at a picture's resolution, strand by strand, from a map that is coarse."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.head.bands import blur
from ppgan_ext.faces.head.bare_skin import face_outline
from ppgan_ext.faces.head.matting import closed_form_matte, share_by_colour
from ppgan_ext.faces.head.outer_hair import colours_nearby
from ppgan_ext.faces.head.skin_colour import ramp
from ppgan_ext.faces.head.strips import enlarge, strips
from ppgan_ext.faces.landmarks import JAW_AND_BROWS
from ppgan_ext.faces.mask import draw_part
from ppgan_ext.faces.morphology import disc
from ppgan_ext.types import FloatArray

_MATTE_EYES = 64.0  # pixels between the eyes of the copy on which hair is mapped
_SOLVED_EYES = 40.0  # the same of the copy on which the matte is solved
# Chances of what surely is hair and surely is none; how far inside of the one, and how far around what likely is hair,
# colours decide, in eyes' distances.
_SURE_HAIR, _SURE_NONE, _INSIDE, _OUTSIDE = 0.9, 0.06, 0.03, 0.2
# Chances of no hair and of all hair where colours do not tell, and the weight of that: hair that is missed before a
# background of its own colour is not seen, but a background that turns grey is.
_UNTOLD, _TRUST, _LEAST_TRUST = (0.5, 0.9), 0.015, 0.1
# Gaps through which the background is seen: width of the Gaussian for its colour and the hair's, distance of the two
# that does not tell and that does, how far from the background a gap's colour may be as a share of it, weight; and how
# far around the face there is none.
_GAP_AROUND, _GAP_APART, _GAP_OFF, _TRUST_GAP, _SKIN_MARGIN = 0.3, (0.2, 0.4), (0.25, 0.4), 1.0, 0.3
_LEAST_SHARE, _FULL_SHARE = (0.05, 0.4), 0.93  # of hair in a pixel's colour: none, before a wall and on a face; all
_FACE_MARGIN = 0.45  # of the hairline around the landmarks, in eyes' distances
_FEW = 40  # pixels


def matte_size(shape: tuple[int, ...], landmarks: FloatArray) -> tuple[int, int]:
    """Return width and height of the reduced copy on which a picture's hair is mapped."""
    shrink = min(1.0, _MATTE_EYES / eye_distance(landmarks))
    return max(2, round(shape[1] * shrink)), max(2, round(shape[0] * shrink))


def draw_matte(picture: npt.NDArray, chance: FloatArray, landmarks: FloatArray) -> npt.NDArray[np.float32]:
    """Draw hair at a picture's resolution, along its strands.

    Where the map is sure, the matte is the map. In the band between, each pixel is shared out by its colour, see
    `matting`; where that does not tell hair from what is beside it, the map decides.

    Args:
        picture: (H, W, 3) RGB, 0 to 255.
        chance: (h, w) in [0, 1], the map of hair on a copy of `matte_size`.
        landmarks: (68, 2) in the picture.
    """
    height, width = picture.shape[:2]
    shrink = min(1.0, _SOLVED_EYES / max(eye_distance(landmarks), 1e-6))
    size = (max(3, round(width * shrink)), max(3, round(height * shrink)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255.0)
    chance = cv2.resize(np.asarray(chance, np.float32), size, interpolation=cv2.INTER_AREA)
    eyes = eye_distance(landmarks) * size[0] / width
    points = (np.asarray(landmarks, np.float64) + 0.5) * (size[0] / width, size[1] / height) - 0.5
    share = _solved(small, chance, eyes, draw_part(face_outline(points), small.shape, _SKIN_MARGIN * eyes))
    slopes = share_by_colour(small, share)
    # Down on a forehead is not hair to be changed, fine hair before a wall is.
    face = blur(draw_part(points[JAW_AND_BROWS], small.shape, _FACE_MARGIN * eyes), 0.1 * eyes)
    least = _LEAST_SHARE[0] + (_LEAST_SHARE[1] - _LEAST_SHARE[0]) * face
    alpha = np.empty((height, width), np.float32)
    for start, stop in strips(alpha.shape):
        slope, low = (enlarge(values, alpha.shape, (start, stop)) for values in (slopes, least))
        colour = picture[start:stop].astype(np.float32) / np.float32(255.0)
        found = (colour * slope[..., :3]).sum(axis=2) + slope[..., 3]
        alpha[start:stop] = np.clip((found - low) / (_FULL_SHARE - low), 0.0, 1.0)
    return alpha


def _solved(colour: FloatArray, chance: FloatArray, eyes: float, skin: FloatArray) -> npt.NDArray[np.float32]:
    """Return the share of hair of each pixel of a copy (h, w, 3), 0 to 1.

    Args:
        colour: (h, w, 3) of the copy, 0 to 1.
        chance: (h, w), the map.
        eyes: distance of the eyes in the copy.
        skin: (h, w), 1 around the face, where there is no background.
    """
    surely = cv2.erode((chance > _SURE_HAIR).astype(np.uint8), disc(_INSIDE * eyes)) > 0
    near = cv2.dilate((chance > 0.5).astype(np.uint8), disc(_OUTSIDE * eyes)) > 0
    behind = ~near & (chance < _SURE_NONE) & (skin < 0.5)
    gap = _gaps(colour, surely, behind, eyes) * (chance > 0.5)
    surely &= cv2.dilate(gap, np.ones((5, 5), np.uint8)) < 0.3
    free = ~surely & (near | (chance > _SURE_NONE))
    low, high = _UNTOLD
    given = np.where(surely, np.float32(1.0), np.clip((chance - low) / (high - low), 0.0, 1.0) * free * (gap < 0.5))
    trust = np.float32(_TRUST) * np.maximum(np.abs(2.0 * chance - 1.0), np.float32(_LEAST_TRUST))
    return closed_form_matte(colour, given, np.maximum(trust, np.float32(_TRUST_GAP) * gap), free)


def _gaps(
    colour: FloatArray, hair: npt.NDArray[np.bool_], behind: npt.NDArray[np.bool_], eyes: float
) -> npt.NDArray[np.float32]:
    """Return how far each pixel shows what is behind the hair, (h, w): it has its colour, and not the hair's."""
    if np.count_nonzero(hair) < _FEW or np.count_nonzero(behind) < _FEW:
        return np.zeros(hair.shape, np.float32)
    own, other = (colours_nearby(colour, np.float32(one), _GAP_AROUND * eyes) for one in (hair, behind))
    apart = np.linalg.norm(own - other, axis=2)
    off = np.linalg.norm(colour - other, axis=2) / np.maximum(apart, np.float32(1e-3))
    return ramp(apart, _GAP_APART) * (1.0 - ramp(off, _GAP_OFF))
