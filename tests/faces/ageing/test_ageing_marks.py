"""All that age brings to skin is foreseen and drawn: steps are stand-ins, and each one's part is looked for."""

import numpy as np
import pytest

from ppgan_ext.faces.ageing import marks
from ppgan_ext.faces.ageing.frame import Placement
from ppgan_ext.faces.ageing.marks import Prospect, foresee, older
from ppgan_ext.faces.ageing.model import bundled_model
from ppgan_ext.faces.ageing.shine import Shine
from ppgan_ext.faces.ageing.skin_view import SkinView
from ppgan_ext.faces.ageing.strength import Strength
from tests.reference.drawn import DrawnFace, face_landmarks

MODEL = bundled_model()
PLACEMENT = Placement.of(face_landmarks(DrawnFace((100.0, 100.0), 50.0)), MODEL.mean_face, 0.25)
SHAPE = PLACEMENT.frame_size[::-1]
STRENGTH = Strength(marks=0.5, shape=0.5, features=0.5, sag=0.5, wrinkles=0.5, deepest=0.9)


def full(value, *more):
    return np.full((*SHAPE, *more), value, np.float32)


def view_of(skin=1.0, weight=1.0, own=0.0):
    """A face of even skin with a little grain, and a highlight that tells its tone."""
    picture = full(0.0, 3) + np.float32((196.0, 150.0, 124.0))
    picture += np.random.default_rng(0).normal(0.0, 2.0, (*SHAPE, 1)).astype(np.float32)
    x, y = PLACEMENT.frame_landmarks[30].round().astype(int)
    picture[y - 3 : y + 4, x - 3 : x + 4] = 255.0
    return SkinView(PLACEMENT, picture, full(skin), np.zeros((6, *SHAPE), np.float32) + own, full(weight), 0.33)


def foreseen(monkeypatch, view=None, femininity=0.0, **steps):
    """Foresee a face whose steps see and draw nothing but what is given."""
    nothing = full(0.0)
    plain = {
        "draw_creases": nothing, "draw_jowls": nothing, "lit_lids": nothing, "stretched": np.zeros((1, SHAPE[1])),
        "pale_lips": (nothing, full(0.0, 2)), "taken_colour": 1.0, "place_spots": np.zeros((0, 11)),
        "beard_outlines": {"goatee": nothing}, "_own_lines": nothing, "_pores": nothing, "_mottling": full(0.0, 2),
        "_unlit": full(1.0),
    }  # fmt: skip
    parts = {"inner": full(1.0), "between_brows": nothing, "nose": nothing, "held_places": nothing}
    for names, where in ((plain, marks), (parts, marks.parts)):
        for name, usual in names.items():
            found = steps.get(name, usual)
            monkeypatch.setattr(where, name, lambda *_, found=found: found)
    return foresee(view_of() if view is None else view, MODEL, femininity, 3)


def sizes(prospect):
    """Return how much there is of everything."""
    total = {name: float(np.abs(getattr(prospect, name)).sum()) for name in ("wrinkles", "lines", "jowls", "lids")}
    total |= {"colour": float(np.abs(prospect.colour).sum()), "tint": float(np.abs(prospect.tint).sum())}
    total |= {"fine": float(np.abs(prospect.folds[:3]).sum()), "coarse": float(np.abs(prospect.folds[3:]).sum())}
    return total | {"costly": float(prospect.costly.sum()), "spots": float(prospect.spots.sum())}


@pytest.mark.parametrize(
    ("step", "found", "brings"),
    [
        ("draw_creases", full(-0.1), {"wrinkles"}),
        ("draw_jowls", full(-0.1), {"jowls"}),
        ("lit_lids", full(0.5), {"lids"}),
        ("pale_lips", (full(0.1), full(-2.0, 2)), {"lines", "tint"}),
        ("_own_lines", full(-0.1), {"lines"}),
        ("_pores", full(0.1), {"lines"}),
        ("_mottling", full(0.5, 2), {"tint"}),
        ("place_spots", np.ones((2, 11)), {"spots"}),
        ("held_places", full(0.5), {"costly"}),
        ("between_brows", full(1.0), {"fine", "coarse"}),
    ],
)
def test_everything_that_is_found_is_foreseen(monkeypatch, step, found, brings):
    without, there = (sizes(foreseen(monkeypatch, **more)) for more in ({}, {step: found}))
    assert {name for name, size in there.items() if size > 1.02 * without[name] + 1e-6} == brings
    assert all(there[name] == without[name] for name in set(there) - brings)


