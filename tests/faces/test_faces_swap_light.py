"""A drawn face in the photo's light: skin, eyes and lips, and shade that only the person's photo has."""

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.light import LUMINANCE, luminance, to_linear, to_srgb
from ppgan_ext.faces.mask import WITH_RIM, draw_part
from ppgan_ext.faces.skin import bare_skin, face_size, find_skin
from ppgan_ext.faces.swap.detail import Detail
from ppgan_ext.faces.swap.feature_light import FaceLight, find_eyes, find_lamp, light_lips, light_teeth
from ppgan_ext.faces.swap.lit_skin import find_lit_skin
from ppgan_ext.faces.swap.shading import even_shading
from ppgan_ext.faces.swap.skin_light import _as_spread, _within, _without_specks, match_skin
from ppgan_ext.faces.swap.skin_tint import tint_change
from tests.reference.drawn import DrawnFace, draw_photo


def drawn(skin, seed=0):
    picture, (landmarks,) = draw_photo((390, 350), [DrawnFace((190.0, 160.0), 62.0, skin=skin)], seed)
    return picture.astype(np.float32), landmarks


def with_patches(picture, brighter, bleached, period=26.0):
    """Add patches of sun: factors of linear light that are whiter than the skin."""
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    wave = (np.sin(x * 2 * np.pi / period) * np.sin(y * 2 * np.pi / period))[..., None].astype(np.float32)
    return to_srgb(to_linear(picture) * np.exp(wave * (brighter + bleached * np.float32((-1.0, 0.0, 1.0)))))


def spread_and_color(picture, skin):
    """Return the spread of brightness on skin, and how much bluer skin becomes with it, both of logarithms."""
    values = np.log(to_linear(picture)[skin > 0.6] + 1e-3)
    light = values @ LUMINANCE
    light = light - light.mean()
    blue = values[:, 2] - values[:, 0]
    return float(light.std()), float((light * (blue - blue.mean())).mean() / np.square(light).mean())


def lit_skin(picture, landmarks):
    known = np.ones(picture.shape[:2], np.float32)
    return find_lit_skin(landmarks, picture, known, find_skin(landmarks, picture))


def test_patches_of_sun_become_as_the_photos_light():
    photo, landmarks = drawn((214, 168, 140))
    face = with_patches(drawn((96, 62, 46), 1)[0], 0.8, 0.5)
    weights = [lit_skin(picture, landmarks) for picture in (face, photo)]
    matched = match_skin(face, photo, *weights, landmarks)
    before, after, wanted = (spread_and_color(picture, weights[0].skin) for picture in (face, matched, photo))
    assert before[0] > 2.0 * wanted[0]
    assert after[0] < 0.75 * before[0]
    assert before[1] > 0.5
    assert abs(after[1] - wanted[1]) < 0.4 * abs(before[1] - wanted[1])


def test_the_curve_is_monotone_and_reaches_the_others_spread():
    generator = np.random.default_rng(0)
    wide, narrow = generator.normal(0.1, 0.5, 4000), generator.normal(0.0, 0.3, 4000)
    mapped = _as_spread(wide, wide, narrow)
    assert mapped.std() == pytest.approx(narrow.std(), rel=0.1)
    assert np.median(mapped) == pytest.approx(np.median(narrow), abs=0.01)
    grid = np.linspace(-9.0, 9.0, 400)
    assert (np.diff(_as_spread(grid, wide, narrow)) > 0).all()
    flat = _as_spread(wide, wide, np.zeros(4000))
    (dark, bright), (shade, light) = (
        [half.std() for half in (values[wide < 0.1], values[wide > 0.1])] for values in (wide, flat)
    )
    assert shade == pytest.approx(0.5 * dark, rel=0.05)  # never flatter than this
    assert light == pytest.approx(0.35 * bright, rel=0.05)
    # What is far beyond skin is not made more contrasty.
    far = _as_spread(np.array([-8.0, -9.0, 8.0, 9.0]), narrow, wide)
    assert far[0] - far[1] == pytest.approx(1.0)
    assert far[3] - far[2] == pytest.approx(1.0)


DARK, PALE = (96, 62, 46), (224, 184, 160)
EYES, BROWS = (slice(36, 42), slice(42, 48)), (slice(17, 22), slice(22, 27))


