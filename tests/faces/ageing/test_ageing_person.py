"""People told from the background."""

from __future__ import annotations

import numpy as np
import pytest
import skimage

from ppgan_ext.faces.ageing.head_patch import SHAPE, head_patch
from ppgan_ext.faces.ageing.parts import hull
from ppgan_ext.faces.ageing.person import NUM_CHANNELS, head_channels, person_chance
from ppgan_ext.faces.detect import find_faces


@pytest.fixture(scope="module")
def photo():
    return skimage.data.astronaut()


@pytest.fixture(scope="module")
def landmarks(photo):
    return find_faces(photo)[0].landmarks


def _person(photo, landmarks):
    patch = head_patch(photo, landmarks)
    return patch, person_chance(patch, head_channels(patch))


def test_channels_are_bounded_and_blind_outside_the_photo(photo, landmarks):
    patch = head_patch(photo, landmarks)
    seen = head_channels(patch)
    assert seen.shape == (NUM_CHANNELS, *SHAPE)
    assert seen.dtype == np.float32
    assert np.abs(seen).max() < 2.0
    assert not seen[:4, patch.inside == 0.0].any()


def test_face_and_shoulders_are_a_person_and_the_wall_is_not(photo, landmarks):
    patch, person = _person(photo, landmarks)
    assert person.shape == SHAPE
    assert person[hull(patch.landmarks[:27], SHAPE, 0) > 0.5].mean() > 0.95
    assert person[200:, 60:130].mean() > 0.9
    assert person[:80, :20].mean() < 0.2
    assert person.min() >= 0.0
    assert person.max() <= 1.0


def test_nobody_is_outside_the_photo(photo, landmarks):
    patch, person = _person(photo[:, 150:], landmarks - (150, 0))
    outside = patch.inside == 0.0
    assert outside.any()
    assert not person[outside].any()


def test_brightness_hardly_matters(photo, landmarks):
    _, bright = _person(photo, landmarks)
    _, dark = _person((photo * 0.4).astype(np.uint8), landmarks)
    assert np.abs(bright - dark).mean() < 0.03
