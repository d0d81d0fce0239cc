"""What covers a face: how it is named, drawn at the photo's resolution, removed, and laid over another face."""

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.blend import BorderStep
from ppgan_ext.faces.light import to_linear, to_srgb
from ppgan_ext.faces.mask import draw_part
from ppgan_ext.faces.occlusion import cover_network, face_covers
from ppgan_ext.faces.occlusion.bare_face import _even, glare, without_glasses
from ppgan_ext.faces.occlusion.cover_network import (
    CENTRE,
    EYES,
    SHAPE,
    CoverChances,
    channels,
    cover_chances,
    crop_matrix,
)
from ppgan_ext.faces.occlusion.face_covers import FaceCovers, find_covers_of, hides_face, names_of, over_face
from ppgan_ext.faces.occlusion.frame_lines import frame_weight, has_bridge
from ppgan_ext.faces.occlusion.object_edges import object_weight
from ppgan_ext.faces.occlusion.rims import find_rims
from ppgan_ext.faces.occlusion.seamless_fill import fill_seamlessly
from ppgan_ext.faces.swap.composite import Fusion
from ppgan_ext.faces.swap.covers_over import clear_covers, lay_over, lies_over
from ppgan_ext.faces.swap.hidden_landmarks import believable, hidden_points, with_whole_features
from ppgan_ext.faces.swap.overlay import draw_overlay
from ppgan_ext.faces.warp import transform_points
from tests.reference.drawn import DrawnFace, draw_photo


def drawn(seed=0, skin=(214, 168, 140)):
    picture, (landmarks,) = draw_photo((390, 350), [DrawnFace((190.0, 160.0), 62.0, skin=skin)], seed)
    return picture, landmarks


def nothing():
    return CoverChances(*np.zeros((4, *SHAPE), np.float32))


def painted_frame(photo, landmarks):
    """Paint a bar over the nose and below the eyes; return it with the covers that say so."""
    frame = np.zeros(photo.shape[:2], np.float32)
    x, y = np.rint(landmarks[[39, 42]].mean(axis=0) + np.array([0, 18])).astype(int)
    frame[y - 3 : y + 3, x - 40 : x + 41] = 1.0
    covered = photo.copy()
    covered[frame > 0] = (20, 10, 10)
    lens = np.zeros_like(frame)
    height, width = frame.shape
    none = np.zeros_like(frame)
    return covered, FaceCovers((0, 0, width, height), frame, lens, none, none, ("glasses",))


def painted_rims(photo, landmarks, patchy=True):
    """Paint rims around both eyes, patchy ones half in the skin's colour; return it with rims and lenses, (H, W)."""
    rims, lens = np.zeros(photo.shape[:2], np.float32), np.zeros(photo.shape[:2], np.float32)
    covered = photo.copy()
    for eye in (slice(36, 42), slice(42, 48)):
        middle = np.rint(landmarks[eye].mean(axis=0)).astype(int).tolist()
        cv2.ellipse(lens, middle, (24, 17), 0, 0, 360, 1.0, -1)
        cv2.ellipse(rims, middle, (24, 17), 0, 0, 360, 1.0, 3)
        for start in range(0, 360, 40):
            colour = (205, 158, 128) if patchy and start % 80 else (40, 22, 16)
            cv2.ellipse(covered, middle, (24, 17), 0, start, start + 40, colour, 3)
    return covered, rims, lens * (rims == 0)


def test_the_eyes_have_their_place_in_the_copy():
    _, landmarks = drawn()
    moved = transform_points(landmarks, crop_matrix(landmarks))
    right, left = moved[36:42].mean(axis=0), moved[42:48].mean(axis=0)
    assert (right + left) / 2 == pytest.approx(CENTRE)
    assert left[0] - right[0] == pytest.approx(EYES, rel=0.12)
    assert left[1] == pytest.approx(right[1])


def test_what_the_network_sees_does_not_depend_on_the_exposure():
    photo, landmarks = drawn()
    inside = np.ones(SHAPE, np.float32)
    picture = np.random.default_rng(0).uniform(60, 120, (*SHAPE, 3)).astype(np.float32)
    assert channels(picture, inside) == pytest.approx(channels(2 * picture, inside), abs=1e-5)
    assert channels(picture, inside).shape == (cover_network.NUM_CHANNELS, *SHAPE)
    assert all(np.asarray(chance).shape == SHAPE for chance in cover_chances(photo, landmarks))


