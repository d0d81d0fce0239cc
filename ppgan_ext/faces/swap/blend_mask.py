"""The mask within which a swapped face replaces the photo's: inside the face, where it is known, not over hair."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.landmarks import BOTH_BROWS, LIPS
from ppgan_ext.faces.mask import WHOLE_FOREHEAD, WITH_RIM, draw_part, face_mask, height_above_brows
from ppgan_ext.faces.morphology import disc
from ppgan_ext.faces.ramps import smooth_step
from ppgan_ext.faces.skin import bare_skin, even_lab, face_size
from ppgan_ext.types import FloatArray

# Lengths are shares of the face's size.
_INSET = 0.02  # how far inside its outline the face ends, so that the border lies on skin
_AROUND_MOUTH, _MOUTH_SOFT = 0.025, 0.015  # lips are never mixed of both people's
_MOUTH_BAND = 0.08  # height above the mouth over which locks at the outline begin to count
_FADE = (0.14, 0.46)  # heights above the brows between which the forehead fades: a fold that is cut off is seen at once
_BESIDE = 0.2  # width of the band along the outline where hair may hang
_SOFT = 0.025  # width of soft edges
# Cloth along the outline has a hue so far from the skin's, in Lab, and is as colourful, as no hair is; it is
# closed over the gaps in its pattern, and this much wider.
_CLOTH, _AS_COLORFUL, _PATTERN, _EDGE = (12.0, 18.0), 0.8, 0.03, 0.015
_FEW = 24  # pixels of skin
_FAINT = 0.02  # mask value above which pixels count as connected


def blend_mask(
    landmarks: FloatArray,
    shown: FloatArray,
    foreign: Iterable[FloatArray],
    headwear: FloatArray,
    feather: float,
    cloth: FloatArray | None = None,
) -> npt.NDArray[np.float32]:
    """Compute the share of each pixel that the swapped face replaces.

    Args:
        landmarks: (68, 2), the face's.
        shown: (H, W) in [0, 1], how far the face is known.
        foreign: (H, W) in [0, 1] each, one of the face and one of the photo below it: where they show something other
            than skin (`skin.find_skin`). Only locks along the outline, above the mouth, count: a beard belongs to the
            face, and highlights to its forehead.
        headwear: (H, W) in [0, 1], what hangs over the forehead of either (`headwear.find_headwear`).
        feather: width of the soft edge, a share of the face's size.
        cloth: (H, W) in [0, 1], colourful cloth over the face (`find_cloth`): it counts along the whole outline.

    Returns:
        (H, W) float32 in [0, 1].
    """
    mask = face_mask(landmarks, shown.shape, feather, WHOLE_FOREHEAD) * _fades_upwards(landmarks, shown.shape)
    rise = _INSET / feather
    start = smooth_step(rise)
    mask = np.maximum(np.clip((mask - start) / (1.0 - start), 0.0, 1.0), _mouth(landmarks, shown.shape))
    mask = (mask * shown * (1.0 - headwear) * _free_of_locks(landmarks, shown.shape, foreign, cloth)).astype(np.float32)
    # Keep the largest piece only: the photo stays where hair cuts a piece off.
    _, pieces, stats, _ = cv2.connectedComponentsWithStats((mask > _FAINT).astype(np.uint8))
    if len(stats) > 2:
        mask[pieces != 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))] = 0.0
    return mask


def _mouth(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw the mouth within the face, softly, (H, W) in [0, 1]: of a turned head, its far corner is at the outline."""
    size = face_size(landmarks)
    drawn = draw_part(landmarks[LIPS], shape, _AROUND_MOUTH * size) * draw_part(landmarks, shape, WITH_RIM)
    return cv2.GaussianBlur(drawn, (0, 0), max(0.5, _MOUTH_SOFT * size))


def _fades_upwards(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Return a weight, (H, W), that falls slowly from 1 above the brows to 0 at the hairline."""
    rise = np.clip((height_above_brows(landmarks, shape) - _FADE[0]) / (_FADE[1] - _FADE[0]), 0.0, 1.0)
    return np.asarray(1.0 - smooth_step(rise), np.float32)


def _free_of_locks(
    landmarks: FloatArray, shape: tuple[int, ...], foreign: Iterable[FloatArray], cloth: FloatArray | None
) -> npt.NDArray[np.float32]:
    """Return a weight, (H, W), that is 0 under locks and cloth along the outline in either picture, and 1 elsewhere."""
    size = face_size(landmarks)
    up = landmarks[BOTH_BROWS].mean(axis=0) - landmarks[33]
    up = up / max(float(np.hypot(*up)), 1e-6)
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    height = (x * up[0] + y * up[1] - float((landmarks[[48, 54]] @ up).mean())) / size
    inside = face_mask(landmarks, shape, feather=0.02) > 0.5
    outline = np.clip(1.5 - 2.0 * soft_rise(inside, _BESIDE * size), 0.0, 1.0)
    above = outline * np.clip(height / _MOUTH_BAND, 0.0, 1.0)
    free = np.ones(shape, np.float32)
    found = [(weight, above) for weight in foreign] + ([] if cloth is None else [(cloth, outline)])
    for weight, where in found:
        # Erosion widens narrow strands, so that they count as much as locks; the blur softens the rest.
        skin = cv2.erode(1.0 - weight, np.ones((3, 3), np.uint8))
        bare = np.clip(1.6 * cv2.GaussianBlur(skin, (0, 0), max(1.0, _SOFT * size)) - 0.6, 0.0, 1.0)
        free = np.minimum(free, 1.0 - where * (1.0 - bare))
    return free.astype(np.float32)


def find_cloth(landmarks: FloatArray, picture: FloatArray) -> npt.NDArray[np.float32]:
    """Find colourful cloth over a face, as a scarf's edge, (H, W) in [0, 1]; ``picture`` is (H, W, 3) RGB, 0 to 255."""
    expected = bare_skin(landmarks, picture.shape)
    if np.count_nonzero(expected > 0.5) < _FEW:
        return np.zeros(expected.shape, np.float32)
    color = even_lab(picture, expected)[..., 1:]
    skin = np.median(color[expected > 0.5], axis=0)
    along = skin / max(float(np.linalg.norm(skin)), 1e-3)
    # Gloss and shade of skin are more or less colourful, but of no other hue.
    colorful, apart = np.linalg.norm(color, axis=2), np.abs(color[..., 0] * along[1] - color[..., 1] * along[0])
    apart = np.where(color @ along < 0.0, colorful, apart)
    cloth = np.clip((apart - np.float32(_CLOTH[0])) / np.float32(np.ptp(_CLOTH)), 0.0, 1.0)
    cloth *= (colorful > _AS_COLORFUL * float(np.linalg.norm(skin))) * (bare_skin(landmarks, picture.shape, 0.02) > 0.5)
    kernel = disc(_PATTERN * face_size(landmarks))
    whole = cv2.morphologyEx(np.asarray(cloth, np.float32), cv2.MORPH_CLOSE, kernel)
    return np.asarray(cv2.dilate(whole, disc(_EDGE * face_size(landmarks))), np.float32)


def soft_rise(inside: npt.NDArray[np.bool_], width: float) -> npt.NDArray[np.float32]:
    """Return a smooth ramp, (H, W), from 0 at the border of a set to 1 ``width`` pixels inside it.

    The slope is 0 at both ends.
    """
    depth = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    rise = np.clip(depth / max(width, 1.0), 0.0, 1.0)
    return smooth_step(rise)
