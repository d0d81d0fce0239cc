"""A face from its two sides: what a picture hides of one is drawn from the mirrored other, without a seam."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.head.bands import blur
from ppgan_ext.faces.morphology import disc
from ppgan_ext.faces.skin import bare_skin, face_size
from ppgan_ext.types import FloatArray

# Lengths are shares of the face's size.
_LIGHT = 0.2  # width of the Gaussian over the ratio of both sides' light: wide enough to leave their features alone
_SEAM = 0.02  # width of the seam between them
_FLOOR = 4.0  # levels, added before ratios
_MOST = 2.0  # ratio of the two sides' light that is evened
_FEW = 1e-3  # added to weights that are divided by: where neither is seen, the mean ratio serves


def join_sides(
    face: FloatArray, mirrored: FloatArray, seen: FloatArray, mirrored_seen: FloatArray, landmarks: FloatArray
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Draw a face from the side that is seen better, with the light of its own side.

    Args:
        face: (H, W, 3) RGB, 0 to 255.
        mirrored: (H, W, 3), the same as a mirror shows it.
        seen: (H, W) in [0, 1], how well the face is seen.
        mirrored_seen: (H, W), the same of the mirrored one.
        landmarks: (68, 2), in both.

    Returns:
        The face (H, W, 3), and the share of it that is not mirrored, (H, W).
    """
    size = face_size(landmarks)
    share = (1.0 - np.clip(mirrored_seen - seen, 0.0, 1.0)).astype(np.float32)
    # The seam is as wide as it can be where both are seen.
    narrow = cv2.erode(share, disc(_SEAM * size))
    narrow = cv2.GaussianBlur(narrow, (0, 0), max(0.5, 0.5 * _SEAM * size))
    share = np.asarray(np.minimum(share, np.maximum(narrow, 1.0 - mirrored_seen)), np.float32)
    both = bare_skin(landmarks, share.shape) * np.minimum(seen, mirrored_seen)
    other = mirrored * _ratio(face, mirrored, both, _LIGHT * size)
    return np.asarray(other + share[..., None] * (face - other), np.float32), share


def _ratio(face: FloatArray, mirrored: FloatArray, both: FloatArray, sigma: float) -> npt.NDArray[np.float32]:
    """Return how much brighter a face is than the mirrored one, (H, W, 3), slowly varying; 1 where nothing tells it.

    Args:
        face: (H, W, 3), 0 to 255.
        mirrored: alike.
        both: (H, W) in [0, 1], where both show skin.
        sigma: width of a Gaussian, pixels.
    """
    if not both.any():
        return np.ones((1, 1, 3), np.float32)
    weight = both[..., None].astype(np.float32)
    logs = np.log((np.maximum(face, 0.0) + _FLOOR) / (np.maximum(mirrored, 0.0) + _FLOOR)).astype(np.float32)
    mean = (logs * weight).sum(axis=(0, 1)) / weight.sum()
    near = blur((logs - mean) * weight, sigma) / (blur(both.astype(np.float32), sigma)[..., None] + np.float32(_FEW))
    return np.exp(np.clip(mean + near, -np.log(_MOST), np.log(_MOST))).astype(np.float32)
