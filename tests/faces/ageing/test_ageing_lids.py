"""Upper lids that come down: the crease sinks towards the lashes, eyes and brows stay, the skin between is lit."""

import numpy as np
import pytest

from ppgan_ext.faces.ageing.lids import lids_move, lit_lids
from tests.reference.drawn import DrawnFace, face_landmarks

SHAPE = (400, 400)
EYES = ((slice(36, 42), 37, 38, 19), (slice(42, 48), 43, 44, 24))


def points():
    return face_landmarks(DrawnFace((200.0, 200.0), 100.0))


def at(move, place):
    x, y = np.rint(place).astype(int)
    return move[y, x]


@pytest.mark.parametrize(("eye", "first", "second", "brow"), EYES)
def test_skin_under_the_brow_comes_down_most_a_fifth_above_the_lashes(eye, first, second, brow):
    face, move = points(), lids_move(points(), SHAPE, 0.7)
    lashes = (face[first] + face[second]) / 2
    gap = lashes[1] - face[brow, 1]
    x, y = at(move, lashes - (0, 0.19 * gap))
    assert -0.15 * gap < y < -0.1 * gap
    assert abs(x) < 0.1 * abs(y)
    assert at(move, lashes - (0, 0.6 * gap))[1] > 0.5 * y


@pytest.mark.parametrize(("eye", "first", "second", "brow"), EYES)
def test_the_opening_of_the_eye_and_the_brow_stay(eye, first, second, brow):
    face, move = points(), lids_move(points(), SHAPE, 1.0)
    most = abs(move).max()
    assert abs(at(move, face[eye].mean(axis=0))).max() < 0.03 * most
    assert abs(at(move, face[brow])).max() < 0.03 * most


def test_the_corner_at_the_temple_is_covered_and_the_one_at_the_nose_is_not():
    face, move = points(), lids_move(points(), SHAPE, 1.0)
    outer, inner = (at(move, face[corner] - (0, 5))[1] for corner in (36, 39))
    assert outer < -1.5
    assert abs(inner) < 0.2 * abs(outer)


def test_skin_is_never_turned_over():
    move = lids_move(points(), SHAPE, 1.0)
    assert np.diff(np.arange(SHAPE[0])[:, None] + move[..., 1], axis=0).min() > 0.1


def test_a_face_that_lies_on_its_side_gets_the_same_lids():
    face = points()
    # A quarter turn clockwise: x, y become 399 - y, x.
    turned = np.column_stack([399.0 - face[:, 1], face[:, 0]])
    upright, side = lids_move(face, SHAPE, 1.0), lids_move(turned, SHAPE, 1.0)
    back = np.rot90(side, 1)
    assert np.allclose(back[..., 1], upright[..., 0], atol=0.02)
    assert np.allclose(-back[..., 0], upright[..., 1], atol=0.02)


def test_eyes_outside_the_picture_are_no_error():
    assert not lids_move(points() - 1000.0, SHAPE, 1.0).any()


def test_the_skin_between_lashes_and_brow_is_lit_and_neither_of_these():
    face, lit = points(), lit_lids(points(), SHAPE)
    for eye, first, second, brow in EYES:
        lashes = (face[first] + face[second]) / 2
        gap = lashes[1] - face[brow, 1]
        assert at(lit, lashes - (0, 0.3 * gap)) > 0.8
        for place in (face[eye].mean(axis=0), lashes, face[brow]):
            assert at(lit, place) < 0.05
