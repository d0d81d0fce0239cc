"""Where a photo shows hair: looked for on a small upright copy, drawn along the strands at the photo's resolution."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.head.bands import blur
from ppgan_ext.faces.head.bare_skin import bare_skin
from ppgan_ext.faces.head.fringe import fringe
from ppgan_ext.faces.head.hair_edges import draw_matte, matte_size
from ppgan_ext.faces.head.hair_network import Chances, hair_chances
from ppgan_ext.faces.head.head_patch import CENTRE, EYES, HeadPatch, head_patch, region_of
from ppgan_ext.faces.head.parts import skin_area, skin_weight
from ppgan_ext.faces.head.skin_colour import ramp
from ppgan_ext.faces.head.strips import enlarge, strips
from ppgan_ext.faces.landmarks import BROWS, JAW_AND_BROWS, LEFT_EYE, RIGHT_EYE
from ppgan_ext.faces.mask import draw_part
from ppgan_ext.types import FloatArray


class Refusal(Enum):
    """Why no hair is changed."""

    NO_HAIR = "no hair seen"
    LIKE_BACKGROUND = "the hair looks like the background"
    LIKE_SKIN = "the hair looks like the skin"
    COVERED = "the hair is covered"


class HairMatte(NamedTuple):
    """Hair in a region of a photo.

    Attributes:
        region: (left, top, right, bottom) in photo pixels, right and bottom outside. There is no hair elsewhere.
        alpha: (bottom - top, right - left) float32, share of each pixel that is hair, 0 to 1; all 0 if refused.
        confidence: 0 to 1.
        refusal: why there is none, or None.
    """

    region: tuple[int, int, int, int]
    alpha: npt.NDArray[np.float32]
    confidence: float
    refusal: Refusal | None


_LEAST_AREA = 0.25  # of hair, in squares of the eyes' distance
# The same of what surely is hair, and from which chance: rims around bald heads have at most 0.29 on five, short hair
# has 0.35 and more. And the area of what may or may not be hair as a share of it: 3.3 where a tight photo or red hair
# makes the network unsure, 4 where it sees a dark room.
_LEAST_SURE, _SURE, _MOST_UNSURE = 0.32, 0.8, 3.6
_LIKE_SKIN = 10.0  # distance in CIE Lab
_NEAR_HEAD = 0.5  # how near to the face's outline hair begins, in eyes' distances
_FEW = 8  # pixels of the patch
_FEW_SKIN = 40
# Around the jaw, in eyes' distances, and how much of it a scarf covers that is closed below the chin: ten made black
# 0.96 and more, dark brown ones as little as 0.65, which the network must tell. Beards, fur and shadows of black
# hair leave some skin, at most 0.88 covered.
_AROUND_JAW, _CLOSED = (0.1, 0.55), 0.92
_LITTLE_SKIN = 0.35  # share of the skin's colour, below which something is none
_LEAST_CHROMA = 8.0  # of skin by which something else is told from it
_CROWN = 0.55  # share of the head above the forehead that is hair or skin
_SKIN_EYES = 128.0  # pixels between the eyes of the copy on which bare skin is looked for
_SOFT_END = 0.05  # width of the Gaussian over which hair ends, as a share of the eyes' distance
_ENDS, _END_WIDTH = 0.15, 0.35  # share of hair around a pixel from which it stays
_SURELY = (0.6, 0.85)  # chance of hair from which its colour matters less, and not at all
_WAS_SKIN = (0.12, 0.30)  # share of the hair that turns out to be skin: sure of the rest, not sure of anything
_REDDEST = 36.0  # CIE Lab's a of red hair in the light; a red scarf has 41
# Gloss on dark hair may be as blue as the sky: width of the Gaussian for the hair around, how much of that is no gloss,
# and CIE Lab's L of it.
_GLOSS, _MOST_NATURAL, _DARK_GLOSS = 0.5, (0.5, 0.65), (30.0, 45.0)
# A photo's toning: CIE Lab's L of darks that have all of it, and of what has none; how far around the landmarks of a
# brow or an eye darks are looked for, in distances of the eyes, and percentile of the light up to which they are told.
_TINTED, _AROUND_DARKS, _DARKS = (30.0, 50.0), 0.04, 35.0
_NEUTRAL = 6.0  # of CIE Lab's a and b: what may still be grey


def find_hair(
    photo: npt.NDArray, landmarks: FloatArray, patch: HeadPatch | None = None, chances: Chances | None = None
) -> HairMatte:
    """Find the hair of a face.

    Args:
        photo: (H, W, 3) RGB, 0 to 255.
        landmarks: (68, 2), photo pixels.
        patch: the `head_patch` of the face, if it is drawn already.
        chances: of the patch, if they are known already.
    """
    region = region_of(landmarks, photo.shape)
    patch = patch or head_patch(photo, landmarks)
    lab = cv2.cvtColor(cv2.GaussianBlur(patch.picture, (0, 0), 1.0) / np.float32(255.0), cv2.COLOR_RGB2LAB)
    skin = skin_weight(patch.picture, skin_area(patch.landmarks, lab.shape)) > 0.6
    tone = np.median(lab[skin], axis=0) if np.count_nonzero(skin) >= _FEW_SKIN else None
    chances = chances or hair_chances(patch)
    seen, natural = chances.hair, _natural(lab, tone, _tint_of_darks(lab, patch.landmarks))
    chance = _kept(seen * np.maximum(natural, _gloss(lab, seen, natural)), patch)
    confidence, refusal = _judged(chance, seen, lab, tone, patch)
    if refusal is None and tone is not None and _has_foreign_crown(chance, chances.person, lab, tone, patch):
        refusal = Refusal.COVERED
    if refusal is not None:
        alpha = np.zeros((region[3] - region[1], region[2] - region[0]), np.float32)
        return HairMatte(region, alpha, 0.0, refusal)
    matte = _matte(photo, landmarks, patch, chance)
    was_skin = _leave_skin(matte, photo, landmarks, patch, ramp(chance, _SURELY))
    confidence *= 1.0 - float(np.clip((was_skin - _WAS_SKIN[0]) / (_WAS_SKIN[1] - _WAS_SKIN[0]), 0.0, 1.0))
    return HairMatte(region, matte, confidence, None)


def _leave_skin(
    matte: npt.NDArray[np.float32], photo: npt.NDArray, landmarks: FloatArray, patch: HeadPatch, sure: FloatArray
) -> float:
    """Take from a region's matte, in place, what the photo shows to be bare skin, and add the fringe.

    Beside skin the hair ends softly. Hair of the skin's colour stays where it is sure.

    Args:
        matte: of the region that the patch covers.
        photo: (H, W, 3) RGB, 0 to 255.
        landmarks: (68, 2), photo pixels.
        patch: the head.
        sure: (240, 192), how sure the map is of hair.

    Returns:
        The share of what was thought to be hair that is skin.
    """
    left, top, right, bottom = region_of(landmarks, photo.shape)
    height, width = matte.shape
    shrink = min(1.0, _SKIN_EYES / eye_distance(landmarks))
    size = (max(2, round(width * shrink)), max(2, round(height * shrink)))
    part = photo[top:bottom, left:right]
    copy, hair = (cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in (part, matte))
    factor = (size[0] / width, size[1] / height)
    points = (landmarks - (left, top) + 0.5) * factor - 0.5
    skin = bare_skin(copy, points, hair, map_on_copy(sure, patch, (left, top), factor, size))
    added = fringe(copy, points, hair, skin)
    # A veil of grey on skin is seen at once; that the finest hair of the hairline keeps its colour is not.
    inner = blur(np.maximum(hair, added) * (1.0 - skin), _SOFT_END * eye_distance(points))
    kept = (1.0 - skin) * np.clip((inner - _ENDS) / _END_WIDTH, 0.0, 1.0)
    for start, stop in strips(matte.shape):
        part_kept, part_added = (enlarge(values, matte.shape, (start, stop)) for values in (kept, added * kept))
        matte[start:stop] = np.maximum(matte[start:stop] * part_kept, part_added)
    return float((hair * skin).sum() / max(float(hair.sum()), 1.0))


def _tint_of_darks(lab: FloatArray, landmarks: FloatArray) -> npt.NDArray[np.float32]:
    """Return what a photo's toning adds to a* and b* of dark hair, (2,).

    Brows and lashes tell, where the darks of all of them are purple, blue or green; the least tinted counts.

    Args:
        lab: (240, 192, 3), the patch.
        landmarks: (68, 2) in it.
    """
    places = (landmarks[BROWS[0]][2:], landmarks[BROWS[1]][:3], landmarks[RIGHT_EYE], landmarks[LEFT_EYE])
    tints = []
    for points in places:
        shown = lab[draw_part(points, lab.shape[:2], _AROUND_DARKS * EYES) > 0.5]
        dark = shown[shown[:, 0] <= np.percentile(shown[:, 0], _DARKS)] if len(shown) else shown
        if len(dark) < _FEW or float(np.median(dark[:, 0])) > _TINTED[1]:
            return np.zeros(2, np.float32)
        green_red, blue_yellow = (float(value) for value in np.median(dark[:, 1:], axis=0))
        beyond = max(float(_too_blue(green_red, blue_yellow)), -green_red - _NEUTRAL)
        tints.append(min(max(beyond / _NEUTRAL, 0.0), 1.0) * np.array((green_red, blue_yellow), np.float32))
    return min(tints, key=lambda tint: float(np.hypot(*tint)))


def _too_blue(green_red: npt.ArrayLike, blue_yellow: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Return by how much a* and b* are too blue or too pink for hair; negative where they are not."""
    pink = np.subtract(green_red, np.maximum(blue_yellow, 0.0)) - 1.5 * _NEUTRAL
    return np.asarray(np.maximum(np.negative(blue_yellow) - _NEUTRAL, pink), np.float32)


