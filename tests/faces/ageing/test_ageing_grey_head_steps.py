"""Every step of finding and greying a head's hair reaches the result: the steps are stand-ins with plain answers."""

import numpy as np
import pytest

from ppgan_ext.faces.ageing import grey_head as module
from ppgan_ext.faces.ageing.grey_head import find_head_of_hair, grey_head
from ppgan_ext.faces.ageing.open_ends import Ends
from ppgan_ext.faces.ageing.white_hairs import POINTS, Hairs
from ppgan_ext.faces.head.beard import Growth
from ppgan_ext.faces.head.hair import HairMatte, Refusal
from ppgan_ext.faces.head.hair_network import Chances
from ppgan_ext.faces.head.head_patch import SHAPE, region_of
from ppgan_ext.faces.occlusion.cover_network import SHAPE as COVER_SHAPE
from ppgan_ext.faces.occlusion.cover_network import CoverChances
from tests.reference.drawn import DrawnFace, face_landmarks

PHOTO = np.add(np.random.default_rng(0).integers(90, 110, (120, 130, 3)), (60, 20, 0)).astype(np.uint8)
LANDMARKS = face_landmarks(DrawnFace((64.0, 50.0), 30.0))
SEEN = {
    "hair": 0.0, "outer": 0.0, "loose": 0.0, "closed": 1.0, "lighter": 1.0, "firm": 1.0, "confidence": 1.0,
    "brows": 0.8, "thick": 0.0, "beard": 0.6, "dense": 0.5, "moustache": 0.7, "beside": 0.0, "rims": 0.0,
    "object": 0.0, "told": 1.0,
}  # fmt: skip
MAPS = ("brows", "beard", "density", "sure", "clear")


def full(shape, value):
    return np.full(shape[:2], value, np.float32)


def inner(values):
    """Return the part of a map that the network of covers sees."""
    return values[20:-20, 20:-20]


def answer(monkeypatch, **answers):
    for name, one in answers.items():
        monkeypatch.setattr(module, name, one)


def found(monkeypatch, femininity=0.0, photo=PHOTO, landmarks=LANDMARKS, refusal=None, **seen):
    """Find the hair of a head in which each step sees the same everywhere."""
    see = SEEN | seen
    nothing = np.zeros(SHAPE, np.float32)
    region = region_of(landmarks, photo.shape)
    alpha = np.zeros((region[3] - region[1], region[2] - region[0]), np.float32) + np.float32(see["hair"])
    covers = [full(COVER_SHAPE, value) for value in (see["rims"], 0.0, 0.0, see["object"])]
    answer(
        monkeypatch,
        hair_chances=lambda patch: Chances(nothing, nothing),
        find_hair=lambda photo, landmarks, patch, chances: HairMatte(region, alpha, see["confidence"], refusal),
        outer_hair=lambda copy, points, hair: hair + np.float32(see["outer"]),
        add_loose_hair=lambda matte, *_: (
            matte._replace(alpha=np.maximum(matte.alpha, np.float32(see["loose"]))), full((2, 2), see["firm"])
        ),
        closed_ends=lambda copy, points, hair, person: Ends(
            *(full(hair.shape, see[name]) for name in ("closed", "lighter"))
        ),
        tells_beard=lambda copy, points: see["told"],
        beard_growth=lambda copy, points, told: Growth(
            *(full(copy.shape, see[name] * share) for name, share in (("beard", 1.0), ("dense", told))), 0.3,
            full(copy.shape, see["moustache"]),
        ),
        cover_chances=lambda copy, points: CoverChances(*covers),
        brow_weight=lambda copy, points: full(copy.shape, see["brows"]),
        thicker_than_brows=lambda copy, points: full(copy.shape, see["thick"]),
        sideburns=lambda copy, points, known: np.float32(see["beside"]) * (known > 0.5),
    )  # fmt: skip
    return find_head_of_hair(photo, landmarks, femininity)


