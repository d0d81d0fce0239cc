"""Fine structure of a face: rough where stubble is drawn, whatever the light, and not at an edge."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage

from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.faces.head.hair_texture import roughness


@pytest.fixture(scope="module")
def photo():
    return skimage.data.astronaut()[:280, 100:380]


@pytest.fixture(scope="module")
def landmarks(photo):
    return find_faces(photo)[0].landmarks


@pytest.fixture(scope="module")
def chin(photo, landmarks):
    """A disk on the chin."""
    drawn = np.zeros(photo.shape[:2], np.uint8)
    x, y = (landmarks[8] + 0.4 * (landmarks[57] - landmarks[8])).round().astype(int).tolist()
    return cv2.circle(drawn, (x, y), round(0.2 * eye_distance(landmarks)), 1, -1) > 0


def at(values, chin):
    return float(np.median(values[cv2.erode(np.uint8(chin), np.ones((5, 5))) > 0]))


def test_stubble_is_rougher_than_skin_in_any_light(photo, landmarks, chin):
    dots = np.random.default_rng(0).random(photo.shape[:2])[..., None]
    stubble = np.uint8(photo * (1.0 - 0.6 * chin[..., None] * dots))
    bare, rough, dim = (roughness(one, landmarks) for one in (photo, stubble, np.uint8(stubble * 0.6)))
    assert at(bare.over_skin, chin) < 0.3 < 0.8 < at(rough.over_skin, chin)
    assert at(rough.itself, chin) > 0.05 > 2 * at(bare.itself, chin)
    assert at(dim.over_skin, chin) == pytest.approx(at(rough.over_skin, chin), abs=0.15)


def test_shade_and_its_edge_are_smooth(photo, landmarks, chin):
    smooth = np.where(chin[..., None], cv2.GaussianBlur(photo, (0, 0), 5.0), photo)
    x = int(np.flatnonzero(chin.any(axis=0)).mean())
    smooth[:, x:][chin[:, x:]] //= 4
    assert at(roughness(smooth, landmarks).over_skin, chin) < 0.15


def test_nothing_is_told_without_skin(photo, landmarks):
    assert (
        roughness(np.zeros_like(photo), landmarks) is None
        or not roughness(np.zeros_like(photo), landmarks).itself.any()
    )
