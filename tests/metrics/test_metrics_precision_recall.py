"""Improved precision and recall on point sets with an obvious answer."""

from __future__ import annotations

import numpy as np
import pytest

from ppgan_ext.errors import InputError
from ppgan_ext.metrics import ModelOutputs, PrecisionRecall, precision_recall
from ppgan_ext.metrics.precision_recall import precision_recall as measure
from tests.reference.toy import numbers
from tests.reference.toy_metrics import ArraySource, ToyFeatures, generator_of, random_images

LINE = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [3.0, 0.0], [4.0, 0.0]])


def plain(real, generated, k):
    def inside(points, centres):
        radii = [sorted(np.linalg.norm(c - o) for j, o in enumerate(centres) if j != i)[k - 1]
                 for i, c in enumerate(centres)]  # fmt: skip
        hits = [any(np.linalg.norm(p - c) <= r for c, r in zip(centres, radii, strict=True)) for p in points]
        return np.mean(hits)

    return inside(generated, real), inside(real, generated)


def test_disjoint_and_equal_sets():
    assert measure(LINE, np.add(LINE, [0, 100])) == (0.0, 0.0)
    assert measure(LINE, LINE) == (1.0, 1.0)


def test_one_mode_of_two_is_precise_and_recalls_half():
    generated = numbers("points", (40, 2))
    real = np.concatenate([generated, np.add(generated, [1000, 0])])
    assert measure(real, generated) == (1.0, 0.5)
    assert measure(generated, real) == (0.5, 1.0)


def test_radius_is_the_kth_neighbour_without_the_point_itself():
    """About LINE's points the radii are 1 for k = 1, and 2, 1, 1, 1, 2 for k = 2; a ball holds its surface."""
    beside = np.array([[-1.0, 0.0], [-2.0, 0.0], [-2.01, 0.0], [4.0, 2.0], [2.0, 1.1], [2.0, 1.0]])
    assert measure(LINE, beside, k=1)[0] == pytest.approx(2 / 6)
    assert measure(LINE, beside, k=2)[0] == pytest.approx(4 / 6)


@pytest.mark.parametrize("k", [1, 3])
def test_blocks_of_rows_match_plain_loops(monkeypatch, k):
    monkeypatch.setattr(precision_recall, "_ROWS", 4)
    real, generated = numbers("real", (23, 3)), numbers("generated", (18, 3)) * [0.4, 1.5, 1.0] + 500
    assert measure(real + 500, generated, k) == pytest.approx(plain(real + 500, generated, k))


def test_too_few_points_are_refused():
    with pytest.raises(InputError, match="more than 3 generated images are needed, got 3"):
        measure(LINE, LINE[:3])


def test_figures_of_a_generator():
    real, network = random_images(30, seed=1), ToyFeatures()
    outputs = ModelOutputs(ArraySource(real), generate=generator_of(np.concatenate([real[:15]] * 2)), size=8)
    figures = PrecisionRecall({"k": 1}, network).compute(outputs)
    expected = plain(network.extract(real), network.extract(np.concatenate([real[:15]] * 2)), 1)
    assert figures == {"precision_toy": expected[0], "recall_toy": pytest.approx(expected[1])}
    assert figures["precision_toy"] == 1.0 > figures["recall_toy"]
    assert figures.notes == []


def test_unequal_numbers_are_noted_and_real_images_are_spread():
    network = ToyFeatures()
    outputs = ModelOutputs(ArraySource(random_images(30)), generate=generator_of(random_images(50, seed=2)), size=8)
    figures = PrecisionRecall({"num": 40}, network).compute(outputs)
    assert "40 generated and 30 real images" in figures.notes[0]
    network.num_images = 0
    assert PrecisionRecall({"num": 20}, network).compute(outputs).notes == []
    assert network.num_images == 40
