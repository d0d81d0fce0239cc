"""Masks of the parts of a face on which age is drawn, from landmarks and colours."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing.bands import blur
from ppgan_ext.faces.ageing.frame import eye_distance
from ppgan_ext.faces.landmarks import LEFT_EYE, RIGHT_EYE
from ppgan_ext.faces.mask import face_mask
from ppgan_ext.types import FloatArray

# What is cut out of the skin: points of the landmarks, and by how much they are widened, as a share of the eyes' distance.
_HOLES = (
    (RIGHT_EYE, 0.02), (LEFT_EYE, 0.02), (slice(48, 60), 0.02), (slice(17, 22), 0.045), (slice(22, 27), 0.045),
    (slice(31, 36), 0.035),
)  # fmt: skip
_SOFT = 0.02


def skin_area(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw where a face has bare skin if nothing covers it: without eyes, brows, nostrils and lips; (H, W) in [0, 1]."""
    eyes = eye_distance(landmarks)
    mask = face_mask(landmarks, shape, feather=0.06)
    for points, width in _HOLES:
        hole = hull(landmarks[points], shape, width * eyes)
        mask = np.minimum(mask, 1.0 - blur(hole, _SOFT * eyes))
    return mask.astype(np.float32)


def hull(points: FloatArray, shape: tuple[int, ...], width: float) -> npt.NDArray[np.float32]:
    """Draw the convex hull of points (N, 2), widened by ``width`` pixels, (H, W) of 0 and 1."""
    drawn = np.zeros(shape[:2], np.float32)
    outline = np.rint(cv2.convexHull(np.asarray(points, np.float32)) * 16).astype(np.int32)
    cv2.fillConvexPoly(drawn, outline, 1.0, cv2.LINE_8, 4)
    if width > 0:
        cv2.polylines(drawn, [outline], True, 1.0, max(1, round(2 * width)), cv2.LINE_8, 4)
    return drawn


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
    lab = cv2.cvtColor(np.asarray(picture, np.float32) / np.float32(255.0), cv2.COLOR_RGB2LAB)
    inside = area > 0.6
    if np.count_nonzero(inside) < 24:
        return np.asarray(area, np.float32)
    light, colour = lab[..., 0], lab[..., 1:]
    middle = np.median(lab[inside], axis=0)
    spread = 1.4826 * np.median(np.abs(lab[inside] - middle), axis=0)
    below = (middle[0] - light) / max(1.6 * float(spread[0]), 0.16 * float(middle[0]), 4.0)
    # The nearest point between the skin's colour and grey, for what is brighter than the skin.
    share = np.clip(colour @ middle[1:] / max(float(middle[1:] @ middle[1:]), 1e-3), 0.0, 1.0)
    share = np.where(light > middle[0], share, 1.0)[..., None].astype(np.float32)
    apart = (colour - share * middle[1:]) / np.maximum(1.6 * spread[1:], 4.5)
    distance = np.maximum(below, np.sqrt((apart * apart).sum(axis=2)))
    return np.asarray(area * np.clip(3.0 - distance, 0.0, 1.0), np.float32)