def test_names_need_a_size():
    assert names_of(nothing()) == ()
    lens, frame, other = (np.zeros(SHAPE, np.float32) for _ in range(3))
    lens[45:62, 40:60] = frame[42:45, 30:110] = 1.0
    assert names_of(nothing()._replace(lens=lens, frame=frame)) == ("glasses",)
    assert names_of(nothing()._replace(lens=lens)) == ()
    assert names_of(nothing()._replace(dark_lens=lens, frame=frame)) == ("sunglasses",)
    other[90:130, 50:90] = 1.0
    assert names_of(nothing()._replace(other=other)) == ("an object",)


def test_an_object_beside_the_face_covers_nothing():
    _, landmarks = drawn()
    points = transform_points(landmarks, crop_matrix(landmarks))
    other = np.zeros(SHAPE, np.float32)
    other[:40, :20] = 1.0
    assert not over_face(nothing()._replace(other=other), points).other.any()
    x, y = np.rint(points[30]).astype(int)
    other[y : y + 30, x - 15 : x + 15] = 1.0
    kept = over_face(nothing()._replace(other=other), points).other
    assert kept[y + 5, x] == 1.0
    assert kept[10, 5] == 0.0


@pytest.mark.parametrize("colour", [(150, 190, 215), (238, 238, 240), (28, 28, 30)])
@pytest.mark.parametrize("grey", [False, True])
def test_a_mask_hides_a_face(colour, grey):
    photo, landmarks = drawn()
    weight = np.zeros(photo.shape[:2], np.float32)
    cv2.fillPoly(weight, [np.vstack([landmarks[2:15], landmarks[28:29]]).round().astype(np.int32)], 1.0)
    photo = np.where(weight[..., None] > 0, np.uint8(colour), photo)
    if grey:
        photo = np.repeat(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    assert hides_face(photo, landmarks, weight) or (grey and colour[0] == 150)  # as light as the skin, in grey


def test_shade_and_a_moustache_hide_no_face():
    photo, landmarks = drawn()
    lower = np.zeros(photo.shape[:2], np.float32)
    cv2.fillPoly(lower, [np.vstack([landmarks[2:15], landmarks[28:29]]).round().astype(np.int32)], 1.0)
    light = to_linear(photo.astype(np.float32)) * np.where(lower[..., None] > 0, np.float32([0.4, 0.33, 0.27]), 1.0)
    assert not hides_face(np.rint(to_srgb(light)).astype(np.uint8), landmarks, lower)
    moustache = np.zeros_like(lower)
    cv2.fillPoly(moustache, [np.vstack([landmarks[31:36], landmarks[[54, 48]]]).round().astype(np.int32)], 1.0)
    assert not hides_face(np.where(moustache[..., None] > 0, np.uint8(25), photo), landmarks, moustache)


def test_a_bare_face_has_no_covers():
    assert find_covers_of(*drawn()) is None


def test_unknown_values_continue_those_around():
    ramp = np.linspace(0, 4, 40, dtype=np.float32)[None, :, None] * np.ones((30, 1, 2), np.float32)
    known = np.ones((30, 40), bool)
    known[10:20, 12:25] = False
    damaged = np.where(known[..., None], ramp, 9.0)
    filled = fill_seamlessly(damaged, known, ~known)
    assert filled == pytest.approx(ramp, abs=0.03)
    assert np.array_equal(filled[known], damaged[known])


def test_a_part_joins_its_surroundings_and_keeps_its_differences():
    values = np.zeros((30, 40, 1), np.float32)
    inside, known = np.zeros((30, 40), bool), np.ones((30, 40), bool)
    inside[8:22, 8:32] = True
    known[8:22, 8:10] = known[8:22, 30:32] = known[8:10, 8:32] = known[20:22, 8:32] = False
    values[10:20, 10:30] = 3.0  # a tinted lens
    values[14:16, 18:22] = 4.0  # and what it shows
    joined = fill_seamlessly(values, known, inside)
    assert np.abs(joined[11:13, 12:28]).max() < 0.2
    assert joined[14, 19, 0] - joined[14, 15, 0] == pytest.approx(1.0, abs=0.1)


def test_a_frame_is_filled_with_skin():
    photo, landmarks = drawn()
    covered, covers = painted_frame(photo, landmarks)
    bare = without_glasses(covered, landmarks, covers)
    under = covers.frame > 0

    def error(picture):
        return np.abs(picture.astype(int) - photo)[under].mean()

    assert error(bare) < 0.25 * error(covered)
    assert np.array_equal(bare[-60:], covered[-60:])


def test_rims_have_no_gaps_where_a_frame_has_the_skins_colour():
    photo, landmarks = drawn()
    covered, rims, lens = painted_rims(photo, landmarks)
    chance = 0.6 * np.clip(2.0 * cv2.GaussianBlur(rims, (0, 0), 2.0), 0.0, 1.0)
    lines = frame_weight(covered, chance, lens, landmarks, 0.84)
    found = find_rims(covered, chance, cv2.GaussianBlur(lens, (0, 0), 1.5), landmarks, 0.84, lines).around
    pale = (rims > 0) & (covered.min(axis=2) > 80)
    assert np.count_nonzero(pale) > 200
    assert lines[pale].mean() < 0.45 < 0.65 < found[pale].mean()
    assert cv2.dilate(found.astype(np.uint8), np.ones((3, 3)))[rims > 0].mean() > 0.95
    far = cv2.dilate(rims, np.ones((13, 13))) == 0
    assert not found[far].any()
    assert not find_rims(covered, np.zeros_like(chance), lens, landmarks, 0.84, lines).around.any()


def test_gaps_of_a_frame_are_drawn_as_narrow_as_it_is_and_the_glass_is_free():
    photo, landmarks = drawn()
    covered, rims, lens = painted_rims(photo, landmarks)
    chance = 0.6 * np.clip(2.0 * cv2.GaussianBlur(rims, (0, 0), 2.0), 0.0, 1.0)
    dark = ((rims > 0) & (covered.min(axis=2) < 80)).astype(np.float32)
    soft = cv2.GaussianBlur(lens, (0, 0), 1.5)
    found = find_rims(covered, chance, soft, landmarks, 0.84, dark)
    pale = (rims > 0) & (dark == 0)
    assert found.gaps[pale].mean() > 0.7
    assert not found.gaps[cv2.dilate(rims, np.ones((7, 7))) == 0].any()
    inside = cv2.erode(lens, np.ones((5, 5))) > 0
    assert found.glass[inside].mean() > 0.9
    assert found.glass[rims > 0].mean() < 0.1
    few = find_rims(covered, chance, soft, landmarks, 0.84, dark * (np.arange(photo.shape[1]) % 12 < 2))
    assert not few.gaps.any()  # where hardly any frame is seen, nothing tells how wide it is
    assert few.around.any()


def test_a_brow_above_a_frame_is_no_rim_and_does_not_go_on_below_it():
    photo, landmarks = drawn()
    brow = draw_part(landmarks[22:27], photo.shape, 2.0)
    dark = np.where(brow[..., None] > 0, np.uint8((30, 20, 16)), photo)
    frame = np.zeros(photo.shape[:2], np.float32)
    edge = landmarks[23:26, 1].max() + 2.0
    left, right = np.rint(landmarks[[22, 26], 0]).astype(int)
    frame[int(edge) : int(edge) + 11, left:right] = 1.0
    frame *= brow == 0
    covered = np.where(frame[..., None] > 0, np.uint8((20, 10, 10)), dark)
    none = np.zeros_like(frame)
    covers = FaceCovers((0, 0, *photo.shape[1::-1]), frame, none, none, none, ("glasses",))
    bare = without_glasses(covered, landmarks, covers)
    below = (frame > 0) & (cv2.dilate(brow, np.ones((5, 5))) == 0)
    assert np.count_nonzero(below) > 40
    assert np.abs(bare.astype(int) - photo)[below].mean() < 14
    far = (brow > 0) & (cv2.dilate(frame, np.ones((9, 9))) == 0)
    assert np.array_equal(bare[far], covered[far])


def test_lines_in_a_brow_beside_the_rims_are_its_hair():
    photo, landmarks = drawn()
    covered, rims, lens = painted_rims(photo, landmarks, patchy=False)
    brow = draw_part(landmarks[23:25], photo.shape, 2.5) * (cv2.dilate(rims, np.ones((7, 7))) == 0)
    covered[brow > 0] = (30, 20, 16)
    stray = np.maximum(rims, brow)
    covers = FaceCovers((0, 0, *photo.shape[1::-1]), stray, lens, np.zeros_like(rims), rims, ("glasses",))
    far = (brow > 0) & (cv2.dilate(rims, np.ones((9, 9))) == 0)
    assert np.count_nonzero(far) > 15
    bare = without_glasses(covered, landmarks, covers)
    assert bare[far].mean() < 60.0
    without = without_glasses(covered, landmarks, covers._replace(rims=np.zeros_like(rims)))
    assert without[far].mean() > 100.0  # where no rims are known, every line is the frame's


def test_glass_tints_evenly():
    glass = np.zeros((30, 40), bool)
    glass[5:25, 5:35] = True
    shift = np.full((30, 40, 3), 0.1, np.float32)
    shift[10:12, 10:14] = 1.2
    even = _even(shift, glass)
    assert even[20, 20] == pytest.approx(0.1)
    assert 0.2 < even[10, 10, 0] < 0.4
    assert np.array_equal(_even(shift, np.zeros_like(glass)), shift)


def test_reflections_are_not_looked_for_in_eyes():
    photo, landmarks = drawn()
    bright = photo.copy()
    eye, cheek = (np.rint(place).astype(int) for place in (landmarks[42:48].mean(axis=0), landmarks[46] + (-6, 22)))
    for x, y in (eye, cheek):
        bright[y - 3 : y + 4, x - 3 : x + 4] = 255
    found = glare(bright, landmarks, np.ones(photo.shape[:2], np.float32))
    assert found[cheek[1], cheek[0]] > 0.5
    assert found[eye[1], eye[0]] == 0.0


def test_covers_of_the_photo_keep_their_pixels():
    photo, landmarks = drawn()
    covered, covers = painted_frame(photo, landmarks)
    other, other_landmarks = drawn(1, (120, 80, 60))
    overlay = draw_overlay(photo.shape, landmarks, other, other_landmarks)
    over = lies_over(covered, landmarks, covers)
    cleared = clear_covers(covered, overlay, over)
    frame = covers.frame > 0
    # No colour of the frame is left to be blended.
    assert np.abs(cleared[frame].astype(int) - photo[frame]).mean() < 40
    mask = np.zeros(photo.shape[:2], np.float32)
    mask[100:300, 100:280] = 1.0
    image = np.where(mask[..., None] > 0, np.uint8(99), cleared)
    fusion = Fusion(image, mask, landmarks, BorderStep(0, 0), {})
    fused = lay_over(fusion, covered, covered, over, 1.0)
    assert np.array_equal(fused.image[frame], covered[frame])
    assert np.array_equal(fused.image[fused.mask == 0], covered[fused.mask == 0])
    assert (fused.image[(mask > 0) & (over == 0)] == 99).all()
    # A share of the person's face is one of the covered photo: without any, no frame leaves a halo of the other face.
    assert np.array_equal(lay_over(fusion, covered, covered, over, 0.0).image, covered)
    half, free = lay_over(fusion, covered, covered, over, 0.5).image, (mask > 0) & (over == 0)
    np.testing.assert_allclose(half[free], (covered[free].astype(float) + 99) / 2, atol=0.5)


def test_a_frame_is_drawn_where_lines_are_expected():
    photo, landmarks = drawn()
    covered, covers = painted_frame(photo, landmarks)
    chance = cv2.GaussianBlur(covers.frame, (0, 0), 3.0)
    weight = frame_weight(covered, chance, np.zeros_like(chance), landmarks, 0.84)
    truth = covers.frame > 0
    outside = cv2.dilate(covers.frame, np.ones((9, 9))) == 0
    nose = cv2.dilate(draw_part(landmarks[30:36], photo.shape, 4.0), np.ones((3, 3))) > 0
    assert weight[truth & ~nose].mean() > 0.8
    assert weight[outside].mean() < 0.02
    # The same line where no frame is expected is none.
    assert not frame_weight(covered, np.zeros_like(chance), np.zeros_like(chance), landmarks, 0.84).any()


def test_a_line_must_lead_over_the_nose():
    _, landmarks = drawn()
    weight = np.zeros((350, 390), np.float32)
    y, middle = np.rint(landmarks[[39, 42]].mean(axis=0))[::-1].astype(int)
    weight[y : y + 4, middle - 60 : middle - 4] = 1.0
    assert not has_bridge(weight, landmarks)
    weight[y : y + 4, middle - 4 : middle + 60] = 1.0
    assert has_bridge(weight, landmarks)


@pytest.mark.parametrize(("mirrors", "name"), [(False, "glasses"), (True, "sunglasses")])
def test_lenses_through_which_no_skin_is_seen_are_dark_ones(mirrors, name, monkeypatch):
    """The network takes lenses that mirror a bright street for clear ones."""
    photo, landmarks = drawn()
    covered, rims, lens = painted_rims(photo, landmarks, patchy=False)
    y, middle = np.rint(landmarks[[39, 42]].mean(axis=0))[::-1].astype(int)
    covered[y - 1 : y + 3, middle - 14 : middle + 14], rims[y - 1 : y + 3, middle - 14 : middle + 14] = (
        (40, 22, 16),
        1.0,
    )
    if mirrors:
        lit = np.random.default_rng(0).integers(0, 2, photo.shape[:2], np.uint8)[..., None]
        covered[lens > 0] = np.where(lit, (170, 190, 225), (20, 20, 25))[lens > 0]
    matrix = crop_matrix(landmarks)
    seen, frame = (cv2.warpAffine(one, matrix, SHAPE[::-1]) for one in (lens, cv2.GaussianBlur(rims, (0, 0), 1.5)))
    chances = nothing()._replace(lens=seen, frame=np.minimum(2.0 * frame, 1.0))
    monkeypatch.setattr(face_covers, "cover_chances", lambda *_: chances)
    covers = find_covers_of(covered, landmarks)
    assert covers.found == (name,)
    assert np.median(covers.whole("solid", photo.shape)[lens > 0]) == float(mirrors)


def test_an_object_ends_where_its_colour_ends():
    photo, landmarks = drawn()
    x, y = np.rint(landmarks[57]).astype(int)
    truth = np.zeros(photo.shape[:2], bool)
    truth[y - 30 : y + 30, x - 40 : x + 40] = True
    covered = photo.copy()
    covered[truth] = (70, 160, 220)
    vague = np.clip(cv2.GaussianBlur(truth.astype(np.float32), (0, 0), 14.0), 0, 1)
    found = object_weight(covered, vague, 0.84) > 0.5
    assert (found & truth).sum() / (found | truth).sum() > 0.9
    assert ((vague > 0.5) & truth).sum() / ((vague > 0.5) | truth).sum() < 0.9


def test_a_mouth_that_is_hidden_in_part_is_hidden_as_a_whole():
    """Half a mouth beside another's would be torn."""
    _, landmarks = drawn()
    left, right = landmarks[48, 0], landmarks[54, 0]
    x, y = np.rint(landmarks[48:68]).astype(int).T
    for share, all_of_it in ((0.7, True), (0.1, False)):
        covered = np.zeros((350, 390), np.float32)
        covered[round(landmarks[30, 1]) :, : round(left + share * (right - left))] = 1.0
        assert 0.0 < covered[y, x].mean() < 0.9
        whole = with_whole_features(covered, landmarks)
        assert (whole[y, x] == 1.0).all() == all_of_it
        assert not whole[: round(landmarks[30, 1])].any()


def test_landmarks_under_a_mask_are_the_other_persons():
    _, landmarks = drawn()
    other = 1.5 * landmarks + (30, -20)
    covered = np.zeros((350, 390), np.float32)
    covered[round(landmarks[30, 1]) :, :] = 1.0
    guessed = landmarks.copy()
    hidden = landmarks[:, 1] > landmarks[30, 1] + 1
    guessed[hidden] += (0, 9)
    under = hidden_points(guessed, covered)
    assert under[hidden].all() and not under[landmarks[:, 1] < landmarks[30, 1] - 1].any()
    found = believable(guessed, under, other)
    assert found[hidden] == pytest.approx(landmarks[hidden], abs=1e-6)
    assert np.array_equal(found[~under], guessed[~under])
    # Neither a finger over the face nor a face of which next to nothing is seen changes anything.
    assert hidden_points(guessed, np.zeros_like(covered)) is None
    assert hidden_points(guessed, np.ones_like(covered)) is None
