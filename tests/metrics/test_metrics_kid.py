"""KID against the published estimator written as plain loops, its error against repeated draws."""

from __future__ import annotations

import numpy as np
import pytest

from ppgan_ext.errors import InputError
from ppgan_ext.metrics import KID, ModelOutputs, feature_collector
from ppgan_ext.metrics.kid import kernel_distance, polynomial_mmd
from tests.reference.toy import numbers
from tests.reference.toy_metrics import ArraySource, ToyFeatures, generator_of, random_images


def plain_mmd(x, y):
    """arXiv 1801.01401, section 4: the unbiased estimate, term by term."""

    def kernel(a, b):
        return (sum(p * q for p, q in zip(a, b, strict=True)) / len(a) + 1) ** 3

    m, n = len(x), len(y)
    within_x = sum(kernel(x[i], x[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    within_y = sum(kernel(y[i], y[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    between = sum(kernel(x[i], y[j]) for i in range(m) for j in range(n)) / (m * n)
    return within_x + within_y - 2 * between


def test_estimate_is_the_published_one():
    x, y = numbers("x", (9, 5)).astype(np.float64), 0.7 * numbers("y", (6, 5)).astype(np.float64) + 0.4
    assert polynomial_mmd(x, y) == pytest.approx(plain_mmd(x.tolist(), y.tolist()), rel=1e-12)
    assert polynomial_mmd(x, y) == pytest.approx(polynomial_mmd(y, x), rel=1e-12)


def test_estimate_has_no_bias():
    """For one distribution the mean over many draws is 0; with the diagonal it would be far above."""
    rng = np.random.default_rng(3)
    draws = [polynomial_mmd(rng.standard_normal((10, 4)), rng.standard_normal((10, 4))) for _ in range(3000)]
    error = np.std(draws) / np.sqrt(len(draws))
    assert abs(np.mean(draws)) < 4 * error
    assert error < 0.02


def test_subsets_are_disjoint_and_averaged():
    x, y = numbers("x", (7, 3)).astype(np.float64), numbers("y", (6, 3)).astype(np.float64) + 1
    estimate = kernel_distance(x, y, num_subsets=2, subset_size=1000, seed=5)
    assert (estimate.subset_size, estimate.num_subsets) == (3, 2)
    rng = np.random.default_rng(5)
    rows_x, rows_y = rng.permutation(7), rng.permutation(6)
    values = [plain_mmd(x[rows_x[s]].tolist(), y[rows_y[s]].tolist()) for s in (slice(0, 3), slice(3, 6))]
    assert estimate.value == pytest.approx(np.mean(values), rel=1e-10)
    assert estimate.error == pytest.approx(np.std(values, ddof=1) / np.sqrt(2), rel=1e-10)


def test_standard_error_is_that_of_repeated_measurement():
    rng = np.random.default_rng(4)
    estimates = [
        kernel_distance(rng.standard_normal((200, 3)), rng.standard_normal((200, 3)) + 0.3, 10, 20) for _ in range(200)
    ]
    scatter = np.std([one.value for one in estimates])
    claimed = np.sqrt(np.mean([one.error**2 for one in estimates]))
    assert 0.8 < claimed / scatter < 1.3


def test_more_rounds_are_taken_until_there_are_enough_subsets():
    x, y = numbers("x", (40, 3)), numbers("y", (50, 3))
    assert kernel_distance(x, y, 100, 10).num_subsets == 100
    assert kernel_distance(x, y, 101, 10).num_subsets == 104
    assert kernel_distance(x, y, 100, 10) == kernel_distance(x, y, 100, 10)
    assert kernel_distance(x, y, 100, 10).value != kernel_distance(x, y, 100, 10, seed=1).value


def test_too_few_images_are_refused():
    with pytest.raises(InputError, match="at least 4 images on either side"):
        kernel_distance(np.ones((3, 2)), np.ones((9, 2)))


def test_figures_of_a_generator():
    real, generated, network = random_images(60, seed=1), random_images(60, seed=2, high=160), ToyFeatures()

    def outputs(images):
        return ModelOutputs(ArraySource(real), generate=generator_of(images), size=8)

    figures = KID({"subset_size": 20}, network).compute(outputs(generated))
    assert set(figures) == {"kid_toy", "kid_error_toy"}
    whole = polynomial_mmd(network.extract(real), network.extract(generated))
    assert figures["kid_toy"] == pytest.approx(whole, abs=3 * figures["kid_error_toy"])
    assert figures["kid_toy"] > 4 * figures["kid_error_toy"]
    assert figures.notes == []
    same = KID(None, network).compute(outputs(random_images(60, seed=3)))
    assert abs(same["kid_toy"]) < 0.1 * figures["kid_toy"]
    assert "subsets of 30 images instead of 1000" in same.notes[0]


def test_features_too_large_to_keep_are_computed_again(monkeypatch):
    real, generated, network = random_images(20, seed=1), random_images(20, seed=2), ToyFeatures()
    outputs = ModelOutputs(ArraySource(real), generate=generator_of(generated), size=8)
    kept = KID(None, network).compute(outputs)
    assert KID(None, network).compute(outputs) == kept
    assert network.num_images == 40
    monkeypatch.setattr(feature_collector, "MAX_CACHED_BYTES", 0)
    outputs.cache.clear()
    assert KID(None, network).compute(outputs) == kept
    assert KID(None, network).compute(outputs) == kept
    assert network.num_images == 120
