"""Brows and beards."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage

from ppgan_ext.faces.detect import find_faces
from ppgan_ext.faces.head.facial_hair import brow_weight, thicker_than_brows


@pytest.fixture(scope="module")
def photo():
    return skimage.data.astronaut()


@pytest.fixture(scope="module")
def landmarks(photo):
    return find_faces(photo)[0].landmarks


def test_brows_are_found_and_eyes_are_not(photo, landmarks):
    weight = brow_weight(photo, landmarks)
    assert weight.shape == photo.shape[:2]
    for brow, eye in ((slice(17, 22), slice(36, 42)), (slice(22, 27), slice(42, 48))):
        centre = landmarks[brow][1:4].mean(axis=0).round().astype(int)
        around = weight[centre[1] - 2 : centre[1] + 3, centre[0] - 4 : centre[0] + 5]
        assert around.max() > 0.5
        x, y = landmarks[eye].mean(axis=0).round().astype(int)
        assert weight[y, x] < 0.05
    assert weight[int(landmarks[8, 1]) :].max() == 0


def test_brow_is_the_same_in_a_larger_or_darker_photo(photo, landmarks):
    weight = brow_weight(photo, landmarks)
    larger = cv2.resize(photo, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    large = cv2.resize(brow_weight(larger, (landmarks + 0.5) * 3 - 0.5), (512, 512), interpolation=cv2.INTER_AREA)
    assert np.abs(large - weight).max() < 0.5
    assert np.abs(large - weight)[weight > 0].mean() < 0.06
    assert np.abs(brow_weight((photo * 0.4).astype(np.uint8), landmarks) - weight).max() < 0.3


def test_what_is_thicker_than_brows_is_none(photo, landmarks):
    """A scarf as dark as a brow covers the end of one."""
    weight = brow_weight(photo, landmarks)
    eyes = np.linalg.norm(landmarks[36:42].mean(axis=0) - landmarks[42:48].mean(axis=0))
    x, y = landmarks[17]
    scarf = photo.copy()
    there = slice(int(y - 0.6 * eyes), int(y + 0.6 * eyes)), slice(int(x - 0.7 * eyes), int(x + 0.12 * eyes))
    scarf[there] = 20
    thick = thicker_than_brows(scarf, landmarks)
    assert thick[there].mean() > 0.9
    free = weight > 0.3
    free[:, : there[1].stop + 10] = False
    free[:, int(landmarks[26, 0]) - 6 :] = False
    assert free.sum() > 20
    assert thick[free].mean() < 0.1
