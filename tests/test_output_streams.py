"""What is printed never ends the work: closed, full or narrow streams, and a current folder that is gone."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ppgan_ext import console, files
from ppgan_ext.errors import ConfigError, OutputError
from ppgan_ext.output_streams import EnduringStream, enduring_streams
from ppgan_ext.quiet import quiet
from ppgan_ext.weights import store

ROOT = Path(__file__).resolve().parent.parent
# Prints many lines, hides C output as Paddle's import does, then writes a file: the work.
PROGRAM = """
import pathlib, sys
from ppgan_ext import console
from ppgan_ext.quiet import quiet

def work():
    for number in range(20000):
        print("line", number, "\\u7167\\udcff")
    print("note", file=sys.stderr)
    with quiet():
        pass
    pathlib.Path(sys.argv[1]).write_text("done")
    return 7

sys.exit(console.run(work, False, "interrupted"))
"""


def run(redirection, result, env=None):
    command = f'exec "{sys.executable}" -c "$PROGRAM" "{result}" {redirection}'
    if redirection.startswith("|"):
        command = f'"{sys.executable}" -c "$PROGRAM" "{result}" {redirection}; exit ${{PIPESTATUS[0]}}'
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PROGRAM": PROGRAM, **(env or {})}
    words = ["bash", "-c", command]
    return subprocess.run(words, env=env, capture_output=True, text=True, errors="replace", check=False)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
@pytest.mark.parametrize(
    "redirection",
    [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full", ">/dev/full 2>&1", "| head -1", "| true"],
)
def test_the_work_is_done_wherever_its_output_goes(redirection, tmp_path):
    done = run(redirection, tmp_path / "result")
    assert done.returncode == 7, done.stderr
    assert (tmp_path / "result").read_text() == "done"  # and nothing else: a closed descriptor is not taken for it
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    if redirection == ">/dev/full":
        assert "warning: not all output could be printed (No space left on device)" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_what_a_console_cannot_show_is_escaped(encoding, tmp_path):
    done = run("", tmp_path / "result", {"PYTHONIOENCODING": encoding})
    assert done.returncode == 7
    shown = "\\u7167" if encoding != "utf-8" else "照"
    assert done.stdout.splitlines()[0] == f"line 0 {shown}\\udcff"


class Broken(io.StringIO):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def write(self, text):
        raise self.error


def test_after_an_error_output_is_dropped():
    stream = Broken(BrokenPipeError(32, "Broken pipe"))
    enduring = EnduringStream(stream)
    assert enduring.write("a\n") == 2 and enduring.write("b") == 1
    assert isinstance(enduring.error, BrokenPipeError) and not enduring.isatty()
    stream = io.StringIO()
    stream.close()
    enduring = EnduringStream(stream)
    enduring.write("a\n")
    enduring.flush()
    assert isinstance(enduring.error, ValueError) and not enduring.isatty()
    nowhere = EnduringStream(None)
    assert nowhere.write("abc") == 3 and not nowhere.isatty() and nowhere.writable()
    nowhere.flush()


def test_the_streams_are_put_back(capsys):
    before = sys.stdout, sys.stderr
    with pytest.raises(KeyError), enduring_streams():
        print("shown")
        raise KeyError
    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr().out == "shown\n"


def test_quiet_needs_no_streams(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    with quiet():
        pass


# A thread is in the silence while the main thread, and one that enters and leaves it meanwhile, are not.
SILENCE = """
import os, sys, threading
from ppgan_ext.quiet import quiet

inside, leave = threading.Event(), threading.Event()

def work():
    with quiet():
        inside.set()
        leave.wait(20)
        print("Python in the block")
        os.write(1, b"C++ in the block\\n")

worker = threading.Thread(target=work)
worker.start()
inside.wait(20)
print("main \\u7167", sys.stdout.isatty())
with quiet():
    os.write(2, b"C++ of main\\n")
print("still main", file=sys.stderr)
try:
    with quiet():
        os.write(2, b"C++ that explains\\n")
        raise KeyError
except KeyError:
    print("failed")
leave.set()
worker.join()
print("after")
os.write(1, b"C++ after\\n")
"""


def test_the_silence_of_one_thread_swallows_nothing_of_another():
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1"}
    words = [sys.executable, "-c", SILENCE]
    done = subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, check=True, timeout=60, encoding="utf-8"
    )
    assert done.stdout.splitlines() == ["main \u7167 False", "failed", "after", "C++ after"]
    assert done.stderr.splitlines() == ["still main", "C++ that explains"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep the folder")
def test_a_deleted_current_folder_is_left_for_the_time_of_a_command(tmp_path, monkeypatch, capsys):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    def work():
        assert Path.cwd() == Path("/")
        files.make_folder(tmp_path / "out")
        with pytest.raises(OutputError, match="the current folder has been deleted"):
            files.make_folder("out")
        return 0

    assert console.run(work, False, "") == 0
    with pytest.raises(FileNotFoundError):
        Path.cwd()
    assert (tmp_path / "out").is_dir() and not Path("/out").exists()


def test_an_unknown_users_home_is_one_line(monkeypatch, capsys):
    monkeypatch.setenv("PPGAN_EXT_HOME", "~nosuchuser/cache")
    with pytest.raises(ConfigError, match=r"PPGAN_EXT_HOME: '~nosuchuser/cache' names no user of this machine"):
        store.home()
    with pytest.raises(ConfigError, match="names no user"):
        files.expand_user("~nosuchuser/x.safetensors")


def test_a_user_without_a_home_needs_the_variable(monkeypatch, tmp_path):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    monkeypatch.delenv("PPGAN_EXT_HOME")
    with pytest.raises(ConfigError, match="no home folder"):
        store.home()
    monkeypatch.setenv("PPGAN_EXT_HOME", str(tmp_path))
    assert store.search_folders() == [tmp_path]
