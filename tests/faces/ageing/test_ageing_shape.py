"""Where landmarks go with age: lips become thinner in proportion to what they are, and eyes no wider."""

import numpy as np
import pytest

from ppgan_ext.faces.ageing.model import bundled_model
from ppgan_ext.faces.ageing.shape import moved_landmarks
from tests.reference.drawn import DrawnFace, face_landmarks

SHAPE = bundled_model().shape


def thickness(points):
    return float(np.linalg.norm(points[62] - points[51]) + np.linalg.norm(points[57] - points[66]))


def opening(points):
    return float(np.linalg.norm(points[37] - points[41]) + np.linalg.norm(points[44] - points[46]))


@pytest.mark.parametrize("full", [1.0, 1.6])
def test_full_lips_and_thin_lips_lose_the_same_share(full):
    points = face_landmarks(DrawnFace((200.0, 200.0), 100.0))
    middle = points[[62, 66]].mean(axis=0)
    points[48:60, 1] = middle[1] + full * (points[48:60, 1] - middle[1])
    moved = moved_landmarks(points, 0.0 * SHAPE, 0.0, features=0.5)
    assert thickness(moved) == pytest.approx(0.75 * thickness(points), rel=0.02)


def test_eyes_that_would_open_become_narrower_from_above():
    points = face_landmarks(DrawnFace((200.0, 200.0), 100.0))
    wider = np.zeros((68, 2))
    wider[[37, 38, 43, 44], 1] = -0.02
    assert opening(moved_landmarks(points, wider, 1.0)) > opening(points)
    moved = moved_landmarks(points, wider, 1.0, features=0.5)
    assert opening(moved) == pytest.approx(0.9 * opening(points), rel=0.02)
    assert abs(moved[41] - points[41]).max() < 0.5 * abs(moved[37] - points[37] + (0, 2)).max()


def test_younger_faces_keep_the_proportions_of_the_regression():
    points = face_landmarks(DrawnFace((200.0, 200.0), 100.0))
    assert np.array_equal(moved_landmarks(points, SHAPE, -0.3), moved_landmarks(points, SHAPE, -0.3, features=0.0))
    assert thickness(moved_landmarks(points, SHAPE, -0.3)) > thickness(points)
