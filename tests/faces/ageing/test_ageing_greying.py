"""Grey hair: how much at which age, as a factor on light, strand by strand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage

from ppgan_ext.faces.ageing.grey_light import Hair
from ppgan_ext.faces.ageing.greying import grey_amount, grey_hair
from ppgan_ext.faces.ageing.strands import strand_noise
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.faces.head.white import white_light
from ppgan_ext.faces.light import luminance, to_linear, to_srgb


@pytest.fixture(scope="module")
def photo():
    return skimage.data.astronaut()[:300, 80:380]


@pytest.fixture(scope="module")
def landmarks():
    return find_faces(skimage.data.astronaut())[0].landmarks - (80, 0)


@pytest.fixture(scope="module")
def weight(photo):
    """A patch of the hair beside the face."""
    drawn = np.zeros(photo.shape[:2], np.float32)
    cv2.ellipse(drawn, (202, 80), (12, 30), 0, 0, 360, 1.0, -1)
    return cv2.GaussianBlur(drawn, (0, 0), 2.0)


def _chroma(picture):
    lab = cv2.cvtColor(np.float32(picture) / 255, cv2.COLOR_RGB2LAB)
    return np.hypot(lab[..., 1], lab[..., 2])


def test_amount_by_age():
    assert [grey_amount(age) for age in (20, 40, 50, 60, 70, 90)] == pytest.approx([0, 0, 0.2, 0.5, 0.75, 0.9])
    assert grey_amount(60, 0.5) == pytest.approx(0.25)
    assert grey_amount(60, 0) == 0
    assert grey_amount(60, 3) == pytest.approx(0.5)


def test_hair_turns_grey_and_lighter(photo, landmarks, weight):
    inside = weight > 0.9
    chroma, light = [], []
    for amount in (0.0, 0.3, 0.6, 1.0):
        result = grey_hair(photo, weight, amount, landmarks)
        chroma.append(_chroma(result)[inside].mean())
        light.append(luminance(to_linear(result))[inside].mean())
    assert chroma == sorted(chroma, reverse=True)
    assert light == sorted(light)
    assert chroma[-1] < 0.45 * chroma[0]
    assert light[-1] > 1.2 * light[0]


def test_nothing_else_changes(photo, landmarks, weight):
    result = grey_hair(photo, weight, 1.0, landmarks)
    assert np.array_equal(result[weight == 0], photo[weight == 0])
    assert np.array_equal(grey_hair(photo, weight, 0.0, landmarks), photo)
    assert np.array_equal(grey_hair(photo, weight * 0, 1.0, landmarks), photo)


def test_light_is_a_factor(photo, landmarks, weight):
    light = to_linear(photo)
    result = to_linear(grey_hair(to_srgb(light), weight, 0.8, landmarks, seed=3))
    for factor in (0.3, 0.6):
        dim = to_linear(grey_hair(to_srgb(light * np.float32(factor)), weight, 0.8, landmarks, seed=3))
        whole = (result < 0.999).all(axis=2)
        np.testing.assert_allclose(dim[whole], result[whole] * factor, rtol=0.01, atol=5e-4)


def test_photo_without_colour_stays_without(photo, landmarks, weight):
    plain = np.repeat(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    result = grey_hair(plain, weight, 1.0, landmarks)
    np.testing.assert_allclose(result, result[..., :1].repeat(3, axis=2), atol=0.02)


def test_sepia_stays_sepia(photo, landmarks, weight):
    bright = luminance(to_linear(photo))[..., None]
    tone = np.array([1.25, 0.97, 0.6], np.float32)
    tone /= luminance(tone)
    sepia = to_srgb(bright * tone * 0.7)
    result = to_linear(grey_hair(sepia, weight, 1.0, landmarks))
    inside = (weight > 0.9) & (luminance(result) > 0.02)
    ratios = result[inside] / luminance(result[inside])[:, None]
    np.testing.assert_allclose(ratios, np.broadcast_to(tone, ratios.shape), atol=0.08)


def test_strands_keep_their_contrast(photo, landmarks, weight):
    def contrast(picture):
        values = np.log(luminance(to_linear(picture)) + 0.01)
        fine = values - cv2.GaussianBlur(values, (0, 0), 3)
        return fine[weight > 0.9].std()

    assert contrast(grey_hair(photo, weight, 1.0, landmarks)) > 0.85 * contrast(photo)


def test_strands_of_different_light_stay_different(landmarks):
    # Hair with gloss of every strength: what was brighter stays brighter, and no two become one flat grey.
    light = np.tile(np.linspace(0.01, 0.12, 12, dtype=np.float32), 25)[None].repeat(300, axis=0)
    photo = to_srgb(np.repeat(light[..., None], 3, axis=2))
    result = grey_hair(photo, np.ones(light.shape, np.float32), 1.0, landmarks, white=np.full(3, 0.8, np.float32))
    levels = result[..., 1].reshape(300, 25, 12).mean(axis=(0, 1))
    assert (np.diff(levels)[:-1] > 1.5).all()
    assert levels[-1] > levels[0] + 60


def test_half_grey_hair_has_strands_of_both_kinds(photo, landmarks, weight):
    change = np.log((grey_hair(np.float32(photo), weight, 0.5, landmarks) + 1) / (np.float32(photo) + 1)).mean(axis=2)
    low, high = np.percentile(change[weight > 0.9], (15, 85))
    assert high > 1.6 * max(low, 0.01)


def test_seed_decides_the_strands(photo, landmarks, weight):
    first, again, other = (grey_hair(photo, weight, 0.5, landmarks, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_no_bright_rim_where_hair_thins_out(landmarks):
    # Dark hair before a light wall, with a soft border: the border must stay between hair and wall.
    alpha = np.clip((np.arange(300, dtype=np.float32) - 120) / 40, 0, 1)[None].repeat(300, axis=0)
    light = 0.7 * (1 - alpha) + 0.03 * alpha
    photo = to_srgb(np.repeat(light[..., None], 3, axis=2))
    result = grey_hair(photo, alpha, 1.0, landmarks, white=np.full(3, 0.8, np.float32))
    assert (result <= photo.max() + 1).all()
    assert result[:, 200:].mean() > photo[:, 200:].mean() + 20


def test_white_light_scales_and_is_brighter_than_skin(photo, landmarks):
    light = to_linear(photo)
    white = white_light(to_srgb(light), landmarks)
    assert white.shape == (3,)
    np.testing.assert_allclose(white_light(to_srgb(light * np.float32(0.4)), landmarks), white * 0.4, rtol=1e-3)
    assert luminance(white) > np.median(luminance(light[100:160, 120:160]))


def test_grey_beside_skin_is_warm_and_not_green(photo, landmarks):
    """As the hair of old portraits, with 1.7 and 5.7 of CIE Lab's a and b at an L of 60."""
    white = white_light(photo, landmarks)
    lab = cv2.cvtColor(np.float32(to_srgb(white[None, None] * 0.28 / luminance(white))) / 255, cv2.COLOR_RGB2LAB)[0, 0]
    assert lab[0] == pytest.approx(60, abs=1)
    assert 0.5 < lab[1] < 3.0 and 2.0 < lab[2] < 8.0


