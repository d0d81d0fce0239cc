"""Masks of the parts of a face on which age is drawn, from landmarks and colours."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.axes import eye_distance, upwards
from ppgan_ext.faces.head.bands import blur
from ppgan_ext.faces.landmarks import (
    BOTH_EYES,
    INNER_LIPS,
    LEFT_BROW,
    LEFT_EYE,
    LIPS,
    NOSE,
    NOSTRILS,
    RIGHT_BROW,
    RIGHT_EYE,
)
from ppgan_ext.faces.mask import draw_part, face_mask
from ppgan_ext.faces.morphology import disc
from ppgan_ext.types import FloatArray

# What is cut out of the skin: points of the landmarks, and by how much they are widened, in distances of the eyes.
_HOLES = (
    (RIGHT_EYE, 0.02), (LEFT_EYE, 0.02), (LIPS, 0.02), (RIGHT_BROW, 0.045), (LEFT_BROW, 0.045),
    (NOSTRILS, 0.035),
)  # fmt: skip
_SOFT = 0.02
_NECK = (1.08, 1.32)  # the neck lies between the jaw's outline enlarged by these factors
_LEAST_NECK = 0.25  # share of it that must look like skin
_COLOURLESS = 8.0  # chroma of skin below which white tells nothing
_WHITE = (0.10, 0.25)  # of the skin's colour that is left: in white cloth, and in highlights
_CLOTH = 0.03  # least width of cloth, as a share of the picture's
_CRUMB, _PIECE = 0.018, 0.05  # half the least width of skin in the eyes' distance, and its least area in squares of it
_EYE_STAYS = 0.35
_INNER = 0.28  # width of the slow rise, see `mask.face_mask`
# Where marks change who a face seems to be more than how old it looks, and how far they can be held back there.
_NOSE_HELD, _BROWS_HELD, _LIDS_HELD, _CHEEKS_HELD = 0.8, 0.8, 0.4, 0.5
_LIDS_BELOW, _UPPER_SOFT = 0.1, 0.2  # the upper face ends so far below the eyes, and fades so slowly, in their distance
_CHEEK_INWARDS = 0.36  # how far the outer cheeks reach from the jaw to the nose
_IRIS = 0.095  # radius of an iris, as a share of the eyes' distance
# Brows, lips, and the opening of the mouth.
_PARTS_STAY = (
    (RIGHT_BROW, 0.03, 0.25),
    (LEFT_BROW, 0.03, 0.25),
    (LIPS, 0.0, 0.7),
    (INNER_LIPS, 0.01, 0.9),
)


def skin_area(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw where an uncovered face has bare skin: not eyes, brows, nostrils, lips; (H, W) in [0, 1]."""
    eyes = eye_distance(landmarks)
    mask = face_mask(landmarks, shape, feather=0.06)
    for points, width in _HOLES:
        hole = draw_part(landmarks[points], shape, width * eyes)
        mask = np.minimum(mask, 1.0 - blur(hole, _SOFT * eyes))
    return mask.astype(np.float32)


def skin_weight(picture: npt.NDArray, area: FloatArray) -> npt.NDArray[np.float32]:
    """Tell skin from what covers it: hair, glasses, hands in shadow, scarves.

    Skin differs in light more than in colour. Highlights are skin: they are brighter and have less colour of the same
    hue. Darker places are not: hair and beards.

    Args:
        picture: (H, W, 3) RGB, 0 to 255.
        area: (H, W) in [0, 1], where skin is expected.

    Returns:
        (H, W) in [0, 1].
    """
    if np.count_nonzero(area > 0.6) < 24:
        return np.asarray(area, np.float32)
    # Nothing is skin where none is expected, so only the face and what tells cloth around it is looked at.
    cloth = max(3, round(_CLOTH * area.shape[1])) | 1
    places = (np.flatnonzero(area.max(axis=axis) > 0.0) for axis in (1, 0))
    window = tuple(slice(max(int(there[0]) - cloth, 0), int(there[-1]) + cloth + 1) for there in places)
    weight = np.zeros(area.shape, np.float32)
    weight[window] = _skin_weight_within(picture[window], area[window], cloth)
    return weight


