"""Hair beyond the outline of the person, told from what is behind it by its colour."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage

from ppgan_ext.faces.detect import find_faces
from ppgan_ext.faces.head.outer_hair import outer_hair

_BROWN = (120, 80, 45)


@pytest.fixture(scope="module")
def landmarks():
    return find_faces(skimage.data.astronaut())[0].landmarks


def _head(landmarks, hair, wall):
    """Draw hair around a face before a wall; the outer third of it is not known. Picture, known and all hair."""
    centre, width = landmarks[27].astype(int), int(landmarks[16, 0] - landmarks[0, 0])
    picture = np.full((400, 450, 3), wall, np.uint8)
    known, whole = (np.zeros((400, 450), np.float32) for _ in range(2))
    for mask, size in ((whole, 0.95), (known, 0.85)):
        cv2.ellipse(mask, centre.tolist(), (int(size * width), int(1.05 * size * width)), 0, 180, 360, 1.0, -1)
    face = np.zeros((400, 450), np.uint8)
    cv2.ellipse(face, (int(centre[0]), int(centre[1]) + width // 6), (width // 2, int(0.75 * width)), 0, 0, 360, 1, -1)
    picture[whole > 0] = hair
    picture[face > 0] = (205, 150, 125)
    return picture, known * (1 - face), whole * (1 - face)


def test_a_coloured_rim_is_found_before_a_wall_of_another_colour(landmarks):
    picture, known, whole = _head(landmarks, _BROWN, (150, 155, 165))
    found = outer_hair(picture, landmarks, known)
    rim = (whole > 0) & (known == 0)
    assert found[rim].mean() > 0.6
    assert (found >= known).all()
    assert found[whole == 0].mean() < 0.01


@pytest.mark.parametrize(
    ("hair", "wall"),
    [(_BROWN, (140, 95, 55)), ((30, 30, 30), (150, 155, 165)), ((190, 190, 190), (60, 90, 40))],
    ids=["a wall of the same colour", "black hair", "white hair"],
)
def test_nothing_is_added_where_colours_tell_nothing_or_there_is_none_to_lose(landmarks, hair, wall):
    picture, known, _ = _head(landmarks, hair, wall)
    assert np.abs(outer_hair(picture, landmarks, known) - known).max() < 0.2


def test_a_forehead_under_hair_is_not_outside(landmarks):
    picture, known, _ = _head(landmarks, _BROWN, (150, 155, 165))
    # A forehead twice as high, of the hair's own colour.
    x, y = landmarks[27].astype(int)
    known[y - 55 : y, x - 30 : x + 30] = 0
    found = outer_hair(picture, landmarks, known)
    assert found[y - 52 : y - 10, x - 20 : x + 20].max() == 0


@pytest.mark.parametrize(("strand", "found"), [((120, 74, 48), True), ((150, 175, 80), False)], ids=["lit", "green"])
def test_a_strand_in_the_light_is_found_though_it_is_much_lighter(landmarks, strand, found):
    """On brown hair before a grey wall; a leaf there is not hair."""
    picture, known, whole = _head(landmarks, (62, 38, 26), (140, 143, 147))
    rim = (whole > 0) & (known == 0)
    picture[rim] = strand
    added = outer_hair(picture, landmarks, known)[cv2.erode(rim.astype(np.uint8), np.ones((3, 3))) > 0]
    assert added.mean() > 0.6 if found else added.mean() < 0.1
