import cv2
import numpy as np
import pytest

from ppgan_ext.faces.ageing import marks, render
from ppgan_ext.faces.ageing.grey_head import find_head_of_hair
from ppgan_ext.faces.ageing.model import bundled_model
from ppgan_ext.faces.ageing.render import Person, prepare
from ppgan_ext.faces.ageing.skin_change import kept_colour
from ppgan_ext.faces.ageing.skin_view import Cover
from ppgan_ext.faces.ageing.strength import strength_of
from ppgan_ext.faces.light import luminance, to_linear, to_srgb
from ppgan_ext.faces.mask import face_mask
from tests.reference.drawn import DrawnFace, draw_photo
from tests.reference.drawn_neck import person

pytestmark = pytest.mark.slow

PERSON = Person(age=30.0, femininity=0.0, seed=3)


def face_photo(seed=0, eyes=90.0, skin=(196, 150, 124)):
    """A drawn face with pores."""
    photo, (points,) = draw_photo((400, 400), [DrawnFace((200.0, 170.0), eyes, skin=skin)], seed)
    noise = cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 5, photo.shape[:2]), (0, 0), 0.8)
    return np.clip(photo + noise[..., None] * 2, 0, 255).astype(np.uint8), points


def with_shine(photo, points):
    """Add highlights on the cheeks, by which dark skin is told from skin in the shade."""
    shine = np.zeros(photo.shape[:2], np.float32)
    for x, y in points[[40, 47]] + (0, 30):
        shine[round(y), round(x)] = 1.0
    shine = cv2.GaussianBlur(shine, (0, 0), 8)
    return np.clip(photo + 140.0 * (shine / shine.max())[..., None], 0, 255).astype(np.uint8)


def aged(photo, points, years=40.0, detail=1.0, person=PERSON):
    return prepare(photo, points, person, bundled_model()).draw(photo, years, detail)


@pytest.fixture(scope="module")
def grown_old():
    """A face, its points, and what it looks like in forty years; made once."""
    photo, points = face_photo()
    return photo, points, aged(photo, points)


def forehead(photo, points):
    """Return the log light of a patch between the brows and the hairline."""
    x, y = points[27].round().astype(int)
    patch = photo[y - 62 : y - 30, x - 35 : x + 35]
    light = luminance(to_linear(patch))
    return np.log(light / np.median(light) + 0.02)


def fine(values):
    return float((values - cv2.GaussianBlur(values, (0, 0), 3)).std())


def test_no_years_or_no_detail_change_no_bit():
    photo, points = face_photo()
    assert np.array_equal(aged(photo, points, years=0.0), photo)
    assert np.array_equal(aged(photo, points, detail=0.0), photo)


def test_forty_years_draw_wrinkles_and_more_detail_draws_deeper_ones():
    photo, points = face_photo()
    before, half, full = (fine(forehead(aged(photo, points, detail=detail), points)) for detail in (0.0, 0.5, 1.2))
    assert before * 1.05 < half < full


def test_a_smooth_face_gets_finer_wrinkles_than_a_rough_one():
    photo, points = face_photo()
    smooth = cv2.GaussianBlur(photo, (0, 0), 2.5)
    growth = [fine(forehead(aged(one, points), points)) / fine(forehead(one, points)) for one in (photo, smooth)]
    drawn = [
        np.sqrt(fine(forehead(aged(one, points), points)) ** 2 - fine(forehead(one, points)) ** 2)
        for one in (photo, smooth)
    ]
    assert drawn[1] < 0.75 * drawn[0]
    assert growth[0] > 1.1


def test_what_is_held_back_is_less_on_the_nose_than_between_the_brows():
    photo, points = face_photo()
    ageing = prepare(photo, points, PERSON, bundled_model())
    free, held = (ageing.draw(photo, 40.0, held=amount).astype(int) for amount in (0.0, 1.0))
    x, y = points[29].round().astype(int)
    at_nose = [np.abs(one - photo)[y - 12 : y + 12, x - 14 : x + 14].mean() for one in (free, held)]
    x, y = points[[21, 22]].mean(axis=0).round().astype(int)
    at_brow = [np.abs(one - photo)[y - 30 : y - 10, x - 10 : x + 10].mean() for one in (free, held)]
    assert at_nose[1] < 0.3 * at_nose[0]
    assert at_brow[1] > 0.35 * at_brow[0]