@pytest.mark.parametrize(
    ("step", "gone"),
    [
        ({"hair": 1.0}, {"brows", "beard", "density", "sure"}),
        ({"femininity": 1.0}, {"beard", "density", "sure"}),
        ({"thick": 1.0}, {"brows"}),
        ({"brows": 0.0}, {"brows"}),
        ({"beard": 0.0}, {"beard"}),
        ({"dense": 0.0, "moustache": 0.0}, {"density", "sure"}),
        ({"object": 1.0}, {"density", "sure"}),
        ({"rims": 1.0}, {"clear"}),
    ],
)
def test_hair_of_a_face_is_where_it_is_seen_and_nothing_covers_it(monkeypatch, step, gone):
    """No brow where hair of the head hangs or a scarf begins, no beard of a woman, no white hairs on a microphone."""
    before, after = found(monkeypatch), found(monkeypatch, **step)
    for name in MAPS:
        there, now = (inner(getattr(head, name)) for head in (before, after))
        assert there.min() > 0.0
        np.testing.assert_allclose(now, 0.0 if name in gone else there, atol=1e-3, err_msg=name)


def test_a_moustache_is_sure_without_density_and_density_without_a_moustache(monkeypatch):
    untold = found(monkeypatch, told=0.0)
    assert not untold.density.any()
    assert untold.sure.min() == pytest.approx(SEEN["moustache"], abs=1e-3)
    assert found(monkeypatch, dense=0.0).sure.min() == pytest.approx(SEEN["moustache"], abs=1e-3)
    assert found(monkeypatch, moustache=0.0).sure.min() > 0.9


def test_sideburns_join_the_beard_of_a_man_that_is_told_and_no_temple_of_glasses(monkeypatch):
    head = found(monkeypatch, beside=1.0)
    assert head.beard.min() > 0.99
    assert head.density.min() > SEEN["dense"] + 0.1
    for other in ({"rims": 1.0}, {"told": 0.0}, {"femininity": 1.0}, {"beard": 0.0}):
        alone, both = found(monkeypatch, **other), found(monkeypatch, **other, beside=1.0)
        assert np.array_equal(inner(alone.beard), inner(both.beard))
        assert np.array_equal(inner(alone.density), inner(both.density))
    # They go on from hair of the head as well, beside it.
    left = np.float32(np.arange(PHOTO.shape[1]) < 60)[None]
    aside = found(monkeypatch, beside=1.0, beard=0.0, hair=0.6)
    assert aside.beard.min() == pytest.approx(0.4, abs=1e-2)
    assert not found(monkeypatch, beside=1.0, beard=0.0, hair=left).beard[:, 62:].any()


def test_the_matte_is_what_all_steps_make_of_it(monkeypatch):
    for steps, share in (
        ({"hair": 0.3}, 0.3),
        ({"hair": 0.3, "outer": 0.4}, 0.7),
        ({"hair": 0.3, "loose": 0.6}, 0.6),
        ({"hair": 0.8, "closed": 0.5}, 0.4),
        ({"hair": 0.8, "confidence": 0.5}, 0.4),
    ):
        np.testing.assert_allclose(np.float32(found(monkeypatch, **steps).hair), share, atol=2e-3, err_msg=str(steps))
    for light in ({"firm": 0.2}, {"lighter": 0.2}, {"firm": 0.2, "lighter": 0.6}, {"firm": 0.6, "lighter": 0.2}):
        np.testing.assert_allclose(found(monkeypatch, **light).firm, 0.2, err_msg=str(light))


def test_nothing_is_added_to_hair_that_is_refused(monkeypatch):
    head = found(monkeypatch, refusal=Refusal.COVERED, outer=0.4, loose=0.6, firm=0.0)
    assert head.refusal is Refusal.COVERED
    assert not head.hair.any()
    assert head.firm.all()


def test_what_is_known_of_the_beard_is_kept(monkeypatch):
    head = found(monkeypatch, femininity=0.25, told=0.4)
    assert (head.full, head.beard_turns, head.femininity) == (0.3, 0.4, 0.25)


