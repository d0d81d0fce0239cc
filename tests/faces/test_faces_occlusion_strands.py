"""Strands of hair over a face: found where they hang from the hair, and taken away with the skin's colour and grain."""

import numpy as np
import pytest

from ppgan_ext.faces.occlusion.skin_fill import window_around
from ppgan_ext.faces.occlusion.strands import find_strands, without_strands
from ppgan_ext.faces.skin import face_size
from tests.reference.drawn import DrawnFace, draw_photo

HAIR = 25


@pytest.fixture
def bare():
    picture, (landmarks,) = draw_photo((390, 350), [DrawnFace((190.0, 160.0), 62.0, skin=(224, 184, 160))], 0)
    return picture, landmarks


@pytest.fixture
def hanging(bare):
    """A strand from the hair towards a brow, the hair known, and where the strand is."""
    picture, landmarks = bare[0].copy(), bare[1]
    size = face_size(landmarks)
    x, top = int(landmarks[19, 0]), int(landmarks[19, 1] - 0.26 * size)
    bottom = int(landmarks[19, 1] - 0.08 * size)
    hair = np.zeros(picture.shape[:2], np.float32)
    hair[top - 30 : top, x - 40 : x + 40] = 1.0
    picture[hair > 0] = HAIR
    picture[top:bottom, x - 2 : x + 3] = HAIR
    return picture, hair, (slice(top + 4, bottom - 3), slice(x - 1, x + 2))


def test_a_strand_that_hangs_from_the_hair_is_found_and_a_crease_is_not(bare, hanging):
    landmarks = bare[1]
    picture, hair, strand = hanging
    y, x = int(landmarks[30, 1]), int(landmarks[30, 0] + 0.28 * face_size(landmarks))
    picture[y : y + 25, x : x + 3] = HAIR
    found = find_strands(picture, landmarks, hair)
    assert found[strand].mean() > 0.8
    assert found[y : y + 25, x].max() < 0.1


def test_skin_goes_on_where_the_strand_was_and_nothing_else_changes(bare, hanging):
    bare_picture, landmarks = bare
    picture, hair, strand = hanging
    cleaned = without_strands(picture, landmarks, hair)
    assert np.abs(picture[strand].astype(int) - bare_picture[strand]).mean() > 100
    assert np.abs(cleaned[strand].astype(int) - bare_picture[strand]).mean() < 16
    assert cleaned[strand].std() > 0.5  # grain, not a flat colour
    far = find_strands(picture, landmarks, hair) == 0
    assert np.array_equal(cleaned[far], picture[far])
    assert np.abs(cleaned[hair > 0].astype(int) - HAIR).mean() < 8


def test_a_face_without_strands_is_the_same_picture(bare):
    picture, landmarks = bare
    hair = np.zeros(picture.shape[:2], np.float32)
    assert without_strands(picture, landmarks, hair) is picture
    hair[:5] = 1.0
    assert without_strands(picture, landmarks, hair) is picture


def test_hair_as_light_as_the_skin_is_left(bare, hanging):
    picture, hair, strand = hanging
    light = picture.copy()
    light[hair > 0] = 190
    light[strand] = 190
    assert not find_strands(light, bare[1], hair).any()


def test_the_window_has_a_margin_and_may_be_nothing():
    mask = np.zeros((20, 30), bool)
    assert window_around(mask, 3.0) is None
    mask[10, 12] = True
    assert window_around(mask, 3.0) == (slice(7, 14), slice(9, 16))
