import io
import sys
import warnings

import pytest

from ppgan_ext.apps import command_line as command
from ppgan_ext.apps import commands as runners
from ppgan_ext.apps import progress
from ppgan_ext.apps.batch import Job, make_jobs
from ppgan_ext.apps.options import AgeOptions
from ppgan_ext.errors import InputError, NoFaceError, OutputError
from ppgan_ext.images import AnimatedImageWarning
from ppgan_ext.version import __version__


@pytest.fixture
def plug_in(monkeypatch):
    """Replace what ``ppgan-ext age`` runs."""

    def replace(function):
        own = runners.Command(AgeOptions, "Make older.", ("photo.jpg",), function)
        monkeypatch.setitem(runners.COMMANDS, "age", own)

    return replace


def test_without_words_the_commands_are_listed(capsys):
    assert command.main([]) == 0
    page = capsys.readouterr().out
    for name in ("age", "encode", "fit", "mix", "edit", "generate", "doctor"):
        assert f"\n  {name} " in page
    assert "Make the people in a photo older or younger." in page


@pytest.mark.parametrize("words", [["--version"], ["age", "--version"]])
def test_version(words, capsys):
    assert command.main(words) == 0
    assert capsys.readouterr().out == f"ppgan_ext {__version__}\n"


@pytest.mark.parametrize("name", runners.COMMANDS)
def test_help_of_a_command_teaches_by_example(name, capsys):
    assert command.main([name, "--help"]) == 0
    page = capsys.readouterr().out
    for example in runners.COMMANDS[name].examples:
        assert f"  ppgan-ext {name} {example}" in page
        words = example.split()
        command.read_options(runners.COMMANDS[name], words, name)  # the examples are right


def test_the_words_of_the_process_are_the_default(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["ppgan-ext", "--version"])
    assert command.main() == 0
    assert __version__ in capsys.readouterr().out


def test_options_reach_the_run_and_its_code_comes_back(plug_in):
    seen = []

    def run(options):
        seen.append(options)
        return 7

    plug_in(run)
    assert command.main(["age", "a.jpg", "b.jpg", "--years", "3"]) == 7
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
    assert command.main(["age"]) == code
    printed = capsys.readouterr().err
    assert printed.startswith(line)
    assert printed.count("\n") == 1
    command.main(["age", "--debug"])
    assert capsys.readouterr().err.startswith("Traceback")


def test_warnings_of_ours_are_one_line_and_others_are_silent(plug_in, capsys):
    def run(_):
        warnings.warn("x.gif: animated", AnimatedImageWarning, stacklevel=1)
        warnings.warn("someone else's business", UserWarning, stacklevel=1)
        return 0

    plug_in(run)
    assert command.main(["age"]) == 0
    assert capsys.readouterr().err == "warning: x.gif: animated\n"
    command.main(["age", "--debug"])
    assert "warning: someone else's business\n" in capsys.readouterr().err


class Pretender:
    """Stands where a predictor would: notes what it prepared, and what it wrote last."""

    def __init__(self):
        self.files = ["out/x.png"]
        self.prepared = 0
        self.interrupted = False

    def prepare(self, options):
        self.prepared += 1


def picture(folder, *names):
    for name in names:
        (folder / name).write_bytes(b"x")
    return [str(folder / name) for name in names]


def test_a_batch_reports_each_input_and_counts(tmp_path, capsys):
    paths = picture(tmp_path, "a.jpg", "b.jpg", "c.jpg")

    def work(job):
        if job.stem == "b":
            raise NoFaceError("there is no face in it")
        return job

    tool = Pretender()
    assert runners._each(tool, AgeOptions(input_image=paths), work, lambda job: [f"did {job.stem}"]) == 1
    printed = capsys.readouterr()
    assert printed.out == "did a\nout/x.png\ndid c\nout/x.png\n"
    assert printed.err == f"error: {paths[1]}: there is no face in it\n2 of 3 photos done, 1 failed\n"
    assert tool.prepared == 1


def test_one_input_has_no_summary(tmp_path, capsys):
    paths = picture(tmp_path, "a.jpg")
    assert runners._each(Pretender(), AgeOptions(input_image=paths), lambda job: job) == 0
    assert capsys.readouterr().err == ""


def test_the_error_of_one_input_is_raised_as_it_is(tmp_path):
    paths = picture(tmp_path, "a.jpg")
    for given, text in (
        (NoFaceError("there is no face"), f"{paths[0]}: there is no face"),
        (OutputError("the disk is full", where="out/b.png"), "out/b.png: the disk is full"),
        (ZeroDivisionError("ours"), "ours"),
    ):

        def work(_, given=given):
            raise given

        with pytest.raises(type(given)) as caught:
            runners._each(Pretender(), AgeOptions(input_image=paths), work)
        assert caught.value is given
        assert str(given) == text


def test_ctrl_c_in_a_batch_counts_what_is_done(tmp_path, capsys):
    paths = picture(tmp_path, "a.jpg", "b.jpg", "c.jpg")

    def work(job):
        if job.stem == "b":
            raise KeyboardInterrupt
        return job

    assert runners._each(Pretender(), AgeOptions(input_image=paths), work) == 130
    assert capsys.readouterr().err == "interrupted: 1 of 3 photos done, 0 failed\n"


def test_one_bad_input_fails_before_anything_is_loaded(tmp_path):
    tool = Pretender()
    with pytest.raises(InputError, match="no such file"):
        runners._each(tool, AgeOptions(input_image=[str(tmp_path / "x.jpg")]), lambda job: job)
    assert tool.prepared == 0


def test_an_error_that_names_its_file_is_not_named_twice():
    job = make_jobs("x.jpg")[0]
    assert runners._located(InputError("is bad", where="x.jpg"), job) == "x.jpg: is bad"
    assert runners._located(InputError("is bad"), Job("x.jpg", "x")) == "x.jpg: is bad"


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
