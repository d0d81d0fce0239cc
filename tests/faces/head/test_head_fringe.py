"""A fringe over the forehead is found from the hair it hangs from; brows, skin and blond hair are not."""

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.head.fringe import fringe
from tests.reference.drawn import DrawnFace, draw_photo

SIZE = (400, 400)
HAIR = (40, 26, 20)


@pytest.fixture(scope="module")
def scene():
    """A face under a cap of hair, and where the fringe would hang."""
    photo, (points,) = draw_photo(SIZE, [DrawnFace((200.0, 210.0), 90.0, skin=(205, 160, 135))], 0)
    x, y = (points[27] - (0, 95)).round().astype(int).tolist()
    known = np.zeros(SIZE, np.float32)
    cv2.ellipse(known, (x, y), (90, 38), 0, 0, 360, 1.0, -1)
    hanging = np.zeros(SIZE, np.float32)
    cv2.rectangle(hanging, (x - 30, y), (x + 30, y + 62), 1.0, -1)
    hanging[known > 0] = 0.0
    return photo, points, known, hanging


def painted(photo, where, colour):
    soft = cv2.GaussianBlur(where, (0, 0), 1.0)[..., None]
    return np.rint(photo * (1 - soft) + np.float32(colour) * soft).astype(np.uint8)


def found(scene, colour):
    photo, points, known, hanging = scene
    picture = painted(photo, np.maximum(known, hanging), colour)
    return fringe(picture, points, known, np.zeros(SIZE, np.float32))


def test_a_dark_fringe_is_found_and_ends_where_it_ends(scene):
    _, points, known, hanging = scene
    result = found(scene, HAIR)
    inside = cv2.erode(hanging, np.ones((9, 9))) > 0
    assert result[inside].mean() > 0.9
    beside = (cv2.dilate(hanging, np.ones((41, 41))) > 0) & (cv2.dilate(known + hanging, np.ones((9, 9))) == 0)
    assert result[beside].max() < 0.05
    brows = points[17:27].round().astype(int)
    assert result[brows[:, 1], brows[:, 0]].max() < 0.05


def test_hair_as_light_as_skin_is_not_looked_for(scene):
    assert found(scene, (190, 150, 120)).max() == 0.0


def test_what_is_not_joined_to_hair_or_is_skin_is_left(scene):
    photo, points, known, hanging = scene
    apart = np.zeros(SIZE, np.float32)
    x, y = (points[27] - (0, 42)).round().astype(int).tolist()
    cv2.circle(apart, (x, y), 5, 1.0, -1)
    picture = painted(photo, np.maximum(known, apart), HAIR)
    assert fringe(picture, points, known, np.zeros(SIZE, np.float32))[apart > 0].max() < 0.05
    picture = painted(photo, np.maximum(known, hanging), HAIR)
    assert fringe(picture, points, known, np.ones(SIZE, np.float32)).max() == 0.0
    assert fringe(picture, points, np.zeros(SIZE, np.float32), np.zeros(SIZE, np.float32)).max() == 0.0
