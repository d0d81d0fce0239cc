"""Age spots: each appears at its own age and stays, on bare skin only, fewer on dark skin."""

import itertools

import numpy as np
import pytest

from ppgan_ext.faces.ageing.model import bundled_model
from ppgan_ext.faces.ageing.skin_view import view_skin
from ppgan_ext.faces.ageing.spots import draw_spots, place_spots
from tests.reference.drawn import DrawnFace, draw_photo

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def view():
    photo, (points,) = draw_photo((400, 400), [DrawnFace((200.0, 170.0), 90.0, skin=(196, 150, 124))], 0)
    return view_skin(photo, points, bundled_model().mean_face, 1.0)


def test_spots_come_one_by_one_and_none_goes(view):
    spots = place_spots(view, 1.0, 3)
    drawn = [draw_spots(spots, strength, view.skin)[0] for strength in (0.0, 0.3, 0.6, 1.2)]
    assert not drawn[0].any()
    for earlier, later in itertools.pairwise(drawn):
        assert (later <= earlier + 1e-6).all()
        assert later.sum() < 1.2 * earlier.sum()
    assert drawn[-1].min() < -0.08


def test_years_pass_smoothly(view):
    spots = place_spots(view, 1.0, 3)
    close = [draw_spots(spots, strength, view.skin)[0] for strength in (0.5, 0.505)]
    assert np.abs(close[1] - close[0]).max() < 0.03


def test_they_lie_on_bare_skin_and_are_brown(view):
    light, colour = draw_spots(place_spots(view, 1.0, 4), 1.2, view.skin)
    assert not light[view.skin == 0].any()
    dark = light < -0.05
    assert dark.any()
    assert (colour[dark] > 0).all()
    assert (colour[dark][:, 1] > colour[dark][:, 0]).all()


def test_dark_skin_gets_fewer_and_everybody_their_own(view):
    pale, dark = ([len(place_spots(view, tone, seed)) for seed in range(12)] for tone in (1.0, 1.8))
    assert sum(dark) < 0.6 * sum(pale)
    one, other = (draw_spots(place_spots(view, 1.0, seed), 1.2, view.skin)[0] for seed in (1, 2))
    assert np.abs(one - other).max() > 0.05
    assert np.array_equal(one, draw_spots(place_spots(view, 1.0, 1), 1.2, view.skin)[0])