def test_dark_hair_becomes_lighter_when_nearly_all_of_it_is_grey():
    """Until half of it is, the hair of the mean goes four fifths of the way; beards always do."""
    share = [Hair(-1.5, amount, True).rise - Hair(0.0, amount, True).rise for amount in (0.2, 0.5, 0.7, 0.9)]
    assert share[0] == share[1] == pytest.approx(1.5 * 0.8)
    assert share[1] < share[2] < share[3] <= 1.5
    assert Hair(-1.5, 0.2, False).rise == Hair(-1.5, 0.9, False).rise == Hair(-1.5, 0.2, True).rise


def test_hair_that_is_hardly_lit_gains_no_more_light_than_white_hairs_reflect():
    rises = [Hair(centre, 0.9, True).rise for centre in (-3.0, -4.0, -6.0)]
    assert rises[0] == rises[1] == rises[2] < 2.5
    assert Hair(-4.0, 0.9, False).rise > 2.5  # a dark beard is thin, and shows skin


def test_grey_hair_becomes_a_little_whiter(landmarks):
    rng = np.random.default_rng(0)
    light = np.repeat((0.25 + 0.03 * rng.standard_normal((300, 300, 1))).clip(0.01, 1), 3, axis=2)
    photo = to_srgb(light.astype(np.float32))
    weight = np.ones((300, 300), np.float32)
    white = np.full(3, 0.8, np.float32)
    ratio = to_linear(grey_hair(photo, weight, 1.0, landmarks, white=white)).mean() / light.mean()
    assert 1.02 < ratio < 1.5


