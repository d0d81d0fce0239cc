import cv2
import numpy as np
import pytest

from ppgan_ext.faces.ageing import likeness
from ppgan_ext.faces.ageing.likeness import Likeness
from ppgan_ext.faces.ageing.model import bundled_model
from ppgan_ext.faces.ageing.render import Person, prepare
from ppgan_ext.faces.descriptor import face_descriptor
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.types import Face

pytestmark = pytest.mark.slow

PERSON = Person(age=30.0, femininity=1.0, seed=3)


@pytest.fixture(scope="module")
def photo():
    from skimage import data

    return data.astronaut()[:300, 60:420]


@pytest.fixture(scope="module")
def face(photo):
    return find_faces(photo)[0]


def see(photo, landmarks):
    return prepare(photo, landmarks, PERSON, bundled_model()), Likeness.of(photo, landmarks)


def distance(photo, face, ageing, years, held):
    after = Face(face.box, ageing.landmarks_after(years, held=held))
    return np.linalg.norm(face_descriptor(ageing.draw(photo, years, held=held), after) - face_descriptor(photo, face))


def set_limits(monkeypatch, farthest, forward=False):
    """From 20 years on, hold back what lies farther than ``farthest``, and bring forward what lies nearer, if asked."""
    monkeypatch.setattr(likeness, "_FARTHEST", (0.45, farthest, farthest))
    monkeypatch.setattr(likeness, "_NEARER", 0.08 if forward else np.inf)


def test_a_face_is_held_back_as_far_as_it_must_to_be_recognised(photo, face, monkeypatch):
    ageing, known = see(photo, face.landmarks)
    freely, most = (distance(photo, face, ageing, 40.0, held) for held in (0.0, 1.0))
    assert most < 0.85 * freely
    limit = (freely + most) / 2
    set_limits(monkeypatch, limit)
    held = known.held(ageing, photo, 40.0, 1.0, 1.0)
    assert 0.2 < held < 0.8
    assert distance(photo, face, ageing, 40.0, held) == pytest.approx(limit, abs=0.1 * freely)


def test_a_face_that_is_recognised_keeps_all_of_its_age_and_one_beyond_help_is_held_fully(photo, face, monkeypatch):
    ageing, known = see(photo, face.landmarks)
    set_limits(monkeypatch, 2.0)
    assert known.held(ageing, photo, 40.0, 1.0, 1.0) == 0.0
    set_limits(monkeypatch, 0.0)
    assert known.held(ageing, photo, 40.0, 1.0, 1.0) == 1.0


def test_from_year_to_year_it_passes_smoothly_from_forward_to_back(photo, face, monkeypatch):
    ageing, known = see(photo, face.landmarks)
    set_limits(monkeypatch, 0.95 * distance(photo, face, ageing, 40.0, 0.0), forward=True)
    held = [known.held(ageing, photo, years, 1.0, 1.0) for years in range(8, 50, 2)]
    assert held[:7] == [0.0] * 7 and min(held) < -0.02 and held[-1] > 0.15
    assert np.abs(np.diff(held)).max() < 0.15


def test_a_face_that_stays_near_its_photo_is_brought_forward(photo, face, monkeypatch):
    ageing, known = see(photo, face.landmarks)
    gone = iter((0.30, 0.373, 0.413, 0.408, 0.30, 0.25))
    monkeypatch.setattr(Likeness, "_distance", lambda *_: next(gone))
    held = [
        known.held(ageing, photo, years, detail, detail)
        for years, detail in [(40.0, 1.0)] * 4 + [(30.0, 1.0), (40.0, 0.5)]
    ]
    # Less of it for fewer years, and none for whoever asks for less detail and therefore stays near.
    assert held == pytest.approx([-1.0, -0.5, 0.0, -0.0625, -0.5, 0.0])


def test_for_few_years_or_a_younger_face_nothing_is_measured(photo, face, monkeypatch):
    def refuse(*_):
        raise AssertionError("measured")

    ageing, known = see(photo, face.landmarks)
    monkeypatch.setattr(likeness, "face_descriptor", refuse)
    assert [known.held(ageing, photo, years, 1.0, 1.0) for years in (-20.0, 0.0, 10.0)] == [0.0, 0.0, 0.0]
    assert known.held(ageing, photo, 40.0, 0.0, 0.0) == 0.0
    with pytest.raises(AssertionError, match="measured"):
        known.held(ageing, photo, 11.0, 1.0, 1.0)


def test_whoever_asks_for_more_detail_lets_the_face_go_farther(photo, face, monkeypatch):
    ageing, known = see(photo, face.landmarks)
    monkeypatch.setattr(Likeness, "_distance", lambda self, ageing, copy, years, detail, held: 0.6 - 0.5 * held)
    set_limits(monkeypatch, 0.4)
    held = [known.held(ageing, photo, 40.0, detail, detail) for detail in (0.5, 1.0, 1.25, 1.5)]
    assert held == pytest.approx([0.4, 0.4, 0.2, 0.0])


def test_a_larger_photo_is_held_back_alike(photo, face, monkeypatch):
    ageing, known = see(photo, face.landmarks)
    set_limits(monkeypatch, 0.85 * distance(photo, face, ageing, 40.0, 0.0))
    large = cv2.resize(photo, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    ageing_of_large, known_of_large = see(large, (face.landmarks + 0.5) * 3 - 0.5)
    assert known_of_large.copy.shape == known.copy.shape
    first, second = (
        known.held(ageing, photo, 40.0, 1.0, 1.0),
        known_of_large.held(ageing_of_large, large, 40.0, 1.0, 1.0),
    )
    assert 0.0 < first
    assert second == pytest.approx(first, abs=0.25)
