"""Necks that grow old or young, on drawn people."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage

from ppgan_ext.faces.ageing import neck_ageing
from ppgan_ext.faces.ageing.grey_head import find_head_of_hair
from ppgan_ext.faces.ageing.neck import Neck, find_neck
from ppgan_ext.faces.ageing.neck_ageing import NeckAgeing, prepare_neck
from ppgan_ext.faces.ageing.neck_marks import foresee_neck, older_neck
from ppgan_ext.faces.ageing.render import Person
from ppgan_ext.faces.ageing.younger_neck import younger_neck
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.faces.light import luminance, to_linear, to_srgb
from tests.reference.drawn_neck import CHIN, DARK, EYES, everywhere, person

YOUNG = Person(age=30.0, femininity=0.5, seed=3)


@pytest.fixture(scope="module")
def seen():
    photo, points, drawn = person()
    return photo, find_neck(photo, points, everywhere()), drawn


def aged(photo, neck, years=40.0, who=YOUNG, detail=1.0):
    result = photo.copy()
    NeckAgeing(who, neck).draw(result, years, detail)
    return result


def energy(photo, result):
    change = np.log(luminance(to_linear(result)) + 0.01) - np.log(luminance(to_linear(photo)) + 0.01)
    return float(np.sqrt((change[int(CHIN) + 10 : int(CHIN) + 60, 165:235] ** 2).mean()))


def test_more_years_and_more_detail_draw_more_and_none_changes_no_bit(seen):
    photo, neck, _ = seen
    assert np.array_equal(aged(photo, neck, 0.0), photo)
    assert np.array_equal(aged(photo, neck, detail=0.0), photo)
    drawn = [energy(photo, aged(photo, neck, years)) for years in (5.0, 15.0, 25.0, 40.0)]
    assert drawn[0] < 0.5 * drawn[3] and drawn == sorted(drawn)
    assert drawn[3] > 0.05
    assert energy(photo, aged(photo, neck, detail=0.4)) < 0.7 * drawn[3]


def test_a_year_changes_little(seen):
    photo, neck, _ = seen
    first, second = (aged(photo, neck, years).astype(int) for years in (30.0, 31.0))
    assert 0 < np.abs(first - second).max() <= 6


def test_beyond_the_neck_pixels_keep_their_bits(seen):
    photo, neck, drawn = seen
    result = aged(photo, neck)
    assert np.array_equal(
        result[cv2.dilate(drawn, np.ones((5, 5))) == 0], photo[cv2.dilate(drawn, np.ones((5, 5))) == 0]
    )
    assert (result != photo).any(axis=2).sum() > 0.3 * drawn.sum()


def test_the_seed_decides_which_lines(seen):
    photo, neck, _ = seen
    first, again, other = (aged(photo, neck, who=YOUNG._replace(seed=seed)).astype(float) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    change, different = (one.mean(axis=2) - photo.mean(axis=2) for one in (first, other))
    assert np.corrcoef(change.ravel(), different.ravel())[0, 1] < 0.9


def smooth_neck(scale=200.0):
    """A wide neck of even skin, so many pixels a head's length, its chin at (1.7, 0.7) of these lengths."""
    shape = (round(2.4 * scale), round(3.4 * scale))
    skin, picture = np.ones(shape, np.float32), np.full((*shape, 3), 150.0, np.float32)
    chin = np.array([1.7, 0.7]) * scale
    middle = (float(chin[0]), 0.0)
    return Neck(np.eye(3)[:2], scale, chin, skin, picture, 0.3, 0.3, middle, 0.75 * scale, scale)


def test_bands_run_down_from_the_chin_with_a_hollow_between_them():
    light = sum(older_neck(foresee_neck(smooth_neck(), seed), 1.0, 0.9).light for seed in range(6)) / 6
    across = light[180:240].mean(axis=0)
    hollow, left, right = across[325:355].mean(), across[265:330].max(), across[350:415].max()
    assert min(left, right) > hollow + 0.1
    # They converge, and end above the collar.
    places = [light[row - 15 : row + 15, 270:410].mean(axis=0) for row in (190, 270)]
    apart = [70 + int(np.argmax(one[70:])) - int(np.argmax(one[:70])) for one in places]
    assert apart[1] < apart[0]
    assert np.abs(np.diff(light[400:440].mean(axis=0))).max() < 0.3 * np.abs(np.diff(across)).max()


