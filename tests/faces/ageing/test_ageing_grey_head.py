"""A whole head turned grey."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage

from ppgan_ext.faces.ageing.grey_head import find_head_of_hair, grey_head
from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.faces.head.beard import beard_outlines
from ppgan_ext.faces.light import luminance, to_linear, to_srgb


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


@pytest.fixture(scope="module")
def bearded():
    """A face of dark skin with a black beard, and its landmarks."""
    photo = cv2.resize(skimage.data.astronaut()[:280, 100:380], None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    landmarks = find_faces(photo)[0].landmarks
    y, x = landmarks[28:31].mean(axis=0)[::-1].astype(int)
    light = to_linear(photo.astype(np.float32)) * np.float32(0.3)
    light[y - 14 : y + 14, x - 14 : x + 14] = 0.9  # a highlight
    cover = np.max(list(beard_outlines(landmarks, photo.shape).values()), axis=0)
    rough = np.random.default_rng(0).random(photo.shape[:2]).astype(np.float32)
    share = (cover * np.clip(0.7 + 0.3 * rough, 0.0, 1.0))[..., None]
    return np.rint(to_srgb(light + share * (np.float32(0.004) - light))).astype(np.uint8), landmarks, cover


def test_a_black_beard_on_dark_skin_gets_white_hairs_of_its_own(bearded):
    photo, landmarks, cover = bearded
    head = find_head_of_hair(photo, landmarks, 0.0)
    assert head.beard_turns < 0.1
    none = head._replace(hair=np.zeros_like(head.hair), brows=np.zeros_like(head.brows))
    lights = []
    for age in (50.0, 65.0, 80.0):
        result = grey_head(photo, none, landmarks, age, 1.0, 0)
        assert (result.astype(int) >= photo.astype(int) - 3).all()
        lights.append(luminance(to_linear(result)))
    deep = cover > 0.9
    none, *white = (np.mean(one[deep] > 0.065) for one in (luminance(to_linear(photo)), *lights))
    assert none < white[0] < white[1] - 0.02 < white[2] - 0.04 < 0.4
    assert np.quantile(lights[2][deep], 0.05) < 0.02
    # Films pass smoothly: what is white stays white.
    assert (lights[2] > lights[0] - 0.02).all()


def test_white_hairs_are_no_womans(bearded):
    photo, landmarks, _ = bearded
    assert not find_head_of_hair(photo, landmarks, 1.0).density.any()


def test_a_microphone_before_the_beard_gets_no_white_hairs(bearded):
    photo, landmarks, _ = bearded
    eyes = np.linalg.norm(landmarks[36] - landmarks[45])
    middle, held = landmarks[8] - (0.0, 0.15 * eyes), np.zeros(photo.shape[:2], np.uint8)
    cv2.circle(held, tuple(middle.astype(int).tolist()), int(0.25 * eyes), 1, -1)
    cv2.line(held, tuple(middle.astype(int).tolist()), (int(middle[0]), photo.shape[0]), 1, int(0.25 * eyes))
    rough = np.random.default_rng(0).normal(30.0, 12.0, photo.shape[:2]).clip(0.0, 255.0).astype(np.uint8)
    with_it = np.where(held[..., None] > 0, rough[..., None], photo)
    size = find_head_of_hair(photo, landmarks, 0.0).density.shape[::-1]
    left, top, right, bottom = find_head_of_hair(photo, landmarks, 0.0).face
    there = cv2.resize(held[top:bottom, left:right], size, interpolation=cv2.INTER_AREA) > 0
    before, after = (find_head_of_hair(one, landmarks, 0.0).density for one in (photo, with_it))
    assert after[there].sum() < 0.25 * before[there].sum()
    assert after[~there].sum() > 0.5 * before[~there].sum()


def test_white_hairs_have_the_light_of_the_photo(bearded):
    photo, landmarks, cover = bearded
    dim = np.rint(to_srgb(to_linear(photo) / 3)).astype(np.uint8)
    seen = []
    for picture in (photo, dim):
        head = find_head_of_hair(picture, landmarks, 0.0)
        none = head._replace(hair=np.zeros_like(head.hair), brows=np.zeros_like(head.brows))
        seen.append(luminance(to_linear(grey_head(picture, none, landmarks, 80.0, 1.0, 0)))[cover > 0.9].mean())
    assert seen[1] == pytest.approx(seen[0] / 3, rel=0.25)


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


def test_a_mans_brows_have_more_white_hairs_than_a_womans(photo, landmarks):
    large = cv2.resize(photo[:300, 80:380], None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    points = 3.0 * (landmarks - (80, 0)) + 1.0
    head = find_head_of_hair(large, points, 1.0)
    head = head._replace(hair=np.zeros_like(head.hair))
    man, woman = (grey_head(large, head._replace(femininity=one), points, 80.0, 1.0, 0) for one in (0.0, 1.0))
    whiter = man.astype(int).min(axis=2) - woman.astype(int).min(axis=2)
    assert np.count_nonzero(whiter > 5) > 2 * np.count_nonzero(whiter < -5)
    assert np.count_nonzero(whiter > 5) > 40


def test_rims_of_glasses_before_the_brows_are_left(photo, landmarks):
    """Dark rims that run along the brows."""
    large = cv2.resize(photo[:300, 80:380], None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    points = 3.0 * (landmarks - (80, 0)) + 1.0
    eyes, drawn = eye_distance(points), np.zeros(large.shape[:2], np.uint8)
    for brow, eye in ((slice(17, 22), slice(36, 42)), (slice(22, 27), slice(42, 48))):
        (x, y), (_, above) = points[eye].mean(axis=0), points[brow].mean(axis=0)
        top, side = int(y - above), int(0.38 * eyes)
        cv2.ellipse(drawn, (int(x), int(y)), (side, top), 0, 0, 360, 1, max(3, int(0.06 * eyes)))
    inner = [
        points[eye].mean(axis=0) + np.array([side * 0.38 * eyes, 0.0])
        for eye, side in ((slice(36, 42), 1), (slice(42, 48), -1))
    ]
    cv2.line(drawn, *(tuple(one.astype(int).tolist()) for one in inner), 1, max(3, int(0.06 * eyes)))
    worn = np.where(drawn[..., None] > 0, np.uint8(18), large)
    changes = []
    for clear in (False, True):
        head = find_head_of_hair(worn, points, 1.0)
        head = head._replace(hair=np.zeros_like(head.hair), clear=np.ones_like(head.clear) if clear else head.clear)
        result = grey_head(worn, head, points, 80.0, 1.0, 0)
        changes.append(np.abs(result.astype(int) - worn).max(axis=2)[drawn > 0].mean())
    assert changes[1] > 1.0
    assert changes[0] < 0.1 * changes[1]


def test_the_hairline_is_softened_where_skin_is_told_from_hair(photo, landmarks):
    head = find_head_of_hair(photo, landmarks, 1.0)
    above = int(landmarks[17:27, 1].min() - 0.15 * eye_distance(landmarks))
    light = [
        luminance(to_linear(grey_head(photo, head._replace(beard_turns=turns), landmarks, 80.0, 1.0, 0)))[:above]
        for turns in (0.0, 1.0)
    ]
    changed = light[0] != light[1]
    assert changed.sum() > 100
    assert (light[1] > light[0])[changed].mean() > 0.9
