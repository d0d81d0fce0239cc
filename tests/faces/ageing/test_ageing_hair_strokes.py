"""White hairs drawn into a picture, and the light that falls on them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.ageing.hair_strokes import draw_hairs, edge_width, light_on_hair
from ppgan_ext.faces.ageing.white_hairs import Hairs, white_hairs
from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.head.beard import beard_outlines
from ppgan_ext.faces.light import to_linear

COLOUR = np.array([0.7, 0.68, 0.6], np.float32)


@pytest.fixture(scope="module")
def dense(photo, landmarks):
    return np.max(list(beard_outlines(landmarks, photo.shape).values()), axis=0)


@pytest.fixture(scope="module")
def hairs(dense, landmarks):
    return white_hairs(dense, 1.0, landmarks, 0.6, 0)


def drawn(picture, landmarks, hairs, size, colour=COLOUR, edges=0.0):
    """Draw hairs that are in pixels of a map of a size, evenly lit."""
    result = picture.copy()
    draw_hairs(result, landmarks, hairs, np.ones(size, np.float32), colour, edges)
    return result


def test_hairs_become_light_and_the_rest_keeps_its_bits(photo, landmarks, hairs, dense):
    dark = np.full_like(photo, 25)
    result = drawn(dark, landmarks, hairs, dense.shape)
    light = to_linear(result)[..., 0]
    assert light.max() > 0.5 * COLOUR[0]
    assert light.max() <= COLOUR[0] + 0.01
    changed = (result != dark).any(axis=2)
    assert changed[dense > 0.9].mean() > 0.5
    assert np.quantile(light[dense > 0.9], 0.2) < 0.2 * light.max()
    reach = cv2.dilate(dense, np.ones((2 * round(0.3 * eye_distance(landmarks)) + 1,) * 2))
    assert not changed[reach == 0.0].any()


def test_a_hair_is_never_darker_than_what_it_lies_on(photo, landmarks, hairs, dense):
    result = drawn(photo, landmarks, hairs, dense.shape)
    assert (result >= photo).all()
    white = np.full_like(photo, 250)
    assert np.array_equal(drawn(white, landmarks, hairs, dense.shape), white)


def test_less_light_gives_as_much_less(photo, landmarks, hairs, dense):
    """Light of a third in the picture and on the hair gives a third of the result."""
    bright, dim = np.full_like(photo, 60), np.full_like(photo, 33)
    ratio = to_linear(dim)[0, 0, 0] / to_linear(bright)[0, 0, 0]
    first, second = (
        to_linear(drawn(picture, landmarks, hairs, dense.shape, np.float32(share) * COLOUR))
        for picture, share in ((bright, 1.0), (dim, ratio))
    )
    assert ratio == pytest.approx(1 / 3, abs=0.05)
    assert np.abs(second - ratio * first).max() < 0.006


def test_grey_stays_grey(photo, landmarks, hairs, dense):
    result = drawn(np.full_like(photo, 40), landmarks, hairs, dense.shape, np.full(3, 0.6, np.float32))
    assert (result[..., 0] == result[..., 1]).all() and (result[..., 1] == result[..., 2]).all()


def test_a_small_face_has_as_much_light_without_single_hairs(photo, landmarks, hairs, dense):
    """The means of both, over squares of the large one's 8 pixels, are alike; nothing stands out of the small one."""
    large = to_linear(drawn(np.full_like(photo, 25), landmarks, hairs, dense.shape))[..., 0]
    small = np.full((photo.shape[0] // 8, photo.shape[1] // 8, 3), 25, np.uint8)
    small = to_linear(drawn(small, (landmarks + 0.5) / 8 - 0.5, hairs, dense.shape))[..., 0]
    means = cv2.resize(large, small.shape[::-1], interpolation=cv2.INTER_AREA)
    inside = means > means.min() + 0.01
    assert np.abs(means - small)[inside].mean() < 0.2 * means[inside].mean()
    assert small.max() < 0.7 * large.max()


def test_in_a_blurred_picture_hairs_are_blurred(photo, landmarks, hairs, dense):
    dark = np.full_like(photo, 25)
    sharp, soft = (drawn(dark, landmarks, hairs, dense.shape, edges=edges).astype(float) for edges in (0.0, 2.5))
    inside = dense > 0.9
    assert soft[inside].std() < 0.6 * sharp[inside].std()
    assert to_linear(soft).mean() == pytest.approx(to_linear(sharp).mean(), rel=0.1)


def test_hairs_beyond_the_picture_are_cut_off(photo, landmarks):
    light = np.ones(photo.shape[:2], np.float32)
    for start in (-20.0, photo.shape[0] - 5.0, -500.0):
        curves = np.linspace((200.0, start), (204.0, start + 40.0), 8)[None]
        result = np.zeros_like(photo)
        draw_hairs(result, landmarks, Hairs(curves, np.ones(1)), light, COLOUR, 0.0)
        assert result.any() == (start > -40.0)
        assert not result[:, :190].any() and not result[:, 215:].any()


def test_edges_are_measured(photo, landmarks):
    squares = np.random.default_rng(0).integers(30, 220, (20, 20), np.uint8).repeat(28, axis=0).repeat(28, axis=1)
    for sigma in (1.0, 2.0, 3.5):
        picture = np.repeat(cv2.GaussianBlur(squares, (0, 0), sigma)[..., None], 3, axis=2)
        assert edge_width(picture, landmarks) == pytest.approx(sigma, rel=0.3)
    assert edge_width(np.repeat(squares[..., None], 3, axis=2), landmarks) < 0.9
    assert edge_width(np.zeros_like(photo), landmarks) == 0.0
    assert edge_width(photo, landmarks - (5000.0, 0.0)) == 0.0


def test_hair_below_the_jaw_and_in_shadow_has_less_light(photo, landmarks, dense):
    light = light_on_hair(photo, landmarks, dense)
    eyes, (x, y) = eye_distance(landmarks), landmarks[8].round().astype(int)
    assert light[y + round(0.3 * eyes), x] < 0.7 * light[y - round(0.1 * eyes), x]
    shaded = photo.copy()
    left = slice(round(landmarks[48, 0] - 0.3 * eyes), round(landmarks[57, 0]))
    shaded[round(landmarks[33, 1]) :, left] = shaded[round(landmarks[33, 1]) :, left] // 3
    place = tuple((landmarks[6] + 0.2 * (landmarks[57] - landmarks[6])).round().astype(int)[::-1])
    assert light_on_hair(shaded, landmarks, dense)[place] < 0.7 * light[place]
    dim = (photo * 0.6).astype(np.uint8)
    assert np.abs(light_on_hair(dim, landmarks, dense) - light)[dense > 0.5].mean() < 0.05