def test_folds_run_across_the_neck():
    light = sum(foresee_neck(smooth_neck(), seed).light for seed in range(6)) / 6
    beside = light[200:300, 540:660]
    assert np.diff(beside, axis=0).std() > 1.4 * np.diff(beside, axis=1).std()


def test_a_neck_that_has_bands_gets_fewer_new_ones():
    neck = smooth_neck()
    x = np.abs(np.arange(680) - 340.0)
    own = np.exp(-(((x - 105) / 12) ** 2)) - np.exp(-(((x - 80) / 12) ** 2))
    banded = neck._replace(picture=neck.picture * np.exp(0.3 * own)[None, :, None].astype(np.float32))
    hollows = [
        sum(foresee_neck(one, seed).light[190:260, 330:350] for seed in range(4)).mean() for one in (neck, banded)
    ]
    assert hollows[0] < 0 and hollows[1] > 0.75 * hollows[0]


def test_no_line_is_a_scratch(seen):
    _, neck, _ = seen
    for seed in range(4):
        light = older_neck(foresee_neck(neck, seed), 1.5, 0.9).light
        assert light.min() > -0.45 and light.max() < 0.2


def test_old_necks_change_less_and_dark_ones_as_much(seen):
    photo, neck, _ = seen
    new = energy(photo, aged(photo, neck))
    old = energy(photo, aged(photo, neck, who=YOUNG._replace(age=72.0)))
    assert old < 0.7 * new
    dark, points, _ = person(DARK)
    on_dark = energy(dark, aged(dark, find_neck(dark, points, everywhere())))
    assert 0.8 * new < on_dark < 2.0 * new


