"""What a plan knows of two photos reaches the blend, and the picture that comes out of it."""

import numpy as np
import pytest

from ppgan_ext.faces.blend import BorderStep
from ppgan_ext.faces.head.beard import PARTS
from ppgan_ext.faces.swap import warp_method
from ppgan_ext.faces.swap.beards import Beards
from ppgan_ext.faces.swap.composite import Fusion
from ppgan_ext.faces.swap.head import Head
from ppgan_ext.faces.swap.overlay import draw_overlay
from ppgan_ext.faces.swap.sides import Portrait, Sides
from ppgan_ext.faces.swap.warp_method import FacePlan, Placement, finish_face, plan_face
from tests.reference.drawn import DrawnFace, draw_photo

SHAPE = (260, 230)
NONE, ALL = dict.fromkeys(PARTS, 0.0), dict.fromkeys(PARTS, 1.0)
NO_BEARDS = Beards(NONE, NONE)


def drawn(seed, **more):
    picture, (landmarks,) = draw_photo((SHAPE[1], SHAPE[0]), [DrawnFace((115.0, 105.0), 56.0, **more)], seed)
    return Portrait(picture, landmarks)


def nowhere():
    return np.zeros(SHAPE, np.float32)


def two_sides(**seen):
    photo, person = drawn(0), drawn(1, skin=(150, 105, 80))
    nothing = {"hidden": nowhere(), "over": None, "headwear": nowhere(), "stays": False}
    names = {"kept_covers": (), "dropped_covers": ()}
    return Sides(**{"photo": photo, "person": person, "seen": photo.landmarks, **nothing, **names, **seen})


def plan_of(sides, hair=None, beards=NO_BEARDS):
    """Return a plan in which the face has the photo's landmarks; all of the photo is surely its person's."""
    (picture, landmarks), (person, theirs) = sides.photo, sides.person
    head = Head(nowhere() if hair is None else hair, nowhere() + 1)
    placement = Placement(picture, landmarks, draw_overlay(SHAPE, landmarks, person, theirs), sides.over, head)
    return FacePlan(sides, 0.0, placement, beards)


@pytest.fixture
def blended(monkeypatch):
    """What the blend is given, by name."""
    given = {}

    def record(base, overlay, heads, *, identity=1.0, **more):
        given.update(vars(heads), **more, base=base, overlay=overlay, identity=identity)
        return Fusion(base, nowhere() + 1, overlay.landmarks, BorderStep(0.0, 0.0), {})

    monkeypatch.setattr(warp_method, "composite", record)
    return given


@pytest.mark.parametrize(("dropped", "hidden"), [(("glasses",), True), (("sunglasses",), False), ((), False)])
def test_brows_may_be_hidden_by_glasses_that_were_taken_off(blended, dropped, hidden):
    finish_face(plan_of(two_sides(dropped_covers=dropped)))
    assert blended["brows_hidden"] is hidden


def test_the_blend_is_told_of_beards_hair_and_the_body(blended):
    hair = nowhere()
    hair[:40] = 1.0
    plan = plan_of(two_sides(), hair, Beards({**NONE, "goatee": 1.0}, {**NONE, "moustache": 0.5}))
    finish_face(plan)
    assert blended["their_beard"] == {**NONE, "moustache": 0.5}
    assert np.array_equal(blended["kept"], hair)
    assert np.array_equal(blended["body"], plan.head.person)
    x, y = np.rint(plan.landmarks[8] - (0.0, 12.0)).astype(int)
    assert blended["beard"][y, x] > 0.9
    assert blended["beard"][: int(plan.landmarks[30, 1])].max() == 0.0
    finish_face(plan_of(two_sides()))
    assert blended["beard"] is None


