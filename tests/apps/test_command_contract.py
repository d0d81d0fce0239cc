"""What every command keeps to, with real networks at toy size. A new command needs one line in `CALLS`."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import PIL.Image
import pytest
import yaml

from ppgan_ext.apps.command_line import main, read_options
from ppgan_ext.apps.commands import COMMANDS
from ppgan_ext.apps.predictor import Predictor
from tests.reference.drawn import DrawnFace, draw_photo
from tests.reference.toy_engine import PlainDistance
from tests.reference.toy_face_model import N_LATENT
from tests.reference.toy_translators import CARTOON, write_translators


@dataclass(frozen=True)
class Call:
    """Words of a command line; files stand in braces.

    Attributes:
        good: succeeds.
        bad: fails.
        message: part of that error.
        interrupted_in: the function within which Ctrl-C comes.
    """

    good: str
    bad: str
    message: str
    interrupted_in: str = "ppgan_ext.apps.results.ResultFolder.image"


CALLS = {
    "age": Call("{photo} --years 20 --detail 0 --grey 0", "{wall}", "no face"),
    "edit": Call("--latent {code} --edit age=5", "--latent {code} --edit smlie=1", "Did you mean 'smile'"),
    "encode": Call("{photo}", "{photo} --face 5", "5"),
    "fit": Call("{photo} --step 1", "{photo} --step 1 --latent_level 99", "latent_level"),
    "mix": Call("--latent1 {code} --latent2 {photo}", "--latent1 {code}", "--latent2 is missing"),
    "generate": Call("--n_row 1 --n_col 2", "--n_row 0", "n_row"),
    "fuse": Call(
        "--source {photo} --target {drawn} --method warp", "--source {photo} --target {photo}", "the same photo",
    ),
    "translate": Call(
        "{photo} --weight_path {cartoons} --scale_to 32",
        "{photo} --weight_path {cartoons} --net_name netG_C",
        "netG_C",
    ),
    "cartoon": Call("{photo} --weight_path {cartoons}", "{wall} --weight_path {cartoons}", "no face"),
    "prepare": Call(
        "--input {folder} --size 32 --min_size 20 --jobs 1", "--input {nowhere}", "nowhere",
        "ppgan_ext.apps.faces_data.cutting.write_bytes",
    ),
    "page": Call("", "--host 0.0.0.0", "auth user:password", "ppgan_ext.web.server.serve"),
    "doctor": Call("", "--fast", "unknown flag", "ppgan_ext.apps.doctor.doctor_report"),
}  # fmt: skip
every_command = pytest.mark.parametrize("name", COMMANDS)


@pytest.fixture(scope="module")
def places(portrait, tmp_path_factory):
    """Name in braces -> path, quoted."""
    parent = tmp_path_factory.mktemp("inputs")
    folder = parent / "folder"
    folder.mkdir()
    PIL.Image.fromarray(portrait).save(parent / "photo.png")
    PIL.Image.fromarray(np.full((90, 120, 3), 200, np.uint8)).save(parent / "wall.png")
    drawn = draw_photo((310, 290), [DrawnFace((150.0, 140.0), 58.0, yaw_degrees=-14)], seed=4)[0]
    for path in (parent / "drawn.png", folder / "drawn.png"):
        PIL.Image.fromarray(drawn).save(path)
    np.save(parent / "code.npy", np.full((N_LATENT, 512), 0.1, np.float32))
    write_translators(parent / "cartoons.pdparams", {"genA2B": CARTOON})
    files = {
        "cartoons": "cartoons.pdparams",
        "photo": "photo.png",
        "wall": "wall.png",
        "drawn": "drawn.png",
        "code": "code.npy",
        "folder": "folder",
    }
    return {name: shlex.quote(str(parent / file)) for name, file in {**files, "nowhere": "nowhere.png"}.items()}


@pytest.fixture
def command(engine, places, tmp_path, monkeypatch):
    """Run a line of words with the toy model; result files go to ``out``."""
    monkeypatch.setattr(Predictor, "engine", engine)
    monkeypatch.setattr(Predictor, "perceptual", PlainDistance())
    monkeypatch.setattr("ppgan_ext.web.server.serve", lambda options: None)  # it would go on until Ctrl-C

    def run(name, line):
        fields = COMMANDS[name].options.model_fields
        output = next(
            (["--" + flag, str(tmp_path / "out")] for flag in ("output_path", "output") if flag in fields), []
        )
        return main([name, *shlex.split(line.format(**places)), *output])

    return run


def test_every_command_keeps_to_it():
    assert set(CALLS) == set(COMMANDS)


@pytest.mark.slow
def test_help_needs_no_paddle_nor_opencv():
    lines = [[], *([name, "--help"] for name in COMMANDS)]
    code = "import json, sys; from ppgan_ext.apps.command_line import main\nfor words in json.loads(sys.argv[1]):\n"
    code += "    main(words); print()\n"
    code += "    print(json.dumps([*words, *(name for name in ('paddle', 'cv2', 'dlib') if name in sys.modules)]))"
    words = [sys.executable, "-c", code, json.dumps(lines)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")] == lines


@every_command
def test_help_explains_every_flag_and_teaches_by_example(name, capsys):
    assert main([name, "--help"]) == 0
    page = " ".join(capsys.readouterr().out.split())
    for flag, field in COMMANDS[name].options.model_fields.items():
        assert f"--{flag} " in page
        assert " ".join(field.description.split()).partition(" (default")[0][:40] in page
    for example in COMMANDS[name].examples:
        assert f"ppgan-ext {name} {example}".rstrip() in page


@every_command
def test_examples_parse(name):
    assert COMMANDS[name].examples
    for example in COMMANDS[name].examples:
        read_options(COMMANDS[name], shlex.split(example), name)


@every_command
def test_an_unknown_flag_names_the_nearest(name, capsys):
    for flag in ("config", *COMMANDS[name].options.model_fields):
        assert main([name, f"--{flag}_x"]) == 1
        printed = capsys.readouterr().err
        assert f"unknown flag '--{flag}_x'. The nearest flag is --{flag}" in printed
        assert printed.count("\n") == 1


@every_command
def test_yaml_says_the_same_as_flags(name, tmp_path):
    for number, example in enumerate(COMMANDS[name].examples):
        options = read_options(COMMANDS[name], shlex.split(example), name)
        path = tmp_path / f"{number}.yaml"
        path.write_text(yaml.safe_dump(options.model_dump(exclude_unset=True)), encoding="utf-8")
        assert read_options(COMMANDS[name], ["--config", str(path)], name) == options


@every_command
def test_flags_win_over_yaml(name, tmp_path):
    path = tmp_path / "options.yaml"
    for field in ("output_path", "output"):
        if field in COMMANDS[name].options.model_fields:
            path.write_text(f"{field}: from_the_file\n")
            options = read_options(COMMANDS[name], ["--config", str(path), f"--{field}", "from_the_flag"], name)
            assert getattr(options, field) == "from_the_flag"
    path.write_text("colour: red\n")
    assert main([name, "--config", str(path)]) == 1


@pytest.mark.slow
@every_command
def test_exit_code_0_and_files_as_printed(name, command, capsys, tmp_path):
    assert command(name, CALLS[name].good) == 0
    printed = [line for line in capsys.readouterr().out.splitlines() if line.startswith(str(tmp_path / "out"))]
    assert bool(printed) == (name not in ("doctor", "page"))
    for line in printed:
        assert (tmp_path / "out" / line).exists()


@every_command
def test_exit_code_1_and_one_line(name, command, capsys, tmp_path):
    assert command(name, CALLS[name].bad) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("error: ") and printed.count("\n") == 1
    assert CALLS[name].message in printed
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


@pytest.mark.slow
@every_command
def test_exit_code_130_after_ctrl_c(name, command, capsys, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(CALLS[name].interrupted_in, interrupt)
    assert command(name, CALLS[name].good) == 130
    printed = capsys.readouterr().err
    assert "interrupted" in printed and printed.count("\n") == 1
