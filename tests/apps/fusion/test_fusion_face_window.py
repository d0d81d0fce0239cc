"""A face with its surroundings, cut out of a photo and put back."""

from __future__ import annotations

import numpy as np
import pytest

from ppgan_ext.apps.fusion import face_window
from ppgan_ext.apps.fusion.face_window import open_window
from ppgan_ext.faces.align import crop_face
from ppgan_ext.faces.blend import BorderStep
from ppgan_ext.faces.swap.composite import Fusion
from ppgan_ext.types import Box, Face
from tests.reference.drawn import DrawnFace, draw_photo


@pytest.fixture(scope="module")
def shown():
    photo, (landmarks,) = draw_photo((900, 620), [DrawnFace((520.0, 250.0), 40.0)], seed=3)
    return photo, Face(Box(450.0, 200.0, 590.0, 340.0, 1.0), landmarks)


def fusion_of(window, value, share):
    """A fusion that has painted the middle of its window."""
    image, mask = window.image.copy(), np.zeros(window.image.shape[:2], np.float32)
    height, width = mask.shape
    middle = np.s_[height // 3 : height // 2, width // 3 : width // 2]
    image[middle], mask[middle] = value, share
    return Fusion(image, mask, window.face.landmarks, BorderStep(0.0, 0.0), {})


def test_a_window_shows_the_photos_own_pixels(shown):
    photo, face = shown
    window = open_window(photo, face)
    height, width = window.image.shape[:2]
    assert window.size == (width, height) and width < 900 and height <= 620
    assert np.array_equal(window.image, photo[window.top : window.top + height, window.left : window.left + width])
    np.testing.assert_allclose(window.to_photo(window.face.landmarks), face.landmarks, atol=1e-9)
    assert (window.face.box.left + window.left, window.face.box.bottom + window.top) == (450.0, 340.0)
    # Crops from the window are those from the photo.
    inside, outside = (
        crop_face(*pair, template="ffhq", size=64).image for pair in ((window.image, window.face), shown)
    )
    assert np.abs(inside.astype(int) - outside).max() <= 1


def test_the_result_replaces_the_photo_where_the_mask_is(shown):
    photo, face = shown
    window = open_window(photo, face)
    result, mask = photo.copy(), np.full(photo.shape[:2], 0.25, np.float32)
    fusion = window.put_back(fusion_of(window, (9, 8, 7), 1.0), result, mask)
    assert fusion.image is result and fusion.mask is mask
    assert np.array_equal(result[mask < 1], photo[mask < 1])
    assert (result[mask == 1] == (9, 8, 7)).all() and (mask == 1).sum() > 1000 and mask.min() == 0.25
    np.testing.assert_allclose(fusion.landmarks, face.landmarks, atol=1e-9)


def test_a_large_face_is_worked_on_in_a_smaller_copy(shown, monkeypatch):
    photo, face = shown
    monkeypatch.setattr(face_window, "MAX_PIXELS", 20_000.0)
    window = open_window(photo, face)
    height, width = window.image.shape[:2]
    assert 18_000 < height * width < 22_000 and width < window.size[0]
    np.testing.assert_allclose(window.to_photo(window.face.landmarks), face.landmarks, atol=1e-9)
    result, mask = photo.copy(), np.zeros(photo.shape[:2], np.float32)
    window.put_back(fusion_of(window, (200, 20, 20), 1.0), result, mask)
    assert np.array_equal(result[mask == 0], photo[mask == 0])
    y, x = np.nonzero(mask == 1)
    assert np.abs(result[y, x].astype(int) - (200, 20, 20)).mean() < 6
    # The painted part lies where it lies in the window.
    left, top = window.to_photo(np.array([[width // 3, height // 3]], np.float64))[0]
    assert abs(x.min() - left) < 4 and abs(y.min() - top) < 4


def test_a_face_at_the_border_is_cut(shown):
    photo, face = shown
    corner = photo[180:420, 440:640]
    window = open_window(corner, Face(Box(10, 20, 150, 160, 1.0), face.landmarks - (440, 180)))
    assert (window.left, window.top) == (0, 0) and window.image.shape == corner.shape