@pytest.fixture(scope="module")
def black_hair():
    """Black hair without a strand, under a lamp that makes white 0.8."""
    light = np.full((300, 300, 3), 0.004, np.float32)
    return to_srgb(light), np.ones((300, 300), np.float32), np.full(3, 0.8, np.float32)


def test_the_light_of_grey_and_black_strands_adds_up(black_hair, landmarks):
    photo, weight, white = black_hair
    none, half, whole = (
        luminance(to_linear(grey_hair(photo, weight, amount, landmarks, white=white))).mean()
        for amount in (0.0, 0.5, 1.0)
    )
    # A mean of logarithms, which is what a factor for all strands gives, would be an eighth.
    assert 0.3 < (half - none) / (whole - none) < 0.7
    assert whole > 3 * none


def test_hair_that_shows_no_strands_gets_them(black_hair, landmarks):
    photo, weight, white = black_hair
    logs = np.log(luminance(to_linear(grey_hair(photo, weight, 1.0, 3.0 * landmarks, white=white))))
    across, along = (np.abs(np.diff(cv2.GaussianBlur(logs, (0, 0), 1.0), axis=axis)).mean() for axis in (0, 1))
    assert logs.std() > 0.2
    assert not 0.8 < across / along < 1.25  # drawn out in a direction


@pytest.mark.parametrize("level", [4, 7, 12])
def test_hair_that_is_hardly_lit_stays_dark(landmarks, level):
    photo = np.full((300, 300, 3), 150, np.uint8)
    weight = np.zeros((300, 300), np.float32)
    photo[40:90, 40:90], weight[40:90, 40:90] = level, 1.0
    before, after = (
        luminance(to_linear(p[50:80, 50:80])).mean() for p in (photo, grey_hair(photo, weight, 1.0, landmarks))
    )
    assert 1.5 * before < after < 0.05


def test_grey_is_never_brighter_than_white_hair(black_hair, landmarks):
    photo, weight, white = black_hair
    result = luminance(to_linear(grey_hair(photo, weight, 1.0, landmarks, white=white)))
    assert result.max() < 0.63 * 0.8


def test_strands_are_not_drawn_where_that_is_not_wanted(black_hair, landmarks):
    photo, weight, white = black_hair
    result = grey_hair(photo, weight, 1.0, landmarks, white=white, of_head=False)
    assert np.ptp(result) < 1.0 and result.mean() > photo.mean() + 20


def test_gaps_between_strands_stay_dark(landmarks):
    light = np.tile(np.float32((0.02, 0.02, 0.02, 0.0004)), 75)[None].repeat(300, axis=0)
    photo = to_srgb(np.repeat(light[..., None], 3, axis=2))
    result = to_linear(grey_hair(photo, np.ones(light.shape, np.float32), 1.0, landmarks, white=np.full(3, 0.8)))
    gaps, strands = (float(result[:, start::4].mean()) for start in (3, 0))
    assert strands > 3 * 0.02
    assert gaps < 0.06 * strands


def test_skin_between_strands_keeps_its_colour(photo, landmarks):
    # A stripe of the forehead beside dark hair, all of it thought to be hair.
    x, y = landmarks[27].astype(int)
    picture, weight = photo.copy(), np.zeros(photo.shape[:2], np.float32)
    here = slice(y - 34, y - 18), slice(x - 16, x + 16)
    weight[here] = 1.0
    picture[y - 34 : y - 22, x - 16 : x + 16] = (22, 19, 17)
    result = grey_hair(picture, weight, 1.0, landmarks)
    skin, hair = (slice(y - 20, y - 18), here[1]), (slice(y - 32, y - 24), here[1])
    assert np.abs(result[skin].astype(int) - picture[skin]).mean() < 4
    assert result[hair].mean() > picture[hair].mean() + 20


def _lit(colour, landmarks, **options):
    """Grey a picture of one colour that is all hair, under a lamp that makes white 0.8; linear results."""
    photo = to_srgb(np.broadcast_to(np.float32(colour), (300, 300, 3)).copy())
    weight = np.ones((300, 300), np.float32)
    return to_linear(grey_hair(photo, weight, 0.6, landmarks, white=np.full(3, 0.8, np.float32), **options))


