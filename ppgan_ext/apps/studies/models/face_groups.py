"""Groups of faces by age and skin tone, over which figures are reported."""

from __future__ import annotations

import cv2
import numpy as np

from ppgan_ext.types import FloatArray, Image

AGE_GROUPS = ((0, 12), (13, 19), (20, 39), (40, 59), (60, 200))
# Individual typology angle, degrees (Chardon et al., Int. J. Cosmetic Science 13, 1991), its six classes in three.
_LIGHT, _MEDIUM = 41.0, 10.0
_COLOURLESS = 80.0  # beyond this there is hardly any yellow: the photo is black and white
_CHEEKS = ([1, 3, 48, 31, 40, 41], [15, 13, 54, 35, 47, 46])


def age_group(age: float | None) -> str:
    """Return the name of an age's group: "20-39", "60+", "unknown"."""
    if age is None:
        return "unknown"
    low, high = next(group for group in AGE_GROUPS if age <= group[1])
    return f"{low}-{high}" if high < AGE_GROUPS[-1][1] else f"{low}+"


def typology_angle(image: Image, landmarks: FloatArray) -> float:
    """Compute the individual typology angle of the cheeks in degrees, arctan((L* - 50) / b*): high is light skin.

    In a photo of unknown light it is only a proxy, as it depends on the exposure as much as on the skin.

    Args:
        image: (H, W, 3) RGB uint8.
        landmarks: (68, 2).

    Returns:
        The angle; NaN where the cheeks lie outside the image.
    """
    mask = np.zeros(image.shape[:2], np.uint8)
    for cheek in _CHEEKS:
        cv2.fillPoly(mask, [np.rint(landmarks[cheek]).astype(np.int32)], 1)
    inside = mask > 0
    if not inside.any():
        return float("nan")
    lab = cv2.cvtColor(image.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB)[inside]
    lightness, _, yellowness = np.median(lab, axis=0)
    return float(np.degrees(np.arctan2(lightness - 50.0, max(float(yellowness), 1e-3))))


def skin_group(angle: float | None) -> str:
    """Return the group of a typology angle: "light" above 41 degrees, "medium" above 10, else "dark"; or "unknown"."""
    if angle is None or not np.isfinite(angle) or abs(angle) > _COLOURLESS:
        return "unknown"
    return "light" if angle > _LIGHT else "medium" if angle > _MEDIUM else "dark"
