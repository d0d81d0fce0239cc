"""Where a photo shows hair: the patch, the network, the matte and its refusals."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage

from ppgan_ext.faces.detect import find_faces
from ppgan_ext.faces.head.hair import Refusal, find_hair
from ppgan_ext.faces.head.hair_network import Chances, hair_chances
from ppgan_ext.faces.head.head_patch import (
    CENTRE,
    EYES,
    SHAPE,
    head_patch,
    patch_matrix,
    patch_to_picture,
    region_of,
)
from ppgan_ext.faces.landmarks import BROWS, LEFT_EYE, RIGHT_EYE
from ppgan_ext.faces.light import to_linear, to_srgb


@pytest.fixture(scope="module")
def photo():
    return skimage.data.astronaut()


@pytest.fixture(scope="module")
def landmarks(photo):
    return find_faces(photo)[0].landmarks


def _eyes(points):
    return points[RIGHT_EYE].mean(axis=0), points[LEFT_EYE].mean(axis=0)


def test_patch_is_level_and_centred(photo, landmarks):
    for degrees in (0, 35):
        turn = cv2.getRotationMatrix2D((220.0, 120.0), degrees, 1.0)
        turned = cv2.warpAffine(photo, turn, (512, 512))
        patch = head_patch(turned, landmarks @ turn[:, :2].T + turn[:, 2])
        right, left = _eyes(patch.landmarks)
        np.testing.assert_allclose((right + left) / 2, CENTRE, atol=1e-6)
        np.testing.assert_allclose(left - right, (EYES, 0.0), atol=1e-6)
        assert patch.picture.shape == (*SHAPE, 3)


def test_patch_shows_the_photo_at_its_places(landmarks):
    # A photo whose colours are its coordinates.
    rows, columns = np.mgrid[:512, :512].astype(np.float32)
    ramp = np.stack([columns / 4, rows / 4, columns * 0 + 250], axis=2)
    patch = head_patch(ramp, landmarks)
    back = cv2.invertAffineTransform(patch_matrix(landmarks))
    for x, y in ((96, 92), (60, 150), (130, 70)):
        place = back[:, :2] @ (x, y) + back[:, 2]
        np.testing.assert_allclose(patch.picture[y, x, :2] * 4, place, atol=0.6)


def test_patch_marks_what_is_outside_the_photo(photo, landmarks):
    cut = photo[:, 190:]
    patch = head_patch(cut, landmarks - (190, 0))
    back = cv2.invertAffineTransform(patch.matrix_photo_to_patch)
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    x = columns * back[0, 0] + rows * back[0, 1] + back[0, 2]
    assert (patch.inside[x < -2] == 0).all()
    assert (hair_chances(patch).hair[x < -2] == 0).all()


def test_map_goes_back_to_the_photo(landmarks):
    back = cv2.invertAffineTransform(patch_matrix(landmarks))
    values = np.zeros(SHAPE, np.float32)
    values[120:124, 40:44] = 1.0
    drawn = patch_to_picture(values, landmarks, (512, 512))
    place = np.array(np.nonzero(drawn > 0.5)).mean(axis=1)[::-1]
    np.testing.assert_allclose(place, back[:, :2] @ (41.5, 121.5) + back[:, 2], atol=0.5)


def test_finds_the_astronauts_hair_and_nothing_else(photo, landmarks):
    matte = find_hair(photo, landmarks)
    assert matte.refusal is None
    assert matte.confidence > 0.9
    left, top, right, bottom = matte.region
    alpha = np.zeros(photo.shape[:2], np.float32)
    alpha[top:bottom, left:right] = matte.alpha
    # Hair at both sides, and the golden crown and fringe; cheek, forehead, flag, shuttle and suit.
    for x, y in ((168, 100), (285, 85), (220, 35), (232, 62)):
        assert alpha[y - 3 : y + 4, x - 3 : x + 4].mean() > 0.6, (x, y)
    for x, y in ((205, 120), (225, 92), (110, 60), (340, 100), (450, 60), (230, 330), (225, 210)):
        assert alpha[y, x] < 0.05, (x, y)


def _matte_of(photo, landmarks, chance):
    return find_hair(photo, landmarks, chances=Chances(chance, np.zeros(SHAPE, np.float32)))


def test_matte_follows_an_edge_of_the_photo():
    # A dark shape with an edge half a patch pixel off the map: the matte goes by the photo.
    landmarks = _drawn_landmarks(4.0)
    photo = np.full((960, 768, 3), 200, np.uint8)
    edge = int(landmarks[17:27, 1].min()) - 30
    photo[:edge, 200:560] = 30
    chance = np.zeros(SHAPE, np.float32)
    chance[: edge // 4, 51:139] = 1.0
    matte = _matte_of(photo, landmarks, chance)
    assert matte.refusal is None
    left, top, _, _ = matte.region
    column = matte.alpha[: edge + 60 - top, 380 - left]
    # Beside the face the hair ends softly, before the edge and never behind it.
    assert (column[: edge - 20] > 0.95).all()
    assert (np.diff(column[edge - 20 : edge]) <= 0).all()
    assert (column[edge + 3 :] < 0.05).all()


def _drawn_landmarks(scale):
    """Landmarks of a mean face that lies in the photo as it does in the patch, ``scale`` times larger."""
    points = find_faces(skimage.data.astronaut())[0].landmarks
    matrix = patch_matrix(points)
    return ((points @ matrix[:, :2].T + matrix[:, 2]) + 0.5) * scale - 0.5


def test_a_background_of_the_hairs_colour_needs_more_than_half_a_chance():
    """Before it hair that is missed is not seen, but grey of what is none is."""
    landmarks, shares = _drawn_landmarks(4.0), []
    chance = np.zeros(SHAPE, np.float32)
    chance[:76, 51:139] = 1.0
    chance[20:50, 30:51] = 0.55
    for wall in (30, 200):
        photo = np.full((960, 768, 3), 30, np.uint8)
        photo[:, :110] = photo[350:] = wall
        matte = _matte_of(photo, landmarks, chance)
        assert matte.refusal is None
        left, top, _, _ = matte.region
        assert matte.alpha[100 - top : 180 - top, 300 - left : 450 - left].min() > 0.95
        shares.append(float(matte.alpha[110 - top : 170 - top, 125 - left : 165 - left].mean()))
    assert shares[0] < 0.2 < 0.3 < shares[1]


def test_a_wall_that_is_seen_through_hair_is_none():
    """The map is sure of the whole place, as it is of curls."""
    landmarks, chance = _drawn_landmarks(4.0), np.zeros(SHAPE, np.float32)
    chance[:76, 30:139] = 1.0
    photo = np.full((960, 768, 3), 30, np.uint8)
    photo[:, :110] = photo[350:] = 210
    photo[120:150, 150:180] = 205
    matte = _matte_of(photo, landmarks, chance)
    left, top, _, _ = matte.region
    gap, around = (matte.alpha[120 - top - m : 150 - top + m, 150 - left - m : 180 - left + m] for m in (-4, 25))
    assert gap.max() < 0.1
    assert around[:10].min() > 0.95


def test_hair_that_is_not_joined_to_the_head_is_dropped(photo, landmarks):
    chance = np.zeros(SHAPE, np.float32)
    chance[20:70, 60:130] = 1.0
    chance[170:230, 5:40] = 1.0
    matte = _matte_of(photo, landmarks, chance)
    drawn = np.zeros(photo.shape[:2], np.float32)
    left, top, right, bottom = matte.region
    drawn[top:bottom, left:right] = matte.alpha
    matrix = patch_matrix(landmarks)
    rows, columns = np.mgrid[: photo.shape[0], : photo.shape[1]]
    down = columns * matrix[1, 0] + rows * matrix[1, 1] + matrix[1, 2]
    assert drawn[down > 150].max() == 0
    assert drawn.max() > 0.9


def test_refusals(photo, landmarks):
    nothing = np.zeros(SHAPE, np.float32)
    bald = _matte_of(_plain(photo, landmarks, 0), landmarks, nothing)
    assert bald.refusal is Refusal.NO_HAIR
    assert bald.confidence == 0
    assert not bald.alpha.any()
    assert _matte_of(_plain(photo, landmarks, 1), landmarks, nothing).refusal is Refusal.COVERED
    unsure = np.full(SHAPE, 0.45, np.float32)
    unsure[20:60, 60:130] = 0.6
    assert _matte_of(photo, landmarks, unsure).refusal in (Refusal.LIKE_BACKGROUND, Refusal.LIKE_SKIN)


def _plain(photo, landmarks, hat):
    """The photo with everything above the brows in the skin's colour, or in blue."""
    painted = photo.copy()
    brow = int(landmarks[17:27, 1].min()) - 8
    skin = np.median(photo[130:150, 195:215].reshape(-1, 3), axis=0)
    painted[:brow] = (20, 40, 160) if hat else skin
    return painted


