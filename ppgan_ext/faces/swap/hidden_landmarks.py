"""Landmarks under a mask, a hand or sunglasses: the detector guesses them, so the other person's take their place."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.landmarks import LEFT_EYE, MOUTH, RIGHT_EYE
from ppgan_ext.faces.mask import draw_part
from ppgan_ext.faces.morphology import disc
from ppgan_ext.faces.skin import face_size
from ppgan_ext.types import FloatArray

_COVERED = 0.5
_FEW = 8  # covered points that change nothing: a microphone's, a finger's
_LEAST_SEEN = 16
_FEATURES = (MOUTH, RIGHT_EYE, LEFT_EYE)
_MUCH, _WIDER = 0.3, 0.03  # share of a feature's points that are covered; around it, a share of the face's size


def with_whole_features(covered: FloatArray, landmarks: FloatArray) -> npt.NDArray[np.float32]:
    """Return what hides a face, (H, W) in [0, 1], with all of a mouth or an eye of which it hides much.

    A corner of a mouth beside a mask would else be drawn alone, or stretch another's mouth to where it lies.

    Args:
        covered: (H, W) in [0, 1].
        landmarks: (68, 2), photo pixels.
    """
    result = np.asarray(covered, np.float32)
    hidden = _under(covered, landmarks)
    for part in _FEATURES:
        if hidden[part].mean() > _MUCH:
            result = np.maximum(result, draw_part(landmarks[part], covered.shape, _WIDER * face_size(landmarks)))
    return np.asarray(result, np.float32)


def hidden_points(landmarks: FloatArray, covered: FloatArray) -> npt.NDArray[np.bool_] | None:
    """Return which landmarks are covered, (68,); None where so few are, or so many, that all stay as they are.

    Args:
        landmarks: (68, 2), photo pixels.
        covered: (H, W) in [0, 1], what hides the face.
    """
    hidden = _under(covered, landmarks)
    few = np.count_nonzero(hidden) < _FEW or np.count_nonzero(~hidden) < _LEAST_SEEN
    return None if few else hidden


def _under(covered: FloatArray, landmarks: FloatArray) -> npt.NDArray[np.bool_]:
    """Return which landmarks, (68,), lie under something."""
    height, width = covered.shape
    x, y = (np.clip(np.rint(landmarks[:, k]).astype(int), 0, size - 1) for k, size in ((0, width), (1, height)))
    return np.asarray(covered[y, x] > _COVERED)


def believable(landmarks: FloatArray, hidden: npt.NDArray[np.bool_], other: FloatArray) -> FloatArray:
    """Return landmarks of which the hidden ones are another face's, moved to where the others agree best.

    Args:
        landmarks: (68, 2), photo pixels.
        hidden: (68,), which are hidden.
        other: (68, 2), another face's landmarks.
    """
    places = np.column_stack([other, np.ones(len(other))])
    matrix = np.linalg.lstsq(places[~hidden], landmarks[~hidden], rcond=None)[0]
    return np.where(hidden[:, None], places @ matrix, landmarks)


def softened(covered: FloatArray, landmarks: FloatArray) -> FloatArray:
    """Widen and soften what hides a face, (H, W): its edge and its shadow are no skin."""
    wider = 0.03 * face_size(landmarks)
    wide = cv2.dilate(np.asarray(covered, np.float32), disc(wider))
    return np.asarray(np.maximum(covered, cv2.GaussianBlur(wide, (0, 0), max(0.5, wider))), np.float32)
