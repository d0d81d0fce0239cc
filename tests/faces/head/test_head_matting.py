"""Mattes: mixed colours are shared out, and what colours do not tell stays as it was given."""

from __future__ import annotations

import numpy as np
import pytest

from ppgan_ext.faces.head.matting import closed_form_matte, share_by_colour

_HAIR, _WALL = np.array((0.25, 0.15, 0.08)), np.array((0.7, 0.75, 0.8))


@pytest.fixture
def mixed():
    """Draw strands that thin out before a wall with a slow gradient; returns the picture and the true shares."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:60, :80]
    strands = np.repeat(rng.uniform(0.0, 1.0, 60)[:, None], 80, axis=1)
    share = np.where(columns < 25, 1.0, np.where(columns > 55, 0.0, strands * (56 - columns) / 32))
    wall = _WALL + 0.1 * (rows / 60)[..., None]
    return _HAIR * share[..., None] + wall * (1 - share[..., None]), share


def test_strands_before_a_wall_are_shared_out_by_their_colour(mixed):
    picture, share = mixed
    free = np.zeros(share.shape, bool)
    free[:, 20:60] = True
    given = np.where(free, 0.5, share)
    solved = closed_form_matte(picture, given, np.full(share.shape, 1e-3), free)
    assert np.abs(solved - share).mean() < 0.02 and np.abs(solved - share).max() < 0.2
    np.testing.assert_array_equal(solved[~free], np.float32(given)[~free])


def test_what_colours_do_not_tell_is_what_was_given():
    picture, free = np.full((40, 40, 3), 0.3), np.zeros((40, 40), bool)
    free[8:32, 8:32] = True
    given = np.where(free, 0.4, 0.0)
    strong, weak = (closed_form_matte(picture, given, np.full(free.shape, trust), free) for trust in (10.0, 1e-6))
    assert strong[20, 20] == pytest.approx(0.4, abs=0.02)
    assert weak[20, 20] < 0.02  # it continues what is known around


def test_nothing_is_solved_where_all_is_known(mixed):
    picture, share = mixed
    known = np.zeros(share.shape, bool)
    np.testing.assert_array_equal(closed_form_matte(picture, share, np.ones(share.shape), known), np.float32(share))


def test_a_matte_is_carried_over_by_colour(mixed):
    """The strands of a larger copy, which a matte of half its size can not have."""
    picture, share = mixed
    slopes = share_by_colour(picture, share)
    found = (picture * slopes[..., :3]).sum(axis=2) + slopes[..., 3]
    assert np.abs(found - share)[1:-1, 1:-1].max() < 0.1
    darker = 0.5 * (picture + _HAIR)
    more = (darker * slopes[..., :3]).sum(axis=2) + slopes[..., 3]
    assert more[30, 40] > found[30, 40] + 0.1