def test_same_face_in_a_larger_photo_has_the_same_hair(photo, landmarks):
    larger = cv2.resize(photo, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    small = find_hair(photo, landmarks)
    large = find_hair(larger, (landmarks + 0.5) * 2 - 0.5)
    height, width = small.alpha.shape
    shown = cv2.resize(large.alpha, (width, height), interpolation=cv2.INTER_AREA)
    assert np.abs(shown - small.alpha).mean() < 0.02


def test_darker_photo_has_the_same_hair(photo, landmarks):
    dim = to_srgb(to_linear(photo) * np.float32(0.3))
    assert np.abs(find_hair(dim, landmarks).alpha - find_hair(photo, landmarks).alpha).mean() < 0.03


@pytest.mark.parametrize("shift", [(0, 0), (-150, 0), (0, -60)])
def test_face_at_the_border(photo, landmarks, shift):
    x, y = (max(0, -value) for value in shift)
    cut = np.ascontiguousarray(photo[y:, x:])
    matte = find_hair(cut, landmarks - (x, y))
    left, top, right, bottom = matte.region
    assert matte.region == region_of(landmarks - (x, y), cut.shape)
    assert matte.alpha.shape == (bottom - top, right - left)
    assert np.isfinite(matte.alpha).all()


@pytest.mark.parametrize(
    ("colour", "refusal"),
    [
        ((30, 60, 150), Refusal.COVERED),
        ((230, 60, 120), Refusal.COVERED),
        ((176, 43, 44), Refusal.COVERED),
        ((168, 82, 66), None),
        ((45, 20, 38), None),
        ((120, 60, 110), Refusal.COVERED),
    ],
    ids=["blue", "pink", "red cloth", "red hair", "purple shadows", "purple cloth"],
)
def test_cloth_of_no_hairs_colour_is_not_hair(photo, landmarks, colour, refusal):
    chance = hair_chances(head_patch(photo, landmarks)).hair
    dyed = photo.copy()
    covered = patch_to_picture((chance > 0.3).astype(np.float32), landmarks, photo.shape) > 0.3
    covered = cv2.dilate(covered.astype(np.uint8), np.ones((9, 9)))
    dyed[covered > 0] = colour
    assert find_hair(dyed, landmarks, chances=Chances(chance, chance)).refusal is refusal


def test_a_rim_is_no_hair_and_an_unsure_place_beside_hair_does_not_matter(photo, landmarks):
    """A bald head may have a rim that looks like hair; a dark corner beside curls may look like hair, too."""
    sure = np.zeros(SHAPE, np.float32)
    sure[30:75, 55:137] = 0.95
    unsure = sure.copy()
    unsure[75:150, 10:50] = unsure[75:150, 142:182] = 0.5
    for chance in (sure, unsure):
        found = _matte_of(photo, landmarks, chance)
        assert found.refusal is None
        assert found.confidence > 0.9
    everywhere = np.full(SHAPE, 0.5, np.float32)
    everywhere[30:45, 55:137] = 0.95
    assert _matte_of(photo, landmarks, everywhere).refusal in (Refusal.LIKE_BACKGROUND, Refusal.LIKE_SKIN)
    rim = np.zeros(SHAPE, np.float32)
    rim[65:73, 55:137] = 0.7
    rim[68:70, 55:137] = 0.95
    assert _matte_of(photo, landmarks, rim).refusal in (Refusal.LIKE_BACKGROUND, Refusal.LIKE_SKIN)


def test_a_scarf_goes_all_around_the_jaw_and_dark_clothes_do_not(photo, landmarks):
    chance = np.zeros(SHAPE, np.float32)
    chance[30:75, 55:137] = 0.95
    face = np.zeros(photo.shape[:2], np.uint8)
    cv2.fillConvexPoly(face, cv2.convexHull(landmarks[:27].round().astype(np.int32)), 1)
    scarf = photo.copy()
    scarf[face == 0] = (34, 26, 22)
    assert _matte_of(scarf, landmarks, chance).refusal is Refusal.COVERED
    right, left = _eyes(landmarks)
    eyes = float(np.linalg.norm(left - right))
    x, y = landmarks[8].round().astype(int).tolist()
    clothes = scarf.copy()
    # A part of the neck, beside a microphone or a beard.
    neck = clothes[y : y + round(0.6 * eyes), x : x + round(0.6 * eyes)]
    neck[face[y : y + neck.shape[0], x : x + neck.shape[1]] == 0] = np.median(photo[130:150, 195:215], axis=(0, 1))
    assert _matte_of(clothes, landmarks, chance).refusal is None


def test_hair_at_the_sides_of_a_hat_is_left(photo, landmarks):
    painted = photo.copy()
    brow = int(landmarks[17:27, 1].min()) - 6
    patch = head_patch(painted, landmarks)
    chance = np.zeros(SHAPE, np.float32)
    chance[75:120, 40:60] = chance[75:120, 130:150] = 0.9
    person = np.zeros(SHAPE, np.float32)
    person[int(patch.landmarks[17:27, 1].min()) - 60 :, 40:150] = 1.0
    painted[20:brow, 150:290] = (210, 210, 60)
    assert find_hair(painted, landmarks, chances=Chances(chance, person)).refusal is Refusal.COVERED


def test_gloss_amid_dark_hair_is_hair_though_it_is_blue(photo, landmarks):
    """A part of brown hair mirrors the sky; a scarf of that colour is none."""
    down, across = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    crown = ((across - CENTRE[0]) / 45) ** 2 + ((down - CENTRE[1]) / 60) ** 2 < 1.0
    hair = np.float32(crown & (down < CENTRE[1] - 22))
    chances = Chances(hair, hair)
    to_photo = cv2.invertAffineTransform(patch_matrix(landmarks))
    place = patch_to_picture(hair, landmarks, photo.shape) > 0.5
    x, y = (to_photo[:, :2] @ (CENTRE[0], CENTRE[1] - 45) + to_photo[:, 2]).round().astype(int).tolist()
    spot = np.zeros(photo.shape[:2], np.uint8)
    cv2.circle(spot, (x, y), round(0.25 * float(np.linalg.norm(np.subtract(*_eyes(landmarks))))), 1, -1)
    for blue, share in ((spot > 0, (0.9, 1.0)), (place, (0.0, 0.1))):
        painted = photo.copy()
        painted[place] = (92, 54, 34)
        painted[place & blue] = (38, 42, 72)
        found = find_hair(painted, landmarks, chances=chances)
        left, top, right, bottom = found.region
        mean = float(found.alpha[spot[top:bottom, left:right] > 0].mean())
        assert share[0] <= mean <= share[1]


def test_purple_hair_is_hair_where_a_filter_made_brows_and_lashes_purple_too(photo, landmarks):
    chances, purple = hair_chances(head_patch(photo, landmarks)), (62, 30, 80)
    wig = photo.copy()
    wig[patch_to_picture(chances.hair, landmarks, photo.shape) > 0.1] = purple
    filtered = wig.copy()
    for part in (*BROWS, RIGHT_EYE, LEFT_EYE):
        cv2.polylines(filtered, [landmarks[part].round().astype(np.int32)], False, purple, 4)
    assert find_hair(wig, landmarks, chances=chances).refusal is Refusal.COVERED
    found, usual = find_hair(filtered, landmarks, chances=chances), find_hair(photo, landmarks, chances=chances)
    assert found.refusal is None
    assert found.alpha.sum() > 0.5 * usual.alpha.sum()
