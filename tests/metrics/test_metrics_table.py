"""The table of metrics, and what holds for every one of them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ppgan_ext.errors import ConfigError
from ppgan_ext.metrics import METRICS, Figures, Subject, build_metric
from ppgan_ext.metrics.base import MetricOptions
from ppgan_ext.metrics.subject import spread


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
def test_a_subject_that_lacks_something_is_refused_before_any_weights_are_loaded(name):
    with pytest.raises(ConfigError, match=r"metrics: \w+ needs .*, and there is none"):
        METRICS[name]().compute(Subject(size=8))


def test_unknown_metrics_are_refused():
    with pytest.raises(ConfigError, match=r"there is no metric 'FDI'\. Choose from: FID,"):
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
