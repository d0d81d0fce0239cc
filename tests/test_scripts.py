"""The scripts of applications/tools run from any folder and take PaddleGAN's flags; their YAML files are valid."""

import importlib
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from ppgan_ext import hosts
from ppgan_ext.apps import command_line
from ppgan_ext.apps.command_line import read_options
from ppgan_ext.apps.commands import COMMANDS
from ppgan_ext.hosts import find_host

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted((ROOT / "applications" / "tools").glob("*.py"))
APPLICATION = ROOT / "applications" / "serve" / "app.gradio.py"
CONFIGS = sorted((ROOT / "configs" / "apps").glob("*.yaml"))

# Command lines in the words of PaddleGAN's tutorials (docs/en_US/tutorials/styleganv2*.md, pixel2style2pixel.md).
COMMON = "--output_path out --weight_path w.pdparams --model_type m --size 1024 --style_dim 512 --n_mlp 8 "
COMMON += "--channel_multiplier 2 --cpu"
PADDLEGAN = {
    "generate": f"{COMMON} --seed 233 --n_row 3 --n_col 5",
    "encode": f"{COMMON} --input_image a.png --seed 233",
    "fit": f"{COMMON} --input_image a.png --need_align --start_lr 0.1 --final_lr 0.025 "
    "--latent_level 0 1 2 3 4 5 6 7 8 9 10 11 --step 100 --mse_weight 1 --pre_latent b.npy",
    "mix": f"{COMMON} --latent1 a.npy --latent2 b.npy --weights " + "0.5 " * 18,
    "edit": f"{COMMON} --latent a.npy --direction_name age --direction_offset 5 --direction_path d.pdparams",
}
CONFIG_OF = {
    "age_editing": "age",
    "encoding": "encode",
    "face_editing": "edit",
    "face_fusion": "fuse",
    "fitting": "fit",
    "sampling": "generate",
    "style_mixing": "mix",
}


def run(*words, cwd):
    words = [sys.executable, *map(str, words)]
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


def test_the_scripts_are_those_promised_and_thin():
    names = {path.stem for path in SCRIPTS}
    assert names >= {"styleganv2", "pixel2style2pixel", "styleganv2fitting", "styleganv2mixing", "styleganv2editing"}
    assert names >= {"age_editing", "style_mixing", "face_fusion"}
    for path in SCRIPTS:
        assert len(path.read_text().splitlines()) <= 40, path


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_explains_itself_from_any_folder_without_paddle(script, tmp_path):
    done = run("-X", "importtime", script, "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: {script.name} ")
    assert "--output_path" in done.stdout
    assert f"  {script.name} --" in done.stdout  # an example to learn from
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "ppgan_ext.apps.options" in imported
    assert not imported & {"paddle", "cv2", "dlib"}


@pytest.mark.slow
def test_a_script_fails_in_one_line_and_with_code_1(tmp_path):
    script = ROOT / "applications" / "tools" / "age_editing.py"
    done = run(script, "--input_image", "nowhere.jpg", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "error: nowhere.jpg: no such file or folder. Check the path.\n"
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", PADDLEGAN)
def test_paddlegans_command_lines_are_understood(name):
    words = PADDLEGAN[name].split()
    made = read_options(COMMANDS[name], words, name).model_dump()
    assert made["model_type"] == "m"
    assert made["cpu"] is True
    assert {word[2:] for word in words if word.startswith("--")} <= made.keys()
    if name == "mix":
        assert made["weights"] == [0.5] * 18
    if name == "fit":
        assert made["latent_level"] == list(range(12))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_yaml_file_parses_and_says_what_it_is(path):
    assert path.read_text().startswith("# Options of `ppgan-ext ")
    command = COMMANDS[CONFIG_OF[path.stem]]
    made = read_options(command, ["--config", str(path), "--output_path", "elsewhere"], "tool")
    assert made.output_path == "elsewhere"
    assert made.model_type == "faces-128"
    commented_out = [
        line.removeprefix("# ").split(":")[0]
        for line in path.read_text().splitlines()
        if line.startswith("# ") and ":" in line and line.split(":")[0].removeprefix("# ").isidentifier()
    ]
    assert set(commented_out) <= set(command.options.model_fields)


def test_every_yaml_file_is_tested():
    assert {path.stem for path in CONFIGS} == set(CONFIG_OF)


def test_a_flag_wins_over_what_excludes_it_in_the_file():
    config = str(ROOT / "configs" / "apps" / "age_editing.yaml")
    made = read_options(COMMANDS["age"], ["photo.jpg", "--config", config, "--target_age", "70"], "age")
    assert (made.target_age, made.years, made.input_image) == (70.0, None, ["photo.jpg"])


def test_the_commands_run_as_a_module_where_no_script_is_installed(tmp_path):
    done = run("-m", "ppgan_ext.apps", "--version", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("ppgan_ext ")
    wrong = run("-m", "ppgan_ext.apps", "ages", cwd=tmp_path)
    assert wrong.returncode == 1
    assert "ages" in wrong.stderr


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, ["--port", "7860"]),
        (
            {"GRADIO_SERVER_PORT": "8001", "JUPYTERHUB_SERVICE_PREFIX": "/user/7/9/"},
            ["--port", "8001", "--root_path", "/user/7/9/proxy/8001"],
        ),
        (
            {
                "STUDIO_MODEL_API_URL_PREFIX": "https://studio.example/bj-cpu-01",
                "JUPYTERHUB_SERVICE_PREFIX": "/user/7/",
            },
            ["--port", "7860", "--host", "0.0.0.0", "--no_auth", "--root_path", "/bj-cpu-01/user/7/gradio/7860"],
        ),
    ],
)
def test_the_application_file_takes_port_and_prefix_from_its_surroundings(environ, words, tmp_path):
    assert len(APPLICATION.read_text().splitlines()) <= 40
    flags = runpy.run_path(str(APPLICATION))["flags"]
    assert flags(environ, find_host(environ, tmp_path / "nowhere")) == words
    on_studio = flags(environ, find_host(environ, tmp_path))
    assert {"--host", "0.0.0.0", "--no_auth"} <= set(on_studio)
    read_options(COMMANDS["page"], on_studio, "page")


def test_the_application_file_finds_the_packages_that_ai_studio_keeps(monkeypatch, tmp_path, capsys):
    place = tmp_path / "external-libraries"
    place.mkdir()
    (place / "kept_by_studio.py").write_text("VERSION = 7")
    begun = []

    def begin(words):
        begun.append((words, importlib.import_module("kept_by_studio").VERSION))
        return 0

    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(hosts, "find_host", lambda: find_host({}, tmp_path))
    monkeypatch.setenv("GRADIO_SERVER_PORT", "8009")
    monkeypatch.setattr(command_line, "main", begin)
    monkeypatch.setattr(sys, "argv", ["app.gradio.py", "--title", "Lab"])
    with pytest.raises(SystemExit, match="0"):
        runpy.run_path(str(APPLICATION), run_name="__main__")
    assert begun == [(["page", "--port", "8009", "--host", "0.0.0.0", "--no_auth", "--title", "Lab"], 7)]
    assert str(place) in sys.path[:2]  # before what the host brings along
    assert "AI Studio" in capsys.readouterr().out