def _skin_weight_within(picture: npt.NDArray, area: FloatArray, cloth: int) -> npt.NDArray[np.float32]:
    """Return the `skin_weight` of a picture's window; ``cloth`` is the least size of cloth in pixels."""
    lab = cv2.cvtColor(np.asarray(picture, np.float32) / np.float32(255.0), cv2.COLOR_RGB2LAB)
    inside = area > 0.6
    light, colour = lab[..., 0], lab[..., 1:]
    middle = np.median(lab[inside], axis=0)
    spread = 1.4826 * np.median(np.abs(lab[inside] - middle), axis=0)
    below = (middle[0] - light) / max(1.6 * float(spread[0]), 0.16 * float(middle[0]), 4.0)
    # The nearest point between the skin's colour and grey, for what is brighter than the skin.
    share = np.clip(colour @ middle[1:] / max(float(middle[1:] @ middle[1:]), 1e-3), 0.0, 1.0)
    share = np.where(light > middle[0], share, 1.0)[..., None].astype(np.float32)
    apart = (colour - share * middle[1:]) / np.maximum(1.6 * spread[1:], 4.5)
    distance = np.maximum(below, np.sqrt((apart * apart).sum(axis=2)))
    weight = area * np.clip(3.0 - distance, 0.0, 1.0)
    if float(np.hypot(*middle[1:])) > _COLOURLESS:
        weight = weight * (1.0 - _white_cloth(share[..., 0] * (light > middle[0]) + (light <= middle[0]), cloth))
    return np.asarray(weight, np.float32)


def _white_cloth(share: FloatArray, size: int) -> npt.NDArray[np.float32]:
    """Return where a large area is brighter than skin and has nothing of its colour; (H, W) in [0, 1].

    Highlights of skin keep some of it, or are small.
    """
    none, full = _WHITE
    white = np.clip((full - share) / (full - none), 0.0, 1.0).astype(np.float32)
    return cv2.morphologyEx(white, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))


def without_crumbs(skin: FloatArray, eyes: float) -> npt.NDArray[np.float32]:
    """Keep skin in large pieces and drop crumbs, as a patterned scarf shows them; (H, W) in [0, 1].

    Args:
        skin: (H, W) in [0, 1].
        eyes: distance of the eyes, pixels.
    """
    radius = max(1, round(_CRUMB * eyes))
    whole = cv2.erode((skin > 0.5).astype(np.uint8), disc(radius))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(whole)
    large = np.flatnonzero(stats[:, cv2.CC_STAT_AREA] > _PIECE * eyes * eyes)
    kept = np.isin(labels, large[large > 0]).astype(np.uint8)
    return skin * blur(cv2.dilate(kept, disc(2 * radius)).astype(np.float32), 0.5 * radius)


