"""Random numbers are functions of seed, purpose, iteration and shard."""

import numpy as np
import pytest

from ppgan_ext.errors import ConfigError
from ppgan_ext.training.random_streams import RandomStreams


def test_equal_arguments_yield_equal_numbers():
    first = RandomStreams(5).generator("codes", 3, 1).random(7)
    np.testing.assert_array_equal(first, RandomStreams(5).generator("codes", 3, 1).random(7))


@pytest.mark.parametrize("other", [(6, "codes", 3, 1), (5, "code", 3, 1), (5, "codes", 4, 1), (5, "codes", 3, 0)])
def test_different_arguments_yield_different_numbers(other):
    seed, *where = other
    first = RandomStreams(5).generator("codes", 3, 1).random(1000)
    second = RandomStreams(seed).generator(*where).random(1000)
    assert np.intersect1d(first, second).size == 0
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.15


def test_iterations_do_not_overlap():
    """The numbers of one iteration are not those of the next one, shifted."""
    draws = RandomStreams(0)
    long = draws.generator("noise", 1).random(10_000)
    assert np.intersect1d(long, draws.generator("noise", 2).random(10_000)).size == 0


def test_normal_numbers_are_standard_normal():
    numbers = RandomStreams(0).normal("z", 1, 0, (200, 300))
    assert numbers.dtype == np.float32 and numbers.shape == (200, 300)
    assert abs(numbers.mean()) < 0.02 and abs(numbers.std() - 1) < 0.02


def test_a_seed_out_of_range_is_rejected():
    with pytest.raises(ConfigError, match="seed"):
        RandomStreams(-1)
