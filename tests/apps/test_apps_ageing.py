from types import SimpleNamespace

import numpy as np
import pytest

from ppgan_ext.apps.photo import ageing
from ppgan_ext.apps.photo.ageing import (
    Ager,
    SeenFace,
    generator_years,
    held_notes,
    short_notes,
    small_notes,
    sure_places,
)
from ppgan_ext.apps.photo.apparent_age import Estimates, femininity, measured_age
from ppgan_ext.apps.photo.plan import EditedCode, EditedPhoto, EditPlan, PhotoEdit, Variant
from ppgan_ext.errors import NoFaceError
from ppgan_ext.faces.ageing.measured import measured_years, stops_short
from ppgan_ext.faces.ageing.model import bundled_model
from ppgan_ext.faces.ageing.neck import find_neck
from ppgan_ext.faces.ageing.neck_ageing import NeckAgeing
from ppgan_ext.faces.ageing.render import Person
from ppgan_ext.latents.directions import Direction
from ppgan_ext.types import Box, Face
from tests.reference.drawn_neck import everywhere, person

PHOTO = np.zeros((4, 4, 3), np.uint8)


def direction(name, unit, value):
    """A direction that measures the first number of a code, plus a constant."""
    regressor = np.zeros((2, 512), np.float32)
    regressor[0, 0] = 1.0
    return Direction(name, np.ones((2, 512), np.float32), unit, regressor, value)


def seen_face(face, ageing, likeness, neck, sure=1.0):
    return SeenFace(face, None, ageing, likeness, neck, sure, 0, np.zeros((68, 2)))


def code(first=0.0):
    w_plus = np.zeros((2, 512), np.float32)
    w_plus[0, 0] = first
    return w_plus


def test_age_and_sex_are_read_off_the_code_and_unknown_without_a_regression():
    directions = {"age": direction("age", "year", 40.0), "gender": direction("gender", "class", 0.4)}
    assert measured_age(directions, code(5.0)) == pytest.approx(45.0)
    assert measured_age(directions, code(500.0)) == 100.0
    assert femininity(directions, code()) == pytest.approx(0.5)
    assert [femininity(directions, code(first)) for first in (-1.0, 1.0)] == [0.0, 1.0]
    assert measured_age({"age": direction("age", "step", 3.0)}, code()) is None
    assert measured_age({}, code()) is None
    assert femininity({}, code()) == 0.5


def test_the_generator_adds_fewer_years_where_detail_adds_the_rest():
    assert generator_years(40.0, 0.0) == 40.0
    assert 0.0 < generator_years(40.0, 1.0) < generator_years(40.0, 0.5) < 40.0
    assert generator_years(40.0, 1.0) == generator_years(40.0, 1.5)
    assert generator_years(-20.0, 0.0) == -20.0


def test_the_same_face_gets_the_same_wrinkles_and_the_seed_changes_them():
    def seeds(w_plus, seed):
        ager = Ager(bundled_model(), Estimates({}), 1.0, 1.0, seed)
        return ager.person(type("Face", (), {"w_plus": w_plus})()).seed

    assert seeds(code(0.51), 0) == seeds(code(0.52), 0)  # the same face, rounded
    assert len({seeds(code(0.5), 0), seeds(code(0.9), 0), seeds(code(0.5), 1)}) == 3


@pytest.mark.parametrize("age", [20, 47, 80])
def test_measured_years_rise_with_the_years_asked_for_and_do_not_overstate(age):
    measured = [measured_years(age, years) for years in (-30, -20, 0, 10, 20)]
    assert measured == sorted(measured)
    assert measured[2] == 0.0
    assert measured_years(age, 40) <= 40.0
    assert measured_years(age, 60) == measured_years(age, 40)


def test_what_stops_short_is_told():
    assert stops_short(70, 40)
    assert not stops_short(47, 20) or measured_years(47, 20) < 16
    assert not stops_short(30, 0)