def _natural(lab: FloatArray, tone: FloatArray | None, tint: FloatArray) -> npt.NDArray[np.float32]:
    """Return how far each colour can be that of hair, (240, 192): not blue, green or pink, whatever its light.

    ``tone`` is the skin's colour; in bluish light it has little yellow, and hair may be as bluish. ``tint`` is that of
    dark hair, see `_tint_of_darks`.
    """
    bluish = 0.0 if tone is None else 0.7 * max(14.0 - float(tone[2]), 0.0)
    toned = 1.0 - ramp(lab[..., 0], _TINTED)
    green_red, blue_yellow = lab[..., 1] - toned * tint[0], lab[..., 2] - toned * tint[1] + np.float32(bluish)
    # Black hair mirrors the sky, and shadows of a photo may be tinted.
    dark = np.float32(8.0) * np.clip((25.0 - lab[..., 0]) / 15.0, 0.0, 1.0)
    beyond = np.maximum(_too_blue(green_red, blue_yellow) - dark, -green_red - _NEUTRAL)
    # Red hair is orange rather than red.
    beyond = np.maximum(beyond, green_red - _REDDEST)
    return np.clip(1.0 - beyond / _NEUTRAL, 0.0, 1.0).astype(np.float32)


def _gloss(lab: FloatArray, seen: FloatArray, natural: FloatArray) -> npt.NDArray[np.float32]:
    """Return how far each pixel is gloss, dark and amid hair of natural colours; (240, 192)."""
    width = _GLOSS * EYES
    amid = blur(seen * natural, width) / (blur(seen, width) + np.float32(0.05))
    return ramp(amid, _MOST_NATURAL) * (1.0 - ramp(lab[..., 0], _DARK_GLOSS))