def test_brows_and_beard_of_a_large_face_lie_beside_its_hair(monkeypatch):
    """They are kept on a reduced copy, the hair is not."""
    photo, landmarks = np.repeat(np.repeat(PHOTO, 7, axis=0), 7, axis=1), 7.0 * LANDMARKS + 3.0
    left, _, right, _ = region_of(landmarks, photo.shape)
    edge = float(landmarks[30, 0])
    head = found(monkeypatch, photo=photo, landmarks=landmarks, hair=np.float32(np.arange(left, right) < edge)[None])
    x = round(float(head.in_copy(landmarks)[30, 0]))
    assert head.brows.shape[1] < 0.8 * (head.face[2] - head.face[0])
    assert not head.brows[:, : x - 2].any()
    np.testing.assert_allclose(head.brows[:, x + 3 :], SEEN["brows"], atol=1e-3)
    # The corners of the copy are those of the rectangle around the face.
    corners = np.array([head.face[:2], head.face[2:]]) - 0.5
    np.testing.assert_allclose(head.in_copy(corners), [(-0.5, -0.5), np.array(head.brows.shape[::-1]) - 0.5])


@pytest.fixture
def drawn(monkeypatch):
    """The steps of greying, each of which adds a number of its own and tells what it was given."""
    given = {}

    def grey_hair(picture, weight, share, landmarks, seed, white, of_head, firm):
        given["head" if of_head else "beard"] = (float(np.float32(weight).mean()), share, seed, firm)
        given.setdefault("colours", {})["head" if of_head else "beard"] = white
        return picture + np.uint8(1 if of_head else 2)

    def soften_hairline(picture, hair, landmarks, share, white, tone):
        given["hairline"] = share
        return picture + np.uint8(4)

    def lighten_hair(picture, weight, landmarks, share, warm, tone, white, dark):
        given["lighter"] = weight, share, white, dark
        given["colours"] |= {"lighter": warm, "skin": tone}
        return picture + np.uint8(8)

    def draw_hairs(picture, landmarks, hairs, light, colour, edges):
        given["colours"]["hairs"] = colour
        picture += np.uint8(16)

    def few(place):
        curves = np.linspace(place, np.add(place, 6.0), POINTS)[None]
        return Hairs(curves, np.ones(1))

    def white_hairs(dense, how_full, landmarks, share, seed):
        given.setdefault("white", []).append((float(dense.mean()), how_full, share, seed))
        return few((70.0, 70.0))

    def brow_hairs(dense, landmarks, share, seed):
        given.setdefault("of brows", []).append((float(dense.mean()), share, seed))
        return few((40.0, 30.0 if seed == 5 else 10.0))

    answer(
        monkeypatch, grey_hair=grey_hair, soften_hairline=soften_hairline, lighten_hair=lighten_hair,
        draw_hairs=draw_hairs, white_hairs=white_hairs, brow_hairs=brow_hairs,
        darkness=lambda copy, points: full(copy.shape, 0.5), white_light=lambda *_: np.full(3, 0.5, np.float32),
        brow_place=lambda points, shape: full(shape, 1.0),
    )  # fmt: skip
    return given


@pytest.mark.parametrize(
    ("without", "left_out"),
    [
        ({}, 0),
        ({"hair": 0.0}, 4),
        ({"beard": 0.0}, 2),
        ({"density": 0.0}, 16),
        ({"brows": 0.0, "beard": 0.0, "sure": 0.0}, 2 + 8 + 16),
        ({"brows": 0.0}, 0),
        ({"sure": 0.0}, 0),
    ],
)
def test_each_step_of_greying_reaches_the_photo_where_there_is_something_to_grey(monkeypatch, drawn, without, left_out):
    head = found(monkeypatch, hair=0.3)
    head = head._replace(**{name: np.zeros_like(getattr(head, name)) for name in without})
    left, top, right, bottom = head.face
    gained = (grey_head(PHOTO, head, LANDMARKS, 80.0, 1.0, 5) - PHOTO)[top:bottom, left:right]
    assert np.all(gained == 31 - left_out)


