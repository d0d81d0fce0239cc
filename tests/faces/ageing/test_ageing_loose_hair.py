"""Hair that goes on from known hair: a braid before a wall is found, cloth, walls and straps of its colour are not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.ageing.loose_hair import add_loose_hair, loose_hair
from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.head.hair import HairMatte
from ppgan_ext.faces.head.hair_network import Chances
from ppgan_ext.faces.head.head_patch import SHAPE, head_patch, region_of
from tests.reference.drawn import DrawnFace, draw_photo

SIZE = (420, 460)
HAIR, BROWN, WALL = (28, 26, 25), (70, 42, 28), (200, 205, 210)
NONE = np.zeros(SIZE, np.float32)


@pytest.fixture(scope="module")
def scene():
    """A face under a cap of hair before a light wall: photo, landmarks, known hair, the person."""
    photo, (points,) = draw_photo(SIZE[::-1], [DrawnFace((200.0, 150.0), 56.0, skin=(205, 160, 135))], 0)
    face = np.zeros(SIZE, np.uint8)
    cv2.fillConvexPoly(face, cv2.convexHull(points.round().astype(np.int32)), 1)
    face = cv2.dilate(face, np.ones((9, 9)))
    known = np.zeros(SIZE, np.float32)
    x, y = points[27].round().astype(int).tolist()
    cv2.ellipse(known, (x, y), (92, 100), 0, 180, 360, 1.0, -1)
    known *= 1 - face
    picture = np.where(face[..., None] > 0, photo, np.uint8(WALL))
    picture = painted(picture, known, HAIR)
    return picture, points, known, np.maximum(face, known).astype(np.float32)


def painted(picture, where, colour):
    soft = cv2.GaussianBlur(where, (0, 0), 0.8)[..., None]
    return np.rint(picture * (1 - soft) + np.float32(colour) * soft).astype(np.uint8)


def braid(points, width=12, length=100):
    """A braid that hangs from the cap beside the face."""
    drawn = np.zeros(SIZE, np.float32)
    x, y = points[27].round().astype(int).tolist()
    cv2.line(drawn, (x + 82, y - 10), (x + 82 + length // 4, y - 10 + length), 1.0, width)
    return drawn


def new(result, known, where):
    return float((result.hair - known)[(where > 0) & (known == 0)].mean())


@pytest.mark.parametrize("colour", [HAIR, BROWN], ids=["black", "brown"])
def test_a_braid_before_a_wall_is_found_and_may_become_light(scene, colour):
    picture, points, known, person = scene
    where = braid(points)
    result = loose_hair(painted(picture, np.maximum(known, where), colour), points, known, NONE, person)
    assert new(result, known, cv2.erode(where, np.ones((5, 5)))) > 0.9
    assert result.firm[where * (known == 0) > 0].mean() > 0.9
    beside = cv2.dilate(np.maximum(where, known), np.ones((9, 9))) == 0
    assert np.abs(result.hair - known)[beside].max() == 0.0
    assert (result.hair >= known).all()


def test_what_is_not_joined_to_hair_or_too_far_is_not_found(scene):
    picture, points, known, person = scene
    where = braid(points)
    where[: int(points[27, 1]) + 20] = 0.0
    assert np.abs(loose_hair(painted(picture, where, HAIR), points, known, NONE, person).hair - known).max() < 0.1
    eyes = eye_distance(points)
    where = braid(points, length=int(3.5 * eyes))
    result = loose_hair(painted(picture, where, HAIR), points, known, NONE, person)
    assert result.hair[int(points[27, 1] + 2.6 * eyes) :].max() == 0.0


def test_a_shelf_that_sticks_out_of_the_hair_is_not_found(scene):
    picture, points, known, person = scene
    eyes, (x, y) = eye_distance(points), points[27].round().astype(int).tolist()
    shelf = np.zeros(SIZE, np.float32)
    cv2.line(shelf, (x + 86, y - 8), (x + 86 + int(1.2 * eyes), y - 8), 1.0, 10)
    hanging = braid(points)
    picture = painted(picture, np.maximum(known, np.maximum(shelf, hanging)), HAIR)
    result = loose_hair(picture, points, known, NONE, person)
    far = shelf.copy()
    far[:, : x + 92 + int(0.5 * eyes)] = 0.0
    assert far.any() and new(result, known, far) == 0.0
    assert new(result, known, cv2.erode(hanging, np.ones((5, 5)))) > 0.9


def test_a_wall_with_the_hairs_colour_hides_what_the_network_does_not_see(scene):
    picture, points, known, person = scene
    where, wall = braid(points), np.zeros(SIZE, np.float32)
    wall[:, :60] = 1.0
    picture = painted(painted(picture, where, HAIR), wall, HAIR)
    assert np.abs(loose_hair(picture, points, known, NONE, person).hair - known).max() < 0.1
    # Part of the person it may still be.
    assert new(loose_hair(picture, points, known, NONE, np.maximum(person, where)), known, where) > 0.4


def test_cloth_that_touches_the_hair_needs_the_networks_word_and_gains_no_light(scene):
    picture, points, known, person = scene
    cloth = np.zeros(SIZE, np.float32)
    x, y = points[27].round().astype(int).tolist()
    cv2.rectangle(cloth, (x + 75, y - 10), (x + 200, y + 130), 1.0, -1)
    picture, person = painted(picture, cloth, HAIR), np.maximum(person, cloth)
    inside = cv2.erode(cloth, np.ones((41, 41)))
    inside[: y + 25] = inside[y + 80 :] = 0.0
    inside[:, x + 150 :] = 0.0
    assert loose_hair(picture, points, known, NONE, person).hair[inside > 0].max() < 0.1
    result = loose_hair(picture, points, known, 0.5 * cloth, person)
    assert result.hair[inside > 0].mean() > 0.9
    assert result.firm[inside > 0].max() < 0.1


def test_a_strap_on_the_body_needs_a_suspicion(scene):
    picture, points, known, person = scene
    where, known = braid(points, length=170), np.maximum(known, braid(points, length=110))
    picture, person = painted(picture, np.maximum(where, known), HAIR), np.maximum(person, where)
    low = cv2.erode(where, np.ones((5, 5))) * (known == 0)
    low[: int(points[8, 1] + 0.45 * eye_distance(points))] = 0.0
    assert low.any()
    assert loose_hair(picture, points, known, NONE, person).hair[low > 0].max() < 0.1
    assert loose_hair(picture, points, known, 0.09 * where, person).hair[low > 0].mean() > 0.9


def test_grey_hair_is_not_looked_for(scene):
    picture, points, known, person = scene
    where = braid(points)
    picture = painted(picture, np.maximum(known, where), (150, 150, 148))
    np.testing.assert_array_equal(loose_hair(picture, points, known, 0.5 * where, person).hair, known)


def test_the_matte_of_a_photo_is_drawn_along_the_braid_beyond_its_region(scene):
    """At twice the size, with a region that cuts the braid."""
    picture, points, known, _ = scene
    where = braid(points, length=70)
    picture = cv2.resize(painted(picture, where, HAIR), None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    points = (points + 0.5) * 2 - 0.5
    region = (0, 0, int(points[27, 0]) + 170, SIZE[0] * 2)
    alpha = cv2.resize(known, SIZE[::-1], interpolation=cv2.INTER_LINEAR)
    alpha = cv2.resize(alpha, None, fx=2, fy=2)[:, : region[2]].copy()
    before = alpha.copy()
    none = np.zeros(SHAPE, np.float32)
    matte, firm = add_loose_hair(
        HairMatte(region, alpha, 1.0, None), picture, points, head_patch(picture, points), Chances(none, none)
    )
    left, top, right, bottom = matte.region
    assert matte.alpha.shape == (bottom - top, right - left)
    assert (left, top, bottom) == (0, 0, SIZE[0] * 2) and right > region[2]
    whole = cv2.resize(where, None, fx=2, fy=2)[:, :right]
    inside = (cv2.erode(whole, np.ones((11, 11))) > 0) & (cv2.resize(known, None, fx=2, fy=2)[:, :right] == 0)
    assert matte.alpha[inside].mean() > 0.9
    assert matte.alpha[cv2.dilate(whole, np.ones((15, 15))) == 0].sum() <= before.sum()
    assert 0.0 <= firm.min() and firm.max() == 1.0


def test_long_hair_fades_out_below_the_patch():
    """Two tails that are longer than the network's sight, before a wall."""
    size = (1000, 460)
    photo, (points,) = draw_photo(size[::-1], [DrawnFace((230.0, 150.0), 56.0, skin=(205, 160, 135))], 0)
    eyes, x = eye_distance(points), points[27, 0]
    tails = np.zeros(size, np.float32)
    for side in (-1, 1):
        middle = round(x + side * 1.5 * eyes)
        tails[int(points[27, 1]) : 950, middle - 20 : middle + 21] = 1.0
    picture = painted(np.where(tails[..., None] > 0, photo, np.uint8(WALL)), tails, BROWN)
    patch = head_patch(picture, points)
    chance = cv2.warpAffine(tails, patch.matrix_photo_to_patch, SHAPE[::-1], flags=cv2.INTER_AREA)
    region = region_of(points, picture.shape)
    alpha = tails[region[1] : region[3], region[0] : region[2]].copy()
    matte, _ = add_loose_hair(
        HairMatte(region, alpha, 1.0, None), picture, points, patch, Chances(chance, np.ones(SHAPE, np.float32))
    )
    left, top, right, bottom = matte.region
    drawn = np.zeros(size, np.float32)
    drawn[top:bottom, left:right] = matte.alpha
    border = region[3]
    for side in (-1, 1):
        column = drawn[:, round(x + side * 1.5 * eyes)]
        assert column[border - 40] > 0.95
        assert np.abs(np.diff(column[border - 40 : 940])).max() < 0.1
        assert column[border + round(1.5 * eyes)] > 0.5
        assert column[border + round(4.0 * eyes) :].max() < 0.1
    beside = cv2.dilate(tails, np.ones((round(eyes), round(eyes)))) == 0
    assert drawn[beside].max() == 0.0
    # Hair that ends above is followed no farther.
    short = Chances(np.where(np.arange(SHAPE[0])[:, None] < SHAPE[0] - 4, chance, 0.0), np.ones(SHAPE, np.float32))
    again, _ = add_loose_hair(HairMatte(region, alpha * 0.0, 1.0, None), picture, points, patch, short)
    assert again.region == region
