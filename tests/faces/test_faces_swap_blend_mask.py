"""Where a swapped face replaces the photo's: not under headwear or locks, but over highlights and beards."""

import numpy as np
import pytest

from ppgan_ext.faces.skin import face_size
from ppgan_ext.faces.swap.blend_mask import blend_mask, find_cloth
from tests.reference.drawn import DrawnFace, draw_photo, face_landmarks

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


@pytest.mark.parametrize("skin", [(224, 184, 160), (96, 62, 46)])
def test_a_patterned_scarf_along_the_jaw_is_no_part_of_the_face_and_a_beard_or_gloss_is(skin):
    picture, (landmarks,) = draw_photo(SHAPE[::-1], [DrawnFace((190.0, 160.0), 62.0, skin=skin)], 0)
    picture = picture[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    size = face_size(landmarks)
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    place = landmarks[5] + (0.05 * size, -0.05 * size)
    jaw = np.hypot(x - place[0], y - place[1]) < 0.1 * size
    at = tuple(np.rint(place[::-1]).astype(int))
    everywhere, nothing = np.ones(picture.shape[:2], np.float32), np.zeros(picture.shape[:2], np.float32)

    def kept(colors):
        covered = picture.copy()
        for part, color in colors:
            covered[jaw & part] = color
        cloth = find_cloth(landmarks, covered)
        return blend_mask(landmarks, everywhere, (nothing, nothing), nothing, 0.1, cloth)[at]

    whole, dots = blend_mask(landmarks, everywhere, (nothing, nothing), nothing, 0.1)[at], (x + y) % 6 < 2
    assert whole > 0.5
    level = float(np.mean(skin))
    for cloth in ((1.2 * level, 0.15 * level, 0.2 * level), (0.3 * level, 0.5 * level, 1.3 * level)):
        assert kept([(~dots, cloth), (dots, (240.0, 235.0, 235.0))]) < 0.1 * whole
    for hair in ((45.0, 32.0, 24.0), (150.0, 150.0, 150.0), np.minimum(1.4 * np.array(skin), 250.0)):
        assert kept([(~dots, hair)]) > 0.95 * whole


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
