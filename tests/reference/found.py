"""What a detector found, compared with where faces were drawn."""

from __future__ import annotations

import numpy as np


def landmark_error(face, landmarks, eye_distance):
    """Mean distance of the inner landmarks, in eye distances."""
    return np.hypot(*(face.landmarks - landmarks)[17:].T).mean() / eye_distance


def assert_found(faces, drawn, truths, limit=0.08):
    """Each drawn face is found once, its landmarks in place, with its own left and right."""
    assert len(faces) == len(drawn)
    for face in faces:
        errors = [landmark_error(face, truth, d.eye_distance) for d, truth in zip(drawn, truths, strict=True)]
        assert min(errors) < limit