def test_brown_and_golden_strands_lose_the_same_share_of_their_colour(landmarks):
    # Colour that stays in strands which are lighter than others is what is seen as patches.
    light = np.tile(np.float32([[0.05, 0.025, 0.012]] * 6 + [[0.25, 0.15, 0.07]] * 6), (25, 1))[None].repeat(
        300, axis=0
    )
    result = to_linear(
        grey_hair(to_srgb(light), np.ones((300, 300), np.float32), 0.6, landmarks, white=np.full(3, 0.8))
    )
    kept = [np.median(result[:100, start::12, 0] / result[:100, start::12, 2]) - 1.0 for start in (3, 9)] / (
        light[0, (3, 9), 0] / light[0, (3, 9), 2] - 1.0
    )
    assert kept.max() < 0.3
    assert kept.max() < 1.3 * kept.min()


def test_lights_of_hair_keep_their_strands(landmarks):
    rng = np.random.default_rng(0)
    strands = np.exp(0.25 * rng.standard_normal((1, 300, 1))).repeat(300, axis=0)
    photo = to_srgb(np.float32(strands * (0.3, 0.2, 0.12)))
    result = grey_hair(photo, np.ones((300, 300), np.float32), 0.8, landmarks, white=np.full(3, 0.8, np.float32))
    logs = [np.log(luminance(to_linear(picture)))[:100].mean(axis=0) for picture in (photo, result)]
    assert np.corrcoef(*logs)[0, 1] > 0.97
    assert logs[1].std() > 0.7 * logs[0].std()


def test_less_light_is_gained_where_much_may_be_no_hair(landmarks):
    points = 0.6 * landmarks  # a smaller face, below which there is room
    eyes = np.linalg.norm(points[36:42].mean(axis=0) - points[42:48].mean(axis=0))
    chin = int(points[8, 1])
    result = luminance(_lit((0.01, 0.01, 0.01), points))
    assert result[: int(points[27, 1] - 1.6 * eyes)].mean() > 0.03
    ends = [float(result[chin + int(depth * eyes) :][: int(0.3 * eyes)].mean()) for depth in (0.9, 1.5, 2.1)]
    assert ends == sorted(ends, reverse=True)
    assert result[chin + int(2.6 * eyes) :].max() < 0.0102


def test_skin_in_the_shadow_of_hair_is_smooth_and_stays(landmarks):
    rng = np.random.default_rng(0)
    light = np.float32(0.01 * np.exp(0.5 * rng.standard_normal((300, 300, 1)))) * np.ones(3, np.float32)
    x, y = landmarks[5:12].mean(axis=0).astype(int)
    neck = slice(y - 10, y + 50), slice(x - 40, x + 40)
    light[neck] = 0.01 * np.float32((1.3, 0.9, 0.7))
    photo = to_srgb(light)
    inner = slice(y + 14, y + 26), slice(x - 12, x + 12)
    large = 3.0 * landmarks - 2.0 * np.array([x, y])  # a face three times as large, so that the neck is wide
    result = grey_hair(photo, np.ones((300, 300), np.float32), 0.8, large, white=np.full(3, 0.8, np.float32))
    far = slice(0, 40), slice(0, 40)
    assert np.abs(result[inner] - photo[inner]).max() < 3
    assert result[far].mean() > photo[far].mean() + 15


@pytest.mark.parametrize(("colour", "changes"), [((0.75, 0.76, 0.8), False), ((0.6, 0.4, 0.2), True)])
def test_what_is_white_already_stays(landmarks, colour, changes):
    ratio = _lit(colour, landmarks) / np.float32(colour)
    assert (np.abs(ratio - 1.0).max() > 0.1) == changes


def test_a_coloured_wall_does_not_colour_grey_hair(photo, landmarks):
    tone = np.float32((1.3, 0.95, 0.5))
    wall = photo.copy()
    wall[:, 230:] = to_srgb(np.float32([[[0.5, 0.5, 0.5]]]) * tone)
    wall[220:] = to_srgb(np.float32([[[0.4, 0.4, 0.4]]]) * tone)
    white = white_light(wall, landmarks)
    assert np.abs(white / luminance(white) - 1.0)[:2].max() < 0.15


