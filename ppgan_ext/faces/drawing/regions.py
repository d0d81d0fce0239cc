"""What of a head is skin, hair and cloth: every pixel of the person is one of the three."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.drawing.colours import Colour, Picture
from ppgan_ext.faces.drawing.head import Head, clean
from ppgan_ext.faces.drawing.strokes import Mask, area
from ppgan_ext.faces.grab_cut import foreground, grab_cut
from ppgan_ext.faces.landmarks import BOTH_BROWS, JAW, LEFT_EYE, LIPS, NOSTRILS, RIGHT_EYE
from ppgan_ext.faces.mask import draw_part, face_outline
from ppgan_ext.types import FloatArray

_LEAST_SPREAD = (9.0, 3.5, 3.5)  # of the skin's colour in CIE Lab
_DARKER, _BRIGHTER = 0.45, 0.7  # light tells less than colour, and shade less than shine
_FAR, _FAR_ASIDE = 3.4, 2.0  # spreads at which a colour is no longer the skin's; on clothes beside the neck
_NECK, _NECKLINE = 0.85, 0.6  # width of the neck, as a share of the jaw's; by how much the neckline widens downwards
_NEARBY, _MOST_UNKNOWN = 14.0, 0.1  # units around a pixel; share of the person there that must be skin or hair
_ISLAND = 0.25  # area of a shining spot on a bald head at most, in squares of the eyes' distance
_SURE_HAIR, _LIKELY_HAIR, _NO_HAIR = 0.85, 0.3, 0.01
_CUT_EYES = 48.0  # pixels between the eyes of the copy on which hair is cut out
_CHEEKS = [1, 3, 5, 11, 13, 15, 27, 30]
_FEATURES = (RIGHT_EYE, LEFT_EYE, LIPS, NOSTRILS)
_STEPS = 3  # of `grab_cut`
_FEW = 24  # pixels that suffice to know a colour
_LOWER_LIP = 57


class Regions(NamedTuple):
    """Parts of a person; the masks add up to the person.

    Attributes:
        person: all of it.
        face: the outline of the face with the forehead, whatever covers it.
        skin: bare skin.
        hair: hair of the head.
        cloth: the rest.
        tone: median colour of the face's skin, CIE Lab.
    """

    person: Mask
    face: Mask
    skin: Mask
    hair: Mask
    cloth: Mask
    tone: Colour


def find_regions(head: Head, lab: Picture) -> Regions:
    """Divide a head.

    Args:
        head: the head.
        lab: its picture without grain, CIE Lab.
    """
    person = clean(head.person, 2.0 * head.unit)
    hair = _hair(head) * person
    face = area(face_outline(head.landmarks), head.shape)
    skin, tone = _skin(head, lab, face, hair, person)
    skin, hair = _decided(head, lab, skin, hair, person, tone)
    return Regions(person, face, skin, hair, np.clip(person - np.maximum(hair, skin), 0.0, 1.0), tone)


def _hair(head: Head) -> Mask:
    """Return the hair, whose outline on the face is found by `grab_cut` on a small copy.

    The chances leave out locks whose colour is near to the skin's; the colours of the head itself tell them.
    """
    factor = min(1.0, _CUT_EYES / head.eyes)
    size = (max(2, round(head.shape[1] * factor)), max(2, round(head.shape[0] * factor)))
    picture, chance, person = (
        cv2.resize(part, size, interpolation=cv2.INTER_AREA) for part in (head.image, head.hair, head.person)
    )
    points = (head.landmarks + 0.5) * (size[0] / head.shape[1], size[1] / head.shape[0]) - 0.5
    kinds = _hair_kinds(chance, person, points)
    skin = picture[(draw_part(points[_CHEEKS], chance.shape, 0) > 0.5) & (chance < _LIKELY_HAIR)]
    if np.count_nonzero(kinds == cv2.GC_FGD) < _FEW or len(skin) < _FEW:
        return np.zeros(head.shape, np.float32)
    # What is behind the head must not count among the colours that are none of the hair's.
    picture[person < 0.5] = np.median(skin, axis=0)
    grab_cut(picture, kinds, _STEPS)
    found = cv2.GaussianBlur(foreground(kinds), (0, 0), 1.0)
    found = cv2.resize(found, head.shape[::-1], interpolation=cv2.INTER_CUBIC)
    # At the head's outline the person's mask decides.
    outer = (head.person < 0.95) * cv2.GaussianBlur(found, (0, 0), 4 * head.unit) * 2
    return clean(np.clip(np.maximum(found, outer), 0, 1), 1.6 * head.unit)


def _hair_kinds(chance: FloatArray, person: FloatArray, points: FloatArray) -> npt.NDArray[np.uint8]:
    """Return what is surely or probably hair or not, in OpenCV's numbers.

    The face below the brows is not, nor are clothes: of them the chances are right.
    """
    likely = chance > _LIKELY_HAIR
    kinds = np.where(likely, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    kinds[cv2.GaussianBlur(likely.astype(np.float32), (0, 0), 0.25 * _CUT_EYES) < 0.02] = cv2.GC_BGD
    below = np.arange(chance.shape[0])[:, None] > points[_LOWER_LIP, 1]
    kinds[np.where(below, ~likely, chance < _NO_HAIR)] = cv2.GC_BGD
    brows = points[BOTH_BROWS] + 0.04 * (points[27] - points[8])
    kinds[draw_part(np.vstack([points[JAW], brows]), chance.shape, 0) > 0.5] = cv2.GC_BGD
    kinds[chance > _SURE_HAIR] = cv2.GC_FGD
    kinds[person < 0.5] = cv2.GC_BGD
    return kinds


def _skin(head: Head, lab: Picture, face: Mask, hair: Mask, person: Mask) -> tuple[Mask, Colour]:
    """Return the skin, and the face's median colour: the face, and what has its colour and touches it."""
    sure = draw_part(head.landmarks[_CHEEKS], head.shape, 0)
    for points in _FEATURES:
        sure = sure * (1 - draw_part(head.landmarks[points], head.shape, 3 * head.unit))
    chosen = (sure > 0.5) & (hair < 0.3)
    if np.count_nonzero(chosen) < _FEW:
        chosen = face > 0.5
    tone = np.median(lab[chosen], axis=0)
    spread = np.maximum(1.4826 * np.median(np.abs(lab[chosen] - tone), axis=0), _LEAST_SPREAD)
    apart = np.square((lab - tone) / spread)
    apart[..., 0] *= np.where(lab[..., 0] < tone[0], _DARKER**2, _BRIGHTER**2)
    far = _FAR + (_FAR_ASIDE - _FAR) * _beside_neck(head)
    alike = np.clip(far - np.sqrt(apart[..., 0] + apart[..., 1] + apart[..., 2]), 0, 1)
    # Single pixels of another colour belong to what surrounds them.
    alike = cv2.medianBlur(np.rint(alike * 255).astype(np.uint8), _odd(11 * head.unit)).astype(np.float32) / 255
    alike = cv2.GaussianBlur(alike, (0, 0), 2 * head.unit)
    joined = _touching(np.maximum(alike * person, face) > 0.5, face > 0.5)
    skin = np.maximum(clean(joined.astype(np.float32), 2.5 * head.unit), face) * person * (1 - hair)
    return np.asarray(skin, np.float32), np.asarray(tone, np.float32)


