"""Every step of the blend reaches the picture that comes out of it."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.head.beard import PARTS
from ppgan_ext.faces.landmarks import LEFT_EYE, RIGHT_EYE
from ppgan_ext.faces.light import luminance, to_linear, to_srgb
from ppgan_ext.faces.mask import height_above_brows
from ppgan_ext.faces.swap import composite as composite_module
from ppgan_ext.faces.swap.brows import without_brows
from ppgan_ext.faces.swap.composite import Heads, composite
from ppgan_ext.faces.swap.gaze import find_iris
from ppgan_ext.faces.swap.grain import match_grain
from ppgan_ext.faces.swap.overlay import Overlay
from tests.reference.drawn import DrawnFace, draw_photo

EYE = np.array([(0.0, 0.0), (0.3, -0.16), (0.7, -0.16), (1.0, 0.0), (0.7, 0.15), (0.3, 0.15)])
BROWN, PALE = (60, 45, 35), (120, 95, 75)


def drawn(seed=0):
    picture, (landmarks,) = draw_photo((230, 260), [DrawnFace((115.0, 105.0), 56.0)], seed)
    for eye in (RIGHT_EYE, LEFT_EYE):
        landmarks[eye] = EYE * 32.0 + landmarks[eye].mean(axis=0) - (16.0, 0.0)
    return picture, landmarks


def overlaid(picture, landmarks, **more):
    """Return a picture of a face at its own place, as if it had been drawn there."""
    return Overlay(0, 0, picture.astype(np.float32), np.ones(picture.shape[:2], np.float32), landmarks, **more)


def with_irises(picture, landmarks, place, colours=(BROWN, BROWN)):
    """Paint open eyes whose irises lie at a place between the corners, 0 at image left to 1."""
    picture = picture.copy()
    for part, colour in zip((RIGHT_EYE, LEFT_EYE), colours, strict=True):
        eye, opening = landmarks[part], np.zeros(picture.shape[:2], np.uint8)
        cv2.fillPoly(opening, [np.rint(eye * 16).astype(np.int32)], 1, cv2.LINE_8, 4)
        whole = np.full_like(picture, (225, 215, 210))
        x, y = np.rint(16 * (eye[0] + place * (eye[3] - eye[0]))).astype(int).tolist()
        cv2.circle(whole, (x, y), 7 * 16, colour, -1, cv2.LINE_AA, 4)
        cv2.circle(whole, (x, y), 3 * 16, (8, 6, 6), -1, cv2.LINE_AA, 4)
        picture[opening > 0] = whole[opening > 0]
    return picture


def iris_light(picture, landmarks, eye):
    x, y = np.rint(landmarks[eye][[0, 3]].mean(axis=0)).astype(int)
    return float(np.log(luminance(to_linear(picture[y, [x - 5, x + 5]].astype(np.float32))).mean()))


@pytest.mark.parametrize(("turned_degrees", "moved"), [(0.0, 0.05), (90.0, 0.12)])
def test_the_face_looks_where_the_photos_does_as_far_as_its_turn_explains(turned_degrees, moved):
    photo, landmarks = drawn()
    photo = with_irises(photo, landmarks, 0.56)
    face = overlaid(with_irises(drawn(1)[0], landmarks, 0.44), landmarks, turned_degrees=turned_degrees)
    result = composite(photo, face).image
    assert find_iris(result, landmarks[LEFT_EYE]) == pytest.approx(0.44 + moved, abs=0.025)


def test_two_irises_differ_no_more_than_the_photos():
    photo, landmarks = drawn()
    photo = with_irises(photo, landmarks, 0.5)
    face = with_irises(drawn(1)[0], landmarks, 0.5, (BROWN, PALE))
    result = composite(photo, overlaid(face, landmarks)).image
    before, after = (
        iris_light(each, landmarks, LEFT_EYE) - iris_light(each, landmarks, RIGHT_EYE) for each in (face, result)
    )
    assert before > 1.0
    assert after < 0.5 * before


def test_lips_that_were_open_meet_as_the_photos_do():
    photo, landmarks = drawn()
    line = np.rint(landmarks[[60, 61, 62, 63, 64]]).astype(np.int32)
    cv2.polylines(photo, [line], False, (60, 25, 25), 2)
    face = drawn(1)[0]
    cv2.polylines(face, [line], False, (235, 228, 215), 3)  # teeth
    x, y = line[2]
    shut, left = (composite(photo, overlaid(face, landmarks, closed=closed)).image[y, x].max() for closed in (1.0, 0.0))
    assert left > 170
    assert shut < 120


def test_the_folds_of_a_smile_that_is_taken_back_fade():
    photo, landmarks = drawn()
    face = drawn(1)[0].astype(np.float32)
    fold = np.zeros(photo.shape[:2], np.float32)
    x, y = np.rint(landmarks[[31, 48, 4]].mean(axis=0)).astype(int).tolist()
    cv2.line(fold, (x + 3, y - 10), (x - 3, y + 10), 1.0, 3)
    fold = cv2.GaussianBlur(fold, (0, 0), 1.2)
    folded = to_srgb(to_linear(face) * np.exp(-0.9 * fold)[..., None])
    smiling, relaxed = (
        composite(photo, overlaid(folded, landmarks, relaxed=share)).image.astype(float) for share in (0.0, 1.0)
    )
    plain = composite(photo, overlaid(face, landmarks)).image.astype(float)
    deep = fold > 0.6
    depths = [(plain - each)[deep].mean() for each in (smiling, relaxed)]
    assert depths[0] > 10.0
    assert depths[1] < 0.9 * depths[0]


def test_a_smooth_face_gets_the_grain_of_the_photo():
    photo, landmarks = drawn()
    noise = np.random.default_rng(0).normal(0.0, 6.0, (*photo.shape[:2], 1))
    grainy = np.clip(np.rint(photo + noise), 0, 255).astype(np.uint8)
    face = cv2.bilateralFilter(drawn(1)[0], 7, 20.0, 3.0)
    x, y = np.rint(landmarks[[2, 31, 48]].mean(axis=0)).astype(int)
    cheek = slice(y - 8, y + 9), slice(x - 8, x + 9)

    def grain(picture):
        values = picture[..., 1].astype(np.float32)
        return float((values - cv2.GaussianBlur(values, (0, 0), 1.0))[cheek].std())

    assert grain(face) < 1.0
    result = composite(grainy, overlaid(face, landmarks))
    assert result.mask[cheek].min() > 0.95
    assert grain(result.image) > 0.7 * grain(grainy)


def test_wrinkles_of_the_photo_are_no_grain():
    """A young face keeps its smooth skin in an old photo whose wrinkles are as fine as grain."""
    generator = np.random.default_rng(0)
    photo, face = (generator.normal(128.0, 0.4, (200, 200, 1)).repeat(3, axis=2) for _ in range(2))
    photo[:, :80] += generator.normal(0.0, 12.0, (200, 80, 1))
    everywhere = np.ones(photo.shape[:2], np.float32)
    result = match_grain(np.float32(face), np.float32(photo), everywhere, everywhere, everywhere)
    assert result.std() < 1.5 * face.std()  # 1.6 with the grain of all skin


def test_colourful_cloth_over_the_chin_is_not_put_in():
    photo, landmarks = drawn()
    scarf = drawn(1)[0]
    x, y = np.rint(landmarks[8] - (0.0, 8.0)).astype(int)
    scarf[y - 4 :] = (40, 60, 170)
    bare, wrapped = (composite(photo, overlaid(face, landmarks)) for face in (drawn(1)[0], scarf))
    assert bare.mask[y, x - 6 : x + 7].min() > 0.3
    assert wrapped.mask[y, x - 6 : x + 7].max() == 0.0


def test_a_forehead_that_the_photos_hair_hides_stays_the_photos():
    photo, landmarks = drawn()
    forehead = height_above_brows(landmarks, photo.shape) > -0.05
    dark = photo.copy()
    # As dark as hair, and without an edge by which headwear is found.
    dark[forehead] = to_srgb(to_linear(photo[forehead]) * 0.35).round().astype(np.uint8)
    x, y = np.rint(landmarks[27] - (0.0, 28.0)).astype(int)
    bare, hidden = (composite(each, overlaid(drawn(1)[0], landmarks)) for each in (photo, dark))
    assert bare.mask[y, x - 8 : x + 9].min() > 0.5
    assert hidden.mask[y, x - 8 : x + 9].max() == 0.0


def test_the_photos_brows_grow_where_glasses_hid_the_persons():
    photo, landmarks = drawn()
    shaved = without_brows(drawn(1)[0], landmarks, np.ones(photo.shape[:2], np.float32), wholly=True)
    face = overlaid(shaved, landmarks)
    x, y = np.rint(landmarks[24]).astype(int)
    none, grown = (
        composite(photo, face, Heads(brows_hidden=hidden)).image[y - 1 : y + 2, x - 4 : x + 5].mean()
        for hidden in (False, True)
    )
    assert grown < 0.85 * none


def test_what_is_not_shown_is_filled_in_from_another_picture():
    photo, landmarks = drawn()
    face = overlaid(drawn(1)[0], landmarks)
    marked = drawn(1)[0].astype(np.float32)
    x, y = np.rint(landmarks[[2, 31, 48]].mean(axis=0)).astype(int)
    marked[y - 2 : y + 3, x - 2 : x + 3] = (90, 40, 35)
    shown = face.shown.copy()
    shown[y - 12 : y + 13, x - 12 : x + 13] = 0.0
    partly = replace(face, shown=shown)
    kept = composite(photo, partly)
    filled = composite(photo, partly, fill=overlaid(marked, landmarks))
    assert kept.mask[y, x] == 0.0
    assert filled.mask[y, x] > 0.95
    assert filled.image[y, x, 0] < kept.image[y, x, 0] - 20


GREEN = (40.0, 230.0, 60.0)


def greenness(picture):
    levels = picture.astype(float)
    return levels[..., 1] - levels[..., 0]


def painted(picture, where):
    """Return a picture that is green somewhere, (H, W) in [0, 1]."""
    levels = np.asarray(picture, np.float32)
    return levels + np.asarray(where, np.float32)[..., None] * (np.float32(GREEN) - levels)


@pytest.fixture
def green_beards(monkeypatch):
    """Hairs of a beard, by whomever, are green."""
    monkeypatch.setattr(
        composite_module, "grow_beard", lambda face, other, skin, landmarks, where, **_: painted(face, where)
    )


def test_the_photos_beard_grows_on_the_face(green_beards):
    photo, landmarks = drawn()
    x, y = np.rint(landmarks[57] + (0.0, 12.0)).astype(int)
    beard = np.zeros(photo.shape[:2], np.float32)
    beard[y - 5 : y + 6, x - 8 : x + 9] = 1.0
    grown = greenness(composite(photo, overlaid(drawn(1)[0], landmarks), Heads(beard=beard)).image)
    assert grown[y - 3 : y + 4, x - 6 : x + 7].min() > 100
    assert grown[y - 40 : y - 12, x - 20 : x + 21].max() < 20


def test_the_persons_beard_grows_on_the_face_and_on_the_photos_skin_beyond_it_but_not_on_cloth(green_beards):
    photo, landmarks = drawn()
    collar = photo.copy()
    x, y = np.rint(landmarks[8]).astype(int)
    collar[y - 3 :] = (40, 60, 170)
    face = overlaid(drawn(1)[0], landmarks)
    everywhere = dict.fromkeys(PARTS, 1.0)
    on_skin, on_cloth = (
        greenness(composite(each, face, Heads(their_beard=everywhere)).image) for each in (photo, collar)
    )
    inside = np.rint(landmarks[57] + (0.0, 12.0)).astype(int)
    assert on_skin[inside[1], inside[0]] > 100
    rim = slice(y - 2, y + 1), slice(x - 6, x + 7)
    assert on_skin[rim].mean() > 40
    assert on_cloth[rim].max() < 40


def test_skin_of_the_body_around_the_face_is_evened_but_neither_cloth_nor_a_beard(monkeypatch):
    monkeypatch.setattr(composite_module, "even_rim", lambda ground, face, rim, *_: painted(ground, rim))
    photo, landmarks = drawn()
    x, y = np.rint(landmarks[8]).astype(int)
    neck, low = slice(y + 3, y + 8), slice(y + 14, y + 20)
    columns = slice(x - 6, x + 7)
    dressed, beard = photo.copy(), np.zeros(photo.shape[:2], np.float32)
    dressed[low] = (40, 60, 170)
    beard[neck, :x] = 1.0
    body = np.ones_like(beard)
    face = overlaid(drawn(1)[0], landmarks)
    bare = greenness(composite(dressed, face, Heads(body=body)).image)
    bearded = greenness(composite(dressed, face, Heads(body=body, beard=beard)).image)
    assert bare[neck, columns].min() > 100
    assert bare[low, columns].max() < 40
    assert bearded[neck, x + 1 : x + 7].min() > 100
    assert bearded[neck, x - 6 : x].max() < 20


@pytest.mark.parametrize("whose", ["the person's", "the photo's"])
def test_a_lock_at_the_outline_of_either_face_is_not_crossed(whose):
    photo, landmarks = drawn()
    face = drawn(1)[0]
    bare = composite(photo, overlaid(face, landmarks)).mask
    x, y = np.rint(landmarks[2] + (6.0, 0.0)).astype(int)
    (face if whose == "the person's" else photo)[y - 12 : y + 10, x - 7 : x + 5] = (40, 28, 22)
    mask = composite(photo, overlaid(face, landmarks)).mask
    assert bare[y, x] == 1.0
    assert mask[y, x] == 0.0


@pytest.mark.parametrize("whose", ["the person's", "the photo's"])
def test_a_hat_of_either_face_is_not_crossed(whose, monkeypatch):
    photo, landmarks = drawn()
    hat = (height_above_brows(landmarks, photo.shape) > 0.1).astype(np.float32)

    def found(picture, _):
        return hat if np.shares_memory(picture, photo) == (whose == "the photo's") else np.zeros_like(hat)

    monkeypatch.setattr(composite_module, "find_headwear", found)
    mask = composite(photo, overlaid(drawn(1)[0], landmarks)).mask
    assert mask[hat > 0].max() == 0.0
    assert mask.max() > 0.95


def test_the_persons_brows_reach_beyond_the_mask_to_their_ends_but_not_over_what_is_kept(monkeypatch):
    photo, landmarks = drawn()
    x, y = np.rint(landmarks[[25, 26]].mean(axis=0)).astype(int)
    cut = np.ones(photo.shape[:2], np.float32)
    cut[:, x - 3 :] = 0.0
    blend_mask = composite_module.blend_mask
    monkeypatch.setattr(composite_module, "blend_mask", lambda *seen: blend_mask(*seen) * cut)
    kept = np.zeros(photo.shape[:2], np.float32)
    kept[y - 6 : y + 7, x - 6 :] = 1.0
    person = drawn(1)[0].astype(np.float32)
    shaved = without_brows(person, landmarks, np.ones(photo.shape[:2], np.float32), wholly=True)
    none, with_brow, hidden = (
        composite(photo, overlaid(face, landmarks), Heads(kept=over))
        for face, over in ((shaved, None), (person, None), (person, kept))
    )
    end = slice(y - 1, y + 2), slice(x, x + 4)
    assert with_brow.image[end].mean() < none.image[end].mean() - 40
    assert hidden.mask[end].max() == 0.0


def test_faint_brows_count_as_skin(monkeypatch):
    """What is left of the face with its faint brows is the skin that is matched."""
    photo, landmarks = drawn()
    x, y = np.rint(landmarks[[2, 31, 48]].mean(axis=0)).astype(int)
    mark = np.zeros(photo.shape[:2], np.float32)
    mark[y - 3 : y + 4, x - 3 : x + 4] = 1.0
    monkeypatch.setattr(composite_module, "with_faint_brows", lambda picture, *_: painted(picture, mark))
    result = greenness(composite(photo, overlaid(drawn(1)[0], landmarks)).image)
    assert result[y, x] > result[y - 8, x] + 20


def test_the_persons_own_tone_fades_in_from_the_border():
    photo, landmarks = drawn()
    picture, _ = draw_photo((230, 260), [DrawnFace((115.0, 105.0), 56.0, skin=(120, 80, 60))], 1)
    fusion = composite(photo, overlaid(picture, landmarks), skin="target")
    y = round(float(landmarks[31, 1]))
    row, matched = fusion.mask[y], fusion.images["matched"][y].mean(axis=-1)
    middle = round(float(landmarks[27, 0]))
    edge = np.flatnonzero(row[:middle] > 0.0)[:3]
    assert matched[edge].mean() > matched[edge[-1] + 25] + 25
