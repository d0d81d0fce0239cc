"""The bare skin of a neck, on drawn people in a blue shirt."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.ageing.neck import find_neck, head_length
from ppgan_ext.faces.ageing.skin_view import Cover
from ppgan_ext.faces.head.hair_network import Chances
from ppgan_ext.faces.head.head_patch import SHAPE
from ppgan_ext.faces.warp import compose, invert, transform_points
from tests.reference.drawn_neck import CENTRE, CHIN, DARK, PALE, everywhere, person


def in_photo(neck, shape):
    return cv2.warpAffine(neck.skin, invert(neck.matrix), shape[1::-1], flags=cv2.INTER_LINEAR)


@pytest.mark.parametrize("skin", [PALE, DARK])
def test_a_neck_is_found_and_the_shirt_and_the_face_are_not(skin):
    photo, points, drawn = person(skin)
    found = in_photo(find_neck(photo, points, everywhere()), photo.shape)
    below = drawn.copy()
    below[: int(CHIN) + 6] = 0
    assert found[cv2.erode(below, np.ones((13, 13))) > 0].mean() > 0.9
    assert found[drawn == 0].max() < 0.05


def test_a_cream_or_an_olive_shirt_is_left_alone():
    for shirt in ((236, 224, 212), (120, 110, 70)):
        photo, points, drawn = person(shirt=shirt)
        found = in_photo(find_neck(photo, points, everywhere()), photo.shape)
        beyond = drawn == 0
        beyond[: int(CHIN) + 24] = False
        assert found[beyond].max() < 0.1, shirt
        assert found[int(CHIN) + 40, 200] > 0.8


def test_what_covers_a_neck_is_left_alone():
    # A green scarf, and a collar whose colour is near to skin's, but pink.
    for scarf in ((40, 120, 60), (232, 200, 198)):
        photo, points, _ = person(scarf=scarf)
        assert find_neck(photo, points, everywhere()) is None
    photo, points, _ = person()
    grey = np.repeat(photo.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    assert find_neck(grey, points, everywhere()) is None
    # All hair, or nobody.
    assert find_neck(photo, points, Chances(np.ones(SHAPE, np.float32), np.ones(SHAPE, np.float32))) is None
    assert find_neck(photo, points, Chances(np.zeros(SHAPE, np.float32), np.zeros(SHAPE, np.float32))) is None


def test_a_beard_is_no_skin():
    photo, points, _ = person()
    beard = np.zeros(photo.shape[:2], np.float32)
    beard[: int(CHIN) + 25] = 1.0
    bare = in_photo(find_neck(photo, points, everywhere()), photo.shape)
    bearded = in_photo(find_neck(photo, points, everywhere(), Cover(beard, points)), photo.shape)
    place = (slice(int(CHIN) + 8, int(CHIN) + 20), slice(185, 215))
    assert bare[place].mean() > 0.8 and bearded[place].max() < 0.05
    assert bearded[int(CHIN) + 45, 200] > 0.8


@pytest.mark.parametrize("colour", [(235, 235, 240), (60, 44, 40)])
def test_a_fine_chain_and_a_strand_of_hair_are_no_skin(colour):
    photo, points, _ = person()
    photo, points = cv2.resize(photo, None, fx=3.0, fy=3.0, interpolation=cv2.INTER_CUBIC), 3.0 * points + 1.0
    line = np.zeros(photo.shape[:2], np.uint8)
    y = 3 * int(CHIN)
    cv2.line(line, (510, y + 120), (690, y + 150), 1, 3)
    photo[line > 0] = colour
    found = in_photo(find_neck(photo, points, everywhere()), photo.shape)
    assert found[line > 0].mean() < 0.2
    assert found[y + 75, 600] > 0.8


def test_a_locket_in_the_middle_is_no_skin_and_deep_shade_is():
    photo, points, _ = person()
    for colour, is_skin in (((230, 230, 235), False), ((20, 60, 20), False), ((44, 14, 6), True)):
        hung = photo.copy()
        cv2.circle(hung, (200, int(CHIN) + 42), 11, colour, -1)
        inside = cv2.circle(np.zeros(photo.shape[:2], np.uint8), (200, int(CHIN) + 42), 4, 1, -1) > 0
        found = in_photo(find_neck(hung, points, everywhere()), photo.shape)
        assert (found[inside].mean() > 0.6) if is_skin else (found[inside].max() < 0.2), colour


@pytest.mark.parametrize("lean", [-0.2, 0.0, 0.2])
def test_the_neck_leans_as_the_body_does(lean):
    photo, points, _ = person(lean=lean)
    neck = find_neck(photo, points, everywhere())
    assert neck.middle[1] == pytest.approx(0.5 * lean, abs=0.04)
    assert neck.half_width / neck.scale == pytest.approx(0.75, abs=0.1)


def test_a_turned_head_keeps_its_neck_where_the_body_is():
    photo, points, _ = person(yaw=25.0)
    neck = find_neck(photo, points, everywhere())
    # The chin has turned to image right; the neck's middle has not.
    x = transform_points(np.array([[neck.middle[0], neck.chin[1]]]), invert(neck.matrix))[0, 0]
    assert points[8, 0] > CENTRE[0] + 20
    assert abs(x - CENTRE[0]) < 12


def test_a_turned_photo_shows_the_same_neck():
    photo, points, _ = person()
    turn = cv2.getRotationMatrix2D((200.0, 200.0), 20.0, 1.0)
    turned = cv2.warpAffine(photo, turn, (400, 400), borderMode=cv2.BORDER_REPLICATE, flags=cv2.INTER_CUBIC)
    first = find_neck(photo, points, everywhere())
    second = find_neck(turned, transform_points(points, turn), everywhere())
    expected = compose(first.matrix, invert(turn))
    assert np.allclose(second.matrix[:, :2], expected[:, :2], atol=0.02)
    assert second.skin.sum() == pytest.approx(first.skin.sum(), rel=0.1)


def test_the_frame_is_as_fine_as_the_photo_up_to_a_limit():
    photo, points, _ = person()
    for factor in (0.4, 1.0, 5.0):
        size = (round(400 * factor),) * 2
        scaled = cv2.resize(photo, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
        places = (points + 0.5) * factor - 0.5
        neck = find_neck(scaled, places, everywhere())
        assert neck.scale == pytest.approx(min(max(head_length(places), 32.0), 200.0))
