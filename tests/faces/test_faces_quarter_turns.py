import numpy as np
import pytest

from ppgan_ext.faces.quarter_turns import turn_photo, turn_points, turns_to_upright


def test_points_turn_with_their_photo():
    photo = np.arange(12).reshape(3, 4)
    for turns in range(-3, 4):
        turned = turn_photo(photo, turns)
        x, y = turn_points(np.array([[3.0, 1.0]]), photo.shape, turns)[0].astype(int)
        assert turned[y, x] == photo[1, 3]
        assert np.array_equal(turn_photo(turned, -turns), photo)


@pytest.mark.parametrize("degrees", [0, 40, -40, 50, 90, 180, -140, -90])
def test_a_face_is_turned_to_where_it_is_most_nearly_upright(degrees):
    """Degrees are clockwise, as seen."""
    points = np.zeros((68, 2))
    points[27] = np.sin(np.radians(degrees)), -np.cos(np.radians(degrees))  # above the chin
    turned = turn_points(points, (10, 10), turns_to_upright(points))
    up = turned[27] - turned[8]
    assert -up[1] > np.cos(np.radians(45.0))
