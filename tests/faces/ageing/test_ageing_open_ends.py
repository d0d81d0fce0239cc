"""Hair that goes on beyond what was found: grey fades out before it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.ageing.grey_head import find_head_of_hair
from ppgan_ext.faces.ageing.open_ends import closed_ends
from ppgan_ext.faces.axes import eye_distance

_EVERYWHERE = np.ones((300, 300), np.float32)
_BROWN, _WALL, _SKIN = (70, 45, 28), (170, 175, 185), (205, 150, 125)


def _head(landmarks, wall):
    """Draw a head of hair down to the shoulders before a wall, (300, 300); picture, points, hair."""
    points = (landmarks - landmarks.mean(axis=0)) * (48.0 / eye_distance(landmarks)) + (150, 140)
    picture, hair = np.full((300, 300, 3), wall, np.uint8), np.zeros((300, 300), np.float32)
    cv2.ellipse(hair, (150, 120), (85, 95), 0, 180, 360, 1.0, -1)
    hair[120:290, 65:236] = 1.0
    face = np.zeros((300, 300), np.uint8)
    cv2.ellipse(face, (150, 145), (52, 75), 0, 0, 360, 1, -1)
    picture[hair > 0] = _BROWN
    picture[face > 0] = _SKIN
    return picture, points, hair * (1 - face)


def test_hair_before_a_wall_and_beside_skin_turns_grey_to_its_edges(landmarks):
    picture, points, hair = _head(landmarks, _WALL)
    assert closed_ends(picture, points, hair, _EVERYWHERE).light[hair > 0].min() > 0.9


def test_grey_fades_out_where_hair_goes_on(landmarks):
    picture, points, hair = _head(landmarks, _WALL)
    known = hair.copy()
    known[200:] = 0.0
    closed = closed_ends(picture, points, known, _EVERYWHERE).light
    column = closed[:200, 80]
    assert column[-1] < 0.2 and column[150] > 0.8 and column[60] > 0.95
    assert (np.diff(column[120:]) < 0.01).all() and np.abs(np.diff(column)).max() < 0.1


def test_no_grey_ends_at_a_dark_room_if_nothing_tells_the_person_from_it(landmarks):
    picture, points, hair = _head(landmarks, (58, 40, 30))
    closed = closed_ends(picture, points, hair, _EVERYWHERE).light
    assert closed[200, 66] < 0.3 and closed[30, 150] < 0.4  # beside the room
    assert closed[110, 90] > closed[110, 68]


def test_in_a_dark_room_grey_ends_where_the_person_does(landmarks):
    picture, points, hair = _head(landmarks, (58, 40, 30))
    person = np.float32((picture != (58, 40, 30)).any(axis=2))
    wide = np.maximum(hair, (1.0 - person) * cv2.dilate(hair, np.ones((15, 15), np.uint8)))
    closed = closed_ends(picture, points, wide, person).light
    assert closed[hair > 0].min() > 0.9
    assert closed[200, 60] < 0.5  # what was taken for hair is the room


@pytest.mark.parametrize(("cloth", "loses"), [((28, 27, 28), True), ((50, 30, 22), False)])
def test_hair_on_cloth_of_its_light_loses_its_colour_where_the_cloth_has_none(landmarks, cloth, loses):
    """A brown end that was left on a black coat would be seen at once; grey that runs into a brown coat as well."""
    picture, points, hair = _head(landmarks, _WALL)
    picture[hair > 0] = (42, 29, 22)
    picture[200:, 40:260] = cloth
    known = hair.copy()
    known[200:] = 0.0
    ends = closed_ends(picture, points, known, _EVERYWHERE)
    assert ends.light[198, 80] < 0.4
    assert (ends.colour[198, 80] > 0.9) == loses


def test_a_head_before_a_wall_of_its_hairs_colour_has_less_hair_to_turn_grey(photo, landmarks):
    plain = find_head_of_hair(photo, landmarks, 1.0)
    left, top, right, bottom = plain.region
    sure = np.zeros(photo.shape[:2], np.float32)
    sure[top:bottom, left:right] = plain.hair
    colour = np.median(photo[sure > 0.9], axis=0)
    behind = cv2.dilate((sure > 0.1).astype(np.uint8), np.ones((61, 61))) & ~cv2.dilate(
        (sure > 0.1).astype(np.uint8), np.ones((5, 5))
    )
    behind[int(landmarks[:, 1].min()) :] = 0
    alike = photo.copy()
    alike[behind > 0] = colour
    seen = find_head_of_hair(alike, landmarks, 1.0)
    assert seen.region == plain.region
    assert float(seen.hair.sum()) < 0.9 * float(plain.hair.sum())
