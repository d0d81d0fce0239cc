"""Sideburns, drawn beside the face of an astronaut."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.ageing import sideburns as module
from ppgan_ext.faces.ageing.sideburns import sideburns
from ppgan_ext.faces.axes import eye_distance


@pytest.fixture(scope="module")
def strip(photo, landmarks):
    """A strip in front of her right ear, and what is above it."""
    eyes = eye_distance(landmarks)
    inside = landmarks[:2] + np.array([0.1 * eyes, 0.0])
    drawn, above = np.zeros(photo.shape[:2], np.uint8), np.zeros(photo.shape[:2], np.float32)
    ends = [tuple(np.rint(one).astype(int).tolist()) for one in (inside[0] - (0, 0.1 * eyes), inside[1])]
    cv2.line(drawn, *ends, 1, round(0.14 * eyes))
    cv2.circle(above, ends[0], round(0.12 * eyes), 1.0, -1)
    return drawn > 0, above


@pytest.fixture(scope="module")
def face(photo, landmarks):
    """Her face in an even light, without the hair beside it."""
    return np.broadcast_to(photo[int(landmarks[30, 1]), int(landmarks[2, 0]) + 40], photo.shape).astype(np.uint8)


def _with(photo, face, strip, colour):
    eyes = np.arange(photo.shape[1])[None, :, None]
    beside = eyes < np.median(np.flatnonzero(strip.any(axis=0))) + 60
    return np.where(strip[..., None], np.uint8(colour), np.where(beside, face, photo))


def test_dark_hair_that_goes_on_from_known_hair_is_found(photo, landmarks, face, strip):
    drawn, above = strip
    found = sideburns(_with(photo, face, drawn, (24, 21, 20)), landmarks, above)
    inner = cv2.erode(drawn.astype(np.uint8), np.ones((7, 7))) > 0
    assert found[inner & (above == 0)].mean() > 0.6
    assert found[cv2.dilate(drawn.astype(np.uint8), np.ones((15, 15))) == 0].max() < 0.1


def test_shade_and_what_is_joined_to_no_hair_are_not(photo, landmarks, face, strip):
    drawn, above = strip
    black = _with(photo, face, drawn, (24, 21, 20))
    assert sideburns(black, landmarks, np.zeros_like(above)).max() < 0.05
    shade = _with(photo, face, drawn, 0.5 * face[0, 0].astype(np.float32))
    assert sideburns(shade, landmarks, above).max() < 0.1


def test_nothing_is_told_without_colour(photo, landmarks, face, strip):
    drawn, above = strip
    grey = cv2.cvtColor(_with(photo, face, drawn, (24, 21, 20)), cv2.COLOR_RGB2GRAY)
    assert not sideburns(np.repeat(grey[..., None], 3, axis=2), landmarks, above).any()


def test_a_dark_patch_on_the_cheek_and_the_shade_beside_an_ear_are_not(photo, landmarks, face, strip):
    """The one is not where sideburns grow, the other is a line; both touch known hair."""
    drawn, above = strip
    eyes = eye_distance(landmarks)
    cheek = np.rint(landmarks[[2, 31, 48]].mean(axis=0) + np.array((0.05 * eyes, 0.0))).astype(int)
    patch = cv2.circle(np.zeros_like(above), tuple(cheek.tolist()), round(0.1 * eyes), 1.0, -1)
    top = (int(cheek[0]), int(cheek[1] - 0.1 * eyes))
    known = cv2.circle(np.zeros_like(above), top, round(0.05 * eyes), 1.0, -1)
    spotted = np.where(patch[..., None] > 0, np.uint8((24, 21, 20)), photo)
    assert sideburns(spotted, landmarks, known)[cheek[1], cheek[0]] < 0.05
    middle = round(float(np.median(np.flatnonzero(drawn.any(axis=0)))))
    line = np.zeros_like(drawn)
    line[:, middle : middle + 2] = drawn.any(axis=1)[:, None]
    assert sideburns(_with(photo, face, line, (24, 21, 20)), landmarks, above)[line].max() < 0.3


def test_what_is_a_little_darker_is_hair_in_part(photo, landmarks, face, strip, monkeypatch):
    drawn, above = strip
    inner = cv2.erode(drawn.astype(np.uint8), np.ones((7, 7))) > 0
    shades, shading = [], module.shading
    for light in (0.2, 1.0):

        def fainter(copy, points, light=light):
            values, around, tone = shading(copy, points)
            return around + np.float32(light) * (values - around), around, tone

        monkeypatch.setattr(module, "shading", fainter)
        found = sideburns(_with(photo, face, drawn, (24, 21, 20)), landmarks, above)
        shades.append(float(found[inner].mean()))
    assert 0.1 < shades[0] < 0.8 * shades[1]
