"""Lips that turn pale: red goes from lips alone, and what covers them keeps its colour."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.ageing.lips import pale_lips
from ppgan_ext.faces.ageing.model import bundled_model
from ppgan_ext.faces.ageing.skin_view import view_skin
from ppgan_ext.faces.mask import draw_part
from tests.reference.drawn import DrawnFace, draw_photo

pytestmark = pytest.mark.slow

SKIN, RED = (196, 150, 124), (190, 90, 90)


@pytest.fixture(scope="module")
def view():
    return _view(RED)


def _view(lips):
    """See a face whose lips are painted."""
    photo, (points,) = draw_photo((400, 400), [DrawnFace((200.0, 170.0), 90.0, skin=SKIN)], 0)
    photo = photo.copy()
    cv2.fillPoly(photo, [np.rint(points[48:60]).astype(np.int32)], lips)
    return view_skin(photo, points, bundled_model().mean_face, 1.0)


def _inside(view, margin):
    """Return the middle of the lips, and what lies farther than a margin from them."""
    points, shape = view.placement.frame_landmarks, view.skin.shape
    lips, around = (draw_part(points[48:60], shape, width) for width in (0.0, margin))
    opening = draw_part(points[60:68], shape, 4.0)
    return (cv2.erode(lips, np.ones((5, 5))) > 0) & (opening == 0), around == 0


def test_red_lips_lose_red_and_become_lighter(view):
    light, colour = pale_lips(view)
    inner, beyond = _inside(view, 12.0)
    assert inner.sum() > 50
    assert np.median(colour[inner][:, 0]) < -6.0
    assert np.median(light[inner]) > 0.03
    assert np.abs(light[beyond]).max() < 1e-3
    assert np.abs(colour[beyond]).max() < 0.2


def test_lips_of_the_skins_colour_stay(view):
    inner, _ = _inside(view, 12.0)
    red, plain = (np.abs(pale_lips(one)[1][inner]).mean() for one in (view, _view(SKIN)))
    assert plain < 0.1 * red


def test_a_covered_mouth_keeps_its_colour(view):
    covered = view._replace(weight=view.weight * 0.0)
    assert not pale_lips(covered)[0].any()
    assert not pale_lips(covered)[1].any()
