"""Bare skin beside hair, on the photo of an astronaut with brown hair."""

import cv2
import numpy as np
import pytest
import skimage

from ppgan_ext.faces.detect import find_faces
from ppgan_ext.faces.head.bare_skin import bare_skin, ears
from ppgan_ext.faces.head.hair import find_hair


@pytest.fixture(scope="module")
def photo():
    return skimage.data.astronaut()[:300, 80:380]


@pytest.fixture(scope="module")
def landmarks():
    return find_faces(skimage.data.astronaut())[0].landmarks - (80, 0)


@pytest.fixture(scope="module")
def hair(photo, landmarks):
    """A map that takes a stripe of the forehead for hair."""
    matte = find_hair(photo, landmarks)
    drawn = np.zeros(photo.shape[:2], np.float32)
    left, top, right, bottom = matte.region
    drawn[top:bottom, left:right] = matte.alpha
    drawn[forehead(landmarks)] = 1.0
    return drawn


def forehead(landmarks):
    x, y = landmarks[27].astype(int)
    return slice(y - 18, y - 8), slice(x - 12, x + 12)


def test_a_forehead_is_skin_and_hair_is_not(photo, landmarks, hair):
    skin = bare_skin(photo, landmarks, hair)
    assert skin.shape == hair.shape and skin.min() >= 0 and skin.max() <= 1
    assert np.median(skin[forehead(landmarks)]) > 0.8
    surely_hair = cv2.erode(hair, np.ones((9, 9), np.uint8)) > 0.95
    # Her crown and fringe, from one end of her brows to the other, are as fair as her skin.
    surely_hair[:, slice(*np.percentile(landmarks[17:27, 0], (0, 100)).astype(int))] = False
    assert surely_hair.sum() > 500
    assert skin[surely_hair].mean() < 0.08


def test_lit_strands_of_dark_hair_are_not_skin(photo, landmarks):
    """Golden strands that hang into the forehead, as light as the skin and of its colour, between dark ones."""
    picture, points = cv2.resize(photo, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC), 3.0 * landmarks + 1.0
    x, y = points[27].astype(int)
    here = slice(y - 100, y - 40), slice(x - 54, x + 54)
    tone = np.median(picture[y - 36 : y - 18, x - 30 : x + 30].reshape(-1, 3), axis=0)
    dark = (np.arange(108) % 27 < 9)[None, :, None]
    picture[here] = np.where(dark, 0.25 * tone, tone).astype(np.uint8)
    marked = np.zeros(picture.shape[:2], np.float32)
    marked[here] = 1.0
    assert bare_skin(picture, points, marked)[here].mean() < 0.1


def test_it_does_not_depend_on_the_light(photo, landmarks, hair):
    dim = np.float32(photo) * 0.5
    assert np.abs(bare_skin(dim, landmarks, hair) - bare_skin(photo, landmarks, hair)).mean() < 0.05


def test_nothing_is_told_without_colour_hair_or_skin(photo, landmarks, hair):
    grey = np.repeat(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    assert not bare_skin(grey, landmarks, hair).any()
    assert not bare_skin(photo, landmarks, np.zeros_like(hair)).any()
    assert not bare_skin(np.zeros_like(photo), landmarks, hair).any()


def test_ears_lie_beside_the_jaws_upper_ends(photo, landmarks):
    place = ears(landmarks, photo.shape)
    across = (landmarks[16] - landmarks[0]) * 0.08
    for x, y in (landmarks[1] - across, landmarks[15] + across):
        assert place[round(y), round(x)] > 0.8
    for x, y in landmarks[[8, 27, 33, 36, 45, 5, 11]]:
        assert place[round(y), round(x)] < 0.1


def test_an_ear_behind_dark_hair_is_skin_though_hair_parts_it_from_the_face(photo, landmarks):
    picture, points = cv2.resize(photo, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC), 3.0 * landmarks + 1.0
    x, y = points[27].astype(int)
    tone = np.median(picture[y - 36 : y - 18, x - 30 : x + 30].reshape(-1, 3), axis=0)
    x, y = (points[1] - 0.12 * (points[16] - points[0])).round().astype(int)
    hair = np.zeros(picture.shape[:2], np.float32)
    around, lobe = ((slice(y - h, y + h), slice(x - w, x + w)) for h, w in ((70, 50), (22, 10)))
    picture[around], hair[around] = 0.1 * tone, 1.0
    picture[lobe] = 0.8 * tone
    skin = bare_skin(picture, points, hair)
    assert skin[lobe].mean() > 0.6
    assert skin[around].mean() < 0.3
