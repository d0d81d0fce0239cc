"""Progress without a terminal: a line at most every 30 seconds, over all tasks."""

from __future__ import annotations

import io

import pytest

from ppgan_ext.apps import progress


class Time:
    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    time = Time()
    monkeypatch.setattr(progress, "time", time)
    monkeypatch.setattr(progress, "_clock", progress._Clock())
    return time


def test_short_work_writes_nothing(clock, capsys):
    with progress.Bars() as bars:
        for done in range(10):
            clock.now += 2.9
            bars("fitting", done, 10)
    assert capsys.readouterr() == ("", "")


def test_a_line_appears_every_30_seconds(clock, capsys):
    with progress.Bars() as bars:
        for done in range(1, 11):
            bars("fitting", done, 10, f"loss: {done}")
            clock.now += 10
    assert capsys.readouterr().err.splitlines() == [
        "fitting: 4 of 10, loss: 4", "fitting: 7 of 10, loss: 7", "fitting: 10 of 10, loss: 10",
    ]  # fmt: skip


def test_short_tasks_are_told_too(clock, capsys):
    with progress.Bars(quiet=True) as bars:
        for number in range(1, 8):
            bars(f"tuning to face {number}", 0, 60)
            clock.now += 12
            bars(f"tuning to face {number}", 60, 60)
    assert capsys.readouterr().err.splitlines() == [
        "tuning to face 3: 60 of 60", "tuning to face 6: 60 of 60",
    ]  # fmt: skip


def test_bytes_and_unknown_totals(clock, capsys):
    for task, total, done in (("fetching the model", 300 * 2**20, 30 * 2**20), ("looking for twins", 0, 7)):
        bar = progress.make_bar(task, total)
        clock.now += 31
        bar.update(done)
        bar.close()
    assert capsys.readouterr().err.splitlines() == ["fetching the model: 30 of 300 MB", "looking for twins: 7"]


def test_work_without_steps_can_say_that_it_goes_on(clock, capsys):
    bar = progress.make_bar("calibrating directions", 9)
    bar.set_postfix_str("smile")
    clock.now += 31
    bar.update(0)
    assert capsys.readouterr().err == "calibrating directions: 0 of 9, smile\n"


def test_a_terminal_gets_bars_and_a_batch_one(clock, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(progress, "SECONDS_BEFORE_A_BAR", 0.0)
    with progress.Bars(quiet=True) as bars:
        bars("fitting", 1, 2)
    assert terminal.getvalue() == ""
    with progress.Bars() as bars:
        bars("fitting", 1, 2)
    assert "fitting:   0%" in terminal.getvalue()


def test_no_stderr_is_no_terminal(clock, monkeypatch):
    monkeypatch.setattr("sys.stderr", None)
    progress.make_bar("fitting", 3).update()
