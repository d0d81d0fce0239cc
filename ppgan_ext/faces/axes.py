"""How large a face is in a photo and how it lies there, by its landmarks: the eyes' distance is the unit of lengths."""

from __future__ import annotations

import numpy as np

from ppgan_ext.faces.landmarks import LEFT_EYE, RIGHT_EYE
from ppgan_ext.types import FloatArray


def eye_distance(landmarks: FloatArray) -> float:
    """Return the distance between the centres of the eyes, in pixels."""
    return float(np.linalg.norm(across_eyes(landmarks)))


def eye_centres(landmarks: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the centres of the right and of the left eye, (2,) each."""
    return np.asarray(landmarks[RIGHT_EYE].mean(axis=0)), np.asarray(landmarks[LEFT_EYE].mean(axis=0))


def across_eyes(landmarks: FloatArray) -> FloatArray:
    """Return the vector (2,) from the centre of the right eye to that of the left."""
    right, left = eye_centres(landmarks)
    return left - right


def levelling(across: FloatArray) -> FloatArray:
    """Return the matrix (2, 2) that turns a vector (2,) to (1, 0) times its length, and enlarges by its length."""
    return np.array([[across[0], across[1]], [-across[1], across[0]]])


def upwards(landmarks: FloatArray) -> FloatArray:
    """Return the unit vector (2,) from the chin to the root of the nose."""
    up = landmarks[27] - landmarks[8]
    return np.asarray(up / max(float(np.linalg.norm(up)), 1e-6))


def level(landmarks: FloatArray) -> FloatArray:
    """Return landmarks with the eyes on a level line, in shares of their distance, the point between them at (0, 0)."""
    points = np.asarray(landmarks, np.float64)
    right, left = eye_centres(points)
    across = left - right
    length = float(np.hypot(*across))
    turn = levelling(across) / length
    return np.asarray((points - (right + left) / 2) @ turn.T / length)