def _beside_neck(head: Head) -> Mask:
    """Return what lies below the chin and outside a neckline, which widens downwards from the width of the neck."""
    left, chin, right = head.landmarks[[4, 8, 12]]
    down = np.arange(head.shape[0], dtype=np.float32)[:, None] - np.float32(chin[1])
    aside = np.abs(np.arange(head.shape[1], dtype=np.float32)[None] - np.float32(left[0] + right[0]) / 2)
    half = _NECK * abs(float(right[0] - left[0])) / 2
    outside = np.clip((aside - half - _NECKLINE * np.maximum(down, 0)) / (10 * head.unit) + 0.5, 0, 1)
    return np.asarray(outside * np.clip(down / (20 * head.unit), 0, 1), np.float32)


def _decided(head: Head, lab: Picture, skin: Mask, hair: Mask, person: Mask, tone: Colour) -> tuple[Mask, Mask]:
    """Divide what is undecided above the chin among skin and hair: shining foreheads, thin hair at the temples.

    Without hair, large parts are a covering, and stay what they are.
    """
    above = np.arange(head.shape[0])[:, None] < head.landmarks[_LOWER_LIP, 1]
    sure = draw_part(head.landmarks[_CHEEKS], head.shape, 0) > 0.5
    undecided = (person > 0.5) & (np.maximum(skin, hair) < 0.5) & above
    if (hair > 0.6).any():
        dark = float(np.median(lab[..., 0][hair > 0.6]))
        like_skin = np.abs(lab[..., 0] - tone[0]) < np.abs(lab[..., 0] - dark)
        known = ((skin > 0.5) | (hair > 0.5)).astype(np.float32)
        around = [cv2.GaussianBlur(part, (0, 0), _NEARBY * head.unit) for part in (known, person)]
        undecided &= around[0] > _MOST_UNKNOWN * around[1]
    else:
        _, labels, statistics, _ = cv2.connectedComponentsWithStats(undecided.astype(np.uint8))
        small = statistics[:, cv2.CC_STAT_AREA] < _ISLAND * head.eyes**2
        small[0] = False
        undecided, like_skin = small[labels], np.ones(head.shape, bool)
    bare = np.maximum(skin, undecided & like_skin) > 0.5
    # Skin within the hair, or joined to the face by a thread along its outline, is a bright lock.
    core = _touching(clean(bare.astype(np.float32), 3 * head.unit) > 0.5, sure)
    face = cv2.GaussianBlur(core.astype(np.float32), (0, 0), 5 * head.unit) > 0.02
    locks = bare & ~face & above if (hair > 0.6).any() else np.zeros_like(bare)
    hair = clean(np.maximum(hair, (undecided & ~like_skin) | locks), 1.6 * head.unit) * person
    return clean((bare & ~locks).astype(np.float32), 1.6 * head.unit) * person * (1 - hair), hair


def _touching(mask: npt.NDArray[np.bool_], seed: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return the connected parts of a mask that contain some of the seed."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8))
    return mask & np.isin(labels, np.unique(labels[seed & mask]))


def _odd(width: float) -> int:
    """Return the odd number nearest to a width, from 3 on; OpenCV's median of bytes takes any."""
    return 2 * max(1, round((width - 1) / 2)) + 1