def lined(depth=0.1, every=14):
    """A wide neck with lines across it, so many rows apart."""
    neck = smooth_neck()
    rows = np.arange(neck.skin.shape[0])
    valleys = np.exp(-((((rows + every // 2) % every - every // 2) / 2.5) ** 2))
    return neck._replace(picture=neck.picture * np.exp(-depth * valleys)[:, None, None].astype(np.float32))


def logs(picture):
    return np.log(luminance(to_linear(picture)))


def test_a_younger_neck_keeps_less_of_its_lines_and_no_line_turns_into_a_ridge():
    neck = lined()
    before = logs(neck.picture)[100:300, 300:400]
    after = [before + younger_neck(neck, share).light[100:300, 300:400] for share in (0.5, 1.0)]
    spreads = [float(one.std(axis=0).mean()) for one in (before, *after)]
    assert spreads[1] < 0.85 * spreads[0] and spreads[2] < 0.65 * spreads[0]
    assert np.corrcoef(before.mean(axis=1), after[1].mean(axis=1))[0, 1] > 0.5
    assert not younger_neck(neck, 0.0).light.any()


def test_the_shadow_of_a_chin_stays_on_a_younger_neck():
    neck = smooth_neck()
    picture = neck.picture.copy()
    picture[:240] *= 0.4
    light = younger_neck(neck._replace(picture=picture), 1.0).light
    step = logs(picture)[300].mean() - logs(picture)[180].mean()
    assert step > 1.0
    assert np.abs(light).max() < 0.35 * step
    assert np.abs(light[[150, 340]]).max() < 0.05 * step


def test_a_younger_neck_loses_its_blotches():
    neck = smooth_neck()
    spots = np.zeros(neck.skin.shape, np.float32)
    spots[40::60, 40::60] = 1.0
    red = cv2.GaussianBlur(spots, (0, 0), 6.0)
    red *= 18.0 / red.max()
    picture = np.clip(neck.picture + red[..., None] * np.array([1.0, -0.6, -0.6], np.float32), 0, 255)
    colour = younger_neck(neck._replace(picture=picture), 1.0).colour[..., 0]
    assert colour[red > 12].mean() < -2.0
    assert abs(colour[red < 0.5].mean()) < 0.5
    half = younger_neck(neck._replace(picture=picture), 0.5).colour[..., 0]
    assert np.allclose(half, 0.5 * colour, atol=1e-4)


def test_what_is_lit_on_a_younger_neck_stays_more_than_what_is_dark():
    neck = smooth_neck(60.0)
    rows = np.arange(neck.skin.shape[0])[:, None, None]
    waves = neck.picture * np.exp(0.03 * np.sin(rows / 3.0))
    light = younger_neck(neck._replace(picture=waves.astype(np.float32)), 1.0).light[40:-40, 60]
    assert 0.0 < -light.min() < 0.8 * light.max()


def test_minus_years_smooth_the_neck_of_the_photo_only_there_and_more_with_more_years(seen):
    photo, _, drawn = seen
    rows = np.arange(len(photo))[:, None, None]
    lines = np.exp(-0.3 * np.exp(-(((rows % 9 - 4) / 1.5) ** 2)))
    wrinkled = np.where(drawn[..., None] > 0, np.rint(photo * lines), photo).astype(np.uint8)
    _, points, _ = person()
    neck = find_neck(wrinkled, points, everywhere())
    old = YOUNG._replace(age=65.0)
    place = slice(int(CHIN) + 10, int(CHIN) + 60), slice(175, 225)
    spreads = [
        float(logs(aged(wrinkled, neck, years, old))[place].std(axis=0).mean()) for years in (0.0, -10.0, -20.0, -40.0)
    ]
    assert spreads == sorted(spreads, reverse=True) and spreads[3] < 0.75 * spreads[0]
    result = aged(wrinkled, neck, -40.0, old)
    assert np.array_equal(result[drawn == 0], wrinkled[drawn == 0])


def test_half_the_light_gives_half_the_result(seen):
    photo, neck, _ = seen
    dim = np.rint(to_srgb(0.5 * to_linear(photo))).astype(np.uint8)
    _, points, _ = person()
    expected = to_srgb(0.5 * to_linear(aged(photo, neck)))
    result = aged(dim, find_neck(dim, points, everywhere())).astype(float)
    changed = np.abs(expected - dim).max(axis=2) > 4
    assert changed.sum() > 500
    assert np.abs(result - expected)[changed].mean() < 4.0


def test_a_small_face_gets_no_fine_folds_and_no_noise(seen):
    photo, _, _ = seen
    _, points, _ = person()
    factor = 25.0 / EYES
    small = cv2.resize(photo, (round(400 * factor),) * 2, interpolation=cv2.INTER_AREA)
    places = (points + 0.5) * (len(small) / 400.0) - 0.5
    assert (aged(small, find_neck(small, places, everywhere())) != small).any()
    # Neighbouring pixels differ by little more than those of a large neck that is made smaller.
    large, little = (
        sum(foresee_neck(smooth_neck(scale), seed).light for seed in range(4)) / 4 for scale in (200.0, 32.0)
    )
    large = cv2.resize(large, little.shape[::-1], interpolation=cv2.INTER_AREA)
    beside = slice(40, 70), slice(85, 105)
    grain = [float(np.abs(np.diff(one[beside], axis=0)).mean()) for one in (large, little)]
    assert grain[1] < 1.1 * grain[0]


def test_overexposed_skin_does_not_turn_grey():
    """The right of a neck has lost its colour to light: its folds show that of the left."""
    neck = smooth_neck()
    usual = np.full_like(neck.picture, (222.0, 176.0, 150.0))
    picture = usual.copy()
    picture[:, 400:] = (255.0, 240.0, 230.0)
    picture = cv2.GaussianBlur(picture, (0, 0), 20.0)
    plain, lit = (foresee_neck(neck._replace(picture=one), 3) for one in (usual, picture))
    right = np.zeros(neck.skin.shape, bool)
    right[:, 480:] = True
    folds = right & (lit.light < -0.08)
    assert folds.sum() > 200
    assert ((lit.colour - plain.colour)[folds].mean(axis=0) > (0.4, 0.7)).all()
    assert np.abs((lit.colour - plain.colour)[:, :240]).max() < 0.5


def test_a_photo_with_a_high_collar_changes_only_above_it():
    photo = skimage.data.astronaut()
    landmarks = find_faces(photo)[0].landmarks
    seen = prepare_neck(photo, landmarks, YOUNG, find_head_of_hair(photo, landmarks, 1.0))
    result = photo.copy()
    seen.draw(result, 40.0)
    rows, columns = np.nonzero((result != photo).any(axis=2))
    assert len(rows) > 300
    # Her collar begins at row 188; her neck lies between columns 185 and 255.
    assert rows.min() > 150 and rows.max() < 194
    assert columns.min() > 182 and columns.max() < 258


def change_of(monkeypatch, neck, edges=0.0, years=40.0):
    """Return what is done to the skin of a neck: the change of light (H, W), and the colour that shadows keep."""
    given = []
    monkeypatch.setattr(
        neck_ageing, "change_skin", lambda part, change, colourful, kept: given.append((change[..., 0], kept))
    )
    photo = np.zeros((*neck.skin.shape, 3), np.uint8)
    NeckAgeing(YOUNG, neck, edges).draw(photo, years)
    return given[0]


def fine(values):
    return float((values - cv2.GaussianBlur(values, (0, 0), 1.5)).std())


def test_lines_are_no_sharper_than_the_photo(monkeypatch):
    neck = smooth_neck(100.0)
    usual, unsharp = (fine(change_of(monkeypatch, neck, edges)[0]) for edges in (0.0, 3.0))
    assert unsharp < 0.3 * usual
    # A photo of half the frame's size cannot show all of it.
    smaller = neck._replace(matrix=np.diag([3.0, 3.0, 1.0])[:2])
    softness = [NeckAgeing(YOUNG, one, 0.0)._softness for one in (neck, smaller)]
    assert softness[0] == 0.0 < softness[1]
    assert NeckAgeing(YOUNG, smaller, 3.0)._softness > NeckAgeing(YOUNG, neck, 3.0)._softness


def test_shadows_of_a_neck_keep_more_red_in_warm_light_and_less_colour_change_on_dark_skin(monkeypatch):
    neck = smooth_neck(40.0)
    warm = neck._replace(picture=np.full_like(neck.picture, (230.0, 140.0, 70.0)))
    (_, usual), (_, in_warm), (_, dark) = (
        change_of(monkeypatch, one) for one in (neck, warm, neck._replace(reflectance=0.05))
    )
    assert in_warm[0, 1] > 1.2 * usual[0, 1]
    assert np.array_equal(in_warm[1], usual[1])
    assert dark[0, 0] < 0.9 * usual[0, 0]


def test_a_neck_is_looked_for_beside_the_beard_and_there_may_be_none(monkeypatch):
    photo, landmarks = skimage.data.astronaut(), np.zeros((68, 2))
    hair = find_head_of_hair(photo, find_faces(photo)[0].landmarks, 0.0)
    hair = hair._replace(beard=np.full_like(hair.beard, 0.5), edges=2.5)
    looked, found = [], [None, smooth_neck(40.0)]
    monkeypatch.setattr(neck_ageing, "find_neck", lambda *given: (looked.append(given), found[len(looked) - 1])[1])
    assert prepare_neck(photo, landmarks, YOUNG, hair) is None
    seen = prepare_neck(photo, landmarks, YOUNG, hair)
    assert (seen.person, seen.neck, seen.edges) == (YOUNG, found[1], 2.5)
    _, _, chances, beard = looked[0]
    assert chances is hair.chances
    assert beard.weight is hair.beard
    assert np.array_equal(beard.landmarks, hair.in_copy(landmarks))
