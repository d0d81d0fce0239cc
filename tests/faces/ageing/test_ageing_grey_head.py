"""A whole head turned grey."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage

from ppgan_ext.faces.ageing.grey_head import find_head_of_hair, grey_head
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.faces.light import to_linear, to_srgb


@pytest.fixture(scope="module")
def photo():
    return skimage.data.astronaut()


@pytest.fixture(scope="module")
def landmarks(photo):
    return find_faces(photo)[0].landmarks


def grey(photo, landmarks, amount, seed=0, age=80.0):
    head = find_head_of_hair(photo, landmarks, 1.0)
    assert head.refusal is None
    return grey_head(photo, head, landmarks, age, amount, seed)


def _chroma(picture):
    lab = cv2.cvtColor(np.float32(picture) / 255, cv2.COLOR_RGB2LAB)
    return np.hypot(lab[..., 1], lab[..., 2])


def test_hair_and_brows_turn_grey_and_the_face_stays(photo, landmarks):
    result = grey(photo, landmarks, 1.0)
    assert result.dtype == np.uint8
    before, after = _chroma(photo), _chroma(result)
    for y, x in ((slice(96, 104), slice(164, 172)), (slice(80, 90), slice(280, 290))):
        assert after[y, x].mean() < 0.7 * before[y, x].mean()
    # Cheek, mouth and suit.
    for y, x in (
        (slice(115, 125), slice(200, 210)),
        (slice(140, 150), slice(215, 230)),
        (slice(300, 400), slice(100, 400)),
    ):
        assert np.array_equal(result[y, x], photo[y, x])


def test_none_is_none(photo, landmarks):
    assert np.array_equal(grey(photo, landmarks, 0.0), photo)
    assert np.array_equal(grey(photo, landmarks, 1.0, age=30.0), photo)


def test_same_seed_same_bytes(photo, landmarks):
    first, second = (grey(photo, landmarks, 0.5, seed=4) for _ in range(2))
    assert np.array_equal(first, second)


def test_a_woman_has_no_beard(photo, landmarks):
    assert not find_head_of_hair(photo, landmarks, 1.0).beard.any()


def test_photo_is_not_written_to(photo, landmarks):
    copy = photo.copy()
    copy.setflags(write=False)
    grey(copy, landmarks, 0.7)


def test_the_beard_of_dark_skin_is_left_whatever_the_exposure(photo, landmarks):
    """Skin is dark if its shine is much brighter than it."""
    y, x = landmarks[28:31].mean(axis=0)[::-1].astype(int)
    turns = []
    light = to_linear(photo.astype(np.float32))
    for share in (1.0, 0.55, 0.35):
        skin = light * np.float32(share)
        skin[y - 9 : y + 9, x - 9 : x + 9] = light.max()
        for exposure in (1.0, 0.5):
            seen = to_srgb(skin * np.float32(exposure)).astype(np.uint8)
            turns.append(find_head_of_hair(seen, landmarks, 0.0).beard_turns)
    assert np.allclose(turns[::2], turns[1::2], atol=0.05)
    assert turns[0] > 0.9 > turns[2] and turns[4] < 0.1


def test_brows_turn_grey_where_age_has_moved_them(photo, landmarks):
    """Brows that were moved up by a twentieth of the eyes' distance after the hair was found."""
    photo = cv2.resize(photo[:300, 80:380], None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    landmarks = 3.0 * (landmarks - (80, 0)) + 1.0
    head = find_head_of_hair(photo, landmarks, 1.0)
    none = head._replace(hair=np.zeros_like(head.hair))
    left, top = np.floor(landmarks[17:27].min(axis=0)).astype(int) - 24
    right, bottom = np.ceil(landmarks[17:27].max(axis=0)).astype(int) + 20
    right_brow = slice(left, int(landmarks[21, 0]) + 20)
    moved = photo.copy()
    moved[top - 6 : bottom - 6, left:right] = photo[top:bottom, left:right]
    change = [
        np.abs(grey_head(picture, none, landmarks, 80.0, 1.0, 0).astype(int) - picture).sum(axis=2)[:, right_brow]
        for picture in (photo, moved)
    ]
    rows = [(one.sum(axis=1) * np.arange(len(one))).sum() / one.sum() for one in change]
    assert change[1].sum() > 0.8 * change[0].sum()
    assert rows[1] < rows[0] - 1.0
