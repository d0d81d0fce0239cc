"""Where a photo shows hair: looked for on a small upright copy, drawn along the strands at the photo's resolution."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing.frame import eye_distance
from ppgan_ext.faces.ageing.hair_network import Chances, hair_chances
from ppgan_ext.faces.ageing.head_patch import CENTRE, EYES, HeadPatch, head_patch, region_of
from ppgan_ext.faces.ageing.parts import hull, skin_area, skin_weight
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


_MATTE_EYES = 64.0  # pixels between the eyes of the copy on which the matte's coefficients are computed
_RADIUS = 0.06  # of the windows in which hair and what is behind it lie on a line of colours
_EPSILON = 4e-4  # variance of light below which a window has no edge
_STRIP = 1 << 20  # pixels of the photo that are drawn at once
_LOW, _HIGH = 0.12, 0.88
_LEAST_AREA = 0.25  # of hair, in squares of the eyes' distance
_MOST_UNSURE = 1.2  # area of what may or may not be hair, as a share of what is
_LIKE_SKIN = 10.0  # distance in CIE Lab
_NEAR_HEAD = 0.5  # how near to the face's outline hair begins, in eyes' distances
_FEW = 8  # pixels of the patch


def find_hair(photo: npt.NDArray, landmarks: FloatArray, chances: Chances | None = None) -> HairMatte:
    """Find the hair of a face.

    Args:
        photo: (H, W, 3) RGB, 0 to 255.
        landmarks: (68, 2), photo pixels.
        chances: of the photo's head patch, if they are known already.
    """
    region = region_of(landmarks, photo.shape)
    patch = head_patch(photo, landmarks)
    chance = _kept((chances or hair_chances(patch)).hair, patch)
    confidence, refusal = _judged(chance, patch)
    if refusal is not None:
        alpha = np.zeros((region[3] - region[1], region[2] - region[0]), np.float32)
        return HairMatte(region, alpha, 0.0, refusal)
    return HairMatte(region, _matte(photo, landmarks, patch, chance), confidence, None)


def _kept(chance: FloatArray, patch: HeadPatch) -> npt.NDArray[np.float32]:
    """Drop what is not joined to the head: another person's hair, a dark leaf."""
    likely = (chance > 0.3).astype(np.uint8)
    num, labels = cv2.connectedComponents(likely)
    head = hull(patch.landmarks[:27], chance.shape, _NEAR_HEAD * EYES) > 0
    kept = np.isin(labels, [n for n in range(1, num) if np.count_nonzero((labels == n) & head) >= _FEW])
    # The soft border outside the likely part stays.
    return chance * cv2.dilate(kept.astype(np.uint8), np.ones((5, 5), np.uint8))


def _judged(chance: FloatArray, patch: HeadPatch) -> tuple[float, Refusal | None]:
    """Return how sure the hair is, and why it is refused."""
    sure = chance > 0.5
    area = np.count_nonzero(sure) / EYES**2
    maybe = np.count_nonzero((chance > 0.15) & (chance < 0.85)) / EYES**2
    lab = cv2.cvtColor(patch.picture / np.float32(255.0), cv2.COLOR_RGB2LAB)
    skin = skin_weight(patch.picture, skin_area(patch.landmarks, lab.shape)) > 0.6
    if area < _LEAST_AREA:
        if np.count_nonzero(skin) < 40 or _head_is_covered(lab, skin, patch):
            return 0.0, Refusal.COVERED
        return 0.0, Refusal.NO_HAIR
    if maybe > _MOST_UNSURE * area:
        near_skin = np.count_nonzero(skin) >= 40 and _apart(lab, sure, skin) < _LIKE_SKIN
        return 0.0, Refusal.LIKE_SKIN if near_skin else Refusal.LIKE_BACKGROUND
    certainty = float(chance[sure].mean())
    return float(np.clip((certainty - 0.6) / 0.25, 0.0, 1.0)), None


def _apart(lab: FloatArray, first: FloatArray, second: FloatArray) -> float:
    """Return the distance between the median colours of two parts, in CIE Lab."""
    return float(np.linalg.norm(np.median(lab[first], axis=0) - np.median(lab[second], axis=0)))


def _head_is_covered(lab: FloatArray, skin: FloatArray, patch: HeadPatch) -> bool:
    """Tell a hat or a scarf from a bald head by the colour above the forehead."""
    down, across = np.mgrid[: lab.shape[0], : lab.shape[1]].astype(np.float32)
    brow = float(patch.landmarks[17:27, 1].mean())
    above = (brow - down) / EYES
    crown = (above > 0.75) & (above < 1.3) & (np.abs(across - CENTRE[0]) < 0.5 * EYES) & (patch.inside > 0.5)
    return bool(crown.any()) and _apart(lab, crown, skin) > 2.5 * _LIKE_SKIN


