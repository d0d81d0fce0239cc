"""Hats, scarves and fringes over a forehead: found by colour and edge, and taken away; highlights and shade stay."""

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.mask import face_mask
from ppgan_ext.faces.occlusion.headwear import find_headwear, without_headwear
from ppgan_ext.faces.skin import face_size
from tests.reference.drawn import DrawnFace, draw_photo

FACE = DrawnFace((190.0, 160.0), 62.0, skin=(150, 100, 78))


@pytest.fixture
def bare():
    picture, (landmarks,) = draw_photo((390, 350), [FACE], 0)
    return picture, landmarks


def painted(bare, colour, low, high=2.0, width=0.2, blur=0.0):
    """Paint something above the nose between two heights over the brows, shares of the face's size."""
    picture, landmarks = bare
    size, x = face_size(landmarks), landmarks[27, 0]
    y = landmarks[17:27, 1].min()
    weight = np.zeros(picture.shape[:2], np.float32)
    half = width * size / 2
    weight[max(0, int(y - high * size)) : int(y - low * size), int(x - half) : int(x + half)] = 1.0
    if blur:
        weight = cv2.GaussianBlur(weight, (0, 0), blur * size)
    drawn = picture + weight[..., None] * (np.array(colour) - picture)
    return np.rint(drawn).astype(np.uint8), weight


@pytest.mark.parametrize("colour", [(245, 245, 245), (25, 60, 170), (20, 18, 16)])
def test_what_hangs_over_the_forehead_is_found_and_skin_goes_on_below(bare, colour):
    picture, weight = painted(bare, colour, low=0.05)
    landmarks = bare[1]
    inside = (face_mask(landmarks, picture.shape, 0.02) > 0.5) & (weight > 0)
    found = find_headwear(picture, landmarks)
    assert found[inside].min() > 0.9
    assert found[landmarks[30:, 1].astype(int), landmarks[30:, 0].astype(int)].max() == 0
    cleaned = without_headwear(picture, landmarks, found)
    assert np.abs(picture[inside].astype(int) - bare[0][inside]).mean() > 60
    assert np.abs(cleaned[inside].astype(int) - bare[0][inside]).mean() < 15
    assert np.array_equal(cleaned[found == 0], picture[found == 0])


@pytest.mark.parametrize(
    ("colour", "low", "high", "blur"),
    [((235, 215, 205), 0.1, 0.25, 0.02), ((60, 40, 30), 0.08, 0.22, 0.06), ((20, 18, 16), -0.02, 0.1, 0.0)],
    ids=["highlight", "soft shade", "bushy brow"],
)
def test_highlights_shade_and_brows_are_none(bare, colour, low, high, blur):
    picture, _ = painted(bare, colour, low, high, blur=blur)
    hair_alone = find_headwear(bare[0], bare[1])
    assert np.abs(find_headwear(picture, bare[1]) - hair_alone).max() < 0.3


def test_a_photo_without_headwear_stays_itself(bare):
    picture, landmarks = bare
    assert without_headwear(picture, landmarks, np.zeros(picture.shape[:2], np.float32)) is picture


@pytest.mark.parametrize("scale", [0.3, 4.0])
def test_it_is_the_same_in_every_size(bare, scale):
    picture, _ = painted(bare, (245, 245, 245), low=0.05)
    size = (round(390 * scale), round(350 * scale))
    other = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    found = find_headwear(picture, bare[1])
    again = find_headwear(other, (bare[1] + 0.5) * scale - 0.5)
    assert np.abs(cv2.resize(again, (390, 350)) - found).mean() < 0.01
