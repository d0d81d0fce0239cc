"""Skin that has lost its colour to light, on a strip of one skin that becomes brighter from left to right."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.ageing.shine import Shine
from ppgan_ext.faces.ageing.skin_change import change_skin
from ppgan_ext.faces.light import to_linear, to_srgb

SKIN = np.array([[205.0, 150.0, 125.0]], np.float32)
EXPOSURES = np.geomspace(0.4, 16.0, 400)


@pytest.fixture(scope="module")
def strip():
    """(40, 400, 3) uint8, as a camera shows it: colours fade on the way to white."""
    row = to_srgb(1.0 - np.exp(-to_linear(SKIN) * EXPOSURES[:, None].astype(np.float32)))
    return np.rint(np.broadcast_to(row, (40, *row.shape))).astype(np.uint8)


def seen(picture):
    return Shine.of(picture.astype(np.float32), np.ones(picture.shape[:2], np.float32), 1.0)


def lab(picture):
    return cv2.cvtColor(picture.astype(np.float32) / np.float32(255.0), cv2.COLOR_RGB2LAB)[20]


def test_what_becomes_darker_has_the_colour_of_skin_that_is_as_dark(strip):
    shine, fold = seen(strip), np.full(strip.shape[:2], -0.5, np.float32)
    results = []
    for colour in (np.zeros((*fold.shape, 2), np.float32), shine.uncovered(fold)):
        result = strip.copy()
        change_skin(result, np.dstack([fold, colour]), 1.0)
        results.append(lab(result))
    own, bright = lab(strip), slice(260, 380)
    for axis in (1, 2):
        wanted = np.interp(results[0][bright, 0], own[:, 0], own[:, axis])
        grey, better = (np.abs(one[bright, axis] - wanted).mean() for one in results)
        assert grey > 4.0
        assert better < 0.5 * grey


def test_skin_that_is_not_overexposed_changes_as_ever(strip):
    usual = strip[:, :60]
    for light in (-0.4, 0.2):
        change = np.full(usual.shape[:2], light, np.float32)
        assert np.array_equal(seen(usual).limited(change), change)
        assert not seen(usual).uncovered(change).any()
    # In a photo that is overexposed elsewhere, too.
    change = np.full(strip.shape[:2], -0.4, np.float32)
    assert not seen(strip).uncovered(change)[:, :60].any()


def test_white_becomes_no_darker_and_red_that_is_full_hardly_brighter(strip):
    shine = seen(strip)
    darker, brighter = (shine.limited(np.full(strip.shape[:2], light, np.float32))[20] for light in (-0.3, 0.2))
    assert darker[100] == pytest.approx(-0.3) and darker[399] > -0.1
    assert brighter[20] == pytest.approx(0.2) and 0.0 < brighter[340] < 0.06


def test_a_photo_without_colour_gets_none(strip):
    grey = np.repeat(cv2.cvtColor(strip, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    assert np.abs(seen(grey).uncovered(np.full(grey.shape[:2], -0.4, np.float32))).max() < 0.1
