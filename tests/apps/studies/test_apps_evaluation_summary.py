"""The evaluation's figures are exact sums of its records, and the report shows them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ppgan_ext.apps.studies.models import direction_effects, report, summary


def photo(has_face=True, age=30.0, estimate=33.0, **groups):
    attributes = {"age": estimate, "yaw": 1.0} if has_face else {}
    labels = {"gender": "male", "typology_angle": 50.0, **groups}
    return {"has_face": has_face, "age": age, "attributes": attributes, **labels}


def compared(psnr, distance):
    return {"psnr": psnr, "ssim": 0.5, "perceptual": 0.1, "distance": distance}


def test_a_reconstruction_without_a_face_is_another_person_and_a_photo_without_one_does_not_count():
    entries = [
        {"photo": photo(), "encoder": compared(20.0, 0.5)},
        {"photo": photo(estimate=24.0, gender=None), "encoder": compared(22.0, 0.7), "tuning": compared(30.0, 0.2)},
        {"photo": photo(), "encoder": compared(24.0, None)},
        {"photo": photo(has_face=False, gender="female"), "encoder": compared(10.0, None)},
    ]
    figures = summary.reconstruction_figures(entries)
    encoder = figures["methods"]["encoder"]
    assert figures["num_without_face"] == 1 and list(figures["methods"]) == ["encoder", "tuning"]
    assert encoder["psnr"] == 19.0 and encoder["num_faces"] == 4
    assert encoder["identity_distance"] == pytest.approx(0.6)
    assert encoder["identity_same"] == pytest.approx(1 / 3)
    assert (encoder["identity_lost"], encoder["identity_num"]) == (1, 3)
    assert set(figures["groups"]["gender"]) == {"male", "female", "unknown"}
    assert set(figures["groups"]["age_group"]) == {"20-39"} and set(figures["groups"]["skin_group"]) == {"light"}
    assert figures["groups"]["gender"]["female"]["encoder"]["identity_same"] is None
    assert figures["groups"]["gender"]["unknown"]["tuning"]["psnr"] == 30.0
    assert figures["age_of_photos_mean_absolute_error"] == pytest.approx((3 + 6 + 3) / 3)
    assert figures["edits"] == {}


def step(value, distance):
    return {"value": value, "distance": distance}


def test_edits_are_summarised():
    entries = [
        {"photo": photo(), "edits": {"age": [step(25, 0.5), step(40, 0.3), step(55, 0.4)]}},  # 15 each
        {"photo": photo(), "edits": {"age": [step(41, 0.7), step(40, 0.3), step(60, None)]}},  # -1 and 20
        {"photo": photo(), "edits": {"age": [step(None, None), step(40, 0.3), step(60, 0.5)]}},
    ]
    age = summary.edit_figures(entries, "age")
    assert age["num_faces"] == 3 and age["num_not_measured"] == 1
    assert age["move"] == pytest.approx((15 + 15 - 1 + 20) / 4)
    assert age["error"] == pytest.approx((5 + 5 + 21 + 0) / 4)
    assert age["share_in_order"] == 0.5
    assert age["identity_same"] == pytest.approx(3 / 6) and age["identity_lost"] == 2


def measured(**attributes):
    return {"attributes": attributes, "distance": 0.2}


def test_leakage_is_in_standard_deviations_for_a_step_of_one():
    entries = [
        {
            "reference": measured(age=40.0, smile=0.1),
            "moved": {
                "age": {"minus": measured(age=30.0, smile=0.1), "plus": measured(age=50.0, smile=0.2)},
                "smile": {"minus": measured(age=40.0, smile=0.0), "plus": measured(age=44.0, smile=0.3)},
            },
        },
        {"reference": None, "moved": {}},
        {
            "reference": measured(age=40.0, smile=0.1),
            "moved": {
                "age": {"minus": None, "plus": measured(age=90.0, smile=0.9)},
                "smile": {"minus": None, "plus": None},
            },
        },
    ]
    figures = summary.direction_figures(entries, {"age": 20.0, "smile": 1.0}, {"age": 10.0, "smile": 0.1})
    assert (figures["num_faces"], figures["num_without_face"]) == (3, 1)
    age, smile = figures["directions"]["age"], figures["directions"]["smile"]
    assert age["own_change_per_unit"] == pytest.approx(20 / 40)  # years per year
    assert age["leakage"] == pytest.approx({"age": 0.5, "smile": 0.1 / 40 * 10 / 0.1})
    assert smile["own_change_per_unit"] == pytest.approx(1.5)  # deviations per deviation
    assert smile["leakage"] == pytest.approx({"age": 4 / 2 / 10, "smile": 1.5})
    assert (age["num_lost"], smile["num_lost"]) == (1, 2)
    assert smile["identity_same"] == pytest.approx(2 / 4)
    names, attributes, matrix = summary.leakage_matrix(figures)
    assert names == attributes == ["age", "smile"]
    assert matrix == pytest.approx(np.array([[0.5, 0.25], [0.2, 1.5]]))


def test_deviations_are_of_photos_with_a_face():
    entries = [{"photo": photo(estimate=value)} for value in (20.0, 40.0)] + [{"photo": photo(has_face=False)}]
    assert summary.photo_deviations(entries) == {"age": 10.0}  # the yaw does not vary


def test_the_amount_depends_on_name_and_unit():
    from ppgan_ext.latents.directions import Direction

    made = {
        name: Direction(name, np.ones((1, 512)), unit)
        for name, unit in (("age", "year"), ("hat", "class"), ("smile", "sd"))
    }
    assert [direction_effects.amount_of(made[name]) for name in ("age", "hat", "smile")] == [20.0, 0.5, 1.0]


@pytest.mark.slow
def test_the_plot_is_a_picture_of_the_matrix(tmp_path):
    leakage = {"age": 1.0, "smile": -0.4}
    one = {"leakage": leakage}
    figures = {"num_faces": 3, "num_without_face": 1, "deviations": leakage, "directions": {"age": one, "smile": one}}
    report.plot_leakage(figures, tmp_path / "leakage.png")
    drawn = cv2.imread(str(tmp_path / "leakage.png"))
    assert min(drawn.shape[:2]) > 200
    assert (drawn[..., 2].astype(int) - drawn[..., 0] > 100).any()  # red where it rises
    assert (drawn[..., 0].astype(int) - drawn[..., 2] > 60).any()  # blue where it falls