ALL = {
    "draw_creases": full(-0.1), "draw_jowls": full(-0.1), "lit_lids": full(0.5), "_own_lines": full(-0.1),
    "_mottling": full(0.5, 2),
}  # fmt: skip


@pytest.mark.parametrize(
    ("more", "weakens"),
    [
        ({"view": view_of(skin=0.5)}, {"wrinkles", "lines", "lids", "tint"}),
        ({"view": view_of(weight=0.5)}, {"fine", "coarse", "jowls", "colour"}),
        ({"inner": full(0.5)}, {"coarse", "jowls"}),
        ({"stretched": np.ones((1, SHAPE[1]))}, {"jowls", "wrinkles"}),
        ({"nose": full(1.0)}, {"colour"}),
        ({"beard_outlines": {"goatee": full(1.0)}}, {"colour"}),
        ({"taken_colour": 0.5}, {"colour", "tint"}),
        ({"_unlit": full(0.2)}, {"wrinkles"}),
    ],
)
def test_marks_are_weaker_where_skin_is_hidden_stretched_lit_or_another(monkeypatch, more, weakens):
    usual, less = (sizes(foreseen(monkeypatch, **ALL | one)) for one in ({}, more))
    for name, size in usual.items():
        if name in weakens:
            assert less[name] < 0.8 * size, name
        else:
            assert less[name] == pytest.approx(size, rel=1e-4), name


def test_the_colour_of_stubble_is_a_mans(monkeypatch):
    stubble = {"beard_outlines": {"goatee": full(1.0)}}
    bare, woman = (foreseen(monkeypatch, femininity=1.0, **more).colour for more in ({}, stubble))
    assert np.array_equal(bare, woman)


def prospect_of(view, **there):
    nothing = full(0.0)
    usual = Prospect(
        np.zeros((6, *SHAPE), np.float32), full(0.0, 2), nothing, nothing, full(1.0), nothing, 1.0, 1.0,
        np.zeros((0, 11)), nothing, nothing, full(0.0, 2), Shine.of(view.picture, view.skin, 0.5),
    )  # fmt: skip
    return usual._replace(**there)


def fold(number, depth=-0.1):
    folds = np.zeros((6, *SHAPE), np.float32)
    folds[number] = depth
    return folds


def drawn(view=None, held=0.0, strength=STRENGTH, **there):
    view = view_of() if view is None else view
    return older(view, prospect_of(view, **there), strength, held)


# Away from the highlight.
CHEEK = np.s_[75:85, 30:38]


@pytest.mark.parametrize(
    "there",
    [*({"folds": fold(n)} for n in range(6)), *({name: full(-0.1)} for name in ("wrinkles", "lines", "jowls", "lids"))],
)
def test_each_source_of_light_is_drawn(there):
    light = drawn(**there).light
    assert not drawn().light.any()
    assert light[CHEEK].max() < -0.005


@pytest.mark.parametrize("name", ["colour", "tint"])
def test_each_source_of_colour_is_drawn(name):
    assert drawn(**{name: full(1.0, 2)}).colour[CHEEK].min() > 0.2
    assert not drawn(**{name: full(1.0, 2)}).light.any()


def test_spots_are_drawn_in_light_and_colour(monkeypatch):
    monkeypatch.setattr(marks, "draw_spots", lambda spots, strength, skin: (-0.2 * skin, full(strength, 2)))
    spotted = drawn()
    assert spotted.light[CHEEK].max() < -0.1
    assert spotted.colour[CHEEK].min() > 0.4


