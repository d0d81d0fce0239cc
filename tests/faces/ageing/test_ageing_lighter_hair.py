"""Brows that grow lighter with age."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage

from ppgan_ext.faces.ageing.lighter_hair import lighten_hair
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.faces.head.facial_hair import brow_place, brow_weight
from ppgan_ext.faces.light import luminance, to_linear, to_srgb

GREY = np.array([0.30, 0.28, 0.25], np.float32)
SKIN = np.array([0.42, 0.24, 0.16], np.float32)


@pytest.fixture(scope="module")
def landmarks():
    return 3.0 * (find_faces(skimage.data.astronaut())[0].landmarks - (80, 0)) + 1.0


@pytest.fixture(scope="module")
def photo():
    return cv2.resize(skimage.data.astronaut()[:300, 80:380], None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope="module")
def place(photo, landmarks):
    return brow_place(landmarks, photo.shape)


@pytest.fixture(scope="module")
def hair(photo, landmarks):
    return brow_weight(photo, landmarks) > 0.8


def _logs(picture):
    return np.log(luminance(to_linear(picture)) + 0.01)


def _chroma(picture):
    lab = cv2.cvtColor(np.float32(picture) / 255, cv2.COLOR_RGB2LAB)
    return np.hypot(lab[..., 1], lab[..., 2])


def test_brows_become_lighter_and_keep_their_hairs(photo, landmarks, place, hair):
    half, full = (lighten_hair(photo, place, landmarks, amount, GREY, SKIN) for amount in (0.25, 0.5))
    light = [_logs(picture)[hair].mean() for picture in (photo, half, full)]
    assert light[0] + 0.1 < light[1] < light[2] - 0.05
    # Hairs as narrow as this are as dark beside one another as before.
    before, after = (_logs(picture) - cv2.GaussianBlur(_logs(picture), (0, 0), 3) for picture in (photo, full))
    assert after[hair].std() > 0.75 * before[hair].std()
    assert np.corrcoef(before[hair], after[hair])[0, 1] > 0.9


def test_skin_shines_through_black_hair_that_thins(photo, landmarks, place, hair):
    """It becomes brown and not grey."""
    black = np.where(hair[..., None], cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)[..., None] // 2, photo).astype(np.uint8)
    before, after = (_chroma(one)[hair] for one in (black, lighten_hair(black, place, landmarks, 0.5, GREY, SKIN)))
    assert before.max() < 0.2
    assert np.median(after) > 5.0


def test_hairs_that_stay_dark_gain_less_light(photo, landmarks, place, hair):
    covered = np.zeros(photo.shape[:2], np.uint8)
    covered[::2] = 255
    without, result = (
        _logs(lighten_hair(photo, place, landmarks, 0.5, GREY, SKIN, None, one)) - _logs(photo)
        for one in (None, covered)
    )
    dark, light = hair & (covered > 0), hair & (covered == 0)
    assert result[dark].mean() < 0.5 * without[dark].mean()
    assert np.array_equal(result[light], without[light])


def test_no_veil_lies_on_the_skin_between(photo, landmarks, place, hair):
    """Skin in a rectangle of brows keeps its bits, and so does what is no brow."""
    skin = photo.copy()
    y, x = np.nonzero(hair)
    rows, columns = slice(int(y.min()), int(np.median(y))), slice(int(x.min()) + 20, int(x.min()) + 35)
    cheek = landmarks[[31, 4]].mean(axis=0).astype(int)
    skin[rows, columns] = photo[cheek[1], cheek[0]]
    result = lighten_hair(skin, place, landmarks, 1.0, GREY, SKIN)
    inner = slice(rows.start + 3, rows.stop - 3), slice(columns.start + 4, columns.stop - 4)
    assert place[inner].max() > 0.5
    assert np.array_equal(result[inner], skin[inner])
    assert np.array_equal(result[place == 0], skin[place == 0])
    assert not np.array_equal(result, skin)


def test_none_is_none_and_the_photo_is_not_written_to(photo, landmarks, place):
    copy = photo.copy()
    copy.setflags(write=False)
    assert np.array_equal(lighten_hair(copy, place, landmarks, 0.0, GREY, SKIN), photo)
    assert np.array_equal(lighten_hair(copy, place * 0, landmarks, 0.5, GREY, SKIN), photo)


def test_light_is_a_factor(photo, landmarks, place, hair):
    light = to_linear(photo)
    gains = []
    for exposure in (1.0, 0.4):
        seen = np.rint(to_srgb(light * np.float32(exposure))).astype(np.uint8)
        result = lighten_hair(seen, place, landmarks, 0.5, GREY, SKIN)
        gains.append(luminance(to_linear(result))[hair].sum() / luminance(to_linear(seen))[hair].sum())
    assert gains[0] > 1.2
    assert gains[1] == pytest.approx(gains[0], rel=0.05)


def test_a_photo_without_colour_stays_without(photo, landmarks, place):
    plain = np.repeat(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    result = lighten_hair(plain, place, landmarks, 0.5, *2 * [np.full(3, 0.3, np.float32)])
    assert np.ptp(result.astype(int), axis=2).max() <= 1


def test_brows_end_at_the_side_of_the_face(photo, landmarks, place):
    """A hood or hair there is as dark."""
    turned = landmarks.copy()
    turned[26] = landmarks[16] + (6, -4)
    across = landmarks[16] - landmarks[0]
    y, x = np.nonzero(brow_place(turned, photo.shape))
    way = (np.stack([x, y], axis=1) - landmarks[0]) @ across / (across @ across)
    assert place.max() > 0.9
    assert 0.95 < way.max() <= 1.0


@pytest.fixture(scope="module")
def drawn(photo, landmarks):
    """An even face with a brow whose edges fade into the skin; rows and column of it, and its log light below."""
    cheek = landmarks[[31, 4]].mean(axis=0).astype(int)
    picture = np.broadcast_to(photo[cheek[1], cheek[0]], photo.shape).copy()
    x, y = landmarks[19].astype(int)
    below = 1.9 * np.clip(1.4 - 1.6 * np.abs(np.arange(-30, 31)) / 30.0, 0.0, 1.0)
    light = to_linear(picture)
    light[y - 30 : y + 31, x - 40 : x + 41] *= np.exp(-below).astype(np.float32)[:, None, None]
    return np.rint(to_srgb(light)).astype(np.uint8), (slice(y - 30, y + 1), x), below[:31]


def test_what_was_darker_stays_darker_so_that_no_rim_is_drawn(drawn, landmarks):
    picture, column, _ = drawn
    result = lighten_hair(picture, np.ones(picture.shape[:2], np.float32), landmarks, 1.0, GREY, SKIN)
    before, after = (luminance(to_linear(one))[column] for one in (picture, result))
    assert after[-1] > 1.4 * before[-1]
    assert np.diff(after).max() <= 0.01


def test_white_hairs_show_on_dark_hair_only(drawn, landmarks):
    picture, column, below = drawn
    everywhere, white = np.ones(picture.shape[:2], np.float32), np.full(picture.shape[:2], 255, np.uint8)
    without, covered = (
        luminance(to_linear(lighten_hair(picture, everywhere, landmarks, 0.5, 6 * GREY, SKIN, one)))[column]
        for one in (None, white)
    )
    gained = covered - without
    faint = (below > 0.15) & (below < 0.35)
    assert faint.any()
    assert gained[below > 1.5].mean() > 0.2
    assert gained[faint].max() < 0.02
    assert np.abs(gained[below < 0.1]).max() == 0.0