def _kept(chance: FloatArray, patch: HeadPatch) -> npt.NDArray[np.float32]:
    """Drop what is not joined to the head: another person's hair, a dark leaf."""
    likely = (chance > 0.3).astype(np.uint8)
    num, labels = cv2.connectedComponents(likely)
    head = draw_part(patch.landmarks[JAW_AND_BROWS], chance.shape, _NEAR_HEAD * EYES) > 0
    kept = np.isin(labels, [n for n in range(1, num) if np.count_nonzero((labels == n) & head) >= _FEW])
    # The soft border outside the likely part stays.
    return chance * cv2.dilate(kept.astype(np.uint8), np.ones((5, 5), np.uint8))


def _judged(
    chance: FloatArray, seen: FloatArray, lab: FloatArray, tone: FloatArray | None, patch: HeadPatch
) -> tuple[float, Refusal | None]:
    """Return how sure the hair is, and why it is refused.

    ``chance`` is what is left of what was ``seen``, ``tone`` the colour of the skin or None where none shows.
    """
    sure = chance > 0.5
    area = np.count_nonzero(sure) / EYES**2
    if np.count_nonzero(seen > 0.5) / EYES**2 > max(2.0 * area, _LEAST_AREA):
        return 0.0, Refusal.COVERED
    if area < _LEAST_AREA:
        covered = tone is None or _head_is_covered(lab, tone, patch)
        return 0.0, Refusal.COVERED if covered else Refusal.NO_HAIR
    hair = np.median(lab[sure], axis=0)
    surely = np.count_nonzero(sure & (seen > _SURE)) / EYES**2
    maybe = np.count_nonzero((chance > 0.15) & (chance < 0.85)) / EYES**2
    if surely < _LEAST_SURE or maybe > _MOST_UNSURE * surely:
        near_skin = tone is not None and float(np.linalg.norm(hair - tone)) < _LIKE_SKIN
        return 0.0, Refusal.LIKE_SKIN if near_skin else Refusal.LIKE_BACKGROUND
    if tone is not None and _is_closed_below_chin(lab, hair, tone, patch):
        return 0.0, Refusal.COVERED
    certainty = float(chance[sure].mean())
    return float(np.clip((certainty - 0.6) / 0.25, 0.0, 1.0)), None


