"""Skin made darker and lighter."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.ageing.skin_change import change_skin, colourful_share
from ppgan_ext.faces.light import luminance, to_linear

SKIN = (200, 150, 125)


def changed(light, skin=SKIN, colourful=1.0, colour=(0.0, 0.0), **options):
    """Change every second pixel of a patch of skin."""
    part = np.full((2, 8, 3), skin, np.uint8)
    change = np.zeros((2, 8, 3), np.float32)
    change[:, ::2] = (light, *colour)
    change_skin(part, change, colourful, **options)
    return part


def chroma(part):
    lab = cv2.cvtColor(np.float32(part) / 255, cv2.COLOR_RGB2LAB)
    return np.hypot(lab[0, 0, 1], lab[0, 0, 2])


@pytest.mark.parametrize("light", [-0.3, 0.2])
def test_light_changes_by_its_factor_and_other_pixels_keep_their_bits(light):
    part = changed(light)
    before, after = (luminance(to_linear(part[:1, column : column + 1])) for column in (1, 0))
    assert (after / before).item() == pytest.approx(np.exp(light), rel=0.04)
    assert (part[:, 1::2] == SKIN).all()


def test_less_than_can_be_seen_changes_no_bit():
    assert (changed(5e-4) == SKIN).all()


def test_shadows_are_warm_and_keep_more_colour_where_that_is_asked_for():
    part = changed(-0.3)
    assert part[0, 0, 0] / part[0, 0, 2] > SKIN[0] / SKIN[2]
    assert chroma(changed(-0.3, kept=(0.8, 0.0))) > chroma(part) + 1.0


def test_a_photo_without_colour_stays_without():
    grey = (140, 140, 140)
    picture = np.full((4, 4, 3), grey, np.float32)
    share = colourful_share(picture, np.ones((4, 4), np.float32))
    assert share == pytest.approx(0.0, abs=0.01)
    part = changed(-0.3, grey, share, (3.0, 3.0))
    assert np.ptp(part.astype(int), axis=2).max() <= 1
    assert part[0, 0, 0] < 130
    assert colourful_share(np.full((4, 4, 3), SKIN, np.float32), np.ones((4, 4), np.float32)) == 1.0
    assert colourful_share(picture, np.zeros((4, 4), np.float32)) == 0.0
