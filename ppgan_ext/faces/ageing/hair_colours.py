"""The colours of a head's hair, told from those of its skin, to complete what the network is sure of."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing.head_patch import EYES, HeadPatch
from ppgan_ext.faces.ageing.parts import hull
from ppgan_ext.types import FloatArray

_NUM_HAIR, _NUM_SKIN = 3, 2  # normal distributions in the mixtures
_NOISE = np.diag((6.0, 2.0, 2.0))  # added to covariances in CIE Lab
_SURE, _PERSON = 0.6, 0.5
_LEAST_PIXELS = 80
_MORE_LIKELY = 1.0  # log likelihood of hair over skin
_ROUNDS = 2
_ABOVE_CHIN = 0.35  # in eyes' distances: below are clothes and their colours
_AS_SURE = 0.95
_FADE = 1.4
_LEAST_BELOW = 0.3  # chance that counts as none, well below the chin
_GAP, _ABOVE_BROWS = 21, 0.8  # pixels of the widest gap that gloss leaves; height from which, in eyes' distances
# Of the way from the skin's red to the hair's, in CIE Lab's a: from where a crown is hair, and may be hair beside that,
# and how far beyond; how far apart the two must be; how much more or less yellow it may be; how much darker than skin,
# in L*, a fringe is.
_LIKE_HAIR, _RATHER_HAIR, _FARTHEST, _RED_APART, _YELLOW, _DARKER = 0.6, 0.35, 2.0, 4.0, 14.0, 12.0
_FRINGE, _MOST_OF_GAP = 0.3, 0.5  # its least height above the brows, in eyes' distances; share of a gap that must be so
_WIDELY = 30.0  # log likelihood below that of the hair's rarest twentieth


class Mixture(NamedTuple):
    """Normal distributions of colours: log weight and factor, mean, inverse covariance of each."""

    parts: list[tuple[float, npt.NDArray[np.float32], npt.NDArray[np.float32]]]

    @classmethod
    def of(cls, colours: FloatArray, num: int) -> Mixture:
        """Fit to colours (N, 3) by k-means, the same for the same colours."""
        few = np.ascontiguousarray(colours[:: max(1, len(colours) // 3000)], np.float32)
        num = min(num, len(few))
        cv2.setRNGSeed(0)
        _, labels, _ = cv2.kmeans(few, num, None, (3, 12, 0.5), 1, cv2.KMEANS_PP_CENTERS)
        parts = []
        for number in range(num):
            own = few[labels[:, 0] == number]
            if len(own) < 8:
                continue
            spread = np.cov(own.T) + _NOISE
            scale = np.log(len(own) / len(few)) - 0.5 * np.log(np.linalg.det(spread))
            parts.append((float(scale), own.mean(axis=0), np.linalg.inv(spread).astype(np.float32)))
        return cls(parts)

    def log_likelihood(self, colours: FloatArray) -> npt.NDArray[np.float32]:
        """Return that of the likeliest part, (...) for colours (..., 3)."""
        values = [
            scale - 0.5 * (((colours - mean) @ inverse) * (colours - mean)).sum(axis=-1)
            for scale, mean, inverse in self.parts
        ]
        return np.max(values, axis=0)


def complete(
    chance: FloatArray, person: FloatArray, lab: FloatArray, skin: npt.NDArray[np.bool_], patch: HeadPatch
) -> npt.NDArray[np.float32]:
    """Add to sure hair what is joined to it on the person's head and has its colours rather than the skin's.

    Args:
        chance: (240, 192), of hair.
        person: (240, 192), of the person.
        lab: (240, 192, 3), the patch in CIE Lab.
        skin: (240, 192), bare skin of the face.
        patch: the head's surroundings.

    Returns:
        (240, 192), at least ``chance``.
    """
    sure = (chance > _SURE) & (person > _PERSON)
    if min(np.count_nonzero(sure), np.count_nonzero(skin)) < _LEAST_PIXELS:
        return np.asarray(chance, np.float32)
    points = patch.landmarks
    features = hull(points[17:68], lab.shape, 0.03 * EYES)
    allowed = (person > _PERSON) & (patch.inside > 0.5) & (features < 0.5)
    # Below the chin are clothes and their colours: what is added fades out there, without an edge.
    above = np.clip((points[8, 1] - np.arange(len(lab))) / (_FADE * EYES) + 0.8, 0.0, 1.0)[:, None]
    allowed &= above > 0.0
    as_skin = Mixture.of(lab[skin], _NUM_SKIN).log_likelihood(lab)
    found = sure
    for _ in range(_ROUNDS):
        as_hair = Mixture.of(lab[found], _NUM_HAIR).log_likelihood(lab)
        better = cv2.GaussianBlur(np.clip(as_hair - as_skin, -8.0, 8.0), (0, 0), 0.8) > _MORE_LIKELY
        like = as_hair > np.percentile(as_hair[sure], 5) - 1.5
        opened = cv2.morphologyEx((allowed & better & like | sure).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3)))
        _, labels = cv2.connectedComponents(opened | sure.astype(np.uint8))
        found = np.isin(labels, np.unique(labels[sure]))
    added = _AS_SURE * cv2.GaussianBlur(found.astype(np.float32), (0, 0), 1.0)
    return np.maximum(chance, added * above).astype(np.float32)


def close_gaps(chance: FloatArray, person: FloatArray, patch: HeadPatch) -> npt.NDArray[np.float32]:
    """Fill the gaps that gloss leaves in the hair above the forehead; (240, 192), at least ``chance``.

    Args:
        chance: (240, 192), of hair.
        person: (240, 192), of the person.
        patch: the head's surroundings.
    """
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_GAP, _GAP))
    found = cv2.copyMakeBorder((chance > _SURE).astype(np.uint8), *(_GAP,) * 4, cv2.BORDER_CONSTANT, value=0)
    closed = cv2.morphologyEx(found, cv2.MORPH_CLOSE, kernel)[_GAP:-_GAP, _GAP:-_GAP] > 0
    above = (float(patch.landmarks[17:27, 1].mean()) - np.arange(len(chance))[:, None]) / EYES
    filled = closed & (person > _PERSON) & (patch.inside > 0.5) & (above > _ABOVE_BROWS)
    return np.maximum(chance, _AS_SURE * cv2.GaussianBlur(filled.astype(np.float32), (0, 0), 1.0)).astype(np.float32)


def fair_crown(
    chance: FloatArray,
    person: FloatArray,
    lab: FloatArray,
    tone: FloatArray,
    gap: npt.NDArray[np.bool_],
    patch: HeadPatch,
) -> npt.NDArray[np.float32]:
    """Add the fair crown of darker hair, which passes for skin by its light but is less red; at least ``chance``.

    Highlights of a forehead are less red, too, but small: nothing is added unless most of the gap looks so.

    Args:
        chance: (240, 192), of hair.
        person: (240, 192), of the person.
        lab: (240, 192, 3), the patch in CIE Lab.
        tone: (3,), colour of the skin.
        gap: (240, 192), where the crown shows no hair between hair.
        patch: the head's surroundings.
    """
    hair = (chance > _SURE) & (person > _PERSON)
    if np.count_nonzero(hair) < _LEAST_PIXELS or not gap.any():
        return np.asarray(chance, np.float32)
    _, own_red, own_yellow = np.median(lab[hair], axis=0)
    apart = float(tone[1] - own_red)
    if apart < _RED_APART:
        return np.asarray(chance, np.float32)
    like = cv2.GaussianBlur(np.asarray((tone[1] - lab[..., 1]) / apart, np.float32), (0, 0), 1.0)
    above = (float(patch.landmarks[17:27, 1].mean()) - np.arange(len(chance))[:, None]) / EYES
    place = between(hair) & (person > _PERSON) & (patch.inside > 0.5) & (above > _FRINGE)
    fair = place & (like > _LIKE_HAIR) & (like < _FARTHEST) & (np.abs(lab[..., 2] - own_yellow) < _YELLOW)
    if np.count_nonzero(_joined(fair, hair) & gap) < _MOST_OF_GAP * np.count_nonzero(gap):
        return np.asarray(chance, np.float32)
    # The rest of such a crown, down to its fringe, may be redder where it is darker than the forehead.
    darker = cv2.GaussianBlur(lab[..., 0], (0, 0), 1.0) < tone[0] - _DARKER
    added = _joined(fair | place & ((like > _RATHER_HAIR) | darker), hair)
    return np.maximum(chance, _AS_SURE * cv2.GaussianBlur((added | hair).astype(np.float32), (0, 0), 1.0))


def _joined(found: npt.NDArray[np.bool_], hair: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return what was found, without specks and small holes, where it is joined to hair; (240, 192) each."""
    opened = cv2.morphologyEx((found | hair).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3)))
    closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, np.ones((5, 5))) | hair.astype(np.uint8)
    _, labels = cv2.connectedComponents(closed)
    return np.isin(labels, np.setdiff1d(labels[hair], [0])) & ~hair