def test_a_dark_room_where_only_skin_and_brown_hair_are_lit_is_no_sepia_photo(photo, landmarks):
    """Their colours differ less than those of other photos, and more than those of a toned one."""
    rng = np.random.default_rng(0)
    casts = []
    for apart in (0.0, 1.0):
        tone = np.float32((1.7, 0.85, 0.5)) + apart * rng.uniform(0.0, 1.0, (300, 300, 1)) * np.float32(
            (1.0, -0.3, -0.7)
        )
        white = white_light(to_srgb(np.float32(0.3 * tone)), landmarks)
        casts.append(float(white[0] / white[2]))
    assert casts[0] > 2.8 > 2.2 > casts[1]


def test_strands_are_drawn_without_gaps():
    rng = np.random.default_rng(0)
    strand = rng.standard_normal((200, 1)).repeat(200, axis=1).astype(np.float32)
    noise = strand_noise(strand, np.ones((200, 200), np.float32), 200.0, 0)[40:160, 40:160]
    along = [float((noise[:, :-lag] * noise[:, lag:]).mean()) for lag in range(1, 9)]
    assert along == sorted(along, reverse=True)


def test_a_lit_strand_loses_its_colour_and_a_patch_of_skin_stays(photo, landmarks, weight):
    """Both have the colour and the light of skin, and lie within hair beside the face."""
    cheek = landmarks[[31, 4]].mean(axis=0).astype(int)
    skin = photo[cheek[1] - 1 : cheek[1] + 2, cheek[0] - 1 : cheek[0] + 2].reshape(-1, 3).mean(axis=0)
    kept, light = [], []
    for width in (1, 9):
        drawn = photo.copy()
        place = slice(70, 92), slice(194 - width // 2, 194 - width // 2 + width)
        drawn[place] = skin
        result = grey_hair(drawn, weight, 0.5, landmarks)
        middle = slice(76, 86), slice(194, 195)
        kept.append(_chroma(result)[middle].mean() / _chroma(drawn)[middle].mean())
        light.append(luminance(to_linear(result))[middle].mean() / luminance(to_linear(drawn))[middle].mean())
    assert kept[0] < 0.75 < 0.9 < kept[1]
    assert light[1] < 1.05 < light[0] < 1.35  # a strand gains a part of the light, and skin none


def _black_head(landmarks, colour, hair=(0.008, 0.008, 0.008)):
    """A face of skin in an even light with hair all around it, of which ``colour`` covers a shoulder."""
    rng = np.random.default_rng(0)
    light = np.exp(0.5 * rng.standard_normal((300, 300, 1)), dtype=np.float32) * np.array(hair, np.float32)
    face = np.zeros((300, 300), np.uint8)
    cv2.fillConvexPoly(face, cv2.convexHull(np.rint(landmarks).astype(np.int32)), 1)
    light[face > 0] = (0.45, 0.26, 0.17)
    x, y = landmarks[8].astype(int)
    shoulder = slice(y + 25, y + 60), slice(x + 40, x + 80)
    light[shoulder] = colour
    return to_srgb(light), np.float32(1 - face), shoulder


def test_skin_in_shadow_between_black_hair_keeps_its_colour(landmarks):
    points = 0.6 * landmarks + (60, 10)
    changes = []
    for colour in ((0.02, 0.0115, 0.0076), (0.012, 0.012, 0.012)):
        photo, weight, place = _black_head(points, colour)
        result = grey_hair(photo, weight, 0.8, points, white=np.full(3, 0.8, np.float32))
        inner = slice(place[0].start + 6, place[0].stop - 6), slice(place[1].start + 6, place[1].stop - 6)
        changes.append(np.abs(result[inner] - photo[inner]).mean())
    assert changes[0] < 2.0 < 4.0 < changes[1]


def test_skin_of_a_shoulder_below_brown_hair_keeps_its_colour(landmarks):
    """Both have one colour, but skin has no strands."""
    points, brown = 0.6 * landmarks + (60, -30), np.array((0.06, 0.035, 0.023))
    photo, weight, place = _black_head(points, brown, hair=brown)
    result = grey_hair(photo, weight, 0.8, points, white=np.full(3, 0.8, np.float32))
    inner = slice(place[0].start + 12, place[0].stop - 12), slice(place[1].start + 12, place[1].stop - 12)
    beside = inner[0], slice(inner[1].start - 60, inner[1].stop - 60)
    kept, turned = (_chroma(result)[where].mean() / _chroma(photo)[where].mean() for where in (inner, beside))
    assert kept > 0.85 > 0.6 > turned


def test_smooth_black_hair_beside_the_jaw_turns_grey(landmarks):
    """It has none of the skin's colour, which skin in a shadow keeps."""
    points = 0.6 * landmarks + (60, 10)
    changes = []
    for colour in ((0.008, 0.008, 0.008), (0.0105, 0.0072, 0.0055)):
        photo, weight, _ = _black_head(points, (0.008, 0.008, 0.008))
        y, x = (points[4] + (-6.0, 3.0)).round().astype(int)[::-1].tolist()
        hair = weight[y - 12 : y + 13, x - 12 : x + 13] > 0
        photo[y - 12 : y + 13, x - 12 : x + 13][hair] = to_srgb(np.float32([[colour]]))[0, 0]
        result = grey_hair(photo, weight, 0.8, points, white=np.full(3, 0.8, np.float32))
        changes.append(float(np.abs(result - photo)[y - 1 : y + 2, x - 1 : x + 2].mean()))
    assert 3.0 * changes[1] < changes[0] > 10.0


def test_gloss_on_black_hair_is_not_like_foil(landmarks):
    """Black hair has little light but gloss, which is no brighter on grey hair; brown hair keeps its lights."""
    rows = np.arange(300, dtype=np.float32)
    contrast = []
    for dark in (0.002, 0.02):
        band = np.exp(-0.5 * ((rows - 60.0) / 25.0) ** 2)[:, None, None]
        light = np.float32(dark * np.exp(2.5 * band)) * np.ones((300, 300, 3), np.float32)
        result = grey_hair(to_srgb(light), np.ones((300, 300), np.float32), 0.8, landmarks, white=np.full(3, 0.8))
        logs = np.log(luminance(to_linear(result)))
        contrast.append(float(logs[55:65].mean() - logs[110:120].mean()))
    assert 0.2 < contrast[0] < 0.9 < contrast[1]


def test_strands_turn_at_the_edges_of_the_sides_and_not_over_the_forehead(landmarks):
    """Black hair above and beside a bare face."""
    points = 0.6 * landmarks + (60, 60)
    eyes = 0.6 * 44.0
    large = 4.0 * points - 3.0 * points[27]
    middle, size = large[36:48].mean(axis=0), 4.0 * eyes
    weight = np.ones((300, 300), np.float32)
    y, x = np.mgrid[:300, :300]
    bare = (np.abs(x - middle[0]) < 1.1 * size) & (y > middle[1] - 0.9 * size)
    weight[bare] = 0.0
    light = np.where(bare[..., None], np.float32((0.4, 0.24, 0.16)), np.float32(0.006))
    result = grey_hair(to_srgb(light), weight, 0.7, large, white=np.full(3, 0.9, np.float32))
    found = luminance(to_linear(result)) / luminance(light)
    beside = (weight > 0) & (np.abs(x - middle[0]) < 1.1 * size + 4) & (np.abs(y - middle[1]) < 0.2 * size)
    above = (weight > 0) & (y > middle[1] - 0.9 * size - 4) & (np.abs(x - middle[0]) < 0.3 * size)
    assert beside.sum() > 50 and above.sum() > 50
    assert found[beside].mean() > 2.0 * found[above].mean()
    assert np.percentile(found[beside], 15) < 0.4 * np.percentile(found[beside], 90)


def test_what_is_not_firm_loses_its_colour_and_gains_no_light(photo, landmarks, weight):
    """The lower half; the map is coarse and lies over the whole picture."""
    firm = np.ones((30, 30), np.float32)
    firm[8:] = 0.0
    inside, rows = weight > 0.9, np.arange(photo.shape[0])[:, None]
    all_firm, half = (grey_hair(photo, weight, 1.0, landmarks, firm=one) for one in (None, firm))
    before = luminance(to_linear(photo)) + 1e-3
    gain = [(luminance(to_linear(one)) + 1e-3) / before for one in (all_firm, half)]
    above, below = inside & (rows < 68), inside & (rows > 92)
    assert np.abs(gain[1][above] - gain[0][above]).mean() < 0.05
    assert gain[0][below].mean() > 3.0 and abs(gain[1][below].mean() - 1.0) < 0.05
    assert _chroma(half)[below].mean() < 0.5 * _chroma(photo)[below].mean()
