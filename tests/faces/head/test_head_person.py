"""People told from the background."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage

from ppgan_ext.faces.detect import find_faces
from ppgan_ext.faces.head import person
from ppgan_ext.faces.head.head_patch import SHAPE, HeadPatch, head_patch
from ppgan_ext.faces.head.person import NUM_CHANNELS, head_channels, person_chance
from ppgan_ext.faces.mask import draw_part


@pytest.fixture(scope="module")
def photo():
    return skimage.data.astronaut()


@pytest.fixture(scope="module")
def landmarks(photo):
    return find_faces(photo)[0].landmarks


def _person(photo, landmarks):
    patch = head_patch(photo, landmarks)
    return patch, person_chance(patch, head_channels(patch))


def _patch_of(picture):
    return HeadPatch(np.float32(picture), np.ones(SHAPE, np.float32), np.zeros((68, 2)), np.eye(2, 3))


def test_channels_are_bounded_and_blind_outside_the_photo(photo, landmarks):
    patch = head_patch(photo, landmarks)
    seen = head_channels(patch)
    assert seen.shape == (NUM_CHANNELS, *SHAPE)
    assert seen.dtype == np.float32
    assert np.abs(seen).max() < 2.0
    assert not seen[:4, patch.inside == 0.0].any()


def test_face_and_shoulders_are_a_person_and_the_wall_is_not(photo, landmarks):
    patch, chance = _person(photo, landmarks)
    assert chance.shape == SHAPE
    assert chance[draw_part(patch.landmarks[:27], SHAPE, 0) > 0.5].mean() > 0.95
    assert chance[200:, 60:130].mean() > 0.9
    assert chance[:80, :20].mean() < 0.2
    assert chance.min() >= 0.0
    assert chance.max() <= 1.0


def test_nobody_is_outside_the_photo(photo, landmarks):
    patch, chance = _person(photo[:, 150:], landmarks - (150, 0))
    outside = patch.inside == 0.0
    assert outside.any()
    assert not chance[outside].any()


def test_brightness_hardly_matters(photo, landmarks):
    _, bright = _person(photo, landmarks)
    _, dark = _person((photo * 0.4).astype(np.uint8), landmarks)
    assert np.abs(bright - dark).mean() < 0.03


def test_unsure_outline_follows_the_edge_of_the_colours():
    rng = np.random.default_rng(0)
    disc = cv2.circle(np.zeros(SHAPE, np.float32), (96, 120), 60, 1.0, -1)
    picture = np.where(disc[..., None] > 0, (90.0, 60.0, 40.0), (120.0, 130.0, 150.0)) + rng.normal(0, 4, (*SHAPE, 3))
    chance = cv2.GaussianBlur(np.roll(disc, 6, axis=1), (0, 0), 10.0)
    cut = person._cut_out(_patch_of(picture), chance)
    assert np.abs((chance > 0.5) - disc).sum() > 1000
    assert np.abs(cut - disc).sum() < 50


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_chance_stays_where_nothing_is_sure(chance):
    chances = np.full(SHAPE, chance, np.float32)
    np.testing.assert_array_equal(person._cut_out(_patch_of(np.full((*SHAPE, 3), 128.0)), chances), chances)


def test_one_flat_colour_can_be_cut():
    chance = cv2.GaussianBlur(cv2.circle(np.zeros(SHAPE, np.float32), (96, 120), 60, 1.0, -1), (0, 0), 5.0)
    cut = person._cut_out(_patch_of(np.full((*SHAPE, 3), 128.0)), chance)
    assert set(np.unique(cut)) == {0.0, 1.0}


def test_same_photo_same_bytes(photo, landmarks):
    _, first = _person(photo, landmarks)
    cv2.setRNGSeed(7)
    np.testing.assert_array_equal(_person(photo, landmarks)[1], first)