@pytest.mark.parametrize(("measured", "told"), [(17.0, 21.1), (82.0, 71.1), (34.8, 34.8)])
def test_ages_of_portraits_are_nearer_to_the_middle_than_the_regression_has_them(measured, told):
    estimates = Estimates({"age": direction("age", "year", measured)})
    assert estimates.age(code()) == pytest.approx(told, abs=0.1)
    assert estimates.measured_age(code()) == pytest.approx(measured)
    assert estimates.as_measured(estimates.age(code())) == pytest.approx(measured)


def test_looks_after_adds_what_was_measured():
    estimates = Estimates({"age": direction("age", "year", 47.0)})
    age = estimates.age(code())
    assert estimates.looks_after(code(), 20.0) == pytest.approx(age + measured_years(age, 20.0))
    assert Estimates({}).looks_after(code(), 20.0) is None


def test_a_face_that_another_model_does_not_find_has_no_known_age_or_sex():
    def lost(w_plus):
        raise NoFaceError("no face", cure="none")

    estimates = Estimates({"age": direction("age", "year", 47.0), "gender": direction("gender", "class", 0.9)}, lost)
    assert estimates.age(code()) is None
    assert estimates.looks_after(code(), 20.0) is None
    assert estimates.femininity(code()) == 0.5


def test_the_neck_ages_with_its_face():
    photo, points, drawn = person()
    neck = NeckAgeing(Person(30.0, 0.5, 3), find_neck(photo, points, everywhere()))
    same = type("Ageing", (), {"draw": lambda self, photo, *_: photo.copy(), "person": neck.person})()
    likeness = type("Likeness", (), {"held": lambda *_: 0.0})()
    face = object()
    for seen, changes in ((neck, True), (None, False)):
        ager = Ager(bundled_model(), Estimates({}), 1.0, 0.0, 0)
        ager.seen[id(face)] = seen_face(face, same, likeness, seen)
        result = ager.age(photo, photo, face, 40.0)
        assert (result[drawn > 0] != photo[drawn > 0]).any() == changes
        assert np.array_equal(result[:100], photo[:100])


@pytest.mark.parametrize(
    ("detail", "years", "drawn"), [(1.0, 40.0, 1.25), (1.5, 40.0, 1.5), (0.4, 20.0, 0.5), (1.0, -20.0, 1.0)]
)
def test_marks_of_older_faces_are_stronger_than_asked_and_likeness_limits_what_is_asked(detail, years, drawn):
    asked, draws = [], []
    likeness = type("Likeness", (), {"held": lambda self, ageing, photo, *amounts: asked.append(amounts) or 0.2})()
    draw = {"draw": lambda self, photo, *amounts: draws.append(amounts) or photo, "person": Person(30.0, 0.5, 3)}
    face = object()
    ager = Ager(bundled_model(), Estimates({}), detail, 0.0, 0)
    ager.seen[id(face)] = seen_face(face, type("Ageing", (), draw)(), likeness, None)
    ager.age(PHOTO, PHOTO, face, years)
    assert asked == [(years, pytest.approx(drawn), detail)]
    assert draws == [(years, pytest.approx(drawn), 0.2)]


@pytest.mark.parametrize("found", [True, False])
def test_the_face_draws_on_a_neck_that_is_not_found(monkeypatch, found):
    seen = {}
    neck = object() if found else None
    monkeypatch.setattr(ageing, "find_head_of_hair", lambda *_: None)
    monkeypatch.setattr(ageing, "prepare_neck", lambda *_: neck)
    monkeypatch.setattr(ageing, "prepare", lambda *_, **options: seen.update(options) or object())
    monkeypatch.setattr(ageing.Likeness, "of", lambda *_: object())
    monkeypatch.setattr(ageing, "sure_places", lambda _: 1.0)
    crop = SimpleNamespace(image=None, matrix_photo_to_crop=np.eye(2, 3))
    before = SimpleNamespace(covered=SimpleNamespace(mask=None))
    face = SimpleNamespace(face=SimpleNamespace(landmarks=np.zeros((68, 2))), crop=crop, before=before)
    ager = Ager(bundled_model(), Estimates({}), 1.0, 0.0, 0)
    monkeypatch.setattr(Ager, "person", lambda *_: SimpleNamespace(femininity=0.5))
    assert ager._see(PHOTO, face).neck is neck
    assert seen == {"with_neck": not found}


