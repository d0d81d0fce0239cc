"""Skin made darker and lighter."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.ageing.skin_change import change_skin, colourful_share, kept_colour
from ppgan_ext.faces.light import luminance, to_linear

SKIN = (200, 150, 125)


def changed(light, skin=SKIN, colourful=1.0, colour=(0.0, 0.0), **options):
    """Change every second pixel of a patch of skin."""
    part = np.full((2, 8, 3), skin, np.uint8)
    change = np.zeros((2, 8, 3), np.float32)
    change[:, ::2] = (light, *colour)
    change_skin(part, change, colourful, **options)
    return part


def lab(part):
    return cv2.cvtColor(np.float32(part) / 255, cv2.COLOR_RGB2LAB)[0, 0]


def chroma(part):
    return np.hypot(*lab(part)[1:])


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
    assert chroma(changed(-0.3, kept=np.float32([[0.8, 0.8], [0.0, 0.0]]))) > chroma(part) + 1.0


@pytest.mark.parametrize("skin", [SKIN, (215, 150, 110), (110, 75, 58)])
def test_dark_skin_of_a_fold_is_redder_and_lit_skin_paler(skin):
    """Wrinkles without colour look dirty, and ridges with more of it look painted."""
    usual, folded, lit = (lab(changed(light, skin)) for light in (0.0, -0.25, 0.2))
    assert folded[0] + 3.0 < usual[0] < lit[0] - 2.0
    assert folded[1] > usual[1] + 0.3
    assert lit[1] < usual[1] + 0.3


def test_folds_of_dark_skin_gain_less_red():
    skin = (120, 82, 62)
    pale, dark = (lab(changed(-0.3, skin, kept=kept_colour(tone)))[1] for tone in (1.0, 1.6))
    assert dark < pale - 0.5
    assert np.array_equal(kept_colour(1.6)[1], kept_colour(1.0)[1])


def test_dark_yellow_is_not_olive():
    """Of much yellow less stays than of red."""
    skin = (225, 160, 90)
    usual, folded = lab(changed(0.0, skin)), lab(changed(-0.3, skin))
    assert folded[1] / usual[1] > folded[2] / usual[2] + 0.05


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