def inside(landmarks, parts, shape):
    return np.maximum(*(draw_part(landmarks[part], shape, WITH_RIM) for part in parts)) > 0


def matched(face, photo, landmarks):
    return match_skin(face, photo, *(lit_skin(picture, landmarks) for picture in (face, photo)), landmarks)


def light_of(picture, landmarks):
    values = np.log(to_linear(picture) + 1e-3)
    return FaceLight(values, values[find_skin(landmarks, picture).skin > 0.5].mean(axis=0))


def spot(shape, place, sigma):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / (2 * sigma**2)).astype(np.float32)


@pytest.mark.parametrize(("skin", "other", "least"), [(DARK, PALE, 0.8), (PALE, DARK, 0.3)])
def test_whites_of_eyes_are_as_the_photos_rather_than_as_the_skin_asks(skin, other, least):
    photo, landmarks = drawn(other)
    face = drawn(skin, 1)[0]
    eyes = inside(landmarks, EYES, photo.shape)
    whites = [np.quantile(luminance(to_linear(p))[eyes], 0.9) for p in (photo, matched(face, photo, landmarks))]
    skins = [light_of(picture, landmarks).level for picture in (face, photo)]
    assert abs(skins[1] - skins[0]) > 1.8  # one lamp: whites that followed the skin would be off by that
    assert abs(np.log(whites[1] / whites[0])) < (1.0 - least) * abs(skins[1] - skins[0])


def test_eyes_of_a_dull_photo_become_clear_and_no_brighter_than_whites():
    photo, landmarks = drawn(PALE)
    eyes = inside(landmarks, EYES, photo.shape)
    face = photo.copy()
    face[eyes] = 60.0 + 0.2 * (face[eyes] - 60.0)
    before, after, wanted = (
        np.ptp(np.quantile(np.log(luminance(to_linear(picture))[eyes]), (0.1, 0.9)))
        for picture in (face, matched(face, photo, landmarks), photo)
    )
    assert before < 0.6 * wanted
    assert before * 1.15 < after <= wanted * 1.1


def test_eyes_in_the_shade_of_brows_make_anothers_less_dark_than_they_are():
    photo, landmarks = drawn(PALE)
    eyes = inside(landmarks, EYES, photo.shape)
    shaded = photo.copy()
    shaded[eyes] = to_srgb(np.exp(-2.0) * to_linear(photo[eyes]))
    plain, dark = (find_eyes(*(light_of(each, landmarks) for each in (photo, p)), landmarks) for p in (photo, shaded))
    changes = [usual.other.white - pair.other.white for usual, pair in zip(plain, dark, strict=True)]
    assert all(1.2 < change < 1.75 for change in changes), changes


def test_shut_eyes_tell_nothing_of_the_lamp():
    photo, landmarks = drawn(PALE)
    shut = photo.copy()
    shut[inside(landmarks, EYES, photo.shape)] = PALE
    lights = [light_of(picture, landmarks) for picture in (shut, photo)]
    assert find_eyes(*lights, landmarks) == []
    assert find_lamp(*lights, []) == pytest.approx(lights[1].skin - lights[0].skin)


def test_the_lamp_is_told_by_whites_where_skins_differ():
    pale, landmarks = drawn(PALE)
    dark = drawn(DARK, 1)[0]
    lights = [light_of(picture, landmarks) for picture in (dark, pale)]
    lamp = float(find_lamp(*lights, find_eyes(*lights, landmarks)) @ LUMINANCE)
    by_skin = lights[1].level - lights[0].level
    assert abs(lamp) < 0.5 * by_skin  # the same lamp lit both


@pytest.fixture
def laughing():
    """A face whose open mouth shows teeth above the dark, its landmarks, and both places."""
    face, landmarks = drawn(DARK, 1)
    opened = landmarks.copy()
    opened[[61, 62, 63], 1] -= 0.04 * face_size(landmarks)
    opened[[65, 66, 67], 1] += 0.04 * face_size(landmarks)
    mouth = cv2.erode(draw_part(opened[60:68], face.shape, WITH_RIM), np.ones((5, 5), np.uint8)) > 0
    upper = np.arange(face.shape[0])[:, None] < opened[60:68, 1].mean()
    face[draw_part(opened[60:68], face.shape, WITH_RIM) > 0] = (30.0, 14.0, 12.0)
    face[mouth & upper] = (190.0, 185.0, 170.0)
    return face, opened, mouth & upper, mouth & ~upper


