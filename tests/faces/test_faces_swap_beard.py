"""The photo's beard on the fused face: whole, with its own hairs, over the relief of the person's skin."""

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.light import luminance, to_linear
from ppgan_ext.faces.skin import find_skin
from ppgan_ext.faces.swap.grown_beard import _below_nose, grow_beard
from tests.reference.drawn import DrawnFace, draw_photo

PALE = (224, 184, 160)


def drawn(seed=0):
    picture, (landmarks,) = draw_photo((390, 350), [DrawnFace((190.0, 160.0), 62.0, skin=PALE)], seed)
    return picture.astype(np.float32), landmarks


def chin(photo, landmarks):
    """Return a place on the chin, as slices, and a map of it, (H, W)."""
    x, y = np.rint(landmarks[[8, 57]].mean(axis=0)).astype(int)
    here = slice(y - 12, y + 13), slice(x - 20, x + 21)
    beard = np.zeros(photo.shape[:2], np.float32)
    beard[here] = 1.0
    return here, beard


def grown_on(face, photo, landmarks, beard, same_light=True):
    skin = find_skin(landmarks, drawn()[0]).skin * (1.0 - beard)
    return grow_beard(face, photo, skin, landmarks, beard, same_light)


def test_hairs_of_the_photos_beard_grow_on_the_face_and_its_relief_stays():
    photo, landmarks = drawn()
    face, (here, beard) = photo.copy(), chin(photo, landmarks)
    x, y = here[1].start + 20, here[0].start + 12
    cv2.circle(face, (x, y), 4, (190.0, 140.0, 120.0), -1)  # something of the person's own
    bearded = photo.copy()
    strands = np.random.default_rng(0).random(beard[here].shape) < 0.12
    bearded[here][strands] = 40.0
    grown = grown_on(face, bearded, landmarks, beard)
    light = luminance(to_linear(grown))[here]
    assert light[strands].mean() < 0.35 * light[~strands].mean()
    own = np.zeros(strands.shape, bool)
    own[10:15, 18:23] = True
    assert light[own & ~strands].mean() < 0.85 * light[~own & ~strands].mean()
    assert np.array_equal(np.rint(grown[beard == 0]), np.rint(face[beard == 0]))
    none = np.zeros_like(beard)
    assert np.array_equal(grow_beard(face, bearded, none, landmarks, none), face)


def test_single_hairs_of_stubble_grow():
    photo, landmarks = drawn()
    here, stubble = chin(photo, landmarks)
    thin = photo.copy()
    strands = np.random.default_rng(1).random(stubble[here].shape) < 0.08
    thin[here][strands] = 60.0
    grown = grown_on(photo, thin, landmarks, stubble)
    light = luminance(to_linear(grown))[here] / luminance(to_linear(photo))[here]
    assert light[strands].mean() < 0.6 < 0.85 < light[~strands].mean()


def test_what_is_dark_already_becomes_no_darker():
    photo, landmarks = drawn()
    here, beard = chin(photo, landmarks)
    bearded = photo.copy()
    bearded[here] = (60.0, 45.0, 38.0)
    inner = slice(here[0].start + 6, here[0].stop - 6), slice(here[1].start + 6, here[1].stop - 6)
    once = grown_on(photo, bearded, landmarks, beard)
    twice = grown_on(bearded, bearded, landmarks, beard)
    assert once[inner].mean() < 0.5 * photo[inner].mean()
    assert twice[inner].mean() > 0.85 * bearded[inner].mean()


def test_grey_hairs_between_black_ones_are_no_brighter_than_they_were():
    photo, landmarks = drawn()
    here, beard = chin(photo, landmarks)
    bearded = photo.copy()
    grey = np.random.default_rng(2).random(beard[here].shape) < 0.15
    bearded[here] = np.where(grey[..., None], 150.0, 30.0)
    grown = grown_on(photo, bearded, landmarks, beard)
    assert grown[here][grey].max() < photo[here][grey].max() + 1.0


def test_skin_below_stubble_is_not_reddened():
    photo, landmarks = drawn()
    here, stubble = chin(photo, landmarks)
    red = photo.copy()
    red[here] *= (1.0, 0.8, 0.8)
    inner = slice(here[0].start + 6, here[0].stop - 6), slice(here[1].start + 6, here[1].stop - 6)
    grown = grown_on(red, photo, landmarks, stubble)
    redness = [float((each[inner][..., 0] / each[inner][..., 1]).mean()) for each in (photo, red, grown)]
    assert redness[1] > redness[0] + 0.2
    assert redness[2] == pytest.approx(redness[0], abs=0.08)


def test_the_lamps_of_another_photo_colour_no_hair():
    photo, landmarks = drawn()
    here, beard = chin(photo, landmarks)
    blue = photo.copy()
    blue[here] = (20.0, 25.0, 70.0)
    inner = slice(here[0].start + 6, here[0].stop - 6), slice(here[1].start + 6, here[1].stop - 6)
    own, other = (grown_on(photo, blue, landmarks, beard, same_light)[inner] for same_light in (True, False))
    assert own[..., 2].mean() > own[..., 0].mean() + 20
    assert other[..., 0].mean() > other[..., 2].mean()  # less of the skin's colour, and of no other
    assert other.mean() < 0.6 * photo[inner].mean()


def test_a_moustache_rises_slowly_below_the_nose():
    photo, landmarks = drawn()
    rise = _below_nose(landmarks, photo.shape[:2])
    nose, lip = landmarks[33], landmarks[51]
    down = [rise[tuple(np.rint(nose + share * (lip - nose)).astype(int)[::-1])] for share in (0.0, 0.3, 0.6, 1.0)]
    assert down[0] == 0.0 < down[1] < down[2] <= down[3]
    assert rise[tuple(np.rint(landmarks[8]).astype(int)[::-1])] == 1.0


def test_a_gleam_in_a_dark_beard_is_skin_and_a_white_hair_in_a_white_one_is_hair():
    photo, landmarks = drawn()
    here, beard = chin(photo, landmarks)
    draws = np.random.default_rng(0).random(beard[here].shape)
    for dark, brighter in ((0.4, False), (0.1, True)):
        bearded = photo.copy()
        bearded[here][draws < dark], bearded[here][draws > 0.9 if not brighter else draws > 0.4] = 40.0, 250.0
        skin = find_skin(landmarks, bearded).skin * (1.0 - beard)
        grown = grow_beard(photo, bearded, skin, landmarks, beard)
        light = luminance(to_linear(grown) / np.maximum(to_linear(photo), 1e-3))[here]
        assert (float(light[draws > 0.9].mean()) > 1.45) == brighter
        assert light[draws < dark].mean() < 0.5
