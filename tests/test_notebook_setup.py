"""The first cell installs what is missing and nothing else, also where packages must go into a folder of their own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from ppgan_ext import gpu_install, notebook_setup
from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.gpu_install import Gpu
from ppgan_ext.hosts import Host
from ppgan_ext.notebook_setup import paddle_words, pip_commands, requirements, set_up, unmet

ROOT = Path(__file__).resolve().parents[1]
HERE = Host("this machine", Path("work"))
STUDIO = Host("AI Studio", Path("work"), packages=Path("kept"))
THERE = {"numpy": "2.4.6", "pillow": "12.0", "opencv-contrib-python": "4.10.0", "paddlepaddle-gpu": "3.2.0"}


@pytest.fixture(autouse=True)
def _same_path_afterwards(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))


def test_requirements_are_those_of_the_project():
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has no reader for TOML")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert requirements(ROOT) == project["dependencies"]
    assert requirements(ROOT, "cpu") == project["optional-dependencies"]["cpu"]


def test_a_list_that_is_missing_is_named():
    with pytest.raises(ConfigError, match="no list 'nothing'"):
        requirements(ROOT, "nothing")


def test_only_what_is_missing_or_too_old_is_installed():
    wanted = ["numpy>=1.24,<3", "pillow>=12.1,<14", "opencv-python-headless>=4.8,<6", "dlib-bin>=19.24,<21"]
    assert unmet(wanted, THERE) == ["pillow<14,>=12.1", "dlib-bin<21,>=19.24"]
    assert unmet(["numpy>=1.24,<3"], {"numpy": "2.4.6"}) == ["paddlepaddle"]
    assert unmet([], {"paddlepaddle-xpu": "3.1.0rc1"}) == []


def test_an_old_paddle_is_refused_with_the_cure():
    with pytest.raises(
        ConfigError, match=r"paddlepaddle-gpu: PaddlePaddle 3 is needed, this is 2\.6\.2\.post120\. Choose"
    ):
        unmet([], {"paddlepaddle-gpu": "2.6.2.post120"})


@pytest.mark.parametrize(
    ("gpu", "words"),
    [
        (None, ["paddlepaddle>=3.0,<4"]),
        (Gpu((550, 54, 14), 8.0), gpu_install.pip_arguments("cu126")),
        (Gpu((400, 1)), ["paddlepaddle>=3.0,<4"]),
    ],
)
def test_paddle_is_that_of_the_gpu_where_one_suits(monkeypatch, gpu, words):
    monkeypatch.setattr(gpu_install, "find_gpu", lambda: gpu)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr("platform.system", lambda: "Linux")
    assert paddle_words(ROOT) == words


def test_pip_installs_into_the_environment_or_exactly_what_it_names_into_the_folder():
    def no_question(command):
        raise AssertionError(command)

    def resolve(command):
        asked.append(command)
        names = {"pillow": "13.0.0"} if "pillow" in command else {"paddlepaddle-gpu": "3.3.1", "httpx": "0.28"}
        rows = [{"metadata": {"name": name, "version": version}} for name, version in names.items()]
        return json.dumps({"install": rows})

    asked: list[list[str]] = []
    paddle = ["paddlepaddle-gpu>=3.0,<4", "--index-url", "https://example.org/cu126/"]
    missing = ["pillow", "paddlepaddle"]
    here = [command[4:] for command in pip_commands(missing, HERE, paddle, no_question)]
    assert here == [["install", "--quiet", "pillow"], ["install", "--quiet", *paddle]]
    kept = [command[4:] for command in pip_commands(missing, STUDIO, paddle, resolve)]
    into = ["install", "--quiet", "--no-deps", "--upgrade", "--target", "kept"]
    assert kept == [[*into, "pillow==13.0.0"], [*into, "paddlepaddle-gpu==3.3.1", "httpx==0.28", *paddle[1:]]]
    assert all("--dry-run" in command for command in asked) and asked[1][-3:] == paddle
    assert [command[4:] for command in pip_commands(["pillow"], HERE, paddle, no_question)] == [here[0]]


def test_the_cell_installs_nothing_where_nothing_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(notebook_setup, "_answer", lambda command: pytest.fail(f"ran {command}"))
    host = Host("AI Studio", tmp_path / "work", packages=tmp_path / "kept")
    assert set_up(ROOT, host) is host
    assert str(host.packages) in sys.path and str(ROOT) in sys.path
    said = capsys.readouterr().out
    assert said.startswith("AI Studio, Python 3") and str(host.work) in said


def test_the_cell_says_so_where_the_installation_did_not_help(monkeypatch, capsys):
    ran = []
    monkeypatch.setattr(notebook_setup, "installed_versions", lambda: {"paddlepaddle": "3.0.0"})
    monkeypatch.setattr(notebook_setup, "_answer", lambda command: ran.append(command) or "")
    with pytest.raises(ConfigError, match=r"still missing .*numpy.*Restart the kernel"):
        set_up(ROOT, HERE, extras=["plot"])
    assert len(ran) == 1 and {"pillow<14,>=11.3", "matplotlib<4,>=3.7"} <= set(ran[0])
    assert "installing numpy" in capsys.readouterr().out


def test_a_pip_that_fails_is_told_with_its_own_reason():
    command = [sys.executable, "-c", "import sys; sys.exit('WARNING: a\\nERROR: no such package\\nbye')"]
    with pytest.raises(ConfigError, match=r"could not install the packages \(ERROR: no such package\)"):
        notebook_setup._answer(command)
    assert notebook_setup._answer([sys.executable, "-c", "print(7)"]) == "7\n"


def test_notebooks_show_an_error_for_users_in_one_line():
    error = InputError("cannot be read", where="a.jpg", cure="Save it again")
    assert error._render_traceback_() == ["InputError: a.jpg: cannot be read. Save it again."]
