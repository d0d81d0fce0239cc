"""The order of samples and their randomness depend on seed and position alone."""

from __future__ import annotations

import pickle
from collections import Counter

import numpy as np
import pytest

from ppgan_ext.data.order import SampleOrder, replacement, sample_generator
from ppgan_ext.errors import ConfigError


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("num_samples", [1, 2, 7, 100])
def test_every_epoch_contains_every_sample_once(num_samples, shuffle):
    order = SampleOrder(num_samples, 5, shuffle)
    shown = order.indices(0, 4 * num_samples).reshape(4, num_samples)
    assert shown.dtype == np.int64
    np.testing.assert_array_equal(np.sort(shown, axis=1), np.tile(np.arange(num_samples), (4, 1)))
    if not shuffle:
        np.testing.assert_array_equal(shown, np.sort(shown, axis=1))


def test_epochs_and_seeds_are_shuffled_differently():
    epochs = SampleOrder(100, 5).indices(0, 300).reshape(3, 100)
    other = SampleOrder(100, 6).indices(0, 100)
    rows = [*epochs, other, np.arange(100)]
    assert len({row.tobytes() for row in rows}) == 5


def test_any_range_is_part_of_the_same_order():
    whole = SampleOrder(13, 1).indices(0, 500)
    rng = np.random.default_rng(0)
    order = SampleOrder(13, 1)
    for first, count in zip(rng.integers(0, 400, 40), rng.integers(0, 100, 40), strict=True):
        np.testing.assert_array_equal(order.indices(int(first), int(count)), whole[first : first + count])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(order)).indices(7, 60), whole[7:67])


def test_the_order_never_changes():
    # The definition: argsort of Philox's words under SeedSequence(seed, spawn_key=(1, epoch)).
    words = np.random.Philox(np.random.SeedSequence(2026, spawn_key=(1, 3))).random_raw(6)
    expected = sorted(range(6), key=lambda i: int(words[i]))
    assert SampleOrder(6, 2026).indices(18, 6).tolist() == expected
    # A run that is resumed after an update must keep its order.
    assert SampleOrder(6, 2026).indices(0, 12).tolist() == [2, 5, 1, 4, 3, 0, 5, 0, 3, 2, 4, 1]


def test_the_shuffle_is_fair():
    first = Counter(int(SampleOrder(4, seed).indices(0, 1)[0]) for seed in range(4000))
    assert all(abs(first[i] - 1000) < 4 * np.sqrt(750) for i in range(4))


def test_at_most_two_epochs_are_kept():
    order = SampleOrder(50, 0)
    order.indices(0, 5000)
    assert len(order._epochs) <= 2


def test_impossible_orders_are_refused():
    with pytest.raises(ValueError, match="at least one sample"):
        SampleOrder(0, 0)
    with pytest.raises(ConfigError, match="seed"):
        SampleOrder(3, -1)
    with pytest.raises(ValueError, match="must not be negative, got -1 and 2"):
        SampleOrder(3, 0).indices(-1, 2)


def test_a_samples_randomness_depends_on_seed_and_position():
    draws = {(seed, p): sample_generator(seed, p).random() for seed in (0, 1) for p in range(50)}
    assert len(set(draws.values())) == 100
    assert sample_generator(1, 7).random() == draws[1, 7]
    assert abs(np.mean(list(draws.values())) - 0.5) < 4 * np.sqrt(1 / 12 / 100)


@pytest.mark.parametrize("num_samples", [1, 2, 3, 12, 97])
def test_replacements_visit_all_samples(num_samples):
    for position in range(20):
        index = position % num_samples
        tried = [replacement(3, position, attempt, index, num_samples) for attempt in range(num_samples)]
        assert tried[0] == index
        assert sorted(tried) == list(range(num_samples))


def test_replacements_of_a_bad_sample_are_spread():
    replacements = Counter(replacement(0, position, 1, 5, 31) for position in range(3000))
    assert set(replacements) == set(range(31)) - {5}
    assert max(replacements.values()) < 170  # 100 each on average
