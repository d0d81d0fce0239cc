import io
import sys
import warnings
from pathlib import Path

import pytest

from ppgan_ext.apps import command_line, progress
from ppgan_ext.apps.batch import Job
from ppgan_ext.apps.commands import COMMANDS, Command
from ppgan_ext.apps.photo.options import AgeOptions
from ppgan_ext.apps.reporting import open_photos, report_error, run_and_report
from ppgan_ext.apps.results import Made
from ppgan_ext.errors import ConfigError, InputError, NoFaceError
from ppgan_ext.images import AnimatedImageWarning
from ppgan_ext.version import __version__


@pytest.fixture
def plug_in(monkeypatch):
    """Replace what ``ppgan-ext age`` runs."""

    def replace(function):
        own = Command(AgeOptions, "Make older.", ("photo.jpg",), function)
        monkeypatch.setitem(COMMANDS, "age", own)

    return replace


def test_without_words_the_commands_are_listed(capsys):
    assert command_line.main([]) == 0
    page = capsys.readouterr().out
    for name in ("age", "encode", "fit", "mix", "edit", "generate", "doctor"):
        assert f"\n  {name} " in page
    assert "Make the people in a photo older or younger." in page


@pytest.mark.parametrize("words", [["--version"], ["age", "--version"]])
def test_version(words, capsys):
    assert command_line.main(words) == 0
    assert capsys.readouterr().out == f"ppgan_ext {__version__}\n"


def test_a_flag_of_another_script_is_led_there(capsys):
    assert command_line.main(["generate", "--input_image", "a.jpg"], prog="styleganv2.py") == 1
    printed = capsys.readouterr().err
    assert "styleganv2.py: unknown flag '--input_image'" in printed
    assert "--input_image belongs to pixel2style2pixel.py (ppgan-ext encode)" in printed


def test_the_words_of_the_process_are_the_default(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["ppgan-ext", "--version"])
    assert command_line.main() == 0
    assert __version__ in capsys.readouterr().out


def test_options_reach_the_run_and_its_code_comes_back(plug_in):
    seen = []

    def run(options):
        seen.append(options)
        return 7

    plug_in(run)
    assert command_line.main(["age", "a.jpg", "b.jpg", "--years", "3"]) == 7
    assert seen == [AgeOptions(input_image=["a.jpg", "b.jpg"], years=[3.0])]


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (InputError("is\nbroken", where="x.jpg", cure="Mend it"), 1, "error: x.jpg: is broken. Mend it.\n"),
        (KeyboardInterrupt(), 130, "error: interrupted; files written so far are complete\n"),
        (
            RuntimeError("two\nlines"),
            1,
            "error: unexpected RuntimeError: two lines. Run it again with --debug and report",
        ),
    ],
)
def test_errors_become_a_line_and_a_code(plug_in, capsys, error, code, line):
    def run(_):
        raise error

    plug_in(run)
    assert command_line.main(["age"]) == code
    printed = capsys.readouterr().err
    assert printed.startswith(line)
    assert printed.count("\n") == 1
    command_line.main(["age", "--debug"])
    assert capsys.readouterr().err.startswith("Traceback")


def test_warnings_of_ours_are_one_line_and_others_are_silent(plug_in, capsys):
    def run(_):
        warnings.warn("x.gif: animated", AnimatedImageWarning, stacklevel=1)
        warnings.warn("someone else's business", UserWarning, stacklevel=1)
        return 0

    plug_in(run)
    assert command_line.main(["age"]) == 0
    assert capsys.readouterr().err == "warning: x.gif: animated\n"
    command_line.main(["age", "--debug"])
    assert "warning: someone else's business\n" in capsys.readouterr().err


def picture(folder, *names):
    for name in names:
        (folder / name).write_bytes(b"x")
    return [str(folder / name) for name in names]


def made(job):
    return Made(job, (Path("out/x.png"),))


