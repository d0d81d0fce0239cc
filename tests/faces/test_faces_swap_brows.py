"""Brows of a swapped face: taken off both faces, and the person's put on the fused one."""

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.light import LUMINANCE, luminance, to_linear, to_srgb
from ppgan_ext.faces.mask import WITH_RIM, draw_part
from ppgan_ext.faces.skin import find_skin
from ppgan_ext.faces.swap.brows import (
    BROWS,
    brow_layer,
    brow_place,
    brow_shares,
    hair_cover,
    missing_brows,
    with_faint_brows,
    with_others_brows,
    without_brows,
)
from ppgan_ext.faces.swap.composite import composite
from ppgan_ext.faces.swap.lit_skin import find_lit_skin
from ppgan_ext.faces.swap.overlay import draw_overlay
from ppgan_ext.faces.swap.skin_light import match_skin
from tests.reference.drawn import DrawnFace, draw_photo
from tests.reference.fused import fuse

DARK, PALE = (96, 62, 46), (224, 184, 160)


def drawn(skin=PALE, seed=0, hair=(58, 40, 30)):
    picture, (landmarks,) = draw_photo((390, 350), [DrawnFace((190.0, 160.0), 62.0, skin=skin, hair=hair)], seed)
    return picture.astype(np.float32), landmarks


def everywhere(picture):
    return np.ones(picture.shape[:2], np.float32)


def core(landmarks, shape, brow):
    return draw_part(landmarks[brow], shape, WITH_RIM) > 0


def log_light(picture):
    return np.log(luminance(to_linear(np.asarray(picture, np.float32))) + 1e-3)


def level(picture, landmarks):
    return float(np.median(log_light(picture)[find_skin(landmarks, picture).skin > 0.6]))


def both_cores(landmarks, shape):
    return np.logical_or(*(core(landmarks, shape, brow) for brow in BROWS))


@pytest.mark.parametrize("skin", [DARK, PALE])
def test_brows_are_taken_off_and_nothing_else_changes(skin):
    picture, landmarks = drawn(skin)
    bare = without_brows(picture, landmarks, everywhere(picture))
    there, usual = both_cores(landmarks, picture.shape), level(picture, landmarks)
    hair = there & (log_light(picture) < usual - 0.4)
    assert np.count_nonzero(hair) > 150
    assert np.quantile(np.abs(log_light(bare)[hair] - usual), 0.5) < 0.3
    places = np.maximum(*(brow_place(landmarks, picture.shape[:2], brow) for brow in BROWS)) > 0
    assert np.array_equal(bare[~places], picture[~places])
    eyes = draw_part(landmarks[36:48], picture.shape, WITH_RIM) > 0
    assert np.array_equal(bare[eyes & ~places], picture[eyes & ~places])


def test_brows_under_hair_stay_and_what_does_not_hang_together_with_them_stays():
    picture, landmarks = drawn()
    known = everywhere(picture)
    known[:, : int(landmarks[27, 0])] = 0.0
    bare = without_brows(picture, landmarks, known)
    right, left = (core(landmarks, picture.shape, brow) for brow in BROWS)
    assert np.array_equal(bare[right], picture[right])
    assert np.abs(bare - picture)[left].mean() > 20.0
    # A dark strand within the place of the brow, apart from it.
    strand = picture.copy()
    x, y = (int(v) for v in np.rint(landmarks[26] + (4.0, 0.5)))
    strand[y - 6 : y + 7, x : x + 3] = 20.0
    assert (brow_place(landmarks, picture.shape[:2], BROWS[1])[y - 6 : y + 7, x : x + 3] > 0.1).any()
    kept = without_brows(strand, landmarks, everywhere(picture))[y - 6 : y + 7, x + 1]
    assert np.abs(kept - 20.0).max() < 12.0


def test_the_layer_gives_the_brow_back():
    picture, landmarks = drawn()
    bare = without_brows(picture, landmarks, everywhere(picture))
    brows = brow_layer(picture, bare, landmarks)
    again = to_srgb(to_linear(bare) * np.exp(brows.light[..., None] + brows.color))
    dark = brows.light < -0.2
    assert np.count_nonzero(dark) > 150
    assert np.abs(again - picture)[dark].mean() < 6.0
    assert brows.light.max() == 0.0  # skin beside dark hair is no hair
    assert np.abs(brows.color @ LUMINANCE).max() < 1e-4
    cover = hair_cover(brows, landmarks)
    assert cover[dark].min() > 0.3
    assert cover[~np.maximum(*(brow_place(landmarks, cover.shape, brow) > 0 for brow in BROWS))].mean() < 0.01


