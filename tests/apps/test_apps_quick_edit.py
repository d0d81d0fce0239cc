"""What the page needs of predictors: a shared model, faces encoded once, directions that explain themselves."""

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.apps.codes.encode import Pixel2Style2PixelPredictor
from ppgan_ext.apps.codes.encoded_face import EncodedFace
from ppgan_ext.apps.doctor import doctor_report, doctor_sections
from ppgan_ext.apps.photo.direction_table import (
    describe_directions,
    describe_model_directions,
    range_notes,
    tooth_notes,
)
from ppgan_ext.apps.photo.edit import StyleGANv2EditingPredictor
from ppgan_ext.apps.photo.options import EditOptions
from ppgan_ext.apps.predictor import Predictor
from ppgan_ext.apps.results import Made
from ppgan_ext.config import load_options
from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.latents.directions import Direction
from tests.reference.toy_engine import PlainDistance


@pytest.mark.slow
def test_encoded_faces_give_the_same_bytes_as_a_whole_run(make, portrait, tmp_path):
    options = load_options(EditOptions, overrides={"edit": {"smile": 2.0}})
    whole = make(StyleGANv2EditingPredictor, output_path=tmp_path / "whole")
    expected = whole.run_photo(portrait, {"smile": 2.0})
    quick = make(StyleGANv2EditingPredictor, output_path=tmp_path / "quick")
    (job,) = quick.open_inputs(portrait).jobs
    faces = quick.encode_photo(job, options)
    made = quick.edit_encoded(job, options, faces)
    np.testing.assert_array_equal(made.result.edited[0].image, expected.dst)
    assert [path.name for path in made.files] == [path.name for path in whole.files]
    for ours, theirs in zip(made.files, whole.files, strict=True):
        assert ours.read_bytes() == theirs.read_bytes()
    (drawn,) = quick.draw_faces(faces, options)
    (plain,) = quick.draw_faces(faces, EditOptions())
    assert drawn.shape == plain.shape == (1, 3, 32, 32) and (drawn != plain).any()
    np.testing.assert_array_equal(faces[0].as_in_photo(plain), faces[0].reconstruction)


@pytest.mark.parametrize("blend", ["change", "replace"])
def test_drawn_faces_are_pasted_as_a_whole_run_does(make, portrait, tmp_path, monkeypatch, blend):
    cut_out = PIL.Image.fromarray(portrait)
    cut_out.putalpha(PIL.Image.linear_gradient("L").resize(cut_out.size))  # what shows is blended onto white
    options = load_options(EditOptions, overrides={"edit": {"smile": 2.0}, "blend": blend})
    predictor = make(StyleGANv2EditingPredictor)
    (job,) = predictor.open_inputs(cut_out).jobs
    faces = predictor.encode_photo(job, options)
    expected = predictor.edit_encoded(job, options, faces)
    drawn = predictor.draw_faces(faces, options)
    written = sorted(predictor.output_path.iterdir())
    monkeypatch.setattr(EncodedFace, "draw", None)  # nothing is drawn again
    made = predictor.paste_drawn(job, options, faces, drawn)
    np.testing.assert_array_equal(made.result, expected.result.edited[0].image)
    assert made.notes == expected.notes and made.files == () and sorted(predictor.output_path.iterdir()) == written


def test_work_on_one_input_gives_all_that_was_made_and_names_it_in_errors(make, tmp_path):
    predictor = make(StyleGANv2EditingPredictor)
    (job,) = predictor.open_inputs(tmp_path / "none.jpg").jobs
    with pytest.raises(InputError, match=r"none\.jpg"):
        predictor.work_on(job, lambda one: one)
    (job,) = predictor.open_inputs(np.zeros((8, 8, 3), np.uint8)).jobs
    made = Made("result", (tmp_path / "a.png",), True, ("a note",))
    assert predictor.work_on(job, lambda one: made if one is job else None) is made


def test_a_model_is_shared_not_loaded_again(engine, monkeypatch):
    owner, other = Pixel2Style2PixelPredictor(output_path=None), StyleGANv2EditingPredictor(output_path=None)
    owner.__dict__["engine"] = engine
    owner.__dict__["perceptual"] = PlainDistance()
    monkeypatch.setattr("ppgan_ext.weights.load.load_face_model", None)  # cannot be called
    other.share_model(owner)
    assert isinstance(other, Predictor) and other.engine is engine and other.perceptual is owner.perceptual
    assert other.directions(None, ("age",)) is owner.directions(None, ())


def test_the_bundled_directions_say_how_far_and_what_else():
    infos = {info.name: info for info in describe_model_directions(None)}
    assert (infos["age"].reach, infos["age"].unit, infos["age"].step) == (50.0, "year", 1.0)
    assert infos["yaw"].reach == 25.0 and infos["yaw"].side_effects == ()
    # as the model's card has measured on pictures: smiling widens mouth and nose
    assert [effect.name for effect in infos["smile"].side_effects[:2]] == ["mouth_ratio", "nose_ratio"]
    with pytest.raises(ConfigError, match="no model"):
        describe_model_directions("faces-129")


def test_side_effects_are_shares_of_the_other_deviation():
    vector = np.zeros((2, 4), np.float32)
    vector[0, 0], vector[1, 1] = 0.5, 0.01
    regressor = np.zeros((2, 4))
    regressor[0, 0] = 8.0
    one = Direction("one", vector, "degree", statistics={"sd": 3.0})
    other = Direction("other", vector, "sd", regressor=regressor, statistics={"sd": 2.0, "stretch": 1.5})
    first, second = describe_directions({"one": one, "other": other})
    assert first.reach == 8.0  # two and a half deviations, rounded to whole degrees
    assert [(effect.name, effect.change) for effect in first.side_effects] == [("other", pytest.approx(4.0))]
    assert second.side_effects == ()
    notes = range_notes({"one": -17.0, "other": 5.1}, {"one": one, "other": other})
    assert notes == [
        "one: -17 is far beyond -8 to 8, the range of sensible amounts",
        "other: 5.1 is beyond -5 to 5, the range of sensible amounts",
    ]
    assert range_notes({"one": 8.0, "other": -5.0}, {"one": one, "other": other}) == []


def test_an_open_mouth_of_the_small_model_is_told():
    (note,) = tooth_notes({"smile": 1.0, "mouth_open": 2.0}, "faces-128")
    assert note.startswith("mouth_open: at 2 a mouth that is closed shows one white band")
    assert tooth_notes({"mouth_open": 1.0}, "faces-128") == tooth_notes({"mouth_open": -2.0}, "faces-128") == []
    assert tooth_notes({"mouth_open": 2.0}, "ffhq-inversion") == []


def test_the_doctor_has_sections():
    titles = [title for title, _ in doctor_sections()]
    assert titles[0] == "Versions" and titles[-1] == "To do"
    assert all(title in doctor_report() for title in titles)
