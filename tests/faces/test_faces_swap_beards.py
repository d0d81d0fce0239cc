"""Whose beard a fused face has: the photo's or the person's, and none of it half."""

import numpy as np
import pytest

from ppgan_ext.faces.swap import beards
from ppgan_ext.faces.swap.beards import share_beards, skin_colour, within_jaw
from ppgan_ext.faces.swap.composite import Heads, composite
from ppgan_ext.faces.swap.overlay import draw_overlay
from tests.reference.drawn import DrawnFace, draw_photo

NONE = {"moustache": 0.0, "goatee": 0.0, "whiskers": 0.0}
FULL = {"moustache": 0.5, "goatee": 0.9, "whiskers": 0.7}
MOUSTACHE = {**NONE, "moustache": 0.9}


def drawn(seed=0):
    picture, (landmarks,) = draw_photo((390, 350), [DrawnFace((190.0, 160.0), 62.0, skin=(224, 184, 160))], seed)
    return picture, landmarks


def shared(own, theirs, monkeypatch, told=1.0):
    photo, landmarks = drawn()
    person = photo[:, ::-1].copy()
    monkeypatch.setattr(beards, "told_chances", lambda picture, _: own if picture is photo else theirs)
    monkeypatch.setattr(beards, "tells_beard", lambda *_: told)
    return share_beards(photo, landmarks, person, landmarks)


@pytest.mark.parametrize("theirs", [NONE, FULL, MOUSTACHE])
def test_a_beard_of_the_photo_stays_whole_whatever_the_person_has(theirs, monkeypatch):
    found = shared(FULL, theirs, monkeypatch)
    assert set(found.photo.values()) == {1.0}
    assert found.person == NONE


def test_stubble_is_whole_too_but_on_the_jaw_only_if_it_is_there_and_a_trace_is_left_out(monkeypatch):
    found = shared({"moustache": 0.1, "goatee": 0.75, "whiskers": 0.0}, NONE, monkeypatch)
    assert found.photo == {"moustache": 1.0, "goatee": 1.0, "whiskers": 0.0}
    assert shared({"moustache": 0.2, "goatee": 0.37, "whiskers": 0.0}, FULL, monkeypatch).photo == NONE


def test_a_beard_of_the_person_goes_along_whole_where_the_photo_has_none(monkeypatch):
    found = shared(NONE, FULL, monkeypatch)
    assert set(found.person.values()) == {1.0}
    assert found.photo == NONE
    assert shared(NONE, FULL, monkeypatch, told=0.0).person == NONE  # on dark skin it may be shade


@pytest.mark.parametrize(("theirs", "stays"), [(NONE, 1.0), (MOUSTACHE, 0.0)])
def test_of_two_moustaches_one_is_drawn(theirs, stays, monkeypatch):
    found = shared(MOUSTACHE, theirs, monkeypatch)
    assert found.photo == {**NONE, "moustache": stays}
    assert found.person["moustache"] == 1.0 - stays if theirs["moustache"] else found.person == NONE


def test_without_beards_nothing_is_drawn(monkeypatch):
    assert shared({}, {}, monkeypatch) == (NONE, NONE)


def test_skin_has_its_colour_in_any_light_and_cloth_has_another():
    photo, landmarks = drawn()
    cloth = photo.copy()
    x, y = np.rint(landmarks[8]).astype(int)
    cloth[y + 4 :] = (40, 60, 150)
    found = skin_colour(cloth, landmarks)
    cheek = np.rint(landmarks[[3, 48]].mean(axis=0)).astype(int)
    assert found[cheek[1], cheek[0]] > 0.9
    assert found[y + 8 :, x - 20 : x + 20].max() < 0.05
    assert skin_colour(np.uint8(0.5 * photo), landmarks)[cheek[1], cheek[0]] > 0.9


def test_a_beard_ends_below_the_jaw():
    photo, landmarks = drawn()
    within = within_jaw(landmarks, photo.shape)
    x, y = np.rint(landmarks[8]).astype(int)
    assert within[y - 3, x] == 1.0
    assert within[min(y + 20, photo.shape[0] - 1), x] == 0.0


def test_the_persons_beard_goes_on_beyond_the_face_that_is_put_in():
    photo, landmarks = drawn()
    other, other_landmarks = drawn(1)
    x, y = np.rint(other_landmarks[8]).astype(int)
    bearded = other.copy()
    bearded[y - 14 : y + 12, x - 18 : x + 19] = (52, 40, 34)
    overlay = draw_overlay(photo.shape, landmarks, bearded, other_landmarks)
    without, grown = (
        composite(photo, overlay, Heads(their_beard=parts)).image.astype(float)
        for parts in (None, dict.fromkeys(NONE, 1.0))
    )
    x, y = np.rint(landmarks[8]).astype(int)
    edge = slice(y - 2, y + 2), slice(x - 10, x + 11)  # at the outline the face has faded
    assert grown[edge].mean() < 0.8 * without[edge].mean()
    assert np.abs(grown - without)[: int(landmarks[30, 1])].mean() < 0.5