def test_what_lies_over_the_face_is_no_beard_no_hair_and_has_room_around_it(blended):
    over = nowhere()
    chin = np.rint(drawn(0).landmarks[8] - (0.0, 12.0)).astype(int)
    over[chin[1] - 6 : chin[1] + 7, chin[0] - 10 : chin[0] + 1] = 1.0
    sides = two_sides(over=over, kept_covers=("an object",))
    plan = plan_of(sides, np.ones(SHAPE, np.float32), Beards(ALL, NONE))
    fusion = finish_face(plan, identity=0.5)
    y, left, right = chin[1], chin[0] - 10, chin[0]
    assert blended["beard"][y, left : right + 1].max() == 0.0 < blended["beard"][y, right + 3]
    assert blended["kept"][y, left : right + 1].max() == 0.0 and blended["kept"][y, right + 1] == 1.0
    assert blended["body"][y, left - 4 : right + 5].max() == 0.0
    assert blended["body"][y, right + 8] == 1.0
    # The face is blended whole, into a photo without its cover; the share of it is taken after the cover is laid on.
    assert blended["identity"] == 1.0
    assert not np.array_equal(blended["base"][over > 0], sides.photo.picture[over > 0])
    assert np.array_equal(fusion.image[over > 0], sides.photo.picture[over > 0])


def test_a_share_of_the_face_a_tone_and_a_fill_are_passed_on(blended):
    sides = two_sides()
    finish_face(plan_of(sides), identity=0.3, skin="mix", fill=drawn(2))
    assert (blended["identity"], blended["skin"]) == (0.3, "mix")
    own = draw_overlay(SHAPE, sides.photo.landmarks, *drawn(2))
    assert np.array_equal(blended["fill"].face, own.face)


@pytest.fixture
def planned(monkeypatch):
    """Plan the fusion of two sides, without networks."""

    def plan(sides, shape=0.0):
        monkeypatch.setattr(warp_method, "look_at", lambda *_: sides)
        monkeypatch.setattr(warp_method, "share_beards", lambda *given: given)
        monkeypatch.setattr(warp_method, "find_head", lambda *given: given)
        return plan_face(sides.photo, sides.person, shape)

    return plan


def test_what_hides_the_person_is_not_shown(planned):
    sides = two_sides()
    hidden = nowhere()
    hidden[int(sides.person.landmarks[33, 1]) :] = 1.0
    overlay = planned(sides._replace(hidden=hidden)).overlay
    x, y = np.rint(overlay.landmarks[57]).astype(int)
    assert overlay.shown[y, x] == 0.0
    assert planned(sides).overlay.shown[y, x] > 0.9


def test_head_and_beards_are_looked_for_in_the_photos_that_are_drawn(planned):
    sides = two_sides()
    plan = planned(sides, 1.0)
    assert not np.array_equal(plan.placement.base, sides.photo.picture)
    assert plan.head == (plan.placement.base, plan.landmarks)
    assert plan.beards == (*sides.photo, *sides.person)


def test_what_lies_over_the_face_moves_with_the_head_unless_it_hides_too_much(planned):
    wide = drawn(1)
    middle = wide.landmarks.mean(axis=0)
    person = Portrait(wide.picture, middle + (wide.landmarks - middle) * (1.2, 1.0))
    over = nowhere()
    sides = two_sides(person=person, over=over)
    x, y = np.rint(sides.photo.landmarks[3]).astype(int)
    over[y - 3 : y + 4, x - 3 : x + 4] = 1.0
    moved = planned(sides, 1.0)
    # The jaw becomes wider.
    assert moved.landmarks[3, 0] < sides.photo.landmarks[3, 0] - 2.0
    columns = np.arange(SHAPE[1])
    assert (moved.placement.over[y] @ columns) / moved.placement.over[y].sum() < x - 1.5
    stays = planned(sides._replace(stays=True), 1.0)
    assert stays.placement.over is over
    assert np.array_equal(stays.placement.base, sides.photo.picture)
    assert np.array_equal(stays.landmarks[:17], sides.photo.landmarks[:17])


def test_a_hat_keeps_its_shape_when_the_head_is_reshaped(planned):
    tall = drawn(1)
    middle = tall.landmarks.mean(axis=0)
    sides = two_sides(person=Portrait(tall.picture, middle + (tall.landmarks - middle) * (1.2, 1.0)))
    hat = nowhere() + 1
    bare, covered = (planned(each, 1.0).placement.base for each in (sides, sides._replace(headwear=hat)))
    rows = slice(0, int(sides.photo.landmarks[17:27, 1].min()) - 12)
    moved, kept = (np.abs(base.astype(int) - sides.photo.picture)[rows].mean() for base in (bare, covered))
    assert kept < 0.8 * moved