def between(hair: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return which pixels have hair, (H, W), at both sides in their row."""
    from_left = np.maximum.accumulate(hair, axis=1)
    return np.asarray(from_left & np.maximum.accumulate(hair[:, ::-1], axis=1)[:, ::-1])


def drop_clothes(chance: FloatArray, lab: FloatArray, patch: HeadPatch) -> npt.NDArray[np.float32]:
    """Take away what lies below the chin and has not the colours of the hair above it; (240, 192).

    Down there clothes are as likely as hair, so that more must speak for hair.
    """
    chin = float(patch.landmarks[8, 1]) - _ABOVE_CHIN * EYES
    depth = (np.arange(lab.shape[0], dtype=np.float32)[:, None] - np.float32(chin)) / np.float32(EYES)
    least = _LEAST_BELOW * np.clip(depth / 0.6, 0.0, 1.0)
    # What lies beside the lower face hangs from above too: a dark shoulder or a seat does not.
    kept = _hanging(np.clip((chance - least) / (1.0 - least), 0.0, 1.0).astype(np.float32), int(patch.landmarks[30, 1]))
    above = (chance > _SURE) & (depth < 0.0)
    if np.count_nonzero(above) < _LEAST_PIXELS:
        return kept
    likelihood = cv2.GaussianBlur(Mixture.of(lab[above], _NUM_HAIR).log_likelihood(lab), (0, 0), 1.0)
    # Ends may be bleached or lie in other light, so the colours are taken widely.
    usual = float(np.percentile(likelihood[above], 5))
    like = np.clip((likelihood - usual + _WIDELY) / 10.0, 0.0, 1.0)
    return kept * (1.0 - (1.0 - like) * np.clip(depth / 0.4, 0.0, 1.0)).astype(np.float32)


def _hanging(chance: FloatArray, start: int) -> npt.NDArray[np.float32]:
    """Let a chance below a row be no more than that above it, less far to the side than two pixels a row."""
    result = np.array(chance, np.float32)
    reach = np.ones((1, 5), np.uint8)
    for row in range(max(1, start), len(result)):
        result[row] = np.minimum(result[row], cv2.dilate(result[row - 1 : row], reach)[0])
    return result
