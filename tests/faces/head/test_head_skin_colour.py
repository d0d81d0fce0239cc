"""The colour of a face's skin."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage

from ppgan_ext.faces.detect import find_faces
from ppgan_ext.faces.head.skin_colour import SkinColour, ramp


@pytest.fixture(scope="module")
def photo():
    return skimage.data.astronaut()[:300, 80:380]


@pytest.fixture(scope="module")
def landmarks():
    return find_faces(skimage.data.astronaut())[0].landmarks - (80, 0)


def test_skin_in_any_light_is_like_skin_and_grey_is_not(photo, landmarks):
    skin = SkinColour.of(photo, landmarks)
    assert skin is not None and skin.face.sum() > 500
    tone = np.exp(np.array([skin.tone[0], 0.0, -skin.tone[1]]))
    for light in (0.1, 0.5, 1.0, 2.0):
        assert skin.likeness(light * skin.level * tone) > 0.95
        assert skin.share(light * skin.level * tone) == pytest.approx(1.0, abs=0.1)
        assert skin.likeness(light * skin.level * np.ones(3)) < 0.05
    assert skin.likeness(skin.level * np.array([0.2, 0.4, 1.5])) == 0.0


def test_hue_is_told_in_any_light_and_for_pale_skin_too(photo, landmarks):
    skin = SkinColour.of(photo, landmarks)
    for share in (1.0, 0.5):
        tone = np.exp(share * np.array([skin.tone[0], 0.0, -skin.tone[1]]))
        assert skin.turned(2.0 * skin.level * np.tile(tone, (9, 1))) == pytest.approx(0.0, abs=2.0)
    pinker = np.exp(np.array([skin.tone[0], 0.0, 0.2 * skin.tone[1]]))
    assert skin.turned(skin.level * np.tile(pinker, (9, 1))) < -25.0


def test_of_a_large_picture_fewer_pixels_are_looked_at(photo, landmarks):
    skin = SkinColour.of(photo, landmarks)
    large = SkinColour.of(cv2.resize(photo, None, fx=6, fy=6), (landmarks + 0.5) * 6 - 0.5)
    assert large.face.size <= 36 * skin.face.size / 4
    np.testing.assert_allclose(large.tone, skin.tone, atol=0.05)
    assert large.level == pytest.approx(skin.level, rel=0.1)


def test_nothing_is_known_of_a_face_without_skin_or_colour(photo, landmarks):
    grey = np.repeat(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    assert SkinColour.of(grey, landmarks) is None
    assert SkinColour.of(np.zeros_like(photo), landmarks) is None


def test_ramp_rises_between_its_limits():
    assert ramp(np.array([0.0, 1.0, 2.0, 3.0, 9.0]), (1.0, 3.0)).tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]
