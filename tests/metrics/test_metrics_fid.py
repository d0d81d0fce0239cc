"""Moments and the Frechet distance against SciPy and closed forms; the FID of sets with a known answer."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.metrics import FID, ModelOutputs, feature_collector
from ppgan_ext.metrics.fid import frechet_distance
from ppgan_ext.metrics.moments import Moments, MomentSums, moments_of
from tests.reference.toy import numbers
from tests.reference.toy_metrics import ArraySource, ToyFeatures, generator_of, random_images


def random_moments(name, width=7, rank=None):
    factor = numbers(name, (width, rank or width + 3)).astype(np.float64)
    return Moments(99, numbers(f"{name} mean", (width,)).astype(np.float64), factor @ factor.T)


def scipy_distance(a, b):
    root = scipy.linalg.sqrtm(a.covariance @ b.covariance)
    difference = a.mean - b.mean
    return difference @ difference + np.trace(a.covariance + b.covariance - 2 * root.real)


# ---- moments


def test_moments_do_not_depend_on_the_batches():
    features = numbers("features", (37, 5)).astype(np.float64) * [1, 2, 3, 4, 5] + 100
    sums = MomentSums(5)
    for first, last in ((0, 1), (1, 9), (9, 10), (10, 37)):
        sums.add(features[first:last])
    for moments in (sums.moments(), moments_of(features)):
        assert moments.count == 37
        np.testing.assert_allclose(moments.mean, features.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(moments.covariance, np.cov(features, rowvar=False), rtol=1e-9)


def test_moments_keep_their_digits_far_from_zero():
    features = numbers("features", (2000, 2)).astype(np.float64)
    near, far = moments_of(features), moments_of(features + 1e7)
    np.testing.assert_allclose(far.covariance, near.covariance, rtol=1e-6)


def test_long_sets_are_widened_block_by_block():
    features = numbers("many", (2500, 3))
    np.testing.assert_allclose(
        moments_of(features).covariance, np.cov(features.astype(np.float64), rowvar=False), rtol=1e-10
    )


def test_one_vector_has_no_covariance():
    with pytest.raises(InputError, match="at least 2 images, got 1"):
        moments_of(np.ones((1, 3)))
    with pytest.raises(InputError, match="not finite"):
        moments_of(np.array([[1.0], [np.nan]]))


# ---- distance


@pytest.mark.parametrize("seed", range(4))
def test_distance_matches_scipy(seed):
    a, b = random_moments(f"a{seed}"), random_moments(f"b{seed}")
    assert frechet_distance(a, b) == pytest.approx(scipy_distance(a, b), rel=1e-9)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-12)


def test_distance_of_gaussians_on_one_axis():
    a, b = Moments(9, np.array([1.0]), np.array([[4.0]])), Moments(9, np.array([-2.0]), np.array([[25.0]]))
    assert frechet_distance(a, b) == pytest.approx(3**2 + (2 - 5) ** 2, rel=1e-12)


def test_distance_of_singular_covariances_with_common_axes():
    turn = np.linalg.qr(numbers("turn", (5, 5)).astype(np.float64))[0]
    one, two = np.array([4.0, 1.0, 0.0, 0.0, 9.0]), np.array([1.0, 0.0, 0.0, 4.0, 25.0])
    a = Moments(9, np.zeros(5), turn @ np.diag(one) @ turn.T)
    b = Moments(9, np.zeros(5), turn @ np.diag(two) @ turn.T)
    assert frechet_distance(a, b) == pytest.approx(((np.sqrt(one) - np.sqrt(two)) ** 2).sum(), rel=1e-10)


def test_distance_of_singular_covariances_across_axes():
    """Two lines at 60 degrees: C_a C_b has the single eigenvalue (a b cos)^2, hence the root a b cos."""
    line = np.array([0.5, np.sqrt(0.75)])
    a, b = Moments(9, np.zeros(2), np.diag([9.0, 0.0])), Moments(9, np.zeros(2), 4 * np.outer(line, line))
    assert frechet_distance(a, b) == pytest.approx(9 + 4 - 2 * 3 * 2 * 0.5, rel=1e-12)


def test_low_rank_costs_no_digits():
    """Fewer images than features, as in every short trial: SciPy's root of the product is off here by far more."""
    a = random_moments("low", width=120, rank=20)
    assert frechet_distance(a, a) < 1e-9 * np.trace(a.covariance)
    b = random_moments("other", width=120, rank=30)
    exact = np.linalg.svd(
        numbers("low", (120, 20)).astype(np.float64).T @ numbers("other", (120, 30)).astype(np.float64),
        compute_uv=False,
    ).sum()
    difference = a.mean - b.mean
    expected = difference @ difference + np.trace(a.covariance) + np.trace(b.covariance) - 2 * exact
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-10)


def test_sets_of_different_features_are_refused():
    with pytest.raises(InputError, match="7 and 6 features"):
        frechet_distance(random_moments("a"), random_moments("b", width=6))


# ---- the metric


def outputs_of(real, generated):
    return ModelOutputs(ArraySource(real), generate=generator_of(generated), size=8)


