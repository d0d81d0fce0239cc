"""The "warp" method of face fusion: put one photo's face on another's by landmarks, triangles and blending alone."""

from __future__ import annotations

import numpy as np

from ppgan_ext.faces.shape import lend_shape
from ppgan_ext.faces.swap.composite import Fusion, composite
from ppgan_ext.faces.swap.overlay import draw_overlay
from ppgan_ext.faces.swap.reshape import reshape_photo
from ppgan_ext.types import FloatArray, Image


def fuse_by_warp(
    photo: Image,
    landmarks: FloatArray,
    other: Image,
    other_landmarks: FloatArray,
    *,
    identity: float = 1.0,
    shape: float = 0.0,
    skin: str = "source",
) -> Fusion:
    """Put the face of one photo on that of another.

    Args:
        photo: (H, W, 3) RGB uint8, whose pose, expression, light and surroundings stay.
        landmarks: (68, 2), its face.
        other: (H', W', 3) RGB uint8, the photo of the person whose face is put in.
        other_landmarks: (68, 2), that face.
        identity: share of the other face, 0 to 1.
        shape: share of the other face's shape, 0 to 1; the photo's head is reshaped to match.
        skin: skin tone of the result: "source" keeps the photo's, "target" takes the other's, "mix" lies halfway.

    Raises:
        ConfigError: another choice of skin, or a face outside its photo.
    """
    landmarks = np.asarray(landmarks, np.float64)
    new_landmarks = lend_shape(landmarks, other_landmarks, shape) if shape else landmarks
    base = reshape_photo(photo, landmarks, new_landmarks) if shape else photo
    overlay = draw_overlay(photo.shape, new_landmarks, other, other_landmarks)
    return composite(photo, base, overlay, identity=identity, skin=skin)
