import numpy as np
import pytest

from ppgan_ext.faces.ageing.creases import CreaseField, draw_creases


def field(angle, depth=0.08, shape=(180, 200)):
    twice = 2 * np.deg2rad(angle)
    double = np.broadcast_to(np.float32([np.cos(twice), np.sin(twice)]), (*shape, 2))
    return CreaseField(np.ascontiguousarray(double), np.full(shape, depth, np.float32))


def everywhere(shape=(180, 200)):
    return np.ones(shape, np.float32)


def test_the_same_seed_draws_the_same_wrinkles_and_another_seed_others():
    first, again, other = (draw_creases(field(0), everywhere(), 140.0, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert np.corrcoef(first.ravel(), other.ravel())[0, 1] < 0.3


@pytest.mark.parametrize(("angle", "along", "across"), [(0, 1, 0), (90, 0, 1)])
def test_convention_wrinkles_run_along_the_angle(angle, along, across):
    drawn = draw_creases(field(angle), everywhere(), 140.0, 0)[30:-30, 30:-30]
    slope = [np.abs(np.diff(drawn, axis=axis)).mean() for axis in (0, 1)]
    # Light changes slowly along a wrinkle: axis 1 is x.
    assert slope[along] < 0.6 * slope[across]


def test_nothing_is_drawn_where_there_is_no_skin_or_no_depth():
    weight = everywhere()
    weight[:, :100] = 0.0
    drawn = draw_creases(field(0), weight, 140.0, 0)
    assert np.abs(drawn[:, :70]).max() < 1e-3 < np.abs(drawn[:, 110:]).max()
    assert not draw_creases(field(0, depth=0.0), everywhere(), 140.0, 0).any()


def test_wrinkles_are_valleys_and_deeper_where_the_field_is():
    shallow, deep = (draw_creases(field(0, depth), everywhere(), 140.0, 0) for depth in (0.04, 0.12))
    assert -deep.min() > 1.5 * deep.max()
    assert deep.std() == pytest.approx(3 * shallow.std(), rel=0.15)
    assert abs(deep.mean()) < 0.25 * deep.std()
