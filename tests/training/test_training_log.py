"""The journal: means between lines, JSON that any reader takes, a bar on a terminal, VisualDL where it is there."""

import json
import sys
import types

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.errors import ConfigError
from ppgan_ext.training import log
from ppgan_ext.training.log import Log


def lines_of(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_a_line_holds_the_means_since_the_last(tmp_path, capsys):
    book = Log(tmp_path, total=5, interval=2, images_per_iteration=3)
    book.start()
    for iteration, loss in enumerate([1.0, 3.0, 5.0, 7.0, 9.0], 1):
        book.record(iteration, {"loss": loss} | ({"rare": loss} if iteration == 3 else {}), {"optimG": 0.5})
    book.close()
    lines = lines_of(tmp_path)
    assert [line["iteration"] for line in lines] == [2, 4, 5]
    assert [line["losses"] for line in lines] == [{"loss": 2.0}, {"loss": 6.0, "rare": 5.0}, {"loss": 9.0}]
    assert all(line["images_per_second"] > 0 and line["memory_mb"] > 20 for line in lines)
    assert lines[-1]["seconds_left"] == 0
    said = capsys.readouterr().out.splitlines()
    assert said[1].startswith("iter 4/5  loss 6  rare 5  lr 0.5  ")
    assert "images/s" in said[1]
    assert [line.split(" ", 2)[2] for line in (tmp_path / "log.txt").read_text().splitlines()] == said


def test_speed_and_time_left(tmp_path, monkeypatch):
    now = iter([0.0, 100.0, 110.0, 130.0])
    monkeypatch.setattr(log.time, "monotonic", lambda: next(now))
    book = Log(tmp_path, total=50, done=30, interval=5, images_per_iteration=4)
    book.start()
    for iteration in range(31, 41):
        book.record(iteration, {}, {})
    book.close()
    first, second = lines_of(tmp_path)
    assert (first["images_per_second"], first["seconds_left"]) == (2.0, 30)
    assert (second["images_per_second"], second["seconds_left"]) == (1.0, 30)


def test_infinite_figures_are_text_in_json(tmp_path):
    book = Log(tmp_path, total=1)
    book.figures(1, {"psnr": float("inf"), "fid": 2.5})
    book.close()
    assert lines_of(tmp_path) == [{"iteration": 1, "metrics": {"psnr": "inf", "fid": 2.5}}]
    assert "psnr inf  fid 2.5000" in (tmp_path / "log.txt").read_text()


def test_a_silent_journal_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    book = Log(None, total=1, interval=1)
    book.start()
    book.note("a")
    book.record(1, {"loss": 1.0}, {})
    book.figures(1, {"fid": 1.0})
    book.pictures(1, {"a": np.zeros((2, 3, 3), np.uint8)}, "visual_train")
    book.note_error("b")
    book.close()
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr() == ("", "")


def test_pictures_are_files_with_the_iteration_in_their_name(tmp_path):
    book = Log(tmp_path, total=1)
    image = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    book.pictures(12, {"samples": image}, "visual_test")
    book.close()
    assert (np.asarray(PIL.Image.open(tmp_path / "visual_test" / "iter_00000012_samples.png")) == image).all()


def test_a_bar_shows_on_a_terminal_only(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    book = Log(tmp_path, total=4, done=1, interval=1)
    book.start()
    book.record(2, {"loss": 1.0}, {})
    book.close()
    out, err = capsys.readouterr()
    assert "iter 2/4" in out
    assert "iter" in err
    assert "1/4" in err


def test_visualdl_is_told_when_it_is_there_and_missed_when_not(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "visualdl", None)
    with pytest.raises(
        ConfigError, match=r"enable_visualdl: VisualDL is not installed\. Install it \(pip install visua"
    ):
        Log(tmp_path, total=1, visualdl=True)
    told = []

    class LogWriter:
        def __init__(self, logdir):
            told.append(logdir)

        def add_scalar(self, name, value, step):
            told.append((name, value, step))

        def add_image(self, name, image, step):
            told.append((name, image.shape, step))

        def close(self):
            told.append("closed")

    monkeypatch.setitem(sys.modules, "visualdl", types.SimpleNamespace(LogWriter=LogWriter))
    book = Log(tmp_path, total=1, interval=1, visualdl=True)
    book.record(1, {"loss": 2.0}, {})
    book.figures(1, {"fid": 3.0})
    book.pictures(1, {"samples": np.zeros((2, 3, 3), np.uint8)}, "visual_train")
    book.close()
    assert told[0] == str(tmp_path)
    assert ("train/loss", 2.0, 1) in told
    assert ("metrics/fid", 3.0, 1) in told
    assert ("visual_train/samples", (2, 3, 3), 1) in told
    assert told[-1] == "closed"