def test_teeth_and_the_dark_behind_them_do_not_lose_contrast_as_skin_does(laughing):
    face, landmarks, teeth, dark = laughing
    photo = np.asarray(drawn(PALE)[0])
    photo[draw_part(landmarks[60:68], photo.shape, WITH_RIM) > 0] = (60.0, 30.0, 28.0)
    result = matched(face, photo, landmarks)
    ranges = [
        float(np.median(values[teeth]) - np.median(values[dark]))
        for values in (np.log(luminance(to_linear(picture)) + 1e-3) for picture in (face, result))
    ]
    assert ranges[1] > 1.05 * ranges[0]


def test_teeth_are_nearly_as_bright_as_the_photos_and_lips_stay(laughing):
    face, landmarks, teeth, _ = laughing
    photo = face.copy()
    dim = face.copy()
    dim[teeth] = (90.0, 88.0, 80.0)
    lights = [light_of(picture, landmarks) for picture in (dim, photo)]
    eyes = find_eyes(*lights, landmarks)
    lamp = find_lamp(*lights, eyes)
    lit = light_teeth(lights[0].values, *lights, eyes, lamp, landmarks)
    own, new, wanted = (float(np.median((v @ LUMINANCE)[teeth])) for v in (lights[0].values, lit, lights[1].values))
    assert wanted - own > 1.0
    assert 0.5 < (new - own) / (wanted - own) < 0.9
    around = cv2.dilate(draw_part(landmarks[60:68], face.shape, WITH_RIM), np.ones((15, 15), np.uint8)) == 0
    np.testing.assert_array_equal(lit[around], lights[0].values[around])
    # The photo's own teeth are the limit, and a shut mouth shows none.
    same = light_teeth(lights[1].values, lights[1], lights[1], [], np.zeros(3, np.float32), landmarks)
    np.testing.assert_allclose(same, lights[1].values, atol=1e-5)
    shut = landmarks.copy()
    shut[[65, 66, 67]] = shut[[63, 62, 61]]
    assert light_teeth(lights[0].values, *lights, eyes, lamp, shut) is lights[0].values


def red_over_green(picture, where):
    values = np.log(to_linear(picture)[where] + 1e-3)
    return float(np.median(values[:, 0] - values[:, 1]))


def test_dark_make_up_does_not_turn_red_on_skin_that_is_burnt_out():
    """Burnt out, skin runs from white to orange: what is darker there has no such colour in another photo."""
    plain, landmarks = drawn((214, 168, 140), 1)
    face = plain.copy()
    size = face_size(landmarks)
    where = spot(face.shape[:2], landmarks[41] + (0.0, 0.16 * size), 0.05 * size)
    face = to_srgb(to_linear(face) * (1.0 - 0.8 * where[..., None]))
    lit = to_linear(drawn((214, 168, 140))[0]) * 2.2
    fading = 1.0 - 0.5 * np.linspace(-1.0, 1.0, face.shape[1], dtype=np.float32)[None, :, None] ** 2
    photo = np.clip(to_srgb(lit * fading), 0.0, 255.0)
    patch = where > 0.7
    own = red_over_green(face, patch) - red_over_green(plain, patch)
    result = matched(face, photo, landmarks)
    skin = lit_skin(face, landmarks).skin > 0.9
    gained = red_over_green(result, patch) - red_over_green(result, skin)
    assert gained - own < 0.25


@pytest.mark.parametrize(("tint", "kept"), [((1.0, 0.35, 0.4), (0.3, 1.0)), ((0.7, 1.0, 1.3), (0.0, 0.3))])
def test_red_lips_keep_their_colour_where_skin_has_one_colour_and_blue_lips_do_not(tint, kept):
    photo, landmarks = drawn(PALE)
    face = with_patches(drawn(PALE, 1)[0], 0.1, 0.4)
    lips = draw_part(landmarks[48:60], face.shape, WITH_RIM) - draw_part(landmarks[60:68], face.shape, WITH_RIM) > 0
    skin = lit_skin(face, landmarks).skin > 0.9
    face[lips] = to_srgb(to_linear(np.full_like(face[lips], PALE)) * np.float32(tint))
    photo[lips] = PALE  # it asks for no colour of lips
    own, result = (
        red_over_green(picture, lips) - red_over_green(picture, skin)
        for picture in (face, matched(face, photo, landmarks))
    )
    assert kept[0] < result / own < kept[1]