def test_what_is_brought_forward_is_more_on_the_forehead_and_no_more_on_the_nose():
    photo, points = face_photo()
    ageing = prepare(photo, points, PERSON, bundled_model())
    free, forward = (ageing.draw(photo, 40.0, held=amount) for amount in (0.0, -1.0))
    drawn = [np.abs(forehead(one, points) - forehead(photo, points)).mean() for one in (free, forward)]
    assert 1.25 * drawn[0] < drawn[1] < 2.5 * drawn[0]
    x, y = points[29].round().astype(int)
    nose = slice(y - 8, y + 9), slice(x - 5, x + 6)
    # Its pores move along with its shape.
    blurred = [cv2.GaussianBlur(one.astype(np.float32), (0, 0), 4)[nose] for one in (free, forward)]
    assert np.abs(blurred[0] - blurred[1]).mean() < 1.5
    moved = [np.abs(ageing.landmarks_after(40.0, held=amount) - points)[33].max() for amount in (0.0, -1.0)]
    assert 1.2 * moved[0] < moved[1] < 2.0 * moved[0]


def test_a_copy_of_another_size_is_drawn_alike():
    photo, points = face_photo()
    ageing = prepare(photo, points, PERSON, bundled_model())
    small = cv2.resize(photo, (200, 200), interpolation=cv2.INTER_AREA)
    places = (points + 0.5) / 2 - 0.5
    drawn = ageing.draw(small, 40.0, landmarks=places).astype(int)
    expected = cv2.resize(ageing.draw(photo, 40.0), (200, 200), interpolation=cv2.INTER_AREA).astype(int)
    change = np.abs(expected - small).mean()
    assert np.abs(drawn - expected).mean() < 0.35 * change
    assert np.allclose(ageing.landmarks_after(40.0, landmarks=places), (ageing.landmarks_after(40.0) + 0.5) / 2 - 0.5)


