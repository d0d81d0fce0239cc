"""Curves of a log: reading, selecting and plotting them."""

import builtins
import json

import numpy as np
import pytest

from ppgan_ext import images
from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.training import plots


@pytest.fixture
def folder(tmp_path):
    lines = [
        {"iteration": 20, "losses": {"loss_gen": 2.5, "loss_r1": None}, "learning_rate": {"optimG": 0.002}},
        {"iteration": 40, "losses": {"loss_gen": 1.5}, "learning_rate": {"optimG": 0.001}, "memory_mb": 7},
        {"iteration": 40, "metrics": {"fid_x": 12.0}},
    ]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"iteration": 6')
    return tmp_path


def test_curves_are_read_with_their_iterations(folder):
    assert plots.read_log(folder) == plots.read_log(folder / "log.jsonl")
    assert plots.read_log(folder) == {
        "loss_gen": ([20, 40], [2.5, 1.5]),
        "learning_rate.optimG": ([20, 40], [0.002, 0.001]),
        "fid_x": ([40], [12.0]),
    }


def test_patterns_select_curves(folder):
    curves = plots.read_log(folder)
    assert list(plots.choose(curves, ["fid_*", "loss_gen"])) == ["loss_gen", "fid_x"]
    assert plots.choose(curves, []) == curves
    with pytest.raises(ConfigError, match=r"no curve matches 'los_gen'.*'loss_gen'"):
        plots.choose(curves, ["los_gen"])


@pytest.mark.slow
def test_the_plot_is_written_beside_the_log(folder, capsys):
    assert plots.main([str(folder)]) == 0
    assert str(folder / "curves.png") in capsys.readouterr().out
    drawn = images.read_image(folder / "curves.png")
    assert drawn.shape[1] > 1500  # three panels side by side
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > 20
    assert not list(folder.glob(".part-*"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{folder}/none"], "cannot be read as a training log. Name the folder of a run"),
        (["{folder}", "--output", "{folder}/x.txt"], "'.txt' is not a supported file type"),
        (["{folder}", "--keys", "fidx"], "Did you mean 'fid_x'"),
    ],
)
def test_an_error_is_one_line(folder, capsys, words, message):
    assert plots.main([word.format(folder=folder) for word in words]) == 1
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_a_damaged_line_is_named(folder):
    path = folder / "log.jsonl"
    path.write_text("nonsense\n" + path.read_text())
    with pytest.raises(InputError, match=r"log.jsonl:1: is not a line of a training log"):
        plots.read_log(folder)


def test_a_missing_matplotlib_is_reported_with_the_cure(folder, monkeypatch):
    whole = builtins.__import__

    def without(name, *rest):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return whole(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"pip install -e '\.\[plot\]'"):
        plots.plot(plots.read_log(folder), folder / "x.png")