def _matte(photo: npt.NDArray, landmarks: FloatArray, patch: HeadPatch, chance: FloatArray) -> npt.NDArray[np.float32]:
    """Draw the hair at the photo's resolution, along its strands.

    In a small window, hair and what is behind it differ along a line of colours, so the matte is a linear function of
    the colour there (the guided filter, He, Sun and Tang, TPAMI 2013). The function is found on a small copy and
    applied to the photo's pixels (He and Sun, Fast guided filter, 2015).
    """
    left, top, right, bottom = region_of(landmarks, photo.shape)
    part = photo[top:bottom, left:right]
    height, width = part.shape[:2]
    shrink = min(1.0, _MATTE_EYES / eye_distance(landmarks))
    size = (max(2, round(width * shrink)), max(2, round(height * shrink)))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255.0)
    eyes = eye_distance(landmarks) * size[0] / width
    drawn = _to_copy(chance, patch, (left, top), (size[0] / width, size[1] / height), size)
    coefficients = _guide(small, drawn, max(1, round(_RADIUS * eyes)))
    limit = np.clip(6.0 * cv2.GaussianBlur(drawn, (0, 0), 0.05 * eyes), 0.0, 1.0)
    alpha = np.empty((height, width), np.float32)
    rows = max(1, _STRIP // width)
    for start in range(0, height, rows):
        stop = min(height, start + rows)
        function = _enlarge(coefficients, size, (width, height), start, stop)
        colour = part[start:stop].astype(np.float32) / np.float32(255.0)
        value = (function[..., :3] * colour).sum(axis=2) + function[..., 3]
        value = np.clip((value - _LOW) / (_HIGH - _LOW), 0.0, 1.0)
        alpha[start:stop] = value * _enlarge(limit, size, (width, height), start, stop)
    return alpha


def _to_copy(
    chance: FloatArray,
    patch: HeadPatch,
    corner: tuple[int, int],
    factor: tuple[float, float],
    size: tuple[int, int],
) -> npt.NDArray[np.float32]:
    """Draw a map of the patch on a copy of the photo's region, reduced by a factor."""
    matrix = patch.matrix_photo_to_patch
    # Copy pixel x is photo pixel (x + 0.5) / factor - 0.5 + corner.
    scale = np.array([1.0 / factor[0], 1.0 / factor[1]])
    shift = 0.5 * scale - 0.5 + np.array(corner)
    to_patch = np.column_stack([matrix[:, :2] * scale, matrix[:, :2] @ shift + matrix[:, 2]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(np.asarray(chance, np.float32), to_patch, size, flags=flags, borderMode=cv2.BORDER_CONSTANT)


def _guide(colour: FloatArray, values: FloatArray, radius: int) -> npt.NDArray[np.float32]:
    """Return the linear function of the colour, (H, W, 4): three slopes and a constant, that is nearest to values."""

    def mean(array: FloatArray) -> npt.NDArray[np.float32]:
        return cv2.blur(np.asarray(array, np.float32), (2 * radius + 1, 2 * radius + 1), borderType=cv2.BORDER_REFLECT)

    middle, value = mean(colour), mean(values)
    joint = mean(colour * values[..., None]) - middle * value[..., None]
    pairs = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
    products = np.stack([colour[..., i] * colour[..., j] for i, j in pairs], axis=2)
    spread = np.concatenate([mean(products[..., :3]), mean(products[..., 3:])], axis=2)
    rr, rg, rb, gg, gb, bb = (spread[..., n] - middle[..., i] * middle[..., j] for n, (i, j) in enumerate(pairs))
    rr, gg, bb = rr + _EPSILON, gg + _EPSILON, bb + _EPSILON
    # The inverse of the symmetric matrix by its cofactors.
    c_rr, c_rg, c_rb = gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb
    c_gg, c_gb, c_bb = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    det = rr * c_rr + rg * c_rg + rb * c_rb
    r, g, b = joint[..., 0], joint[..., 1], joint[..., 2]
    slopes = (
        np.stack(
            [c_rr * r + c_rg * g + c_rb * b, c_rg * r + c_gg * g + c_gb * b, c_rb * r + c_gb * g + c_bb * b], axis=2
        )
        / np.maximum(det, 1e-12)[..., None]
    )
    constant = value - (slopes * middle).sum(axis=2)
    return mean(np.concatenate([slopes, constant[..., None]], axis=2))


def _enlarge(
    values: FloatArray, size: tuple[int, int], full: tuple[int, int], start: int, stop: int
) -> npt.NDArray[np.float32]:
    """Enlarge rows start to stop of a map of ``size`` to ``full``, edges to edges."""
    x, y = size[0] / full[0], size[1] / full[1]
    matrix = np.array([[x, 0.0, 0.5 * x - 0.5], [0.0, y, (start + 0.5) * y - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(
        np.asarray(values, np.float32), matrix, (full[0], stop - start), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