def test_old_skin_is_uneven_in_colour_and_not_in_light_alone(grown_old):
    photo, points, old = grown_old
    x, y = points[[2, 48]].mean(axis=0).round().astype(int)
    uneven = []
    for picture in (photo, old):
        lab = cv2.cvtColor(picture[y - 40 : y + 20, x - 12 : x + 22].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        light, *colours = (
            cv2.GaussianBlur(one, (0, 0), 2) - cv2.GaussianBlur(one, (0, 0), 6) for one in cv2.split(lab)
        )
        apart = [one - light * (one * light).sum() / (light * light).sum() for one in colours]
        uneven.append([one.std() for one in apart])
    assert uneven[1][0] > uneven[0][0] + 0.12
    assert uneven[1][1] > uneven[0][1] + 0.2


def test_pale_skin_takes_less_colour():
    """What is a blush on skin with colour is paint on porcelain."""
    photos = [face_photo(skin=skin) for skin in ((196, 150, 124), (222, 206, 198))]
    usual, pale = (prepare(*shown, PERSON, bundled_model()).prospect for shown in photos)
    for one, paler in ((usual.colour, pale.colour), (usual.tint, pale.tint)):
        above_lips = slice(one.shape[0] // 2)
        assert 0.1 * one[above_lips].std() < paler[above_lips].std() < 0.6 * one[above_lips].std()


def test_younger_takes_wrinkles_away(grown_old):
    _, points, old = grown_old
    younger = aged(old, points, years=-30.0, person=PERSON._replace(age=70.0))
    assert fine(forehead(younger, points)) < 0.9 * fine(forehead(old, points))


def test_the_seed_varies_the_wrinkles_and_the_same_seed_gives_the_same_bytes(grown_old):
    photo, points, first = grown_old
    assert np.array_equal(first, aged(photo, points))
    assert not np.array_equal(first, aged(photo, points, person=PERSON._replace(seed=4)))


def test_far_from_the_face_pixels_keep_their_bits(grown_old):
    photo, points, old = grown_old
    changed = old != photo
    reach = cv2.dilate((face_mask(points, photo.shape) > 0).astype(np.uint8), np.ones((121, 121)))
    assert changed.any()
    assert not changed[reach == 0].any()


@pytest.mark.parametrize("exposure", [0.3, 0.6])
def test_light_is_a_factor(grown_old, exposure):
    photo, points, old = grown_old
    darker = np.rint(to_srgb(to_linear(photo) * exposure)).astype(np.uint8)
    bright, dark = to_linear(old), to_linear(aged(darker, points))
    inside = face_mask(points, photo.shape) > 0.9
    ratio = np.log((dark[inside].mean(axis=1) + 1e-3) / (bright[inside].mean(axis=1) * exposure + 1e-3))
    assert np.abs(ratio).mean() < 0.08


def test_a_photo_without_colour_stays_without():
    photo, points = face_photo()
    grey = photo.mean(axis=2, keepdims=True).round().astype(np.uint8).repeat(3, axis=2)
    lab = cv2.cvtColor(aged(grey, points).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    # Shadows of wrinkles are warm on skin in colour; here nothing is.
    assert np.abs(lab[..., 1:]).max() < 1.0


def test_dark_skin_is_aged_as_strongly_as_pale():
    growth, ridges = [], []
    for skin in ((224, 184, 160), (64, 42, 34)):
        photo, points = face_photo(skin=skin)
        photo = with_shine(photo, points)
        old = aged(photo, points)
        after, before = (fine(forehead(one, points)) for one in (old, photo))
        growth.append(np.sqrt(after**2 - before**2))  # pores and wrinkles add up as variances
        change = np.log((luminance(to_linear(old)) + 1e-3) / (luminance(to_linear(photo)) + 1e-3))
        ridges.append(np.percentile(change[face_mask(points, photo.shape) > 0.9], 95))
    assert growth[1] > 0.75 * growth[0]
    # The same step of log light is seen less on dark skin, so more of it is drawn, but not of jowls and lids.
    assert ridges[1] > 1.15 * ridges[0]


def test_folds_of_dark_skin_keep_the_colour_of_their_tone(monkeypatch):
    photo, points = face_photo(skin=(110, 75, 58))
    dark = with_shine(photo, points)
    found = aged(dark, points)
    monkeypatch.setattr(render, "kept_colour", lambda tone: kept_colour(1.0))
    as_pale = aged(dark, points)
    red_found, red_as_pale = (
        cv2.cvtColor(np.float32(one) / 255, cv2.COLOR_RGB2LAB)[..., 1][(as_pale != found).any(axis=2)].mean()
        for one in (found, as_pale)
    )
    assert red_found < red_as_pale - 0.05


def test_a_highlight_is_told_by_lightness():
    """Skin half as light again as the rest is a highlight on pale skin, and none on dark skin."""
    unlit = []
    for skin in ((224, 184, 160), (92, 62, 50)):
        photo, points = face_photo(skin=skin)
        photo = with_shine(photo, points)
        x, y = (points[27] - (0, 45)).round().astype(int)
        patch = np.zeros(photo.shape[:2], np.float32)
        cv2.circle(patch, (int(x), int(y)), 14, 1.0, -1)
        lighter = 1.0 + 0.5 * cv2.GaussianBlur(patch, (0, 0), 3)[..., None]
        lit = np.rint(np.clip(to_srgb(to_linear(photo) * lighter), 0, 255)).astype(np.uint8)
        ageing = prepare(lit, points, PERSON, bundled_model())
        frame_x, frame_y = (ageing.view.placement.frame_landmarks[[21, 22]].mean(axis=0) - (0, 30)).astype(int)
        unlit.append(ageing.prospect.unlit[frame_y - 8 : frame_y + 8, frame_x - 6 : frame_x + 7].mean())
    assert unlit[1] > unlit[0] + 0.05


def test_what_covers_the_face_stays():
    photo, points = face_photo()
    x, y = points[27].round().astype(int)
    photo[y - 70 : y - 28] = (30, 60, 150)  # the brim of a cap
    before, after = (one[y - 66 : y - 40, x - 40 : x + 40].astype(int) for one in (photo, aged(photo, points)))
    assert np.abs(before - after).mean() < 1.5


def test_a_mask_on_the_face_is_neither_painted_on_nor_bent():
    photo, points = face_photo()
    outline = np.rint(np.vstack([points[[3, 5, 8, 11, 13]], points[[14, 28, 2]]])).astype(np.int32)
    cv2.fillPoly(photo, [outline], (190, 210, 225))
    mask = np.zeros(photo.shape[:2], np.float32)
    cv2.fillPoly(mask, [outline], 1.0)
    ageing = prepare(photo, points, PERSON, bundled_model(), covered=Cover(mask, points))
    result = ageing.draw(photo, 40.0)
    inside = cv2.erode(mask, np.ones((9, 9))) > 0
    assert np.array_equal(result[inside], photo[inside])
    x, y = points[27].round().astype(int)
    assert not np.array_equal(result[y - 60 : y - 30, x - 35 : x + 35], photo[y - 60 : y - 30, x - 35 : x + 35])


def test_no_wrinkle_crosses_a_fringe():
    """Hair that has the colour and the light of skin, over the image right half of the forehead."""
    photo, points = face_photo()
    hair = find_head_of_hair(photo, points, 0.0)
    fringe = np.zeros_like(hair.chances.hair)
    fringe[:82, 96:] = 1.0
    hair = hair._replace(chances=hair.chances._replace(hair=fringe))
    result = prepare(photo, points, PERSON, bundled_model(), hair).draw(photo, 40.0)
    x, y = points[27].round().astype(int)
    change = np.abs(result.astype(int) - photo).mean(axis=2)[y - 62 : y - 40]
    beside, under = change[:, x - 40 : x - 10].mean(), change[:, x + 12 : x + 40].mean()
    # Where nothing is drawn, the forehead's pores move a little.
    assert beside > 5.0
    assert under < 0.5 * beside


def test_wrinkles_of_an_overexposed_face_are_not_grey():
    photo, points = face_photo(skin=(222, 178, 156))
    x = np.linspace(1.0, 3.2, photo.shape[1])[None, :, None]
    lit = np.rint(to_srgb(1.0 - np.exp(-1.2 * to_linear(photo) * x))).astype(np.uint8)
    before, after = (
        cv2.cvtColor(one.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB) for one in (lit, aged(lit, points))
    )
    lost = (before[..., 0] > 88.0) & (face_mask(points, photo.shape) > 0.9)
    lines = lost & (after[..., 0] < before[..., 0] - 4.0)
    assert lines.sum() > 200
    gained = np.hypot(after[..., 1], after[..., 2]) - np.hypot(before[..., 1], before[..., 2])
    assert gained[lines].mean() > 1.9


def test_lids_come_down_but_not_under_the_rims_of_glasses():
    photo, points = face_photo()
    hair = find_head_of_hair(photo, points, 0.0)
    bare, rims = np.ones_like(hair.clear), np.ones_like(hair.clear)
    first, last = (round(y) for y in hair.in_copy(points)[[19, 37], 1])
    rims[first + (last - first) // 3 : last - (last - first) // 3] = 0.0
    free, under = (
        prepare(photo, points, PERSON, bundled_model(), hair._replace(clear=clear)) for clear in (bare, rims)
    )
    assert free.bare_lids == 1.0
    assert under.bare_lids == 0.0
    lower = (free.landmarks_after(40.0) - under.landmarks_after(40.0))[:, 1]
    assert lower[17] > 0.8
    assert abs(np.delete(lower, [17, 18, 25, 26])).max() == 0.0
    window = np.s_[round(points[19, 1]) : round(points[37, 1]), round(points[36, 0]) : round(points[39, 0])]
    assert abs(free.draw(photo, 40.0)[window].astype(int) - under.draw(photo, 40.0)[window]).mean() > 0.3


def test_a_face_at_the_photos_border_and_a_tiny_one_pass():
    photo, points = face_photo()
    cut = np.ascontiguousarray(photo[120:, 150:])
    assert aged(cut, points - np.array([150, 120])).shape == cut.shape
    small = cv2.resize(photo, (48, 48), interpolation=cv2.INTER_AREA)
    assert aged(small, (points + 0.5) * 48 / 400 - 0.5).shape == small.shape


def _chroma(picture):
    lab = cv2.cvtColor(np.float32(picture) / 255, cv2.COLOR_RGB2LAB)
    return np.hypot(lab[..., 1], lab[..., 2])


def test_folds_of_yellow_skin_do_not_become_olive():
    """Where age darkens skin, very colourful skin loses more of its colour than pale skin does."""
    kept = []
    for skin in ((196, 158, 136), (214, 148, 74)):
        photo, points = face_photo(skin=skin)
        old = aged(photo, points, detail=1.2)
        darker = luminance(to_linear(old)) < 0.75 * luminance(to_linear(photo))
        darker[: int(points[27, 1])] = False
        assert darker.sum() > 300
        kept.append(_chroma(old)[darker].mean() / _chroma(photo)[darker].mean())
    assert kept[1] < kept[0] - 0.09
    assert kept[1] < 1.0


def test_the_colour_that_young_mens_stubble_has_is_not_taken_from_skin():
    photo, points = face_photo()
    men, women = (
        prepare(photo, points, PERSON._replace(femininity=femininity), bundled_model()).prospect.colour
        for femininity in (0.0, 1.0)
    )
    view = prepare(photo, points, PERSON, bundled_model()).view
    frame = view.placement.frame_landmarks
    chin = (frame[8] * 0.8 + frame[57] * 0.2).astype(int)
    here = slice(chin[1] - 6, chin[1] + 7), slice(chin[0] - 20, chin[0] + 21)
    assert np.abs(men[here]).max() < 0.2 < np.abs(women[here]).max()
    assert np.abs(men).max() > 1.0


def test_hollows_do_not_add_up_to_stains():
    """In a rough photo, where marks are drawn most strongly, no broad place loses half of its light."""
    photo, points = face_photo()
    rough = cv2.GaussianBlur(np.random.default_rng(5).normal(0, 1, photo.shape[:2]), (0, 0), 2.5)
    photo = np.clip(photo + 14.0 * rough[..., None] / rough.std(), 0, 255).astype(np.uint8)
    broad = [
        cv2.GaussianBlur(luminance(to_linear(picture)), (0, 0), 4.0)
        for picture in (photo, aged(photo, points, person=PERSON._replace(age=40.0)))
    ]
    inside = face_mask(points, photo.shape) > 0.9
    assert 0.55 < (broad[1] / broad[0])[inside].min() < 0.8


def test_marks_are_not_flakes_where_much_makes_them_strong():
    """Dark skin, a rough photo, age that is brought forward: marks stay graded, and do not all lie at their limits."""
    photo, points = face_photo()
    seen = prepare(photo, points, PERSON, bundled_model())
    strength = strength_of(PERSON.age, 40.0, 1.0).held_back(-1.0)
    light = marks.older(seen.view, seen.prospect._replace(tone=1.8, contrast=3.2), strength).light
    brighter = light[light > 0.05]
    assert brighter.max() < 0.45 and light.min() > -1.0
    assert np.mean(brighter > 0.9 * brighter.max()) < 0.3


def test_the_neck_is_drawn_once():
    photo, points, drawn = person()
    with_neck, without = (
        prepare(photo, points, PERSON, bundled_model(), with_neck=drawn_here).draw(photo, 40.0)
        for drawn_here in (True, False)
    )
    changed = np.abs(with_neck.astype(int) - without).max(axis=2) > 0
    below = np.arange(photo.shape[0])[:, None] > points[8, 1]
    assert (changed & below)[drawn > 0].any()
    # Nothing but the neck: the face is the same but for what is seen of its own roughness.
    assert (without != photo).any(axis=2)[(drawn > 0) & below].mean() < 0.3
