"""The square of Photo2Cartoon's training faces: the whole head with hair, level eyes, white outside the photo."""

from __future__ import annotations

import numpy as np

from ppgan_ext.faces.landmarks import check_landmarks
from ppgan_ext.types import FloatArray

_RIGHT_CORNER, _LEFT_CORNER = 36, 45  # the eyes' outer corners, on the subject's right and left
_ABOVE, _BELOW, _BESIDE = 0.8, 0.3, 0.3  # what is added to the landmarks' box, as shares of its height and width


def cartoon_matrix(landmarks: FloatArray, size: int) -> FloatArray:
    """Return the matrix from photo pixels to crop pixels, pixel centres at integers in both.

    As PaddleGAN's ``align_crop``: the photo is turned until the outer corners of the eyes are level; the landmarks' box
    gets 0.8 of its height above, 0.3 below, 0.3 of its width on both sides, and is then widened to a square. PaddleGAN
    rounds the box to whole pixels.

    Args:
        landmarks: (68, 2), photo pixels.
        size: side of the crop in pixels.

    Returns:
        (2, 3) float64: a similarity, without mirroring.
    """
    points = check_landmarks(landmarks)
    across = points[_LEFT_CORNER] - points[_RIGHT_CORNER]
    cosine, sine = across / np.hypot(*across)
    turn = np.array([[cosine, sine], [-sine, cosine]])
    turned = points @ turn.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    width, height = high - low
    corner = low - (_BESIDE * width, _ABOVE * height)
    sides = np.array([(1 + 2 * _BESIDE) * width, (1 + _ABOVE + _BELOW) * height])
    side = sides.max()
    corner -= (side - sides) / 2
    scale = size / side
    # `corner` is an index of pixels; its pixel begins half a pixel before
    return np.hstack([turn * scale, ((0.5 - corner) * scale - 0.5)[:, None]])
