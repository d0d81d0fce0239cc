import pytest

from ppgan_ext.faces.ageing.strength import strength_of


@pytest.mark.parametrize("age", [18, 30, 45, 60, 80])
def test_more_years_never_show_less(age):
    marks = [strength_of(age, years, 1.0).marks for years in range(-40, 61, 5)]
    assert marks == sorted(marks)
    assert strength_of(age, 0, 1.0).marks == 0.0


def test_fewer_new_marks_appear_on_a_wrinkled_face_than_on_a_young_one():
    old, young = strength_of(70, 20, 1.0), strength_of(35, 20, 1.0)
    assert old.deepest < young.deepest
    assert old.marks * old.deepest < young.marks * young.deepest


def test_detail_scales_the_marks():
    assert strength_of(30, 40, 0.5).marks == pytest.approx(0.5 * strength_of(30, 40, 1.0).marks)
    assert strength_of(30, 40, 0.0).shape == 0.0


def test_what_is_held_back_is_the_shape_first():
    free = strength_of(30, 40, 1.0)
    half, held = (free.held_back(amount) for amount in (0.5, 1.0))
    assert free.held_back(0.0) == free
    assert free.marks > half.marks > held.marks > 0.2 * free.marks
    assert held.wrinkles > 0.7 * free.wrinkles
    assert held.features == free.features > 0.0
    assert free.shape > half.shape > held.shape > 0.0
    assert held.shape / free.shape < held.marks / free.marks


def test_marks_and_shape_are_brought_forward_and_less_on_an_old_face():
    young, old = (strength_of(age, 40, 1.0) for age in (30, 70))
    ahead = young.held_back(-1.0)
    assert ahead == young._replace(forward=1.0, shape=ahead.shape, sag=ahead.sag)
    assert 1.3 * young.shape < ahead.shape < 2.0 * young.shape
    assert 1.3 * young.sag < ahead.sag < 2.0 * young.sag
    assert young.held_back(-0.5).forward == 0.5
    assert 0.0 < old.held_back(-1.0).forward < 0.5


def test_what_hangs_does_so_less_in_an_old_face_never_in_a_younger_one_and_is_not_held_back():
    young, old = (strength_of(age, 40, 1.0) for age in (30, 70))
    assert 0.0 < old.sag < 0.6 * young.sag
    assert young.held_back(1.0).sag == young.sag
    assert strength_of(70, -20, 1.0).sag == 0.0
    assert strength_of(20, 80, 1.5).held_back(-1.0).sag == 1.0
