import numpy as np
import pytest

from ppgan_ext.faces import axes
from tests.reference.drawn import DrawnFace, draw_photo


def test_level_is_the_same_for_a_face_that_is_turned_moved_and_enlarged():
    _, (upright,) = draw_photo((400, 380), [DrawnFace((200.0, 180.0), 60.0)])
    _, (tilted,) = draw_photo((400, 380), [DrawnFace((170.0, 190.0), 90.0, roll_degrees=25)])
    assert np.abs(axes.level(upright) - axes.level(tilted)).max() < 0.01


def test_convention_level_has_the_subjects_left_eye_at_positive_x_and_the_chin_below():
    _, (points,) = draw_photo((400, 380), [DrawnFace((190.0, 170.0), 90.0, roll_degrees=12)])
    level = axes.level(points)
    assert level[42:48, 0].mean() == pytest.approx(0.5)
    assert level[36:42, 0].mean() == pytest.approx(-0.5)
    assert level[8, 1] > 1.0


def test_upwards_leads_from_the_chin_to_the_nose_and_has_length_one():
    points = np.zeros((68, 2))
    points[8], points[27] = (10.0, 50.0), (40.0, 10.0)
    assert np.allclose(axes.upwards(points), (0.6, -0.8))
    assert np.array_equal(axes.upwards(np.zeros((68, 2))), (0.0, 0.0))
