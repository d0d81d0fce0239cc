"""Where a swapped face replaces the photo's: not under a fringe, but over brows."""

import numpy as np
import pytest

from ppgan_ext.faces.skin import face_size
from ppgan_ext.faces.swap.blend_mask import blend_mask
from tests.reference.drawn import DrawnFace, face_landmarks

SHAPE = (350, 390)


@pytest.fixture
def landmarks():
    return face_landmarks(DrawnFace((190.0, 160.0), 62.0))


def mask(landmarks, foreign):
    return blend_mask(landmarks, np.ones(SHAPE, np.float32), (foreign, np.zeros(SHAPE, np.float32)), 0.1)


def above(landmarks, low, high):
    """Draw something above the inner end of a brow, between two heights, shares of the face's size."""
    size, (x, y) = face_size(landmarks), landmarks[21]
    foreign = np.zeros(SHAPE, np.float32)
    foreign[int(y - high * size) : int(y - low * size), int(x - 12) : int(x + 13)] = 1.0
    return foreign


def test_a_fringe_stays_over_the_face(landmarks):
    fringe = above(landmarks, 0.1, 0.4)
    x, y = int(landmarks[21, 0]), int(landmarks[21, 1] - 0.16 * face_size(landmarks))
    assert mask(landmarks, np.zeros(SHAPE, np.float32))[y, x] > 0.9
    assert mask(landmarks, fringe)[y, x] < 0.1


def test_a_bushy_brow_does_not(landmarks):
    brow = above(landmarks, -0.02, 0.1)
    assert mask(landmarks, brow) == pytest.approx(mask(landmarks, np.zeros(SHAPE, np.float32)), abs=1e-4)