def _is_closed_below_chin(lab: FloatArray, hair: FloatArray, tone: FloatArray, patch: HeadPatch) -> bool:
    """Tell whether what looks like hair goes all around the jaw, as a scarf does: hair leaves neck, ears or a collar.

    A shadow below the chin is as dark as hair, but keeps a share of the skin's colour.
    """
    points, shape = patch.landmarks, lab.shape[:2]
    down = points[8] - points[27]
    y, x = np.mgrid[: shape[0], : shape[1]]
    below_mouth = (x - points[57, 0]) * down[0] + (y - points[57, 1]) * down[1] > 0.0
    inner, outer = (draw_part(points[JAW_AND_BROWS], shape, reach * EYES) > 0.5 for reach in _AROUND_JAW)
    around = outer & ~inner & below_mouth & (patch.inside > 0.5)
    colourful = float(tone[1:] @ tone[1:])
    if np.count_nonzero(around) < _FEW or colourful < _LEAST_CHROMA**2:
        return False
    unlike_skin = (lab[around][:, 1:] @ tone[1:]) / colourful < _LITTLE_SKIN
    like_hair = np.linalg.norm(lab[around] - hair, axis=1) < 2.0 * _LIKE_SKIN
    return bool(np.mean(unlike_skin & like_hair) > _CLOSED)


def _has_foreign_crown(
    chance: FloatArray, person: FloatArray, lab: FloatArray, tone: FloatArray, patch: HeadPatch
) -> bool:
    """Tell whether much of the head above the forehead is neither hair nor skin: a hat over hair at the sides."""
    crown = _crown(person, patch)
    if np.count_nonzero(crown) < 0.1 * EYES**2:
        return False
    like_skin = np.linalg.norm((lab - tone) * np.array((0.5, 1.0, 1.0), np.float32), axis=2) < 1.6 * _LIKE_SKIN
    return float(np.mean((chance > 0.5)[crown] | like_skin[crown])) < _CROWN


def _crown(person: FloatArray, patch: HeadPatch) -> npt.NDArray[np.bool_]:
    """Return the part of the head well above the forehead."""
    down, across = np.mgrid[: person.shape[0], : person.shape[1]].astype(np.float32)
    above = (float(patch.landmarks[17:27, 1].mean()) - down) / EYES
    return (person > 0.5) & (patch.inside > 0.5) & (above > 0.95) & (np.abs(across - CENTRE[0]) < 1.25 * EYES)


def _head_is_covered(lab: FloatArray, tone: FloatArray, patch: HeadPatch) -> bool:
    """Tell a hat or a scarf from a bald head by the colour above the forehead."""
    down, across = np.mgrid[: lab.shape[0], : lab.shape[1]].astype(np.float32)
    brow = float(patch.landmarks[17:27, 1].mean())
    above = (brow - down) / EYES
    crown = (above > 0.75) & (above < 1.3) & (np.abs(across - CENTRE[0]) < 0.5 * EYES) & (patch.inside > 0.5)
    if not crown.any():
        return False
    return float(np.linalg.norm(np.median(lab[crown], axis=0) - tone)) > 2.5 * _LIKE_SKIN


def _matte(photo: npt.NDArray, landmarks: FloatArray, patch: HeadPatch, chance: FloatArray) -> npt.NDArray[np.float32]:
    """Draw the hair of a patch's map at the photo's resolution."""
    left, top, right, bottom = region_of(landmarks, photo.shape)
    part, points = photo[top:bottom, left:right], np.asarray(landmarks, np.float64) - (left, top)
    size = matte_size(part.shape, points)
    factor = (size[0] / part.shape[1], size[1] / part.shape[0])
    return draw_matte(part, map_on_copy(chance, patch, (left, top), factor, size), points)


def map_on_copy(
    chance: FloatArray,
    patch: HeadPatch,
    corner: tuple[int, int],
    factor: tuple[float, float],
    size: tuple[int, int],
    border: int = cv2.BORDER_CONSTANT,
) -> npt.NDArray[np.float32]:
    """Draw a map of the patch on a copy of the photo's region, reduced by a factor; ``border`` is OpenCV's."""
    matrix = patch.matrix_photo_to_patch
    # Copy pixel x is photo pixel (x + 0.5) / factor - 0.5 + corner.
    scale = np.array([1.0 / factor[0], 1.0 / factor[1]])
    shift = 0.5 * scale - 0.5 + np.array(corner)
    to_patch = np.column_stack([matrix[:, :2] * scale, matrix[:, :2] @ shift + matrix[:, 2]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(np.asarray(chance, np.float32), to_patch, size, flags=flags, borderMode=border)