def test_a_batch_reports_each_input_and_counts(tmp_path, capsys):
    paths = picture(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    prepared = []

    def work(job):
        if job.stem == "b":
            raise NoFaceError("there is no face in it")
        return made(job)

    describe = lambda job: [f"did {job.stem}"]  # noqa: E731
    assert run_and_report(open_photos(paths), work, describe, lambda: prepared.append(1)) == 1
    printed = capsys.readouterr()
    assert printed.out == f"{paths[0]}: did a\nout/x.png\n{paths[2]}: did c\nout/x.png\n"
    assert printed.err == f"error: {paths[1]}: there is no face in it\n2 of 3 photos done, 1 failed\n"
    assert prepared == [1]


def test_one_input_has_no_summary(tmp_path, capsys):
    paths = picture(tmp_path, "a.jpg")
    assert run_and_report(open_photos(paths), made) == 0
    assert capsys.readouterr().err == ""


def test_one_word_is_an_input_and_several_are_a_batch(tmp_path):
    paths = picture(tmp_path, "a.jpg", "b.jpg")
    assert not open_photos(paths[:1]).is_batch
    assert open_photos(paths).is_batch and open_photos([str(tmp_path)]).is_batch
    with pytest.raises(ConfigError, match="--input_image is missing"):
        open_photos([])


def test_ctrl_c_in_a_batch_counts_what_is_done(tmp_path, capsys):
    paths = picture(tmp_path, "a.jpg", "b.jpg", "c.jpg")

    def work(job):
        if job.stem == "b":
            raise KeyboardInterrupt
        return made(job)

    assert run_and_report(open_photos(paths), work) == 130
    assert capsys.readouterr().err == "interrupted: 1 of 3 photos done, 0 failed\n"


def test_a_batch_ends_with_the_input_that_ctrl_c_ended_early(tmp_path, capsys):
    paths = picture(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    assert run_and_report(open_photos(paths), lambda job: Made(job, interrupted=job.stem == "b")) == 130
    assert capsys.readouterr().err == "interrupted: 2 of 3 photos done, 0 failed\n"


@pytest.mark.parametrize("as_folder", [False, True])
def test_one_bad_input_fails_before_anything_is_loaded(tmp_path, as_folder):
    (tmp_path / "empty").mkdir()
    photos = open_photos([str(tmp_path / ("empty" if as_folder else "x.jpg"))])
    prepared = []
    with pytest.raises(InputError, match="contains no pictures" if as_folder else "no such file"):
        run_and_report(photos, made, before_batch=lambda: prepared.append(1))
    assert prepared == []


def test_an_error_that_names_its_file_is_not_named_twice(capsys):
    for error in (InputError("is bad", where="x.jpg"), InputError("is bad")):
        report_error(error, Job("x.jpg", "x"))
        assert capsys.readouterr().err == "error: x.jpg: is bad\n"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_bar_is_drawn_on_a_terminal_after_its_delay_and_vanishes(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(progress, "SECONDS_BEFORE_A_BAR", 1e-9)
    with progress.Bars() as bars:
        for done in range(5):
            bars("reading", done, 5)
            bars._bar.refresh()
        bars("drawing", 1, 2)
        bars._bar.refresh()
    drawn = screen.getvalue()
    assert "reading:  80%" in drawn
    assert "drawing:  50%" in drawn
    assert drawn.rstrip(" \r").rsplit("\r", 1)[-1].strip() == "" or drawn.endswith("\r")


@pytest.mark.parametrize("quiet", [True, False])
def test_no_bar_early_or_in_a_pipe(monkeypatch, quiet):
    for screen, delay in ((Terminal(), 60.0), (io.StringIO(), 1e-9)):
        monkeypatch.setattr(sys, "stderr", screen)
        monkeypatch.setattr(progress, "SECONDS_BEFORE_A_BAR", delay)
        with progress.Bars(quiet=quiet) as bars:
            bars("reading", 0, 5)
            bars("reading", 4, 5)
        assert screen.getvalue() == ""
