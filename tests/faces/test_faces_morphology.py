"""Shapes of masks, and the pieces of which they are made."""

import numpy as np
import pytest

from ppgan_ext.faces.morphology import disc, pieces_at


@pytest.mark.parametrize(("radius", "side"), [(0.0, 3), (1.4, 3), (1.6, 5), (4.0, 9)])
def test_a_disc_is_round_and_has_at_least_one_pixel_around_its_middle(radius, side):
    drawn = disc(radius)
    assert drawn.shape == (side, side)
    assert drawn[side // 2].all() and drawn[:, side // 2].all()
    assert not drawn[0, 0]


def test_pieces_are_those_that_places_touch():
    mask = np.zeros((8, 12), bool)
    mask[1:3, 1:4] = mask[5:7, 1:4] = mask[2:6, 8:11] = True
    places = np.zeros_like(mask)
    places[1, 1] = places[5, 10] = True
    places[4] = True  # beside the second piece, and through the third
    expected = mask.copy()
    expected[5:7, 1:4] = False
    assert np.array_equal(pieces_at(mask, places), expected)
    assert not pieces_at(mask, ~mask).any()