def test_specks_of_colour_fade_in_the_shade_of_skin_only():
    landmarks, (y, x), there = landmarks_and_cheek()
    generator = np.random.default_rng(0)
    specks = cv2.GaussianBlur(generator.normal(0.0, 1.0, (*SHAPE, 3)).astype(np.float32), (0, 0), 1.5)
    specks -= (specks @ LUMINANCE)[..., None]
    size, bare = face_size(landmarks), np.ones(SHAPE, np.float32)
    at = (slice(y - 4, y + 5), slice(x - 4, x + 5))
    shaded, lit = (_without_specks(specks, light, bare, size)[at].std() for light in (-1.2 * there, 0.4 * there))
    assert shaded < 0.45 * specks[at].std()
    assert lit == specks[at].std()
    features = np.zeros(SHAPE, np.float32)
    assert np.array_equal(_without_specks(specks, -1.2 * there, features, size), specks)


def test_highlights_stay_within_those_of_the_photo():
    generator = np.random.default_rng(0)
    usual = generator.normal(0.0, 0.2, 5000)
    face = np.concatenate([generator.normal(0.0, 0.2, 4000), generator.normal(1.6, 0.2, 1000)]).reshape(50, 100)
    skin = np.ones(face.shape, bool)
    limited = face + _within(face, skin, usual)
    assert np.quantile(limited, 0.99) < np.quantile(usual, 0.995) + 0.25 < np.quantile(face, 0.99) - 0.5
    order = np.argsort(face, axis=None)
    assert (np.diff(limited.ravel()[order]) > -1e-5).all()
    assert _within(face, skin, face.ravel()) == pytest.approx(0.0, abs=1e-5)


SHAPE = (390, 350)


def landmarks_and_cheek():
    landmarks = drawn(PALE)[1]
    cheek = np.rint(landmarks[[31, 2]].mean(axis=0)).astype(int)
    return landmarks, (int(cheek[1]), int(cheek[0])), spot(SHAPE, cheek, 0.07 * face_size(landmarks))


def detail(light, color=(0.0, 0.0, 0.0), width=0.07):
    """Return the detail of a face with this light, (H, W), and a spot of colour on its cheek, so wide a share of it."""
    light = np.broadcast_to(np.asarray(light, np.float32), SHAPE)
    landmarks, at, _ = landmarks_and_cheek()
    colors = spot(SHAPE, at[::-1], width * face_size(landmarks))[..., None] * np.asarray(color, np.float32)
    return Detail(light, colors - (colors @ LUMINANCE)[..., None], np.ones(SHAPE, np.float32))


@pytest.mark.parametrize("depth", [-0.8, 0.8])
def test_shade_and_highlights_fade_unless_the_photo_shares_them(depth):
    landmarks, at, there = landmarks_and_cheek()
    shade, plain = detail(depth * there), detail(0.0)
    both, alone, none = (
        even_shading(face, photo, landmarks)[0][at] for face, photo in ((shade, shade), (shade, plain), (plain, plain))
    )
    assert both == pytest.approx(depth, abs=0.01)
    assert 0.2 < alone / depth < 0.6
    assert none == 0.0


def test_highlights_fade_more_than_shade():
    landmarks, at, there = landmarks_and_cheek()
    shade, highlight = (even_shading(detail(depth * there), detail(0.0), landmarks)[0][at] for depth in (-0.3, 0.3))
    assert 0.05 < highlight < -shade - 0.02


def test_lips_take_more_of_the_colour_of_the_photos_than_of_their_brightness():
    landmarks = drawn(PALE)[1]
    outer, inner = (draw_part(landmarks[part], SHAPE, WITH_RIM) > 0 for part in (slice(48, 60), slice(60, 68)))
    lips = outer & ~inner
    skin, red, dark = (np.zeros((*SHAPE, 3), np.float32) for _ in range(3))
    tint = np.float32((0.3, -0.1, -0.1))
    tint -= float(tint @ LUMINANCE)
    red[lips], dark[lips] = tint, -0.4
    coloured, darker = (light_lips(skin, skin, photo, skin, landmarks)[lips] for photo in (red, dark))
    assert 0.2 < np.median(coloured[:, 0]) / tint[0] < 0.45
    assert np.abs(coloured @ LUMINANCE).max() < 1e-5
    assert 0.15 < np.median(darker @ LUMINANCE) / -0.4 < 0.3
    assert np.ptp(darker, axis=1).max() < 1e-5


