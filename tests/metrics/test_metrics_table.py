"""The table of metrics, and checks that every metric must pass."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import paddle
import PIL.Image
import pytest

from ppgan_ext.data.datasets import FacesDataset
from ppgan_ext.errors import ConfigError
from ppgan_ext.losses.perceptual import bundled_distance
from ppgan_ext.metrics import METRICS, PPL, Figures, LPIPSMetric, ModelOutputs, build_metric, compute_all
from ppgan_ext.metrics.base import MetricOptions
from ppgan_ext.metrics.feature_metric import FeatureMetric
from ppgan_ext.metrics.features import discriminator_features
from ppgan_ext.metrics.model_outputs import spread
from ppgan_ext.networks import LightEncoder, StyleGANv2Discriminator, StyleGANv2Generator
from tests.reference.toy import fill
from tests.reference.toy_metrics import random_images


def test_paddlegans_names_are_there():
    assert set(METRICS) > {"FID", "LPIPSMetric", "PSNR", "SSIM"}


@pytest.mark.parametrize("name", list(METRICS))
def test_every_metric_has_checked_options(name):
    metric = build_metric({"name": name, "batch_size": 3})
    assert type(metric) is METRICS[name]
    assert issubclass(metric.Options, MetricOptions)
    assert metric.options.batch_size == 3
    assert METRICS[name](metric.options).options == metric.options
    assert METRICS[name]().options == metric.Options()
    with pytest.raises(ConfigError, match="batch_siz: unknown key; did you mean 'batch_size'"):
        build_metric({"name": name, "batch_siz": 3})
    with pytest.raises(ConfigError, match="batch_size: input should be greater than or equal to 1, got 0"):
        build_metric({"name": name, "batch_size": 0})


@pytest.mark.parametrize("name", list(METRICS))
def test_incomplete_outputs_are_refused_before_any_weights_are_loaded(name):
    missing = "a StyleGAN2 generator" if name == "PPL" else "a model that reconstructs photos"
    if issubclass(METRICS[name], FeatureMetric) or name == "ClassCoverage":
        missing = "a model that generates images"
    with pytest.raises(ConfigError, match=rf"metrics: {name} needs {missing}\. Leave the metric out for this model"):
        METRICS[name]().check(ModelOutputs(size=8))
    with pytest.raises(ConfigError, match=rf"metrics: {name} needs {missing}"):
        METRICS[name]().compute(ModelOutputs(size=8))


def test_unknown_metrics_are_refused():
    with pytest.raises(ConfigError, match=r"there is no metric 'FDI'\..* Choose from: ClassCoverage, FID,"):
        build_metric({"name": "FDI"})
    with pytest.raises(ConfigError, match="there is no metric 'None'"):
        build_metric({})


def test_importing_the_metrics_costs_no_paddle():
    code = "import sys, ppgan_ext.metrics; sys.exit('paddle' in sys.modules or 'dlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_figures_are_a_dict_with_notes():
    figures = Figures({"a": 1.0}, ["few"])
    figures.merge(Figures({"b": 2.0}, ["few", "fewer"]))
    figures.merge({"c": 3.0})
    assert figures == {"a": 1.0, "b": 2.0, "c": 3.0}
    assert figures.notes == ["few", "fewer"]


def test_indices_are_spread_evenly():
    assert spread(10, None) == spread(10, 99) == list(range(10))
    assert spread(10, 4) == [0, 2, 5, 7]
    assert spread(7, 1) == [0]
    assert len(set(spread(1001, 1000))) == 1000


# ---- all of them, with real networks at toy size

OWN = "faces-128-features"


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """A generator, an encoder, photos in a folder, and the discriminator that the figures rest on."""
    monkeypatch.setenv("PPGAN_EXT_HOME", str(tmp_path / "home"))
    paddle.seed(4)
    generator = StyleGANv2Generator(16, n_mlp=2, channel_base=64)
    encoder = LightEncoder(16, channel_base=64, channel_cap=16)
    discriminator = StyleGANv2Discriminator(16, channel_base=64, channel_cap=8)
    fill(discriminator)
    folder = tmp_path / "photos"
    folder.mkdir()
    for index, image in enumerate(random_images(9, size=24, seed=6)):
        PIL.Image.fromarray(image).save(folder / f"{index}.png")

    def generate(first, count):
        codes = [np.random.default_rng([5, first + i]).standard_normal(512, np.float32) for i in range(count)]
        with paddle.no_grad():
            return generator.render(generator.mapping(paddle.to_tensor(np.stack(codes))))

    def reconstruct(pixels):
        with paddle.no_grad():
            return generator.render(encoder(paddle.to_tensor(pixels)))

    return ModelOutputs(FacesDataset(folder, 16, flip=False), generate, reconstruct, generator), discriminator


def make(name, discriminator, batch_size):
    options = {"batch_size": batch_size, "num": 8}
    if issubclass(METRICS[name], FeatureMetric):
        return METRICS[name](options, discriminator_features(discriminator))
    if METRICS[name] in (PPL, LPIPSMetric):
        return METRICS[name](options, bundled_distance(discriminator))
    return METRICS[name](options)


@pytest.mark.slow
def test_all_metrics_measure_real_networks(trained):
    outputs, discriminator = trained
    names = [name for name in METRICS if name != "ClassCoverage"]  # faces have no classes; see its own tests
    figures = compute_all([make(name, discriminator, 3) for name in names], outputs)
    assert set(figures) == {
        f"fid_{OWN}", f"kid_{OWN}", f"kid_error_{OWN}", f"precision_{OWN}", f"recall_{OWN}", f"ppl_w_end_{OWN}",
        f"ppl_error_w_end_{OWN}", f"perceptual_{OWN}", "psnr", "ssim", "identity_lost_dlib-resnet", "pose_lost_dlib-68",
    }  # fmt: skip
    assert all(np.isfinite(value) for value in figures.values())
    assert "no face was found in 8 of 8 real images; they do not count" in figures.notes
    outputs.cache.clear()
    again = compute_all([make(name, discriminator, 5) for name in names], outputs)
    for name, value in figures.items():
        assert again[name] == pytest.approx(value, rel=1e-2 if "ppl" in name else 1e-4, abs=1e-6), name