def test_white_skin_becomes_neither_darker_nor_more_colourful():
    view = view_of()
    lit = Shine(full(99.0), Shine.of(view.picture, view.skin, 0.5).curve, full(0.25), full(0.1))
    for there in ({"wrinkles": full(-0.1)}, {"lines": full(0.1)}, {"tint": full(1.0, 2)}):
        usual, white = drawn(**there), drawn(**there, shine=lit)
        changed = max(np.abs(usual.light[CHEEK]).max(), np.abs(usual.colour[CHEEK]).max())
        assert np.abs(white.light[CHEEK]).max() <= 0.3 * changed
        assert np.abs(white.colour[CHEEK]).max() <= 0.3 * changed + 0.5 * (usual.light[CHEEK].min() < 0.0)


def test_what_is_lit_becomes_no_brighter_and_where_a_lamp_is_mirrored_lines_are_fainter():
    for depth, unlit in ((0.1, 0.4), (-0.1, 0.2)):
        usual, lit = (drawn(lines=full(depth), unlit=full(one)).light[CHEEK] for one in (1.0, unlit))
        assert np.abs(lit).max() < 0.8 * np.abs(usual).min()
    assert np.array_equal(*(drawn(lines=full(-0.1), unlit=full(one)).light[CHEEK] for one in (1.0, 0.6)))


def test_folds_in_costly_places_are_held_back_and_cheap_ones_are_brought_forward():
    costly = {"folds": fold(4), "costly": full(0.6)}
    usual, held = (drawn(held=held, **costly).light[CHEEK].mean() for held in (0.0, 1.0))
    assert held == pytest.approx(0.4 * usual, rel=0.05)
    for name in ("folds", "wrinkles", "jowls"):
        there = {name: fold(4) if name == "folds" else full(-0.05)}
        light = {
            (cost, forward): drawn(
                strength=STRENGTH._replace(forward=forward), costly=full(cost), **there
            ).light[CHEEK].mean()
            for cost in (0.0, 0.8) for forward in (0.0, 1.0)
        }  # fmt: skip
        assert light[0.0, 1.0] < 1.2 * light[0.0, 0.0] < 0.0
        assert light[0.8, 1.0] == pytest.approx(light[0.8, 0.0])


@pytest.mark.parametrize(("name", "bands"), [("wrinkles", (1, 2)), ("jowls", (2, 3)), ("folds", (2,))])
def test_new_marks_find_less_room_in_an_old_face_that_has_them(name, bands):
    own = np.zeros((6, 1, 1), np.float32)
    own[list(bands)] = -0.2
    there = {name: fold(2) if name == "folds" else full(-0.05)}
    old = STRENGTH._replace(deepest=0.4)
    bare, lined = (drawn(view, strength=old, **there).light[CHEEK].mean() for view in (view_of(), view_of(own=own)))
    assert lined > 0.7 * bare


def test_dark_skin_gets_deeper_lines_and_rough_photos_deeper_wrinkles():
    coarse = ("folds", fold(4, -0.03))
    for name, there in (("lines", full(-0.03)), ("wrinkles", full(-0.03)), ("folds", fold(1, -0.03)), coarse):
        pale, dark = (drawn(tone=tone, **{name: there}).light[CHEEK].mean() for tone in (1.0, 1.5))
        assert dark < 1.2 * pale < 0.0
    for name, there in (("wrinkles", full(-0.03)), ("folds", fold(1, -0.03))):
        smooth, rough = (drawn(contrast=contrast, **{name: there}).light[CHEEK].mean() for contrast in (1.0, 1.6))
        assert rough < 1.2 * smooth < 0.0
    assert drawn(tone=1.5, jowls=full(-0.03)).light[CHEEK].mean() == pytest.approx(
        drawn(jowls=full(-0.03)).light[CHEEK].mean(), rel=0.02
    )


def test_no_wrinkle_of_a_cheek_is_a_scratch_and_those_of_a_rough_forehead_are_deeper():
    x, y = PLACEMENT.frame_landmarks[[21, 22]].mean(axis=0).round().astype(int)
    light = drawn(wrinkles=full(-3.0), contrast=1.8).light
    cheek, forehead = light[CHEEK].mean(), light[y - 12 : y - 6, x - 4 : x + 5].mean()
    assert forehead < 1.15 * cheek < 0.0
    assert cheek > 0.5 * drawn(lines=full(-3.0), contrast=1.8).light[CHEEK].mean()
