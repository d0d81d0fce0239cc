"""Rank-1 recognition on numbers whose nearest neighbours are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.metrics import rank1
from ppgan_ext.metrics.rank1 import rank1_hits

GALLERY = np.array([[0.0, 0.0, 1.0], [4.0, 0.0, 0.0]])
PEOPLE = np.array([7, 9])


def test_the_nearest_decides():
    probes = np.array([[0.0, 0.5, 1.0], [3.0, 0.0, 0.0], [1.0, 0.0, 0.0], [3.0, 0.0, 0.0]])
    hits = rank1_hits(probes, np.array([7, 9, 9, 7]), GALLERY, PEOPLE)
    assert hits.tolist() == [True, True, False, False]


def test_cosine_leaves_lengths_out():
    probe = np.array([[1.0, 0.0, 0.0]])  # nearer to person 7 in space, of the direction of person 9
    assert not rank1_hits(probe, np.array([9]), GALLERY, PEOPLE)[0]
    assert rank1_hits(probe, np.array([9]), GALLERY, PEOPLE, "cosine")[0]


def test_ties_and_strangers_are_misses():
    same = np.ones((2, 3))
    assert not rank1_hits(same, PEOPLE, same, PEOPLE).any()
    assert not rank1_hits(GALLERY, np.array([1, 2]), GALLERY, PEOPLE).any()
    # Two pictures of one person may tie with one another.
    assert rank1_hits(np.ones((1, 3)), [7], np.array([[1.0, 1, 1], [1, 1, 1], [0, 0, 0]]), [7, 7, 9]).all()


@pytest.mark.parametrize("measure", ["euclidean", "cosine"])
def test_it_agrees_with_scipy_whatever_the_step(measure, monkeypatch):
    rng = np.random.default_rng(0)
    gallery, people = rng.normal(size=(23, 6)), rng.integers(0, 9, 23)
    probes, theirs = rng.normal(size=(101, 6)), rng.integers(0, 9, 101)
    expected = people[cdist(probes, gallery, measure).argmin(axis=1)] == theirs
    assert 0 < expected.sum() < 101
    np.testing.assert_array_equal(rank1_hits(probes, theirs, gallery, people, measure), expected)
    monkeypatch.setattr(rank1, "_MAX_BYTES", 23 * 6 * 8 * 4)
    np.testing.assert_array_equal(rank1_hits(probes, theirs, gallery, people, measure), expected)


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(ConfigError, match="cosine"):
        rank1_hits(GALLERY, PEOPLE, GALLERY, PEOPLE, "cosin")
    for probes, people in ((GALLERY, [1]), (GALLERY[:, :2], PEOPLE), (GALLERY * np.nan, PEOPLE)):
        with pytest.raises(InputError):
            rank1_hits(probes, people, GALLERY, PEOPLE)
    with pytest.raises(InputError):
        rank1_hits(GALLERY, PEOPLE, GALLERY[:0], PEOPLE[:0])
    with pytest.raises(InputError, match="length 0"):
        rank1_hits(GALLERY * 0, PEOPLE, GALLERY, PEOPLE, "cosine")