def matched_brows(face, photo, landmarks):
    """Return how much darker than skin brows are in a face, and in it as it is matched to a photo."""
    skins = []
    for picture in (face, photo):
        bare = without_brows(picture, landmarks, everywhere(picture))
        skins.append((bare, find_lit_skin(landmarks, bare, everywhere(bare), find_skin(landmarks, bare))))
    (bare, own), (under, other) = skins
    layer = brow_layer(face, bare, landmarks)
    result = match_skin(bare, under, own, other, landmarks, brows=layer)
    there = both_cores(landmarks, face.shape)
    return result, [
        float(np.quantile(log_light(each)[there], 0.25)) - level(each, landmarks) for each in (face, result)
    ]


def test_brows_keep_their_contrast_in_soft_and_in_hard_light():
    face, landmarks = drawn(PALE)
    photo = drawn((205, 160, 132), 1)[0]
    y, x = np.mgrid[: face.shape[0], : face.shape[1]]
    sun = 0.5 * (np.sin(x * 2 * np.pi / 26.0) * np.sin(y * 2 * np.pi / 26.0))[..., None].astype(np.float32)
    for picture in (face, to_srgb(to_linear(face) * np.exp(sun))):
        was, now = matched_brows(picture, photo, landmarks)[1]
        assert now == pytest.approx(was, abs=0.2)


def test_brows_of_a_dark_face_stay_dark_on_pale_skin_and_take_no_more_colour():
    photo, landmarks = drawn(PALE, 1)
    result, (was, now) = matched_brows(drawn(DARK)[0], photo, landmarks)
    assert now < was - 0.15
    there = both_cores(landmarks, photo.shape) & (log_light(result) < level(result, landmarks) - 0.7)
    skin = find_skin(landmarks, photo).skin > 0.6
    redness = [
        np.log(to_linear(each) + 1e-3)[where] @ (1.0, 0.0, -1.0) for each, where in ((result, there), (photo, skin))
    ]
    assert np.median(redness[0]) < np.median(redness[1]) + 0.1


def test_brows_that_are_no_deeper_than_wrinkles_are_wrinkles():
    picture, landmarks = drawn(hair=(150, 118, 95))
    bare = without_brows(picture, landmarks, everywhere(picture))
    plain = with_faint_brows(picture, bare, landmarks, everywhere(picture))
    assert np.array_equal(plain, bare)
    y = np.mgrid[: picture.shape[0], : picture.shape[1]][0]
    folds = (0.8 * np.sin(y * 2 * np.pi / 8.0))[..., None].astype(np.float32)
    wrinkled, without = (to_srgb(to_linear(each) * np.exp(folds)) for each in (picture, bare))
    there = both_cores(landmarks, picture.shape)
    kept = with_faint_brows(wrinkled, without, landmarks, everywhere(picture))
    assert np.abs(kept - wrinkled)[there].mean() < 0.2 * np.abs(without - wrinkled)[there].mean()


def test_both_brows_of_a_person_are_hair_or_neither_is():
    picture, landmarks = drawn()
    bare = without_brows(picture, landmarks, everywhere(picture))
    right, left = (core(landmarks, picture.shape, brow) for brow in BROWS)
    # A hard light leaves little of one of them.
    lit = picture.copy()
    lit[:, 175:] += 0.85 * (bare - picture)[:, 175:]
    plain = with_faint_brows(lit, bare, landmarks, everywhere(picture))
    for brow in (right, left):
        assert np.abs(plain - bare)[brow].mean() < 1e-3
    both = picture + 0.85 * (bare - picture)
    kept = with_faint_brows(both, bare, landmarks, everywhere(picture))
    assert np.abs(kept - both)[left].mean() < 0.2 * np.abs(bare - both)[left].mean()


def test_a_bushy_end_that_hangs_down_goes_with_the_photos_brow():
    picture, landmarks = drawn()
    eyes = float(np.linalg.norm(landmarks[42:48].mean(axis=0) - landmarks[36:42].mean(axis=0)))
    end = landmarks[25] + np.array((0.08, 0.16)) * eyes
    points = np.rint(16 * np.array([landmarks[25], end])).astype(int).tolist()
    hangs = np.zeros(picture.shape[:2], np.float32)
    cv2.line(hangs, *points, 1.0, 6, cv2.LINE_AA, 4)
    bushy = picture + hangs[..., None] * (np.float32((40.0, 28.0, 20.0)) - picture)
    there = (hangs > 0.8) & (np.mgrid[: hangs.shape[0], : hangs.shape[1]][0] > landmarks[25, 1] + 0.1 * eyes)
    assert np.count_nonzero(there) > 10
    left = [
        float(
            (
                level(picture, landmarks)
                - log_light(without_brows(bushy, landmarks, everywhere(picture), wholly=wholly))
            )[there].mean()
        )
        for wholly in (False, True)
    ]
    assert left[1] < 0.25 * left[0]


