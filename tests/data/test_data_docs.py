"""The examples of docs/data.md are right."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import yaml

from ppgan_ext.apps.command_line import read_options
from ppgan_ext.apps.commands import COMMANDS, Command
from ppgan_ext.apps.studies.multipie.options import RecognitionOptions
from ppgan_ext.data import multipie
from ppgan_ext.data.datasets import build_dataset
from ppgan_ext.data.sources import open_source
from ppgan_ext.images import SUFFIXES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "data.md").read_text(encoding="utf-8")


def block(language):
    (text,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return text


@pytest.fixture
def faces(tmp_path, monkeypatch):
    (tmp_path / "faces").mkdir()
    for i in range(3):
        image = np.random.default_rng(i).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        PIL.Image.fromarray(image).save(tmp_path / "faces" / f"{i}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "faces"


def test_the_pack_that_the_page_writes_holds_the_pictures(faces):
    exec(compile(block("python"), "docs/data.md", "exec"), {})
    folder, pack = open_source(faces), open_source("faces.npz")
    assert len(folder) == len(pack) == 3
    for i in range(3):
        np.testing.assert_array_equal(pack.read(i), folder.read(i))


def test_the_settings_of_the_page_build(faces):
    settings = yaml.safe_load(block("yaml").replace("500", "1"))["dataset"]
    assert [len(build_dataset(settings[part])) for part in ("train", "test")] == [2, 1]


def test_the_command_of_the_page_is_right():
    line, of_multipie = re.findall(r"python tools/prepare_faces\.py (.*)", PAGE)
    assert read_options(COMMANDS["prepare"], of_multipie.split(), "prepare").which == "largest"
    options = read_options(COMMANDS["prepare"], line.split(), "prepare")
    assert (options.input, options.output, options.size, options.crop) == ("photos/", "faces/", 256, "ffhq")
    assert f"`--min_size` ({options.min_size} pixels" in PAGE


def test_the_cameras_of_the_page_are_the_packages():
    names, yaws = re.findall(r"^\| (?:camera|yaw)[^|]*\|(.*)\|$", PAGE, re.MULTILINE)
    found = zip(re.findall(r"`(.*?)`", names), map(int, yaws.split("|")), strict=True)
    assert dict(found) == multipie.CAMERAS
    for setting, column in ((1, 1), (2, 2)):
        for part in ("train", "test"):
            (row,) = re.findall(rf"^\| `part: {part}` \|.*$", PAGE, re.MULTILINE)
            first, last = map(int, re.findall(r"\d{3}(?= |-|$)", row.split("|")[column + 1].replace("-", " "))[:2])
            assert range(first, last + 1) == multipie.SETTINGS[setting].subjects(part)


def test_the_evaluation_of_the_page_parses():
    (line,) = re.findall(r"python tools/evaluate_multipie\.py (.*)", PAGE)
    command = Command(RecognitionOptions, "", (), lambda options: 0)
    assert read_options(command, line.split(), "evaluate_multipie.py").output_path == "multipie"
    assert set(re.findall(r"`--(\w+)(?: DIR)?`", PAGE)) >= {"gallery_light", "network", "crop", "synthesised"}
    assert {"gallery_light", "network", "weight_path", "crop", "synthesised"} <= set(RecognitionOptions.model_fields)


def test_the_suffixes_are_all_named():
    (listed,) = re.findall(r"\((\.jpg [^)]*)\)|`(\.jpg [^`]*)`", PAGE)
    assert set("".join(listed).strip("`").split()) == SUFFIXES
