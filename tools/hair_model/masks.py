"""Masks of hair and beards to train with: colour models inside the person's outline, guided by hints drawn by hand.

Hints are places on the patch in distances of the eyes from its top left corner: where the hair ends at the left and
right of the picture (`ends`), polygons it lies in (`only_within`, `surely_within`) or not (`never_within`), whether
there is none (`bare_or_covered`), and how strong a beard of which outline is.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing.beard import beard_outlines
from ppgan_ext.faces.ageing.hair_colours import Mixture
from ppgan_ext.faces.ageing.head_patch import CENTRE, EYES, SHAPE, HeadPatch
from ppgan_ext.faces.ageing.parts import hull, skin_area, skin_weight
from ppgan_ext.faces.mask import face_mask

Mask = npt.NDArray[np.float32]
_ENDS = (3.1, 3.1)  # of short hair
_ROUNDS = 3


def hair_mask(patch: HeadPatch, chance_of_person: Mask, hints: dict) -> Mask:
    """Draw where a patch shows hair, (240, 192) of 0 and 1, inside of the person."""
    nothing = np.zeros(SHAPE, np.float32)
    lab = cv2.cvtColor(patch.picture / np.float32(255.0), cv2.COLOR_RGB2LAB)
    skin = skin_weight(patch.picture, skin_area(patch.landmarks, SHAPE)) > 0.6
    if hints.get("bare_or_covered") or np.count_nonzero(skin) < 40:
        return nothing
    person = (chance_of_person > 0.4) & (patch.inside > 0.5)
    face = face_mask(patch.landmarks, SHAPE, 0.05) > 0.5
    distance = cv2.distanceTransform((~face).astype(np.uint8), cv2.DIST_L2, 5) / EYES
    allowed = _allowed(hints) & person & ((hull(patch.landmarks[17:68], SHAPE, 1.0) < 0.5) | (distance > 0))
    certain = _polygons(hints.get("surely_within", [])) & person
    seeds = _seeds(lab, skin, distance, hints) & allowed & (cv2.erode(person.astype(np.uint8), np.ones((3, 3))) > 0)
    found = seeds | certain
    if np.count_nonzero(found) < 40:
        return nothing
    down = (np.arange(SHAPE[0])[:, None] - CENTRE[1]) / EYES
    as_skin = Mixture.of(lab[skin], 2).log_likelihood(lab)
    for _ in range(_ROUNDS):
        as_hair = Mixture.of(lab[found], 3).log_likelihood(lab)
        better = np.clip(as_hair - as_skin, -8, 8) - 2.5 * (distance < 0.02) - ((distance < 0.10) & (down > -0.9))
        better = cv2.GaussianBlur(better.astype(np.float32), (0, 0), 0.8)
        found = allowed & (better > 0) & (as_hair > np.percentile(as_hair[found], 1) - 3) | certain
    return _cleaned(found, person)


def _seeds(lab: Mask, skin: npt.NDArray[np.bool_], distance: Mask, hints: dict) -> npt.NDArray[np.bool_]:
    """Return what is hair if it is not skin: the crown, or the sides where the crown is bald or covered."""
    middle = np.median(lab[skin], axis=0)
    spread = np.maximum(1.5 * np.median(np.abs(lab[skin] - middle), axis=0), (5.0, 2.5, 2.5))
    unlike_skin = np.abs((lab - middle) / spread).max(axis=2)
    down = (np.arange(SHAPE[0])[:, None] - CENTRE[1]) / EYES
    across = np.abs(np.arange(SHAPE[1])[None] - CENTRE[0]) / EYES
    if "hair_at_the_sides" in hints or "only_within" in hints:
        near = (distance > 0.03) & (distance < 0.6) & (down < 0.2) & (down > -1.3) & (across > 0.8)
        return near & (unlike_skin > 1.5)
    return (down < -1.1) & (distance > 0.1) & ((unlike_skin > 1.5) | (down < -1.6))


def _allowed(hints: dict) -> npt.NDArray[np.bool_]:
    left, right = hints.get("ends", _ENDS)
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    allowed = rows / EYES < np.where(columns < CENTRE[0], left, right)
    if "only_within" in hints:
        allowed &= _polygons(hints["only_within"])
    return allowed & ~_polygons(hints.get("never_within", []))


def _polygons(polygons: list) -> npt.NDArray[np.bool_]:
    drawn = np.zeros(SHAPE, np.uint8)
    for polygon in polygons:
        cv2.fillPoly(drawn, [np.int32(np.asarray(polygon) * EYES)], 1)
    return drawn > 0


def _cleaned(found: npt.NDArray[np.bool_], person: npt.NDArray[np.bool_]) -> Mask:
    """Drop specks, close gaps and fill small holes."""
    mask = found.astype(np.uint8)
    for value, least in ((1, 25), (0, 30)):
        _, labels, stats, _ = cv2.connectedComponentsWithStats((mask == value).astype(np.uint8))
        small = [n for n in range(1, len(stats)) if stats[n, cv2.CC_STAT_AREA] < least]
        mask[np.isin(labels, small)] = 1 - value
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((3, 3))) * person.astype(np.uint8)
    return mask.astype(np.float32)


def beard_mask(points: npt.NDArray[np.floating], strengths: dict[str, float]) -> Mask:
    """Draw a beard's outline from the patch's landmarks (68, 2), (240, 192) in [0, 1].

    Args:
        points: the landmarks.
        strengths: of a "full" beard, a "goatee", a "moustache", each 0 to 1.
    """
    outlines = beard_outlines(points, SHAPE)
    shapes = outlines | {"full": np.max(list(outlines.values()), axis=0)}
    mask = np.zeros(SHAPE, np.float32)
    for name, strength in strengths.items():
        mask = np.maximum(mask, np.float32(strength) * shapes[name])
    return mask
