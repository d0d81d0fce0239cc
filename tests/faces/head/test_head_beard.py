"""Beards, on the photo of an astronaut without one, and on a beard that is drawn on it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.head import beard
from ppgan_ext.faces.head.beard import (
    PARTS,
    beard_chances,
    beard_cover,
    beard_growth,
    beard_outlines,
    beard_place,
    beard_regions,
    tells_beard,
    told_chances,
)
from ppgan_ext.faces.head.head_places import beyond_jaw


@pytest.fixture(scope="module")
def bearded(photo, landmarks):
    """Dark short strands all over where a beard grows."""
    drawn = photo.astype(np.float32)
    cover = np.max(list(beard_outlines(landmarks, photo.shape).values()), axis=0)
    strands = cv2.GaussianBlur(
        np.random.default_rng(0).standard_normal(photo.shape[:2]).astype(np.float32), (0, 0), 1.2
    )
    share = cover * np.clip(0.65 + 1.6 * strands, 0.0, 0.95)
    return np.uint8(drawn + share[..., None] * (np.float32((30, 26, 24)) - drawn))


def _inside(landmarks, shape):
    """Return the inner part of each outline."""
    return {part: drawn > 0.5 for part, drawn in beard_outlines(landmarks, shape).items()}


def test_a_beard_is_found_and_a_face_without_has_none(photo, bearded, landmarks):
    inside = _inside(landmarks, photo.shape)
    without, found = (beard_growth(picture, landmarks).hair for picture in (photo, bearded))
    assert without.max() < 0.2
    for part in PARTS:
        assert found[inside[part]].mean() > 0.25
    assert found[: int(landmarks[27, 1])].max() < 0.05


def test_smooth_shade_all_over_the_lower_face_is_no_beard(photo, bearded, landmarks):
    cover = np.max(list(beard_outlines(landmarks, photo.shape).values()), axis=0)[..., None]
    shade = np.uint8(cv2.GaussianBlur(photo, (0, 0), 2.0) * (1.0 - 0.3 * cover))
    assert max(told_chances(shade, landmarks).values()) < 0.2
    assert beard_growth(shade, landmarks).dense.max() < 0.2
    assert max(told_chances(bearded, landmarks).values()) > 0.8


def test_lips_and_nostrils_are_no_beard(bearded, landmarks):
    found = beard_growth(bearded, landmarks).hair
    for point in (landmarks[[51, 62]].mean(axis=0), landmarks[[57, 66]].mean(axis=0), landmarks[33]):
        x, y = point.round().astype(int)
        assert found[y, x] < 0.1


def test_a_cover_includes_the_skin_between_hairs_and_no_lips(photo, bearded, landmarks):
    hair, cover = beard_growth(bearded, landmarks).hair, beard_cover(bearded, landmarks)
    assert beard_cover(photo, landmarks).max() < 0.2
    for part, outline in beard_outlines(landmarks, photo.shape).items():
        deep = outline > 0.8
        assert np.quantile(hair[deep], 0.2) < 0.3, part  # the strands leave bare skin
        assert np.quantile(cover[deep], 0.3) > 0.5, part
    x, y = landmarks[[57, 66]].mean(axis=0).round().astype(int)
    assert cover[y, x] < 0.1


def test_the_place_of_a_beard_has_the_parts_that_there_are_joined_beside_the_mouth(photo, landmarks):
    outlines = beard_outlines(landmarks, photo.shape)
    parts = {"moustache": 1.0, "goatee": 1.0, "whiskers": 0.0}
    place = beard_place(photo, landmarks, parts)
    assert place.shape == photo.shape[:2]
    for part, outline in outlines.items():
        others = np.max([other for name, other in outlines.items() if name != part], axis=0)
        deep = (outline > 0.8) & (others < 0.2)
        assert deep.any(), part
        assert place[deep].mean() == pytest.approx(parts[part], abs=0.2), part
    assert beard_place(photo, landmarks, dict.fromkeys(parts, 0.0)).max() == 0.0
    x, y = landmarks[[57, 66]].mean(axis=0).round().astype(int)
    assert place[y, x] < 0.1


def test_chances_that_are_told_from_shade_are_those_of_a_cover(photo, bearded, landmarks):
    assert max(told_chances(photo, landmarks).values()) < 0.1
    assert min(told_chances(bearded, landmarks).values()) > 0.5


def test_the_skin_tells_beards_unless_it_is_dark(photo, landmarks):
    assert tells_beard(photo, landmarks) == 1.0
    dark = photo.copy()
    x, y = landmarks[30].round().astype(int)
    dark[:] = (60, 40, 30)
    dark[y - 24 : y + 25, x - 24 : x + 25] = 250  # a highlight shows how much light there is
    assert tells_beard(dark, landmarks) < 0.2


def test_whiskers_alone_are_the_shade_of_a_jaw(photo, bearded, landmarks):
    outlines = beard_outlines(landmarks, photo.shape)
    others = np.maximum(outlines["moustache"], outlines["goatee"])[..., None]
    shaved = np.uint8(bearded + others * (photo.astype(np.float32) - bearded))
    jaw = outlines["whiskers"] * (1.0 - others[..., 0]) > 0.9
    assert beard_growth(shaved, landmarks).hair[jaw].mean() > 0.15
    assert beard_cover(shaved, landmarks).max() < 0.2


def test_a_goatee_alone_is_no_cover(photo, bearded, landmarks):
    outlines = beard_outlines(landmarks, photo.shape)
    others = np.clip(4.0 * np.maximum(outlines["moustache"], outlines["whiskers"]), 0.0, 1.0)[..., None]
    shaved = np.uint8(bearded + others * (photo.astype(np.float32) - bearded))
    chin = (outlines["goatee"] > 0.8) & (others[..., 0] < 0.05)
    assert beard_growth(shaved, landmarks).hair[chin].mean() > 0.2
    assert beard_cover(shaved, landmarks).max() < 0.2


def test_shade_below_the_nose_is_no_moustache(photo, landmarks):
    """It is as dark as hair, no wider than the nose, and ends above the lip."""
    shaded = photo.astype(np.float32)
    top, bottom = landmarks[33, 1], landmarks[33, 1] + 0.5 * (landmarks[51, 1] - landmarks[33, 1])
    shade = np.zeros(photo.shape[:2], np.float32)
    shade[int(top) : int(bottom), int(landmarks[31, 0]) : int(landmarks[35, 0])] = 0.85
    shaded *= 1.0 - shade[..., None]
    rough = np.random.default_rng(0).normal(0.0, 12.0, photo.shape[:2]) * (shade > 0)
    shaded = np.uint8(np.clip(shaded + rough[..., None], 0, 255))
    assert beard_chances(shaded, landmarks)["moustache"] > 0.9
    assert beard_cover(shaded, landmarks).max() < 0.2


def test_a_beard_is_dense_where_it_grows_and_ends_below_the_jaw(photo, bearded, landmarks):
    assert beard_growth(photo, landmarks).dense.max() < 0.05
    _, dense, full, _ = beard_growth(bearded, landmarks)
    assert full == 1.0
    for part, inside in _inside(landmarks, photo.shape).items():
        assert dense[inside].mean() > 0.15, part
    (x, chin), down = landmarks[8].round().astype(int), round(0.3 * np.linalg.norm(landmarks[39] - landmarks[42]))
    assert dense[chin + down, x] < 0.4 * dense[chin - down // 4, x]
    x, y = landmarks[[57, 66]].mean(axis=0).round().astype(int)
    assert dense[y, x] < 0.05
    across = landmarks[54] - landmarks[48]
    for dimple, outwards in ((landmarks[48], -across), (landmarks[54], across)):
        near, far = (
            (dimple + share * eye_distance(landmarks) * outwards / np.linalg.norm(across)).round().astype(int)
            for share in (0.05, 0.1)
        )
        assert dense[near[1], near[0]] < 0.06 * dense[far[1], far[0]]


def test_where_skin_does_not_tell_hair_from_shade_what_has_its_colour_is_thin(photo, landmarks):
    """A beard of brown darkness, as shade has it, and one that is black."""
    cover = np.max(list(beard_outlines(landmarks, photo.shape).values()), axis=0)[..., None]
    rough = np.random.default_rng(0).random(photo.shape[:2])[..., None] * 0.3
    brown = np.uint8(photo * (1.0 - cover * (0.6 + rough)))
    black = np.uint8(photo + cover * (0.65 + rough) * (np.float32(12) - photo))
    deep = cover[..., 0] > 0.9
    ratios = [
        beard_growth(picture, landmarks, 0.0).dense[deep].mean() / beard_growth(picture, landmarks).dense[deep].mean()
        for picture in (brown, black)
    ]
    assert ratios[0] < 0.8 < 0.85 < ratios[1]


def test_smooth_shade_is_no_growth_and_stubble_in_it_is(photo, landmarks):
    """As dark as a beard, from which pores and stubble tell it."""
    cover = np.max(list(beard_outlines(landmarks, photo.shape).values()), axis=0)[..., None]
    smooth = cv2.GaussianBlur(photo, (0, 0), 4.0)
    dots = np.random.default_rng(0).random(photo.shape[:2])[..., None].astype(np.float32)
    deep, found = cover[..., 0] > 0.9, []
    for base, rough in ((smooth, 0.0), (photo, 0.6)):
        shaded = np.uint8(photo + cover * (base * (0.35 - 0.35 * rough * dots) - photo.astype(np.float32)))
        found.append(beard_growth(shaded, landmarks).dense[deep].mean())
    assert found[0] < 0.1 < 0.25 < found[1]


def test_stubble_ends_within_the_jaw_and_a_full_beard_beyond(photo, bearded, landmarks):
    faint = np.uint8(0.68 * photo + 0.32 * bearded.astype(np.float32))
    stubble, beard = (beard_growth(picture, landmarks) for picture in (faint, bearded))
    assert stubble.full < 0.1 < 0.9 < beard.full
    assert stubble.dense.max() > 0.1
    beyond = beyond_jaw(landmarks, photo.shape) > 0.06
    assert stubble.dense[beyond].max() < 0.02 < 0.2 < beard.dense[beyond].max()


def test_a_moustache_half_in_the_shade_has_hairs_on_both_sides(photo, bearded, landmarks):
    """The other half is so light that it hardly shows."""
    inside = beard_outlines(landmarks, photo.shape)["moustache"]
    lit = np.arange(photo.shape[1])[None] > landmarks[33, 0]
    faint = np.uint8(bearded + (0.75 * lit * inside)[..., None] * (photo.astype(np.float32) - bearded))
    dense = beard_growth(faint, landmarks).dense
    shaded, light = (dense[(inside > 0.5) & side].mean() for side in (~lit, lit))
    assert shaded > light > 0.4 * shaded


def test_it_does_not_depend_on_the_light_or_the_size(bearded, landmarks):
    found = beard_growth(bearded, landmarks).hair
    assert np.abs(beard_growth((bearded * 0.6).astype(np.uint8), landmarks).hair - found).mean() < 0.02
    small = cv2.resize(bearded, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    smaller = beard_growth(small, (landmarks + 0.5) / 2 - 0.5).hair
    assert np.abs(cv2.resize(smaller, found.shape[::-1]) - found).mean() < 0.03


def test_nothing_is_told_without_colour_or_skin(photo, landmarks):
    grey = np.repeat(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    for picture in (grey, np.zeros_like(photo)):
        assert beard_regions(picture, landmarks) == {}
        growth = beard_growth(picture, landmarks)
        assert not growth.hair.any() and not growth.dense.any() and not growth.moustache.any()


def test_a_moustache_is_sure_where_there_is_one(photo, bearded, landmarks):
    assert beard_growth(photo, landmarks).moustache.max() < 0.1
    found = beard_growth(bearded, landmarks).moustache
    assert found[_inside(landmarks, photo.shape)["moustache"]].mean() > 0.8
    assert found[int(landmarks[57, 1]) + 4 :].max() < 0.1


def test_a_black_tuft_that_shows_no_hairs_is_dense_and_smooth_shade_is_not(photo, bearded, landmarks):
    drawn, eyes = np.zeros(photo.shape[:2], np.float32), eye_distance(landmarks)
    middle = landmarks[57] + (0.0, 0.17 * eyes)
    cv2.ellipse(drawn, tuple(middle.astype(int).tolist()), (int(0.17 * eyes), int(0.09 * eyes)), 0, 0, 360, 1.0, -1)
    soft = cv2.GaussianBlur(drawn, (0, 0), 1.0)[..., None]
    black, shade = (np.uint8(bearded + soft * (np.float32(colour) - bearded)) for colour in ((9, 8, 8), (88, 62, 52)))
    inner = cv2.erode(drawn, np.ones((9, 9))) > 0
    dense = [beard_growth(picture, landmarks).dense[inner].mean() for picture in (black, shade)]
    assert dense[0] > 0.5 > 0.3 > dense[1]


def cover_of(monkeypatch, photo, landmarks, dark, **chances):
    """Return the cover of a beard whose parts are so likely, and whose places are so dark."""
    likely = dict.fromkeys(PARTS, 0.0) | chances
    monkeypatch.setattr(
        beard, "_likely_parts",
        lambda copy, points: {p: (likely[p], one) for p, one in beard_outlines(points, copy.shape).items()},
    )  # fmt: skip
    monkeypatch.setattr(beard, "darkness", lambda copy, points: np.full(copy.shape[:2], dark, np.float32))
    return beard_cover(photo, landmarks)


def test_a_cover_is_as_likely_as_its_parts_and_nothing_where_hair_is_thin(photo, landmarks, monkeypatch):
    whole = {"moustache": 0.5, "goatee": 0.8, "whiskers": 0.8}
    inside = beard_outlines(landmarks, photo.shape)["goatee"] > 0.9
    thin, some, full = (cover_of(monkeypatch, photo, landmarks, dark, **whole) for dark in (0.1, 0.3, 1.0))
    assert thin[inside].max() < 0.01 < some[inside].mean() < 0.8 * full[inside].mean()
    likelier = cover_of(monkeypatch, photo, landmarks, 1.0, **whole | {"goatee": 1.0})
    assert likelier[inside].mean() > 1.1 * full[inside].mean()


def test_a_sure_moustache_stays_whole_where_it_is_not_dark(photo, landmarks, monkeypatch):
    inside = beard_outlines(landmarks, photo.shape)["moustache"] > 0.5
    for goatee, covered in ((1.0, True), (0.2, False)):
        cover = cover_of(monkeypatch, photo, landmarks, 0.0, moustache=1.0, goatee=goatee)
        assert (cover[inside].mean() > 0.5) == covered


def test_hairs_grow_at_the_ends_of_a_moustache_and_not_in_the_corners_of_a_mouth(photo, landmarks):
    eyes = eye_distance(landmarks)
    place = beard_place(photo, landmarks, {"moustache": 1.0, "goatee": 1.0, "whiskers": 1.0})
    for corner, aside in ((48, -0.045), (54, 0.045)):
        x, y = (landmarks[corner] + np.array((aside * eyes, 0.0))).round().astype(int)
        assert place[y, x] < 0.4
    alone = beard_place(photo, landmarks, {"moustache": 1.0, "goatee": 0.0, "whiskers": 0.0})
    end = (landmarks[54] + (0.07 * eyes, 0.03 * eyes)).round().astype(int)
    outline = beard_outlines(landmarks, photo.shape)["moustache"]
    assert outline[end[1], end[0]] < 0.1 < 0.3 < alone[end[1], end[0]]