def test_figure_is_the_distance_of_the_features():
    real, generated, network = random_images(40, seed=1), random_images(30, seed=2, high=180), ToyFeatures()
    figures = FID({"num": 30, "batch_size": 7}, network).compute(outputs_of(real, generated))
    sets = [network.extract(images) for images in (real, generated)]
    expected = scipy_distance(*(Moments(0, f.mean(axis=0), np.cov(f, rowvar=False)) for f in sets))
    assert figures == {"fid_toy": pytest.approx(expected, rel=1e-5)}


def test_figure_falls_as_samples_come_closer():
    real, other = random_images(200, seed=1), random_images(200, seed=2, high=120)
    distances = []
    for share in (1.0, 0.6, 0.3, 0.1, 0.0):
        mixed = np.rint(share * other + (1 - share) * real).astype(np.uint8)
        distances.append(FID(None, ToyFeatures()).compute(outputs_of(real, mixed))["fid_toy"])
    assert distances == sorted(distances, reverse=True)
    assert len(set(distances)) == 5
    assert distances[-1] < 1e-12 < 1e-3 < distances[0]


def test_batches_and_streaming_give_one_figure(monkeypatch):
    real, generated = random_images(25, seed=1), random_images(25, seed=2)
    first = FID({"batch_size": 8}, ToyFeatures()).compute(outputs_of(real, generated))["fid_toy"]
    assert FID({"batch_size": 25}, ToyFeatures()).compute(outputs_of(real, generated))["fid_toy"] == first
    monkeypatch.setattr(feature_collector, "MAX_CACHED_BYTES", 0)
    outputs = outputs_of(real, generated)
    streamed = FID({"batch_size": 8}, ToyFeatures()).compute(outputs)["fid_toy"]
    assert streamed == pytest.approx(first, rel=1e-5)
    assert not any(isinstance(value, np.ndarray) for value in outputs.cache.values())


def test_real_images_of_any_shape_are_cut_and_shrunk():
    square = random_images(20, size=16, seed=3)
    wide = [np.pad(image, ((0, 0), (6, 6), (0, 0)), constant_values=99) for image in square]
    generated = random_images(20, seed=4)
    one = FID(None, ToyFeatures()).compute(outputs_of(wide, generated))["fid_toy"]
    assert one == FID(None, ToyFeatures()).compute(outputs_of(random_images(20, seed=3), generated))["fid_toy"]


def test_as_many_are_generated_as_there_are_real_images():
    network, seen = ToyFeatures(), []
    FID(None, network).compute(
        outputs_of(random_images(11), random_images(99, seed=5)), lambda done, total: seen.append((done, total))
    )
    assert network.num_images == 22
    assert seen[-1] == (22, 22)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_few_images_are_noted_and_enough_are_not():
    few = FID(None, ToyFeatures()).compute(outputs_of(random_images(12), random_images(12, seed=5)))
    assert "fid_toy of 12 generated and 12 real images in 6 dimensions" in few.notes[0]
    enough = FID(None, ToyFeatures()).compute(outputs_of(random_images(60), random_images(60, seed=5)))
    assert enough.notes == []


def test_damaged_images_are_left_out_and_named():
    real = list(random_images(12))
    good = FID(None, ToyFeatures()).compute(outputs_of(real, random_images(12, seed=5)))
    real[3:3] = [None, None]
    damaged = FID({"num": 12}, ToyFeatures()).compute(outputs_of(real, random_images(12, seed=5)))
    assert damaged["fid_toy"] == good["fid_toy"]
    assert "2 of 14 real images left out, the first because: 0003.png: is damaged" in damaged.notes[0]
    with pytest.raises(InputError, match=r"0000\.png: is damaged"):
        FID(None, ToyFeatures()).compute(outputs_of([None, None], random_images(2)))


def test_wrong_generated_images_are_refused():
    def short(first, count):
        return np.zeros((count - 1, 3, 8, 8), np.float32)

    with pytest.raises(InputError, match=r"expected \(8, 3, 8, 8\), got \(7, 3, 8, 8\)"):
        FID(None, ToyFeatures()).compute(ModelOutputs(ArraySource(random_images(9)), short, size=8))


def test_features_that_are_not_finite_are_refused():
    network = ToyFeatures()
    network.matrix[:] = np.inf
    with np.errstate(invalid="ignore"), pytest.raises(InputError, match="features of toy are not finite"):
        FID(None, network).compute(outputs_of(random_images(9), random_images(9)))


def test_an_empty_set_is_refused():
    with pytest.raises(InputError, match="the set is empty"):
        FID(None, ToyFeatures()).compute(outputs_of([], random_images(9)))


def test_paddlegans_options_are_accepted(tmp_path):
    file = tmp_path / "InceptionV3.pdparams"
    file.write_bytes(b"x")
    options = FID({"batch_size": 4, "use_GPU": False, "dims": 2048, "premodel_path": str(file)}).options
    assert (options.batch_size, options.premodel_path) == (4, file)
    for wrong, message in (
        ({"dims": 64}, "dims: input should be 2048"),
        ({"premodel_path": str(tmp_path / "none")}, "premodel_path: no such file"),
        ({"premodel_path": str(file), "weight_path": str(file)}, "two names of one option"),
        ({"network": "faces-128-features", "weight_path": str(file)}, "takes no file; choose inception-v3"),
        ({"network": "inception"}, "network: input should be 'inception-v3' or 'faces-128-features'"),
        ({"batchsize": 3}, "batchsize: unknown key; did you mean 'batch_size'"),
    ):
        with pytest.raises(ConfigError, match=message):
            FID(wrong)