def test_gleams_of_lips_fade_and_their_shade_stays():
    landmarks = drawn(PALE)[1]
    place = landmarks[[57, 66]].mean(axis=0)
    at = tuple(np.rint(place[::-1]).astype(int))
    there = spot(SHAPE, place, 0.012 * face_size(landmarks))
    dark, bright, shared = (
        even_shading(detail(own * there), detail(other * there), landmarks)[0][at] / there[at]
        for own, other in ((-0.8, 0.0), (0.8, 0.0), (0.8, 0.8))
    )
    assert dark == pytest.approx(-0.8, abs=0.02)
    assert bright < 0.6
    assert shared == pytest.approx(0.8, abs=0.02)


def test_little_relief_stays_and_large_shade_of_the_photo_comes_in_part():
    landmarks, at, there = landmarks_and_cheek()
    assert even_shading(detail(0.05 * there), detail(0.0), landmarks)[0][at] == pytest.approx(0.05, abs=0.002)
    wide = 0.6 * spot(SHAPE, at[::-1], 0.12 * face_size(landmarks))
    assert 0.05 < even_shading(detail(0.0), detail(wide), landmarks)[0][at] < 0.25


def test_contrast_stays_where_the_photos_skin_around_is_as_hard():
    landmarks, at, there = landmarks_and_cheek()
    x = np.mgrid[: SHAPE[0], : SHAPE[1]][1]
    waves = 0.5 * np.sin(2 * np.pi * x / (0.25 * face_size(landmarks))).astype(np.float32)
    kept = [even_shading(detail(-0.5 * there), photo, landmarks)[0][at] for photo in (detail(0.0), detail(waves))]
    assert kept[0] > -0.4
    assert kept[1] == pytest.approx(-0.5, abs=0.005)


def test_shade_ends_where_the_face_runs_into_the_photo_and_the_photos_comes():
    landmarks, cheek, _ = landmarks_and_cheek()
    size = face_size(landmarks)
    x = np.mgrid[: SHAPE[0], : SHAPE[1]][1]
    # In a photo as hard as this, nothing of the cheek is evened.
    waves = 0.5 * np.sin(2 * np.pi * x / (0.25 * size)).astype(np.float32)
    up = landmarks[17:27].mean(axis=0) - landmarks[33]
    forehead = tuple(np.rint((landmarks[17:27].mean(axis=0) + 0.4 * up)[::-1]).astype(int))
    beside = tuple(np.rint((landmarks[2] + 0.08 * size * np.array((1.0, 0.0)))[::-1]).astype(int))
    kept, comes = [], []
    for at in (cheek, forehead, beside):
        there, wide = (spot(SHAPE, at[::-1], width * size) for width in (0.04, 0.12))
        photo = detail(waves * (1.0 - there))
        kept.append(float(even_shading(detail(-0.5 * there), photo, landmarks)[0][at]) / -0.5)
        comes.append(float(even_shading(detail(0.0), detail(0.6 * wide), landmarks)[0][at]))
    # Beside cheeks and jaw large shade is the person's form.
    assert kept[0] > 0.95 and kept[1] < 0.5 and 0.5 < kept[2] < 0.9
    assert comes[1] > 0.25 and max(comes[0], comes[2]) < 0.15


def test_blotches_of_colour_fade():
    landmarks, at, _ = landmarks_and_cheek()
    orange, plain = detail(0.0, (0.3, 0.0, -0.6), 0.03), detail(0.0)
    light, color = even_shading(orange, plain, landmarks)
    assert np.abs(light).max() == 0.0
    assert 0.3 < np.ptp(color[at]) / np.ptp(orange.color[at]) < 0.85
    assert np.abs(color @ LUMINANCE).max() < 1e-5
    assert even_shading(orange, orange, landmarks)[1][at] == pytest.approx(orange.color[at], abs=1e-3)
    assert np.abs(even_shading(plain, orange, landmarks)[1]).max() == 0.0  # none comes from the photo


def tinted(face, photo):
    """Return the colour of a face's skin after it was given the photo's."""
    return face.color + tint_change(face, photo, landmarks_and_cheek()[0])


