"""Thin dark hair between grey hair and the forehead becomes as light as skin, and nothing else changes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.ageing import soft_hairline
from ppgan_ext.faces.ageing.soft_hairline import soften_hairline
from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.light import luminance, to_linear, to_srgb
from tests.reference.drawn import DrawnFace, draw_photo

SIZE = (420, 460)
SKIN, GREY = (205, 160, 135), np.full(3, 0.8, np.float32)


@pytest.fixture(scope="module")
def scene():
    """A face under grey hair, with a dark seam between, before a dark wall: photo, landmarks, hair, seam."""
    photo, (points,) = draw_photo(SIZE[::-1], [DrawnFace((230.0, 190.0), 70.0, skin=SKIN)], 0)
    eyes, (x, y) = eye_distance(points), points[27]
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    away = np.hypot((columns - x) / 1.25, (rows - y) / 1.2) / eyes
    hair = np.float32((away > 1.0) & (away < 1.5) & (rows < y))
    seam = (away > 0.9) & (away <= 1.0) & (rows < y - 0.3 * eyes)
    photo = np.where((away < 1.0)[..., None] & (rows < y - 0.5 * eyes)[..., None], np.uint8(SKIN), photo)
    photo[seam] = (70, 50, 42)
    photo[hair > 0] = (165, 160, 155)
    photo[(away >= 1.5) & (rows < y)] = (40, 38, 36)
    return photo, points, hair, seam


def _softened(photo, points, hair, amount=0.8):
    skin = to_linear(np.uint8([[SKIN]]))[0, 0]
    return soften_hairline(photo, hair, points, amount, GREY, skin / luminance(skin) * np.float32(0.8))


def test_the_seam_becomes_lighter_in_the_skins_colour(scene):
    photo, points, hair, seam = scene
    result = _softened(photo, points, hair)
    before, after = (np.log(luminance(to_linear(one)))[seam].mean() for one in (photo, result))
    skin = float(np.log(luminance(to_linear(np.uint8([[SKIN]])))).item())
    assert after > before + 0.28 * (skin - before)
    lab = cv2.cvtColor(result.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[seam]
    assert np.hypot(lab[:, 1], lab[:, 2]).mean() > 12.0
    assert np.log(luminance(to_linear(_softened(photo, points, hair, 0.2))))[seam].mean() < after - 0.1


def test_face_wall_and_brows_keep_their_bits(scene):
    photo, points, hair, seam = scene
    changed = (_softened(photo, points, hair) != photo).any(axis=2)
    eyes = eye_distance(points)
    near = cv2.dilate((seam | (hair > 0)).astype(np.uint8), np.ones((round(0.4 * eyes),) * 2)) > 0
    assert changed[seam].mean() > 0.9
    assert not changed[~near].any()
    # Beyond the hair, where it is darker than the skin, too.
    away = np.hypot(
        *(np.mgrid[: SIZE[0], : SIZE[1]][::-1] - points[27][:, None, None]) / np.array([1.25, 1.2])[:, None, None]
    )
    assert not changed[away > 1.55 * eyes].any()
    assert not changed[int(points[30, 1]) :].any()


def test_without_hair_or_grey_nothing_changes(scene):
    photo, points, hair, _ = scene
    assert np.array_equal(_softened(photo, points, 0 * hair), photo)
    assert np.array_equal(_softened(photo, points, hair, 0.0), photo)


def test_light_is_a_factor(scene):
    photo, points, hair, seam = scene
    gains = []
    for exposure in (1.0, 0.4):
        seen = np.rint(to_srgb(to_linear(photo) * np.float32(exposure))).astype(np.uint8)
        result = _softened(seen, points, hair)
        gains.append(luminance(to_linear(result))[seam].sum() / luminance(to_linear(seen))[seam].sum())
    assert gains[1] == pytest.approx(gains[0], rel=0.06)


def place_of(monkeypatch, scene, hair, brows=0.0):
    """Return where a hairline is lightened."""
    photo, points, _, _ = scene
    given = []
    monkeypatch.setattr(soft_hairline, "brow_place", lambda points, shape: np.full(shape, brows, np.float32))
    monkeypatch.setattr(soft_hairline, "lighten_hair", lambda picture, place, *_: given.append(place) or picture)
    _softened(photo, points, hair)
    return given[0]


def test_a_hairline_is_neither_in_the_brows_nor_beside_the_chin(monkeypatch, scene):
    _, points, hair, seam = scene
    assert place_of(monkeypatch, scene, hair)[seam].mean() > 0.3
    assert not place_of(monkeypatch, scene, hair, brows=1.0).any()
    beside = np.zeros_like(hair)
    beside[:, : int(points[3, 0])] = 1.0
    place = place_of(monkeypatch, scene, beside)
    assert place[int(points[0, 1]), int(points[3, 0]) - 5 : int(points[3, 0]) + 15].max() > 0.2
    assert not place[int(points[8, 1]) + 2 :].any()


def test_hair_that_is_told_as_such_changes_less_than_the_skin_beside_it(monkeypatch, scene):
    _, points, _, _ = scene
    edge = int(points[27, 1] - 0.6 * eye_distance(points))
    hair = np.zeros(SIZE, np.float32)
    hair[:edge] = 1.0
    column = place_of(monkeypatch, scene, hair)[:, int(points[27, 0])]
    assert 0.1 < column[edge - 4] < 0.8 * column[edge + 4]
