"""Path lengths of generators whose answer is known in closed form, and of a real one at toy size."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from ppgan_ext.errors import ConfigError
from ppgan_ext.losses.perceptual import bundled_distance
from ppgan_ext.metrics import PPL, ModelOutputs
from ppgan_ext.metrics.ppl import PPLOptions, path_lengths, slerp, trimmed
from ppgan_ext.networks import StyleGANv2Discriminator, StyleGANv2Generator
from tests.reference.toy import fill, numbers
from tests.reference.toy_metrics import SquareDistance, ToyGenerator

NUM = 4000


def lengths(generator, **settings):
    return path_lengths(generator, SquareDistance(), PPLOptions(batch_size=1000, **settings))


def mean_within(values, expected):
    assert abs(values.mean() - expected) < 4 * values.std() / np.sqrt(len(values)) + 2e-3 * expected


@pytest.mark.parametrize("sampling", ["end", "full"])
def test_linear_generator_in_w(sampling):
    """g(w) = A w has d / eps^2 = |A (w1 - w0)|^2 / P wherever it is looked at; its mean is 2 tr(A^T A) / P."""
    matrix = numbers("A", (12, 12))
    generator = ToyGenerator(12, lambda w: w @ paddle.to_tensor(matrix))
    mean_within(lengths(generator, num=NUM, sampling=sampling), 2 * (matrix.astype(np.float64) ** 2).sum() / 12)


@pytest.mark.parametrize(("sampling", "expected"), [("end", 16.0), ("full", 8.0)])
def test_where_the_path_is_looked_at(sampling, expected):
    """g(w) = w^2: d / eps^2 is the mean of (2 w_t (w1 - w0))^2; 16 at t = 0 and 8 averaged over t, for normal w."""
    mean_within(lengths(ToyGenerator(12, lambda w: w * w), num=NUM, sampling=sampling), expected)


def test_linear_generator_in_z():
    """On the unit sphere the speed is the angle between the ends: d / eps^2 = gain^2 angle^2 / P."""
    found = lengths(ToyGenerator(12, lambda w: w, gain=3.0), num=NUM, space="z", sampling="full")
    angle = np.linspace(0, np.pi, 20001)
    density = np.sin(angle) ** (12 - 2)
    mean_within(found, 9 * (angle**2 * density).sum() / density.sum() / 12)


def test_slerp_runs_at_even_speed_on_the_sphere():
    a, b = np.array([[2.0, 0.0, 0.0]]), np.array([[0.0, 0.0, 5.0]])
    for t in (0.0, 0.25, 1.0):
        angle = t * np.pi / 2
        expected = [[np.cos(angle), 0, np.sin(angle)]]
        np.testing.assert_allclose(slerp(a, b, np.array([[t]])), expected, atol=1e-12)
    np.testing.assert_allclose(slerp(a, a, np.array([[0.3]])), [[1, 0, 0]], atol=1e-12)


def test_paths_depend_on_their_number_and_the_seed_alone():
    generator = ToyGenerator(12, lambda w: w * w)
    ten = path_lengths(generator, SquareDistance(), PPLOptions(num=10, batch_size=10))
    three = path_lengths(generator, SquareDistance(), PPLOptions(num=7, batch_size=3))
    np.testing.assert_allclose(three, ten[:7], rtol=1e-5)
    other = path_lengths(generator, SquareDistance(), PPLOptions(num=10, batch_size=10, seed=1))
    assert np.abs(other / ten - 1).min() > 1e-3


def test_the_longest_and_shortest_are_left_out():
    values = np.random.default_rng(0).permutation(1000).astype(float)
    assert sorted(trimmed(values)) == list(range(9, 991))
    assert sorted(trimmed(values[:5])) == sorted(values[:5])


def test_figures_name_space_sampling_and_network():
    generator, seen = ToyGenerator(12, lambda w: w), []
    metric = PPL({"num": 300, "space": "z", "sampling": "full", "batch_size": 128}, SquareDistance())
    figures = metric.compute(ModelOutputs(generator=generator), lambda done, total: seen.append((done, total)))
    kept = trimmed(lengths(generator, num=300, space="z", sampling="full"))
    assert figures == {
        "ppl_z_full_square": pytest.approx(kept.mean(), rel=1e-4),
        "ppl_error_z_full_square": pytest.approx(kept.std(ddof=1) / np.sqrt(len(kept)), rel=1e-4),
    }
    assert seen == [(128, 300), (256, 300), (300, 300)]


def test_crop_and_shrinking():
    shapes = []

    class Spy(SquareDistance):
        def prepare(self, target):
            shapes.append(tuple(target.shape))
            return super().prepare(target)

    generator = ToyGenerator(12, lambda w: w[:, :1].tile([1, 3 * 512 * 512]), size=512)
    assert list(PPL({"num": 2, "crop": True}, Spy()).compute(ModelOutputs(generator=generator))) == [
        "ppl_w_end_crop_square",
        "ppl_error_w_end_crop_square",
    ]
    PPL({"num": 2}, Spy()).compute(ModelOutputs(generator=generator))
    assert shapes == [(2, 3, 256, 256), (2, 3, 256, 256)]


def test_crop_is_the_middle_of_the_face():
    seen = []

    class Spy(SquareDistance):
        def prepare(self, target):
            seen.append(target.numpy())
            return super().prepare(target)

    places = paddle.arange(3 * 16 * 16).astype("float32")
    generator = ToyGenerator(12, lambda w: places.tile([w.shape[0], 1]), size=16)
    PPL({"num": 2, "crop": True}, Spy()).compute(ModelOutputs(generator=generator))
    assert np.array_equal(seen[0][0], places.numpy().reshape(3, 16, 16)[:, 6:14, 4:12])


def test_real_networks_at_toy_size():
    paddle.seed(3)
    generator = StyleGANv2Generator(16, n_mlp=2, channel_base=64)
    discriminator = StyleGANv2Discriminator(16, channel_base=64, channel_cap=8)
    fill(discriminator)
    figures = PPL({"num": 6, "batch_size": 4}, bundled_distance(discriminator)).compute(
        ModelOutputs(generator=generator)
    )
    assert list(figures) == ["ppl_w_end_faces-128-features", "ppl_error_w_end_faces-128-features"]
    assert all(np.isfinite(value) and value > 0 for value in figures.values())


def test_a_model_without_generator_is_refused():
    with pytest.raises(ConfigError, match=r"PPL needs a StyleGAN2 generator\. Leave the metric out"):
        PPL(None, SquareDistance()).compute(ModelOutputs())