def test_regions_of_skin_lose_their_colour_and_take_a_part_of_the_photos():
    _, at, _ = landmarks_and_cheek()
    red, plain = detail(0.0, (0.3, -0.1, -0.1)), detail(0.0)
    strong = np.abs(red.color[at]).max()
    # The spot is little wider than a region, whose colour counts.
    assert np.abs(tinted(red, plain)[at]).max() < 0.5 * strong
    assert 0.08 * strong < tinted(plain, red)[at].max() < 0.3 * strong
    assert tinted(red, plain)[at].max() < tinted(red, red)[at].max() < 0.7 * strong
    assert np.array_equal(tinted(plain, plain), plain.color)
    assert np.abs(tinted(red, plain) @ LUMINANCE).max() < 1e-5


def test_freckles_stay_when_regions_lose_their_colour():
    landmarks, at, _ = landmarks_and_cheek()
    plain = detail(0.0)
    freckle = spot(SHAPE, at[::-1], 0.008 * face_size(landmarks))[..., None] * np.float32((0.3, -0.1, -0.1))
    face = plain._replace(color=freckle)
    assert tinted(face, plain)[at] == pytest.approx(freckle[at], abs=0.1 * 0.3)


@pytest.mark.parametrize("light", [-1.2, 1.2])
def test_deep_shade_and_gloss_tell_nothing_of_the_skins_colour(light):
    _, at, _ = landmarks_and_cheek()
    blue = detail(light, (-0.3, 0.0, 0.6))
    for face, photo in ((detail(0.0), blue), (blue, detail(0.0))):
        assert np.array_equal(tinted(face, photo)[at], face.color[at])


def test_covered_skin_and_lips_keep_their_colour():
    landmarks, at, _ = landmarks_and_cheek()
    red, plain = detail(0.0, (0.3, -0.1, -0.1)), detail(0.0)
    covered = plain._replace(clear=np.zeros(SHAPE, np.float32))
    assert np.array_equal(tinted(red, covered)[at], red.color[at])
    everywhere = plain._replace(color=np.broadcast_to(np.float32((0.3, -0.1, -0.1)), (*SHAPE, 3)))
    mouth, cheek = np.rint(landmarks[[57, 8]].mean(axis=0)).astype(int), at[::-1]
    lip = np.rint(landmarks[57]).astype(int)
    change = tint_change(everywhere, plain, landmarks)
    assert np.abs(change[mouth[1], mouth[0]]).max() > 0.2
    assert np.abs(change[cheek[1], cheek[0]]).max() > 0.2
    assert np.abs(change[lip[1], lip[0]]).max() == 0.0


def test_eyes_and_brows_keep_their_contrast():
    landmarks = drawn(PALE)[1]
    features = inside(landmarks, EYES, SHAPE) | inside(landmarks, BROWS, SHAPE)
    dark = np.where(features, np.float32(-1.5), np.float32(0.0))
    light = even_shading(detail(dark), detail(0.0), landmarks)[0]
    eyes = inside(landmarks, EYES, SHAPE)
    assert np.abs(light - dark)[eyes].mean() < 0.08
    assert np.median(np.abs(light - dark)[eyes]) < 0.03


def test_a_dark_face_in_a_grey_photo_is_grey():
    photo, landmarks = drawn(PALE)
    grey = np.repeat(luminance(photo)[..., None], 3, axis=2)
    result = matched(with_patches(drawn(DARK, 1)[0], 0.6, 0.3), grey, landmarks)
    assert np.ptp(result, axis=2).max() < 1.0  # with its eyes and brows


def test_shiny_dark_skin_is_skin_in_any_exposure_and_hair_over_it_is_not():
    face, landmarks = drawn(DARK)
    shiny = with_patches(face, 1.2, 0.8, 60.0)
    expected = bare_skin(landmarks, shiny.shape) > 0.5
    assert find_skin(landmarks, shiny).skin[expected].mean() < 0.75
    assert lit_skin(shiny, landmarks).skin[expected].mean() > 0.9
    x, y = np.rint(landmarks[[35, 14]].mean(axis=0)).astype(int)
    shiny[y - 12 : y + 13, x - 4 : x + 5] = 18.0
    found = lit_skin(shiny, landmarks)
    assert found.clear[y, x] < 0.2
    assert found.known[y, x] == 1.0
    dim = lit_skin(to_srgb(0.25 * to_linear(shiny)), landmarks)
    assert np.abs(dim.clear - found.clear).mean() < 0.02


