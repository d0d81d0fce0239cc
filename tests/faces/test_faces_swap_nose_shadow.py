"""The shadow that the nose of the drawn person casts on their own face is lifted; moustaches stay."""

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.light import to_linear, to_srgb
from ppgan_ext.faces.swap import nose_shadow
from ppgan_ext.faces.swap.head_shape import GENERIC
from ppgan_ext.faces.swap.nose_shadow import without_nose_shadow

SKIN = (205, 160, 135)
LANDMARKS = GENERIC[:, :2] * (1.0, -1.0) * 2.0 + (220.0, 130.0)


def face(factor=None, shape=(400, 440)):
    """Return a face of plain skin, below whose nose light is multiplied by a factor (3,), and where that is."""
    picture = np.full((*shape, 3), SKIN, np.float32)
    below = np.zeros(shape, np.uint8)
    if factor is not None:
        corners = LANDMARKS[[31, 35, 52, 50]] + [[0.0, 4.0], [0.0, 4.0], [0.0, -5.0], [0.0, -5.0]]
        cv2.fillConvexPoly(below, np.rint(corners).astype(np.int32), 1)
        dark = to_srgb(to_linear(picture) * np.float32(factor))
        picture = np.where(below[..., None] > 0, dark, picture)
    return np.rint(picture).astype(np.uint8), below > 0


@pytest.fixture
def chances(monkeypatch):
    told = {"moustache": 0.0}
    monkeypatch.setattr(nose_shadow, "beard_chances", lambda picture, landmarks: told)
    return told


@pytest.mark.parametrize("moustache", [0.0, 1.0])
def test_a_shadow_becomes_as_the_skin_around(chances, moustache):
    """Even where it passes for a moustache: it is as red as skin."""
    chances["moustache"] = moustache
    picture, below = face((0.26, 0.17, 0.14))
    lifted = without_nose_shadow(picture, LANDMARKS)
    inside = cv2.erode(below.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    places = picture[inside], lifted[inside], [SKIN]
    was, now, around = (np.log(to_linear(np.float32(colors)).mean(axis=0)) for colors in places)
    assert ((around - now) < 0.6 * (around - was)).all()
    away = cv2.dilate(below.astype(np.uint8), np.ones((61, 61), np.uint8)) == 0
    assert np.array_equal(lifted[away], picture[away])


def test_a_moustache_stays(chances):
    chances["moustache"] = 1.0
    picture, below = face((0.12, 0.2, 0.26))  # grey
    assert np.array_equal(without_nose_shadow(picture, LANDMARKS), picture)
    # Of a face on which no beard can be told nothing is known of a moustache.
    chances.clear()
    assert (without_nose_shadow(picture, LANDMARKS) != picture)[below].any()


def test_a_face_in_even_light_keeps_its_bits(chances):
    for picture in (face()[0], face((0.8, 0.78, 0.76))[0]):
        assert without_nose_shadow(picture, LANDMARKS) is picture
    assert without_nose_shadow(face()[0][:2], LANDMARKS).shape == (2, 440, 3)


def test_a_shadow_is_lifted_in_any_exposure(chances):
    picture, below = face((0.26, 0.17, 0.14))
    dim = np.rint(to_srgb(0.4 * to_linear(np.float32(picture)))).astype(np.uint8)
    lifted, dim_lifted = (to_linear(np.float32(without_nose_shadow(each, LANDMARKS))) for each in (picture, dim))
    np.testing.assert_allclose(dim_lifted[below].mean(axis=0), 0.4 * lifted[below].mean(axis=0), rtol=0.12)
