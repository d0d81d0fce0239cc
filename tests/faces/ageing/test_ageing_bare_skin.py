"""Bare skin beside hair, on the photo of an astronaut with brown hair."""

import cv2
import numpy as np
import pytest
import skimage

from ppgan_ext.faces.ageing.bare_skin import bare_skin
from ppgan_ext.faces.ageing.hair import find_hair
from ppgan_ext.faces.detect import find_faces


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
    return slice(y - 34, y - 24), slice(x - 12, x + 12)


def test_a_forehead_is_skin_and_hair_is_not(photo, landmarks, hair):
    skin = bare_skin(photo, landmarks, hair)
    assert skin.shape == hair.shape and skin.min() >= 0 and skin.max() <= 1
    assert np.median(skin[forehead(landmarks)]) > 0.8
    surely_hair = cv2.erode(hair, np.ones((9, 9), np.uint8)) > 0.95
    surely_hair[forehead(landmarks)] = False
    assert surely_hair.sum() > 500
    assert skin[surely_hair].mean() < 0.05


def test_lit_strands_of_dark_hair_are_not_skin(photo, landmarks, hair):
    """Golden strands, as light as the skin and of its colour, beside dark ones."""
    picture, marked = photo.copy(), hair.copy()
    y, x = (slice(int(landmarks[27, 1]) - 20, int(landmarks[27, 1]) + 60), slice(int(landmarks[16, 0]) + 2, None))
    x = slice(x.start, x.start + 30)
    tone = np.median(photo[forehead(landmarks)].reshape(-1, 3), axis=0)
    stripes = (np.arange(30) % 5 < 2)[None, :, None]
    picture[y, x] = np.where(stripes, 0.25 * tone, 0.95 * tone).astype(np.uint8)
    marked[...] = 0.0
    marked[y, x] = 1.0
    assert bare_skin(picture, landmarks, marked)[y, x][:, 5:25].mean() < 0.2


def test_it_does_not_depend_on_the_light(photo, landmarks, hair):
    dim = np.float32(photo) * 0.5
    assert np.abs(bare_skin(dim, landmarks, hair) - bare_skin(photo, landmarks, hair)).mean() < 0.05


def test_nothing_is_told_without_colour_hair_or_skin(photo, landmarks, hair):
    grey = np.repeat(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    assert not bare_skin(grey, landmarks, hair).any()
    assert not bare_skin(photo, landmarks, np.zeros_like(hair)).any()
    assert not bare_skin(np.zeros_like(photo), landmarks, hair).any()