def test_shade_of_dark_skin_is_skin_though_its_colour_grows_faster_than_the_shade():
    face, landmarks = drawn(DARK)
    across = (landmarks[30, 0] - np.arange(face.shape[1], dtype=np.float32)) / np.ptp(landmarks[:17, 0])
    depth = np.clip(1.8 * across, -0.6, 0.6)[None, :, None]
    colourful = np.square(np.maximum(depth, 0.0) / 0.6) * np.float32((0.5, 0.0, -1.5))
    shaded = to_srgb(to_linear(face) * np.exp(colourful - depth))
    no_beard = np.arange(face.shape[0])[:, None] < landmarks[30, 1]
    expected = (bare_skin(landmarks, face.shape) > 0.5) & (depth[..., 0] > 0.45) & no_beard
    assert find_skin(landmarks, shaded).skin[expected].mean() < 0.2
    assert lit_skin(shaded, landmarks).clear[expected].mean() > 0.9


def test_a_dark_beard_is_no_skin_and_shade_of_that_depth_elsewhere_is():
    face, landmarks = drawn(PALE)
    forehead, chin = landmarks[19:25].mean(axis=0) - (0, 34), landmarks[[8, 57]].mean(axis=0)
    shaded = face.copy()
    for place in (forehead, chin):
        shade = np.exp(-0.9 * spot(face.shape, place, 9.0))[..., None]
        shaded = to_srgb(to_linear(shaded) * shade)
    clear = lit_skin(shaded, landmarks).clear
    (x, y), (chin_x, chin_y) = (np.rint(place).astype(int) for place in (forehead, chin))
    assert clear[y, x] > 0.7
    assert clear[chin_y, chin_x] < clear[y, x] - 0.2


@pytest.mark.parametrize("redder", [0.0, 0.3])
def test_deep_shade_is_skin_even_if_skin_around_reddens_it(redder):
    face, landmarks = drawn(PALE)
    place = landmarks[19:25].mean(axis=0) - (0, 34)
    shade = spot(face.shape, place, 9.0)[..., None] * (1.6 + np.float32((-redder, 0.0, redder)))
    shaded = to_srgb(to_linear(with_patches(face, 0.5, 0.0)) * np.exp(-shade))
    x, y = np.rint(place).astype(int)
    assert lit_skin(shaded, landmarks).clear[y, x] > 0.9


def test_folds_of_a_smile_fade_as_far_as_it_is_taken_back():
    landmarks = drawn(PALE)[1]
    fold = np.zeros(SHAPE, np.float32)
    (x, y), (end_x, end_y) = (
        np.rint(landmarks[n] + shift).astype(int) for n, shift in ((31, (-10, 8)), (48, (-9, -6)))
    )
    cv2.line(fold, (int(x), int(y)), (int(end_x), int(end_y)), 1.0, 3)
    fold = cv2.GaussianBlur(fold, (0, 0), 1.5)
    depths = [
        float(even_shading(detail(-0.9 * fold), detail(0.0), landmarks, relaxed)[0][fold > 0.6].mean())
        for relaxed in (0.0, 0.5, 1.0)
    ]
    assert depths[0] + 0.03 < depths[1] < depths[2] - 0.03


def test_fine_creases_of_a_smile_and_their_bright_edges_fade():
    landmarks, (y, x), _ = landmarks_and_cheek()
    at = (slice(y - 8, y + 9), slice(x - 1, x + 2))
    crease = np.zeros(SHAPE, np.float32)
    crease[y - 8 : y + 9, x] = 1.0
    crease = cv2.GaussianBlur(crease, (0, 0), 0.8)
    for sign in (-1.0, 1.0):
        own = detail(sign * crease)
        left = [np.abs(even_shading(own, detail(0.0), landmarks, relaxed)[0][at]).max() for relaxed in (0.0, 1.0)]
        assert left[0] > 0.2
        assert left[1] < 0.6 * left[0]
        # What the photo shows there, too, is no expression of the person's.
        assert np.abs(even_shading(own, own, landmarks, 1.0)[0][at]).max() > 0.9 * left[0]