def test_no_lines_are_drawn_where_it_is_not_known_where_features_lie():
    """Landmarks of a profile lie beside what they name: wrinkles there would be stains."""
    photo, points, _ = person()
    neck = NeckAgeing(Person(30.0, 0.5, 3), find_neck(photo, points, everywhere()))
    same = type("Ageing", (), {"draw": lambda self, photo, *_: photo.copy(), "person": neck.person})()
    likeness = type("Likeness", (), {"held": lambda *_: 0.0})()
    results, face = [], object()
    for sure in (1.0, 0.4, 0.0):
        ager = Ager(bundled_model(), Estimates({}), 1.0, 0.0, 0)
        ager.seen[id(face)] = seen_face(face, same, likeness, neck, sure)
        results.append(np.abs(ager.age(photo, photo, face, 40.0).astype(int) - photo).mean())
        told = ager.remark(face, 40.0)
        assert told == (None if sure > 0.5 else "turned far away or covered: at +40 years hardly any lines are drawn")
        assert sure > 0.5 or ager.remark(face, -20.0).endswith("at -20 years hardly any lines are taken away")
    assert results[0] > results[1] > results[2] == 0.0
    profile = Face(Box(0, 0, 9, 9), points, np.r_[np.ones(17), np.full(51, 0.5)])
    outline_hidden = Face(Box(0, 0, 9, 9), points, np.r_[np.zeros(17), np.full(51, 0.9)])
    assert [sure_places(one) for one in (profile, outline_hidden)] == [0.0, 1.0]


def test_it_is_told_of_which_face_which_result_was_held_back():
    first, second = (
        type("Encoded", (), {"w_plus": code(), "face": Face(Box(0, 0, 9, 9), np.zeros((68, 2)), number=number)})()
        for number in (3, 1)
    )
    ager = Ager(bundled_model(), Estimates({}), 1.0, 1.0, 0)
    ager.held.update(
        {(id(first), 20.0): 0.05, (id(first), 40.0): 0.0, (id(second), 20.0): 0.1, (id(second), 40.0): 0.6}
    )
    variants = [
        EditedPhoto(Variant(f"age+{years:.0f}", years, lambda w_plus: EditedCode(w_plus, "")),
                    [EditedCode(code(), "", years)] * 2, PHOTO)
        for years in (20.0, 40.0)
    ]  # fmt: skip
    plan = EditPlan({}, [result.variant for result in variants], finish=ager.age, remark=ager.remark)
    edit = PhotoEdit(PHOTO, EditPlan({}, []), [first, second], variants[1:], PHOTO)
    estimates = Estimates({"age": direction("age", "year", 29.0)})
    measured = "(measured on other faces of this age); --detail 1.5 shows more"
    shown = f"asked for +40 years; about +20 show {measured}"
    assert short_notes(edit, estimates) == [f"face 3: {shown}", f"face 1: {shown}"]
    assert short_notes(edit, estimates, 70.0)[1] == f"face 1: asked for 70, looks about 50 {measured}"
    small = "the face is 9 pixels wide: too few for wrinkles, and ages are rough"
    assert small_notes([first, second]) == [f"face 3: {small}", f"face 1: {small}"]
    assert small_notes([first]) == [small]
    told = "kept recognisable: at +40 years the face changes less"
    assert held_notes(PhotoEdit(PHOTO, plan, [first, second], variants, PHOTO)) == [f"face 1: {told}"]
    only = [EditedPhoto(one.variant, one.codes[1:], PHOTO) for one in variants]
    assert held_notes(PhotoEdit(PHOTO, plan, [second], only, PHOTO)) == [told]
    assert held_notes(PhotoEdit(PHOTO, EditPlan({}, []), [second], only, PHOTO)) == []
