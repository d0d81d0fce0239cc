"""The measurement of face fusion, on drawn faces whose poses are known."""

from __future__ import annotations

import csv
import json

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.apps.studies.fusion.command_line import main
from ppgan_ext.apps.studies.fusion.measurement import PairMeasurement
from ppgan_ext.apps.studies.fusion.options import FusionStudyOptions
from ppgan_ext.apps.studies.fusion.pairs import choose_pairs
from ppgan_ext.apps.studies.fusion.report import summarise, to_markdown
from ppgan_ext.apps.studies.fusion.study import run_study
from ppgan_ext.errors import ConfigError, InputError
from tests.reference.drawn import DrawnFace, draw_photo

YAWS = (-30, -3, 4, 30)


@pytest.fixture
def faces(tmp_path):
    folder = tmp_path / "faces"
    folder.mkdir()
    for number, yaw in enumerate(YAWS):
        face = DrawnFace((130.0, 120.0), 50.0, yaw_degrees=yaw, skin=(210 - 20 * number, 165 - 15 * number, 140))
        PIL.Image.fromarray(draw_photo((264, 250), [face], seed=number)[0]).save(folder / f"{number}.png")
    PIL.Image.new("RGB", (80, 60), "grey").save(folder / "wall.png")
    return folder


def table_of(folder):
    return list(csv.DictReader((folder / "pairs.csv").read_text().splitlines()))


def options(**settings):
    return FusionStudyOptions(methods=["warp"], **settings)


@pytest.mark.slow
def test_pairs_are_far_enough_apart_and_the_same_for_a_seed(faces):
    pairs = choose_pairs(options(input=str(faces), num_pairs=50, min_yaw=35, seed=1))
    assert {(pair.source[0], pair.target[0]) for pair in pairs} == {("0", "3"), ("3", "0")}
    names = [(p.source, p.target) for p in choose_pairs(options(input=str(faces), num_pairs=4, min_yaw=15, seed=2))]
    assert names == [
        (p.source, p.target) for p in choose_pairs(options(input=str(faces), num_pairs=4, min_yaw=15, seed=2))
    ]
    assert len(set(names)) == 4
    late = choose_pairs(options(input=str(faces), num_pairs=9, min_yaw=0, last=3))
    assert {pair.source[0] for pair in late} == {"2", "3"}
    with pytest.raises(InputError, match="no two faces are 120 degrees"):
        choose_pairs(options(input=str(faces), min_yaw=120))


def test_a_list_of_pairs(faces, tmp_path):
    table = faces / "pairs.csv"
    table.write_text("source,target\n0.png,3.png\n1.png,2.png\n")
    pairs = choose_pairs(options(csv=str(table)))
    assert [pair.read()[0].shape for pair in pairs] == [(250, 264, 3)] * 2
    table.write_text("source,target\n0.png,\n")
    with pytest.raises(InputError, match="no target") as error:
        choose_pairs(options(csv=str(table)))
    assert f"{table}:2" in str(error.value)
    table.write_text("")
    with pytest.raises(InputError, match="lists no pairs"):
        choose_pairs(options(csv=str(table)))
    with pytest.raises(ConfigError, match="give photos or a list"):
        choose_pairs(options())


def test_a_list_of_pairs_names_photos_of_the_input(faces, tmp_path):
    table = tmp_path / "pairs.csv"
    table.write_text("source,target,kind\n0.png,3.png,far apart\n1.png,2.png,\n")
    pairs = choose_pairs(options(csv=str(table), input=str(faces)))
    assert [(pair.source, pair.kind) for pair in pairs] == [("0.png", "far apart"), ("1.png", "")]
    assert pairs[0].read()[1].shape == (250, 264, 3)
    table.write_text("source,target\n0.png,8.png\n")
    with pytest.raises(InputError, match="is not among the photos") as error:
        choose_pairs(options(csv=str(table), input=str(faces)))
    assert f"{table}:2" in str(error.value)


@pytest.mark.slow
def test_a_study_measures_and_writes(faces, tmp_path):
    out = tmp_path / "out"
    written = run_study(options(input=str(faces), num_pairs=2, min_yaw=35, output_path=str(out)))
    assert [path.name for path in written] == ["pairs.csv", "fusion.json", "fusion.md", "fusion.png", "01.jpg"]
    rows = table_of(out)
    assert len(rows) == 2
    for row in rows:
        assert float(row["yaw_difference"]) > 35
        assert float(row["yaw_error"]) < 8
        assert 0 < float(row["identity_to_target"]) < 1
        assert float(row["border_step"]) < float(row["border_step_photo"]) + 2
        assert float(row["seconds"]) > 0
        assert 0.3 < float(row["sharpness"]) < 1.5
        assert row["used"] == "warp"
        assert row["error"] == ""
    groups = json.loads((out / "fusion.json").read_text())["groups"]
    assert groups[0]["pairs"] == 2
    assert groups[0]["pose_error"] == pytest.approx(np.mean([float(row["pose_error"]) for row in rows]), rel=1e-4)
    with PIL.Image.open(out / "fusion.png") as picture:
        assert picture.size[0] > 900
    with PIL.Image.open(out / "sheets" / "01.jpg") as picture:
        assert picture.size[0] > 3 * 384 and picture.size[1] > 2 * 384


def test_the_rotator_is_the_latent_method_with_another_turn():
    options = FusionStudyOptions(input="faces", methods="rotator")
    settings = options.with_method(options.methods[0])
    assert (settings.method, settings.pose_method) == ("latent", "rotator")
    assert options.with_method("latent").pose_method == "linear"


@pytest.mark.slow
def test_a_failed_pair_is_counted_and_the_others_are_measured(faces, tmp_path, capsys):
    table = faces / "pairs.csv"
    table.write_text("source,target\nwall.png,3.png\n0.png,2.png\n")
    words = ["--csv", str(table), "--methods", "warp", "--output_path", str(tmp_path / "out")]
    assert main(words) == 0
    assert "| all | warp | 1 | 1 |" in capsys.readouterr().out
    rows = table_of(tmp_path / "out")
    assert "no face" in rows[0]["error"]
    assert rows[1]["error"] == ""


def test_the_summary_groups_by_yaw():
    measurements = [
        PairMeasurement(
            "a", "b", "warp", yaw_difference=yaw, yaw_error=1.0, pitch_error=2.0, pose_error=float(yaw),
            identity_to_target=identity, border_step=1.0,
        )
        for yaw, identity in ((21.0, 0.5), (24.0, 0.7), (33.0, 0.5))
    ]  # fmt: skip
    summary = summarise([*measurements, PairMeasurement("a", "b", "warp", error="no face")])
    by_edge = {(group["yaw_from"], group["yaw_to"]): group for group in summary["groups"]}
    assert by_edge[0.0, 180.0]["pose_error"] == pytest.approx(26.0)
    assert by_edge[0.0, 180.0]["failed"] == 1
    assert by_edge[20.0, 25.0]["same_person"] == 0.5
    assert by_edge[30.0, 40.0]["pairs"] == 1
    lines = to_markdown(summary).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert lines[3].startswith("| 20 to 25 | warp | 2 |")
