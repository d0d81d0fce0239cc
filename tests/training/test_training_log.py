"""The log of a run: means between lines, valid JSON, a progress bar on a terminal, VisualDL if it is installed."""

import json
import struct
import sys
import types

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.errors import ConfigError
from ppgan_ext.training import log
from ppgan_ext.training.boards import TensorBoard, VisualDL
from ppgan_ext.training.log import Log


def lines_of(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_a_line_contains_the_means_since_the_previous_line(tmp_path, capsys):
    run_log = Log(tmp_path, total=5, interval=2, images_per_iteration=3)
    run_log.start()
    for iteration, loss in enumerate([1.0, 3.0, 5.0, 7.0, 9.0], 1):
        run_log.record(iteration, {"loss": loss} | ({"rare": loss} if iteration == 3 else {}), {"optimG": 0.5})
    run_log.close()
    lines = lines_of(tmp_path)
    assert [line["iteration"] for line in lines] == [2, 4, 5]
    assert [line["losses"] for line in lines] == [{"loss": 2.0}, {"loss": 6.0, "rare": 5.0}, {"loss": 9.0}]
    assert all(line["images_per_second"] > 0 and line["memory_mb"] > 20 for line in lines)
    assert lines[-1]["seconds_left"] == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[1].startswith("iter 4/5  loss 6  rare 5  lr 0.5  ")
    assert "images/s" in printed[1]
    assert [line.split(" ", 2)[2] for line in (tmp_path / "log.txt").read_text().splitlines()] == printed


def test_a_line_contains_speed_and_time_left(tmp_path, monkeypatch):
    now = iter([0.0, 100.0, 110.0, 130.0])
    monkeypatch.setattr(log.time, "monotonic", lambda: next(now))
    run_log = Log(tmp_path, total=50, done=30, interval=5, images_per_iteration=4)
    run_log.start()
    for iteration in range(31, 41):
        run_log.record(iteration, {}, {})
    run_log.close()
    first, second = lines_of(tmp_path)
    assert (first["images_per_second"], first["seconds_left"]) == (2.0, 30)
    assert (second["images_per_second"], second["seconds_left"]) == (1.0, 30)


def test_a_line_contains_the_time_spent_waiting_for_images(tmp_path, monkeypatch, capsys):
    now = iter([0.0, 0.0, 10.0, 14.0])
    monkeypatch.setattr(log.time, "monotonic", lambda: next(now))
    run_log = Log(tmp_path, total=20, interval=10)
    run_log.start()
    for iteration in range(1, 21):
        run_log.record(iteration, {}, {}, waited=0.3 if iteration <= 10 else 0.1)
    run_log.close()
    assert [line["data_seconds"] for line in lines_of(tmp_path)] == [0.3, 0.1]
    assert [line.split("images/s  ")[1][:8] for line in capsys.readouterr().out.splitlines()] == [
        "data 30%",
        "data 25%",
    ]


def test_infinite_figures_are_written_as_text(tmp_path):
    run_log = Log(tmp_path, total=1)
    run_log.write_figures(1, {"psnr": float("inf"), "fid": 2.5})
    run_log.close()
    assert lines_of(tmp_path) == [{"iteration": 1, "metrics": {"psnr": "inf", "fid": 2.5}}]
    assert "psnr inf  fid 2.5000" in (tmp_path / "log.txt").read_text()


def test_a_log_without_a_folder_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run_log = Log(None, total=1, interval=1)
    run_log.start()
    run_log.note("a")
    run_log.record(1, {"loss": 1.0}, {})
    run_log.write_figures(1, {"fid": 1.0})
    run_log.write_pictures(1, {"a": np.zeros((2, 3, 3), np.uint8)}, "visual_train")
    run_log.note_error("b")
    run_log.close()
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr() == ("", "")


def test_file_names_of_pictures_contain_the_iteration(tmp_path):
    run_log = Log(tmp_path, total=1)
    image = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    run_log.write_pictures(12, {"samples": image}, "visual_test")
    run_log.close()
    assert (np.asarray(PIL.Image.open(tmp_path / "visual_test" / "iter_00000012_samples.png")) == image).all()


def test_a_terminal_has_a_progress_bar(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    run_log = Log(tmp_path, total=4, done=1, interval=1)
    run_log.start()
    run_log.record(2, {"loss": 1.0}, {})
    run_log.close()
    out, err = capsys.readouterr()
    assert "iter 2/4" in out
    assert "iter" in err
    assert "1/4" in err


@pytest.mark.parametrize(("board", "cure"), [(VisualDL, "pip install visualdl"), (TensorBoard, "pip install tensorb")])
def test_what_a_board_needs_must_be_installed(tmp_path, monkeypatch, board, cure):
    monkeypatch.setitem(sys.modules, board.package, None)
    with pytest.raises(ConfigError, match=f"{board.key}: {board.title} is not installed") as caught:
        Log(tmp_path, total=1, boards=[board])
    assert cure in str(caught.value)


def test_visualdl_gets_numbers_and_pictures(tmp_path, monkeypatch):
    calls = []

    class LogWriter:
        def __init__(self, logdir):
            calls.append(logdir)

        def add_scalar(self, tag, value, step):
            calls.append((tag, value, step))

        def add_image(self, tag, img, step):
            calls.append((tag, img.shape, step))

        def close(self):
            calls.append("closed")

    monkeypatch.setitem(sys.modules, "visualdl", types.SimpleNamespace(LogWriter=LogWriter))
    show(tmp_path, VisualDL)
    assert calls[0] == str(tmp_path)
    assert ("train/loss", 2.0, 1) in calls
    assert ("metrics/fid", 3.0, 1) in calls
    assert ("visual_train/samples", (2, 3, 3), 1) in calls
    assert calls[-1] == "closed"


def test_tensorboard_can_read_its_log(tmp_path):
    from tensorboardX.proto.event_pb2 import Event

    show(tmp_path, TensorBoard)
    (path,) = tmp_path.glob("events.out.tfevents.*")
    data, values = path.read_bytes(), {}
    while data:  # records: length, its sum, the event, its sum
        (length,) = struct.unpack("<Q", data[:8])
        event = Event.FromString(data[12 : 12 + length])
        values |= {value.tag: (event.step, value) for value in event.summary.value}
        data = data[16 + length :]
    assert values["train/loss"][0] == 1 and values["train/loss"][1].simple_value == 2.0
    assert values["metrics/fid"][1].simple_value == 3.0
    picture = values["visual_train/samples"][1].image
    assert (picture.height, picture.width, picture.colorspace) == (2, 3, 3)


def show(folder, board):
    run_log = Log(folder, total=1, interval=1, boards=[board])
    run_log.record(1, {"loss": 2.0}, {})
    run_log.write_figures(1, {"fid": 3.0})
    run_log.write_pictures(1, {"samples": np.zeros((2, 3, 3), np.uint8)}, "visual_train")
    run_log.close()


def test_a_name_that_is_no_text_does_not_end_a_run(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdout", types.SimpleNamespace(write=lambda text: None, flush=lambda: None))
    run_log = Log(tmp_path, total=1)
    run_log.note("left out: a\udcff.jpg")
    run_log.close()
    assert (tmp_path / "log.txt").read_text().endswith("left out: a\\udcff.jpg\n")
