"""How large a face is in a photo and how it lies there, by its landmarks: the eyes' distance is the unit of lengths."""

from __future__ import annotations

import numpy as np

from ppgan_ext.faces.landmarks import LEFT_EYE, RIGHT_EYE
from ppgan_ext.types import FloatArray


def eye_distance(landmarks: FloatArray) -> float:
    """Return the distance between the centres of the eyes, in pixels."""
    return float(np.linalg.norm(landmarks[RIGHT_EYE].mean(axis=0) - landmarks[LEFT_EYE].mean(axis=0)))


def upwards(landmarks: FloatArray) -> FloatArray:
    """Return the unit vector (2,) from the chin to the root of the nose."""
    up = landmarks[27] - landmarks[8]
    return np.asarray(up / max(float(np.linalg.norm(up)), 1e-6))


def level(landmarks: FloatArray) -> FloatArray:
    """Return landmarks with the eyes on a level line, in shares of their distance, the point between them at (0, 0)."""
    points = np.asarray(landmarks, np.float64)
    right, left = points[RIGHT_EYE].mean(axis=0), points[LEFT_EYE].mean(axis=0)
    across = left - right
    length = float(np.hypot(*across))
    turn = np.array([[across[0], across[1]], [-across[1], across[0]]]) / length
    return np.asarray((points - (right + left) / 2) @ turn.T / length)