def test_a_brow_gives_way_as_a_whole():
    picture, landmarks = drawn()
    right, left = (core(landmarks, picture.shape, brow) for brow in BROWS)
    columns = np.arange(picture.shape[1])
    for end, gives in ((17, 1.0), (21, 0.0)):
        mask = np.broadcast_to(columns > landmarks[end, 0] - 1.0, picture.shape[:2]).astype(np.float32)
        shares = brow_shares(mask, landmarks)
        assert shares[left].min() == 1.0
        assert shares[right].mean() == pytest.approx(gives, abs=0.25), end
        assert np.ptp(shares[right]) == 0.0


def test_no_brow_of_the_photo_is_left_beside_the_persons():
    (photo, own), (person, theirs) = drawn(PALE), drawn((214, 168, 140), 3, hair=(150, 110, 80))
    # The photo's brows go on beyond the person's, to the temples.
    long = photo.copy()
    for inner, end in ((18, 17), (25, 26)):
        ends = np.rint(16 * np.array([own[inner], own[end] + 0.3 * (own[end] - own[inner])])).astype(int)
        cv2.line(long, ends[0].tolist(), ends[1].tolist(), (40.0, 28.0, 20.0), 4, cv2.LINE_AA, 4)
    images = [each.astype(np.uint8) for each in (long, person)]
    result = composite(images[0], draw_overlay(photo.shape, own, images[1], theirs))
    usual = level(photo, own)
    ends = (log_light(long) < usual - 0.8) & (log_light(photo) > usual - 0.2)
    assert np.count_nonzero(ends) > 12
    assert np.median(log_light(result.image)[ends]) > usual - 0.4
    assert (result.mask[(result.image != images[0]).any(axis=2)] > 0).all()


def test_with_no_identity_brows_stay():
    (photo, own), (person, theirs) = drawn(PALE), drawn(DARK, 3)
    images = [each.astype(np.uint8) for each in (photo, person)]
    assert np.array_equal(fuse(images[0], own, images[1], theirs, identity=0.0).image, images[0])


def test_no_faint_tail_of_a_brow_is_left_where_all_of_it_goes():
    picture, landmarks = drawn()
    faint = picture.copy()
    end = landmarks[26] + 0.3 * (landmarks[26] - landmarks[25])
    points = np.rint(16 * np.array([landmarks[25], end])).astype(int).tolist()
    tail = np.zeros(picture.shape[:2], np.float32)
    cv2.line(tail, *points, 1.0, 4, cv2.LINE_AA, 4)
    tail *= log_light(picture) > level(picture, landmarks) - 0.2
    faint *= 1.0 - 0.2 * tail[..., None]
    known, there = everywhere(picture), tail > 0.8
    assert np.count_nonzero(there) > 10
    left = [
        float((picture - without_brows(faint, landmarks, known, wholly=wholly))[there].mean())
        for wholly in (False, True)
    ]
    assert left[1] < 0.5 * left[0]


def test_brows_that_are_hidden_are_the_photos():
    (photo, landmarks), (person, _) = drawn(), drawn(DARK, 1)
    theirs = brow_layer(photo, without_brows(photo, landmarks, everywhere(photo)), landmarks)
    known = everywhere(person)
    bare = without_brows(person, landmarks, known)
    right, left = (core(landmarks, photo.shape, brow) for brow in BROWS)
    shaved = person.copy()
    here = brow_place(landmarks, photo.shape[:2], BROWS[0]) > 0
    shaved[here] = bare[here]
    own = brow_layer(shaved, bare, landmarks)
    missing = missing_brows(own, landmarks)
    assert missing[right].all()
    assert not missing[left].any()
    mixed = with_others_brows(own, theirs, missing)
    assert np.allclose(mixed.light[right], 0.45 * theirs.light[right])
    assert mixed.light[right].min() < -0.2
    assert not mixed.hair[right].any()
    assert np.array_equal(mixed.light[left], own.light[left])
