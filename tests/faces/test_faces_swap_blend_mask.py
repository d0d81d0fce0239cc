"""Where a swapped face replaces the photo's: not under headwear or locks, but over highlights and beards."""

import numpy as np
import pytest

from ppgan_ext.faces.skin import face_size
from ppgan_ext.faces.swap.blend_mask import blend_mask
from tests.reference.drawn import DrawnFace, face_landmarks

SHAPE = (350, 390)
NONE = np.zeros(SHAPE, np.float32)


@pytest.fixture
def landmarks():
    return face_landmarks(DrawnFace((190.0, 160.0), 62.0))


def mask(landmarks, foreign=NONE, headwear=NONE):
    return blend_mask(landmarks, np.ones(SHAPE, np.float32), (foreign, NONE), headwear, 0.1)


def spot(x, y, radius):
    drawn = NONE.copy()
    drawn[int(y - radius) : int(y + radius), int(x - radius) : int(x + radius)] = 1.0
    return drawn


def test_headwear_stays_over_the_face(landmarks):
    x, y = int(landmarks[21, 0]), int(landmarks[21, 1] - 0.16 * face_size(landmarks))
    fringe = spot(x, y, 12)
    assert mask(landmarks)[y, x] > 0.9
    assert mask(landmarks, headwear=fringe)[y, x] == 0


def test_locks_count_along_the_outline_only(landmarks):
    size = face_size(landmarks)
    middle = landmarks[27] - (0.0, 0.12 * size)
    lock, chin = landmarks[2] + (0.08 * size, -0.05 * size), landmarks[8] - (0.0, 0.1 * size)
    whole = mask(landmarks)
    for place, stays in ((middle, False), (lock, True), (chin, False)):
        x, y = (int(v) for v in place)
        changed = mask(landmarks, spot(x, y, 0.05 * size))
        assert (changed[y, x] < 0.5 * whole[y, x]) == stays


def test_lips_of_a_turned_head_are_the_persons_to_their_far_corner():
    turned = face_landmarks(DrawnFace((190.0, 160.0), 62.0, yaw_degrees=50.0))
    near, far = (turned[n] for n in (48, 54))
    assert np.linalg.norm(turned[:17] - far, axis=1).min() < 0.5 * np.linalg.norm(turned[:17] - near, axis=1).min()
    inwards = far + 0.1 * (near - far)
    whole = mask(turned)
    for x, y in (np.rint(near + 0.1 * (far - near)), np.rint(inwards)):
        assert whole[int(y), int(x)] > 0.85
    hidden = blend_mask(turned, NONE, (NONE, NONE), NONE, 0.1)
    assert hidden.max() == 0.0
