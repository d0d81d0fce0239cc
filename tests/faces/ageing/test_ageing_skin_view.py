"""A face seen in the frame: where its skin is bare, and where marks of age may lie."""

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.ageing import skin_view
from ppgan_ext.faces.ageing.model import bundled_model
from ppgan_ext.faces.ageing.skin_view import Cover, view_skin
from tests.reference.drawn import DrawnFace, draw_photo

PHOTO, (POINTS,) = draw_photo((200, 220), [DrawnFace((100.0, 80.0), 50.0, skin=(196, 150, 124))], 0)


def seen(covers=()):
    return view_skin(PHOTO, POINTS, bundled_model().mean_face, 1.0, covers)


@pytest.fixture(scope="module")
def view():
    return seen()


def around(view, place, radius=12):
    """Return rows and columns of the frame around the middle of landmarks, or around a point."""
    points = view.placement.frame_landmarks[place].reshape(-1, 2).mean(axis=0)
    x, y = points.round().astype(int)
    return slice(y - radius, y + radius), slice(x - radius, x + radius)


CHEEK, FOREHEAD, IRIS = [1, 31, 48, 3], [19, 24, 27], slice(36, 42)


def test_marks_lie_on_bare_skin_and_hardly_in_the_eyes(view):
    for place in (CHEEK, FOREHEAD):
        assert view.skin[around(view, place)].min() > 0.9
        assert view.weight[around(view, place)].min() > 0.9
    assert view.skin[around(view, IRIS, 4)].max() < 0.1
    assert view.weight[around(view, IRIS, 4)].max() < 0.4


def test_a_cover_is_neither_skin_nor_marked_and_tells_nothing_of_the_skin(view, monkeypatch):
    where = np.zeros(PHOTO.shape[:2], np.float32)
    x, y = POINTS[CHEEK].mean(axis=0).round().astype(int)
    cv2.circle(where, (int(x), int(y)), 12, 1.0, -1)
    areas, weigh = [], skin_view.parts.skin_weight
    monkeypatch.setattr(
        skin_view.parts, "skin_weight", lambda picture, area: areas.append(area) or weigh(picture, area)
    )
    # On a copy of half the size it lies where its own landmarks are.
    half = cv2.resize(where, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    for cover in (Cover(where, POINTS), Cover(half, (POINTS + 0.5) / 2 - 0.5)):
        covered = seen([cover])
        for values in (covered.skin, covered.weight, areas.pop()):
            assert values[around(view, CHEEK)].max() < 0.01
        assert np.array_equal(covered.weight[around(view, FOREHEAD)], view.weight[around(view, FOREHEAD)])


def test_a_cover_over_the_mouth_gets_no_marks(view):
    """Where no skin is expected, its colour does not tell that something is before it."""
    lips = np.zeros(PHOTO.shape[:2], np.float32)
    cv2.fillConvexPoly(lips, cv2.convexHull(POINTS[48:60].round().astype(np.int32)), 1.0)
    assert view.weight[around(view, [62, 51], 3)].max() > 0.1
    assert seen([Cover(cv2.dilate(lips, np.ones((5, 5))), POINTS)]).weight[around(view, [62, 51], 3)].max() < 0.01


def test_what_is_no_skin_by_its_colour_gets_no_marks(view, monkeypatch):
    weigh = skin_view.parts.skin_weight

    def without_cheek(picture, area):
        skin = weigh(picture, area)
        skin[around(view, CHEEK, 24)] = 0.0
        return skin

    monkeypatch.setattr(skin_view.parts, "skin_weight", without_cheek)
    covered = seen()
    assert covered.skin[around(view, CHEEK)].max() < 0.01
    assert covered.weight[around(view, CHEEK)].max() < 0.01
    assert covered.weight[around(view, FOREHEAD)].min() > 0.9


def test_bare_skin_of_the_neck_is_marked_and_has_light_of_its_own(view, monkeypatch):
    points = view.placement.frame_landmarks
    below = points[8] + 0.25 * (points[8] - points[33])
    neck = np.zeros(view.skin.shape, np.float32)
    neck[int(below[1]) - 20 : int(below[1]) + 20, 180:270] = 1.0
    hidden, shown = np.zeros_like(neck), neck
    views = []
    for neck in (hidden, shown):
        monkeypatch.setattr(skin_view.parts, "neck", lambda *_, neck=neck: neck)
        views.append(seen())
    without, with_neck = views
    here = np.s_[int(below[1]) - 8 : int(below[1]) + 8, 200:250]
    assert without.skin[here].max() < 0.1
    assert without.weight[here].max() < 0.1
    for values in (with_neck.skin, with_neck.weight):
        assert 0.6 < values[here].min() <= values[here].max() < 0.95  # its place is less sure than the face's
    assert not without.bands[:, here[0], here[1]].any()
    assert with_neck.bands[:, here[0], here[1]].any()


def test_nothing_is_seen_of_a_face_that_is_covered():
    assert seen([Cover(np.ones(PHOTO.shape[:2], np.float32), POINTS)]) is None