def mark_weight(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw how far marks of age may change a face: skin fully, lids, brows and lips in part, irises not; (H, W)."""
    eyes = eye_distance(landmarks)
    weight = face_mask(landmarks, shape, feather=0.07)
    for eye in (RIGHT_EYE, LEFT_EYE):
        opening = blur(draw_part(landmarks[eye], shape, 0.0), 0.015 * eyes)
        weight = weight * (1.0 - _EYE_STAYS * opening) * (1.0 - iris(landmarks[eye], shape, eyes) * opening)
    for points, width, stays in _PARTS_STAY:
        weight = weight * (1.0 - stays * blur(draw_part(landmarks[points], shape, width * eyes), 0.015 * eyes))
    return weight.astype(np.float32)


def inner(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw a mask that rises slowly from the face's outline inwards, and is 1 below the jaw too; (H, W) in [0, 1]."""
    rise = face_mask(landmarks, shape, feather=_INNER)
    below = draw_part(np.vstack([landmarks[2:15], landmarks[2:15] + (landmarks[8] - landmarks[27])]), shape, 0.0)
    return np.maximum(rise, blur(below, 0.1 * eye_distance(landmarks)))


def nose(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw the nose with its bridge up to the brows, soft, (H, W) in [0, 1]."""
    eyes = eye_distance(landmarks)
    bridge = landmarks[[21, 22, 27]].mean(axis=0)
    points = np.vstack([bridge, landmarks[NOSE]])
    return blur(draw_part(points, shape, 0.06 * eyes), 0.04 * eyes)


def between_brows(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw where a frown lies, soft, (H, W) in [0, 1]."""
    eyes = eye_distance(landmarks)
    ends = landmarks[[21, 22]]
    points = np.vstack([ends, ends + 0.3 * eyes * upwards(landmarks)])
    return blur(draw_part(points, shape, 0.02 * eyes), 0.05 * eyes)


def above_eyes(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw the upper face, where folds of the forehead and crow's feet lie, soft below, (H, W) in [0, 1]."""
    eyes, middle, up = eye_distance(landmarks), landmarks[BOTH_EYES].mean(axis=0), upwards(landmarks)
    x = np.arange(shape[1], dtype=np.float32)[None, :] - np.float32(middle[0])
    y = np.arange(shape[0], dtype=np.float32)[:, None] - np.float32(middle[1])
    height = (x * np.float32(up[0]) + y * np.float32(up[1])) / np.float32(eyes)
    return np.clip(1.0 + (height + np.float32(_LIDS_BELOW)) / np.float32(_UPPER_SOFT), 0.0, 1.0).astype(np.float32)


def held_places(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw how far marks can be held back to keep a face recognisable: nose, brows, lids and outer cheeks; (H, W).

    Marks there change what is known of a person most for the years that they add.
    """
    eyes = eye_distance(landmarks)
    held = _NOSE_HELD * nose(landmarks, shape)
    for brow, eye, jaw in ((RIGHT_BROW, RIGHT_EYE, slice(1, 6)), (LEFT_BROW, LEFT_EYE, slice(11, 16))):
        inwards = landmarks[jaw] + _CHEEK_INWARDS * (landmarks[33] - landmarks[jaw])
        for points, width, share in (
            (landmarks[brow], 0.05, _BROWS_HELD),
            (np.vstack([landmarks[brow], landmarks[eye]]), 0.06, _LIDS_HELD),
            (np.vstack([landmarks[jaw], inwards]), 0.04, _CHEEKS_HELD),
        ):
            held = np.maximum(held, share * blur(draw_part(points, shape, width * eyes), 0.04 * eyes))
    return held.astype(np.float32)


def cheap_places(held: FloatArray) -> npt.NDArray[np.float32]:
    """Return where marks add years and hardly change who a face seems to be, (H, W) in [0, 1], from `held_places`."""
    return np.clip(np.float32(1.0) - held / np.float32(_NOSE_HELD), 0.0, 1.0).astype(np.float32)


def iris(eye: FloatArray, shape: tuple[int, ...], eyes: float) -> npt.NDArray[np.float32]:
    """Draw the disc of an iris, its rim soft, from the six landmarks of the eye; (H, W) in [0, 1]."""
    middle, radius = eye.mean(axis=0), _IRIS * eyes
    x = np.arange(shape[1], dtype=np.float32)[None, :] - np.float32(middle[0])
    y = np.arange(shape[0], dtype=np.float32)[:, None] - np.float32(middle[1])
    return np.clip((1.15 * radius - np.hypot(x, y)) / (0.3 * radius), 0.0, 1.0).astype(np.float32)


def neck(picture: npt.NDArray, landmarks: FloatArray, face: FloatArray) -> npt.NDArray[np.float32]:
    """Find the bare skin of the neck, below the jaw as far as the mesh reaches; nothing where it is covered.

    The neck lies in the chin's shadow, so its light is its own; only its colour is compared with the face's.

    Args:
        picture: (H, W, 3) RGB, 0 to 255.
        landmarks: (68, 2) of it.
        face: (H, W) in [0, 1], the bare skin of the face.

    Returns:
        (H, W) in [0, 1].
    """
    eyes, shape = eye_distance(landmarks), picture.shape[:2]
    none = np.zeros(shape, np.float32)
    middle = landmarks[[27, 30]].mean(axis=0)
    jaw = landmarks[4:13]
    area = np.zeros(shape, np.float32)
    outline = np.vstack([middle + _NECK[0] * (jaw - middle), (middle + _NECK[1] * (jaw - middle))[::-1]])
    cv2.fillPoly(area, [np.rint(outline * 16).astype(np.int32)], 1.0, cv2.LINE_8, 4)
    area = blur(cv2.erode(area, np.ones((3, 3)), iterations=max(1, round(0.02 * eyes))), 0.03 * eyes)
    known = face > 0.6
    if np.count_nonzero(known) < 24 or not (area > 0.5).any():
        return none
    lab = cv2.cvtColor(np.asarray(picture, np.float32) / np.float32(255.0), cv2.COLOR_RGB2LAB)
    colour = np.median(lab[known][:, 1:], axis=0)
    spread = 1.4826 * np.median(np.abs(lab[known][:, 1:] - colour), axis=0)
    apart = np.sqrt((((lab[..., 1:] - colour) / np.maximum(1.6 * spread, 3.5)) ** 2).sum(axis=2))
    likely = (area > 0.5) & (apart < 2.0)
    if np.count_nonzero(likely) < _LEAST_NECK * np.count_nonzero(area > 0.5):
        return none
    light = float(np.median(lab[likely][:, 0]))
    deviation = np.abs(lab[..., 0] - light)
    wide = max(1.6 * 1.4826 * float(np.median(deviation[likely])), 0.15 * light, 4.0)
    return np.asarray(area * np.clip(2.6 - np.maximum(apart, deviation / wide), 0.0, 1.0), np.float32)