def test_each_step_of_greying_is_told_how_much_of_what(monkeypatch, drawn):
    head = found(monkeypatch, hair=0.25, told=0.5, firm=0.2)
    grey_head(PHOTO, head, LANDMARKS, 60.0, 1.0, 5)
    weight, share, seed, firm = drawn["head"]
    assert (weight, seed) == (0.25, 5)
    assert 0.0 < share < 1.0
    assert np.array_equal(firm, head.firm)
    assert drawn["hairline"] == pytest.approx(0.5 * share)  # skin does not tell hair from shade well
    weight, of_beard, seed, firm = drawn["beard"]
    assert weight == pytest.approx(float(head.beard.mean()), abs=1e-3)
    assert 0.0 < of_beard < 0.5 * share
    assert (seed, firm) == (5, None)
    (of_sure, of_density) = drawn["white"]
    assert of_sure[0] == pytest.approx(0.5 * float(head.sure.mean()))  # by how dark it is there
    assert 0.0 < of_sure[2] < share
    assert of_density == (pytest.approx(float(head.density.mean())), head.full, share, 5)
    (of_white, white, seed), (of_dark, dark, other_seed) = drawn["of brows"]
    assert of_white == of_dark == pytest.approx(0.5 * 0.75 * SEEN["brows"] * 0.75, abs=0.01)  # a quarter is hair
    assert 0.0 < white < share
    assert 0.0 < dark
    assert seed == 5 != other_seed


def test_brows_and_beard_become_lighter_with_white_hairs_and_hairs_that_stay_dark(monkeypatch, drawn):
    grey_head(PHOTO, found(monkeypatch), LANDMARKS, 80.0, 1.0, 5)
    _, share, white, dark = drawn["lighter"]
    assert share > 0.5
    for lit, there in (((70, 70), (white,)), ((40, 30), (white,)), ((40, 10), (dark,))):
        for cover in (white, dark):
            x, y = np.add(lit, 3)
            assert bool(cover[y - 3 : y + 4, x - 3 : x + 4].any()) == any(cover is one for one in there)
    weights = []
    for seen in ({}, {"brows": 0.0}, {"dense": 0.0, "moustache": 0.0}, {"rims": 1.0}):
        grey_head(PHOTO, found(monkeypatch, **seen), LANDMARKS, 80.0, 1.0, 5)
        weights.append(inner(drawn["lighter"][0]))
    both, of_beard, of_brows, behind_rims = weights
    assert min(of_beard.min(), of_brows.min()) > 0.0
    assert np.array_equal(both, np.maximum(of_beard, of_brows))
    assert np.array_equal(behind_rims, of_beard)  # no rim is lightened for a brow


def test_hair_that_hangs_over_a_brow_is_not_greyed_twice(monkeypatch, drawn):
    head = found(monkeypatch, dense=0.0, moustache=0.0)
    grey_head(PHOTO, head._replace(hair=np.ones_like(head.hair)), LANDMARKS, 80.0, 1.0, 5)
    assert not drawn["lighter"][0].any()


def test_stubble_turns_grey_as_a_whole_more_than_a_full_beard(monkeypatch, drawn):
    shares = []
    for how_full in (0.0, 0.5, 1.0):
        grey_head(PHOTO, found(monkeypatch)._replace(full=how_full), LANDMARKS, 80.0, 1.0, 5)
        shares.append(drawn["beard"][1])
    assert shares[0] > shares[1] > shares[2]


def test_grey_beside_skin_has_some_of_its_colour_and_that_of_the_head_has_not(monkeypatch, drawn):
    grey_head(PHOTO, found(monkeypatch), LANDMARKS, 80.0, 1.0, 5)
    red = {name: float(colour[0] / colour[2]) for name, colour in drawn["colours"].items()}
    assert red["head"] == 1.0
    for name in ("beard", "lighter", "hairs"):
        assert 1.05 < red[name] < red["skin"] - 0.05


def test_white_hairs_of_a_mans_brows_shine_more_than_a_womans(monkeypatch, drawn):
    shines = []
    for femininity in (0.0, 0.5, 1.0):
        grey_head(PHOTO, found(monkeypatch)._replace(femininity=femininity), LANDMARKS, 80.0, 1.0, 5)
        shines.append(float(drawn["colours"]["lighter"].sum()))
    assert shines[0] > shines[1] > shines[2]
