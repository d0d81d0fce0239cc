"""Ageing whole photos with real networks of toy size."""

import pkgutil

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.apps import AgeEditingPredictor, StyleGANv2EditingPredictor
from ppgan_ext.apps.batch import Job, open_inputs
from ppgan_ext.apps.codes.encoded_face import choose_faces, encode_face
from ppgan_ext.apps.films import FRAMES_BETWEEN_STOPS
from ppgan_ext.apps.photo.animation import animation_stops
from ppgan_ext.apps.photo.apparent_age import Estimates
from ppgan_ext.apps.photo.commands import describe_ages
from ppgan_ext.apps.photo.edit import edit_name
from ppgan_ext.apps.photo.options import AgeOptions
from ppgan_ext.apps.photo.plan import layer_numbers
from ppgan_ext.apps.photo.result_images import shrink
from ppgan_ext.errors import ConfigError, NoFaceError
from ppgan_ext.faces.ageing import likeness
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.latents.walks import between
from tests.reference.toy_face_model import N_LATENT, PLAIN, names


def directions_of(engine):
    from ppgan_ext.latents.directions import load_directions

    return load_directions(str(engine.face_model.directions_file), N_LATENT)


def test_files_and_results_of_one_photo(make, portrait, tmp_path):
    path = tmp_path / "me.jpeg"
    PIL.Image.fromarray(portrait).save(path, quality=95)
    result = make(AgeEditingPredictor).run(str(path), years=[20, -7.5])
    assert names(tmp_path / "out") == ["me.age+20.png", "me.age-7.5.png", "me.age.strip.png", "me.npy"]
    src, dst, latent, strip, ages = result
    assert [image.shape for image in dst] == [portrait.shape] * 2
    assert np.array_equal(np.asarray(PIL.Image.open(tmp_path / "out" / "me.age+20.png")), dst[0])
    assert np.array_equal(np.asarray(PIL.Image.open(tmp_path / "out" / "me.age-7.5.png")), dst[1])
    assert np.array_equal(np.asarray(PIL.Image.open(tmp_path / "out" / "me.age.strip.png")), strip)
    assert np.array_equal(np.load(tmp_path / "out" / "me.npy"), latent[0])
    assert latent[0].shape == (N_LATENT, 512)
    assert len(ages) == 1
    assert not np.array_equal(dst[0], dst[1])
    assert np.array_equal(dst[0][-20:], src[-20:])  # the jacket below is untouched


def test_without_an_output_folder_nothing_is_written(make, portrait, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    predictor = make(AgeEditingPredictor, output_path=None)
    result = predictor.run(portrait, **PLAIN)
    assert len(result.dst) == 3
    with pytest.raises(ConfigError, match="save_gif, save_mp4 would write nothing"):
        predictor.run(portrait, save_gif=True, save_mp4=True)
    assert predictor.files == []
    assert names(tmp_path) == []


def test_edits_beyond_their_range_are_told_once_of_a_batch(make, portrait):
    notes = []
    for tool, run in ((AgeEditingPredictor, "run"), (StyleGANv2EditingPredictor, "run_photo")):
        predictor = make(tool, output_path=None)
        settings = {"years": 20, **PLAIN} if run == "run" else {}
        getattr(predictor, run)([portrait, portrait[:, ::-1]], edit={"smile": 100}, **settings)
        notes += [note for note in predictor.notes if "sensible" in note]
    assert notes == ["smile: 100 is far beyond -5 to 5, the range of sensible amounts"] * 2


@pytest.mark.slow
def test_same_input_same_bytes(make, portrait, tmp_path):
    make(AgeEditingPredictor, output_path=tmp_path / "a").run(portrait, years=20)
    make(AgeEditingPredictor, output_path=tmp_path / "b").run(PIL.Image.fromarray(portrait), years=[20.0])
    assert names(tmp_path / "a") == names(tmp_path / "b")
    for name in names(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


@pytest.mark.slow
def test_transparency_comes_back(make, portrait, tmp_path):
    opacity = np.full((*portrait.shape[:2], 1), 255, np.uint8)
    opacity[:40], opacity[:, -30:] = 0, 130
    rgba = np.concatenate([portrait, opacity], axis=2)
    PIL.Image.fromarray(rgba).save(tmp_path / "photo.png")
    predictor = make(AgeEditingPredictor)
    (edited,) = predictor.run(tmp_path / "photo.png", years=[30], **PLAIN).dst
    with PIL.Image.open(tmp_path / "out" / "photo.age+30.png") as picture:
        written = np.asarray(picture)
    assert edited.shape == portrait.shape and np.array_equal(written[..., 3], rgba[..., 3])
    unchanged = (written == rgba).all(axis=2)
    assert unchanged[:40].all() and 0.3 < unchanged.mean() < 1


@pytest.mark.slow
def test_the_apparent_age_is_the_regressions_and_the_target_age_is_reached(make, engine, portrait):
    estimates = Estimates(directions_of(engine))
    predictor = make(AgeEditingPredictor, output_path=None)
    (job,) = open_inputs(portrait).jobs
    for extra in (PLAIN, PLAIN | {"edit": {"smile": 3}}, PLAIN | {"layers": ["0-4"]}):
        result = predictor.run(portrait, target_age=71, **extra)
        assert result.apparent_age == [pytest.approx(estimates.age(result.latent[0]))]
        (edited,) = predictor.edit_photo(job, AgeOptions(target_age=71, **extra)).result.edited
        assert edited.variant.name == "age71"
        assert np.array_equal(edited.image, result.dst[0])
        assert estimates.age(edited.codes[0].w_plus) == pytest.approx(71, abs=0.01)
        assert edited.codes[0].label.startswith("age 71 (")
    years = predictor.run(portrait, years=[10], **PLAIN)
    (edited,) = predictor.edit_photo(job, AgeOptions(years=[10], **PLAIN)).result.edited
    measured = [estimates.measured_age(w_plus) for w_plus in (years.latent[0], edited.codes[0].w_plus)]
    assert measured[1] == pytest.approx(measured[0] + 10, abs=0.01)
    (drawn,) = predictor.edit_photo(job, AgeOptions(target_age=71)).result.edited
    assert drawn.codes[0].years == pytest.approx(71 - years.apparent_age[0], abs=0.01)


def save_age(path, vector, unit="step"):
    from ppgan_ext.latents.directions import Direction, save_directions

    save_directions(str(path), {"age": Direction("age", vector, unit)})
    return str(path)


def test_an_age_in_another_unit_is_refused(make, portrait, tmp_path):
    path = save_age(tmp_path / "age.safetensors", np.ones((1, 512), np.float32), "sd")
    with pytest.raises(ConfigError, match="scaled by 'sd', not in years"):
        make(AgeEditingPredictor, output_path=None).run(portrait, years=3, direction_path=path)


@pytest.mark.slow
def test_steps_of_a_model_that_draws_no_faces_cannot_be_turned_into_years(make, portrait, tmp_path):
    path = save_age(tmp_path / "age.safetensors", np.ones((1, 512), np.float32))
    with pytest.raises(ConfigError, match="draws no face whose age can be told") as caught:
        make(AgeEditingPredictor, output_path=None).run(portrait, years=3, direction_path=path)
    assert "ppgan-ext edit" in str(caught.value)


@pytest.fixture(scope="module")
def bundled():
    """A predictor with the bundled model."""
    return AgeEditingPredictor(output_path=None)


@pytest.mark.slow
@pytest.mark.parametrize("steps_a_year", [1.5, -0.4])
def test_steps_of_unknown_length_are_turned_into_years_by_their_pictures(bundled, portrait, tmp_path, steps_a_year):
    predictor = bundled
    age = predictor.directions(None, ["age"])["age"]
    path = save_age(tmp_path / "age.safetensors", age.vector / np.float32(steps_a_year))
    plan = predictor.plan(AgeOptions(years=[20], direction_path=path))
    assert np.allclose(plan.directions["age"].vector, age.vector, atol=0.25 * np.abs(age.vector).max())
    result = predictor.run(portrait, target_age=70, direction_path=path, **PLAIN)
    known = predictor.run(portrait, target_age=70, **PLAIN)
    assert result.apparent_age[0] == pytest.approx(known.apparent_age[0], abs=12)
    assert np.abs(result.dst[0].astype(int) - known.dst[0].astype(int)).mean() < 1.0


@pytest.mark.slow
def test_a_direction_along_which_nobody_ages_is_refused(bundled, portrait, tmp_path, monkeypatch):
    monkeypatch.setattr("ppgan_ext.apps.photo.apparent_age._LARGEST_STEP", 4.0)
    monkeypatch.setattr("ppgan_ext.apps.photo.apparent_age._NUM_FACES", 2)
    roll = bundled.directions(None, ["roll"])["roll"]
    path = save_age(tmp_path / "age.safetensors", roll.vector * np.float32(0.01))
    with pytest.raises(ConfigError, match="do not get older along this age direction: 4 steps"):
        bundled.run(portrait, years=3, direction_path=path)


@pytest.mark.slow
def test_every_face_is_edited_or_those_asked_for(make, couple):
    predictor = make(AgeEditingPredictor, output_path=None)
    left, right = (slice(None), slice(0, 270)), (slice(None), slice(290, 640))

    def changed(**which):
        dst = predictor.run(couple, years=100, **which, **PLAIN).dst[0]
        return [bool((dst[side] != couple[side]).any()) for side in (left, right)]

    assert changed() == [True, True]
    assert changed(faces="largest") == [False, True]
    assert changed(faces=2) == [True, False]
    assert changed(faces=[2, 1]) == [True, True]
    assert changed(faces="left") == [True, False]
    with pytest.raises(NoFaceError):
        predictor.run(couple, faces=3)


@pytest.mark.slow
def test_the_face_of_a_person_is_edited(make, couple, portrait, tmp_path):
    PIL.Image.fromarray(portrait).save(tmp_path / "her.png")
    predictor = make(AgeEditingPredictor, output_path=None)
    result = predictor.run(couple, years=100, faces_like=tmp_path / "her.png", **PLAIN)
    assert len(result.latent) == 1
    assert (result.dst[0][:, 290:] != couple[:, 290:]).any()
    assert np.array_equal(result.dst[0][:, :270], couple[:, :270])
    stranger = predictor._known_people[str(tmp_path / "her.png")] + 1.0
    predictor._known_people[str(tmp_path / "stranger.png")] = stranger
    with pytest.raises(NoFaceError, match="none of the 2 faces shows the person asked for"):
        predictor.run(couple, years=100, faces_like=[str(tmp_path / "stranger.png")])


@pytest.mark.slow
def test_several_faces_have_a_row_and_a_code_each(make, couple, tmp_path):
    result = make(AgeEditingPredictor).run(couple, years=20, **PLAIN)
    assert names(tmp_path / "out") == [
        "image.age+20.png", "image.age.strip.png", "image.face1.npy", "image.face2.npy",
    ]  # fmt: skip
    one = make(AgeEditingPredictor, output_path=None).run(couple, years=20, faces=1, **PLAIN)
    assert result.strip.shape == (2 * one.strip.shape[0], *one.strip.shape[1:])


@pytest.mark.slow
def test_messages_number_faces_as_the_preview_does(make, couple):
    predictor = make(AgeEditingPredictor, output_path=None)
    edit = predictor.edit_noted(Job(couple, "image"), AgeOptions(years=[60], faces=[2], **PLAIN)).result
    assert edit.faces[0].face.box.left < 280
    lines = list(describe_ages(edit.faces, [44.0]))
    assert lines == ["face 2 looks 44 years old"]


@pytest.mark.slow
def test_transparent_places_leave_no_bright_line_on_a_face(make, portrait):
    nose = round(float(find_faces(portrait)[0].landmarks[33, 1]))
    opacity = np.full(portrait.shape[:2], 255, np.uint8)
    opacity[nose - 14 : nose] = 128
    predictor, options = make(AgeEditingPredictor, output_path=None), AgeOptions(years=[40], grey=0.0)
    opaque, cut = (
        predictor.edit_ages(Job(picture, "image"), options).result.dst[0].astype(float).mean(axis=2)
        for picture in (portrait, np.dstack([portrait, opacity]))
    )
    beside = np.r_[nose - 18 : nose - 14, nose : nose + 4]
    # A bright line would be a row that differs by 50 across a face of 92 pixels.
    across = slice(*find_faces(portrait)[0].landmarks[[1, 15], 0].round().astype(int))
    assert np.abs(cut - opaque)[beside, across].mean(axis=1).max() < 12
    assert np.abs(cut - opaque)[beside].mean() < 2.5
    on_white = (opaque[nose - 14 : nose] + 255) / 2
    assert np.abs(cut[nose - 14 : nose] - on_white).mean() < 2


@pytest.mark.slow
def test_list_faces(make, couple, tmp_path):
    preview, faces = make(AgeEditingPredictor).list_faces(couple)
    assert names(tmp_path / "out") == ["image.faces.png"]
    assert [face.box.left > 280 for face in faces] == [True, False]  # the larger one is on the right
    assert preview.shape == couple.shape
    assert not np.array_equal(preview, couple)


@pytest.mark.slow
def test_a_face_that_would_not_be_recognised_is_held_back_and_that_is_told(make, portrait, monkeypatch):
    free = make(AgeEditingPredictor, output_path=None).edit_ages(
        Job(portrait, "image"), AgeOptions(years=[40], grey=0.0)
    )
    monkeypatch.setattr(likeness, "_FARTHEST", (0.0, 0.0, 0.0))
    held = make(AgeEditingPredictor, output_path=None).edit_ages(
        Job(portrait, "image"), AgeOptions(years=[40], grey=0.0)
    )
    change = [np.abs(made.result.dst[0].astype(int) - portrait).mean() for made in (free, held)]
    assert change[1] < 0.8 * change[0]
    told = "kept recognisable: at +40 years the face changes less"
    assert told in held.notes and told not in free.notes


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gif", "mp4"])
def test_animations_pass_through_the_ages_and_back(make, portrait, tmp_path, kind, monkeypatch):
    assert FRAMES_BETWEEN_STOPS == 12
    monkeypatch.setattr("ppgan_ext.apps.photo.animation.FRAMES_BETWEEN_STOPS", 4)
    predictor = make(AgeEditingPredictor)
    photo = np.asarray(PIL.Image.fromarray(portrait).resize((720, 600))) if kind == "gif" else portrait
    years = [-100, 100] if kind == "gif" else [100]
    predictor.run(photo, years=years, **PLAIN, **{f"save_{kind}": True})
    path = tmp_path / "out" / f"image.age.{kind}"
    assert path in predictor.files
    if kind == "gif":
        with PIL.Image.open(path) as animation:
            assert animation.size == (512, 427)
            # -100 to 0 to +100 in two passages of 4, the last stop, and back without the ends
            assert animation.n_frames == 9 + 7
            frames = []
            for number in (0, 4, 8, 12):
                animation.seek(number)
                frames.append(np.asarray(animation.convert("RGB")).astype(int))
        young, now, old, again = frames
        assert np.abs(young - old).mean() > 2 * np.abs(now - again).mean()
        assert np.abs(now - again).mean() < 1
    else:
        assert path.stat().st_size > 5_000


@pytest.mark.slow
def test_both_animations_draw_each_code_once_and_look_at_the_face_before_once(make, portrait, monkeypatch):
    monkeypatch.setattr("ppgan_ext.apps.photo.animation.FRAMES_BETWEEN_STOPS", 2)
    predictor, calls = make(AgeEditingPredictor), []
    count(monkeypatch, "ppgan_ext.faces.paste.find_covered", calls)
    count(monkeypatch, "ppgan_ext.apps.codes.encoded_face.EncodedFace.draw", calls)
    predictor.run(portrait, years=[30], **PLAIN, save_gif=True, save_mp4=True)
    assert calls.count("draw") == 1 + 3  # the result; now, half-way, +30
    assert calls.count("find_covered") == 3  # for the photo, and in the size of each film


def count(monkeypatch, place, calls):
    """Note the name of a function whenever it is called."""
    owner, name = pkgutil.resolve_name(place.rsplit(".", 1)[0]), place.rsplit(".", 1)[1]
    original = getattr(owner, name)

    def counted(*args, **kwargs):
        calls.append(name)
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, counted)


def test_edits_of_a_photo_accept_numbers_for_layers(make, portrait):
    predictor = make(StyleGANv2EditingPredictor, output_path=None)
    base = predictor.run_photo(portrait, {"age": 0}).latent[0]
    moved = predictor.run_photo(portrait, {"age": 40}, layers=[0, "6-"]).latent[0]
    assert np.array_equal(base[1:6], moved[1:6])
    assert not np.allclose(base[[0, 6, 7]], moved[[0, 6, 7]])


def test_layer_numbers():
    assert layer_numbers(["1", "middle", "9-"], 12) == [1, 4, 5, 6, 7, 9, 10, 11]
    assert layer_numbers(["2-3", "3"], 12) == [2, 3]
    assert layer_numbers(["fine"], 18) == list(range(8, 18))
    assert layer_numbers(None, 18) is None
    for wrong in ("12", "0-12", "3-2"):
        with pytest.raises(ConfigError, match="no layer"):
            layer_numbers([wrong], 12)


def test_file_names_of_edits():
    assert edit_name({"age": 20.0, "yaw": -2.5}) == "age+20.yaw-2.5"
    assert edit_name({"age": 20.0}) == "edit.age+20"  # what `ppgan-ext age` makes is called "age+20"
    assert edit_name({f"direction_{i}": 1.0 for i in range(9)}) == "edit"


def code(value):
    return np.full((2, 3), value, np.float32)


def test_stops_of_an_animation_are_in_order_with_the_photo_among_them():
    def variant(years):
        return years, [code(years)]

    assert [stop[0][0, 0] for stop in animation_stops([code(0.5)], [variant(20), variant(-20)])] == [-20, 0.5, 20]
    assert [stop[0][0, 0] for stop in animation_stops([code(0.5)], [variant(20), variant(0)])] == [0, 20]


def test_between_stops_is_straight_soft_and_complete():
    frames = [frame[0][0, 0] for frame in between([[code(0)], [code(1)], [code(-3)]], 4)]
    assert len(frames) == 9
    assert frames[0] == 0 and frames[4] == 1 and frames[8] == -3
    assert frames[1] < 0.25 < frames[2] < 0.75 < frames[3]  # slow at the stops, fast between them
    assert frames[2] == pytest.approx(0.5)


def test_in_a_small_copy_faces_are_where_they_are_in_the_photo(engine, portrait):
    """Cutting the face out of the small photo with the moved matrix gives the same crop, a little softer."""
    from ppgan_ext.faces.warp import warp

    big = np.asarray(PIL.Image.fromarray(portrait).resize((1440, 1200), PIL.Image.Resampling.BICUBIC))
    face = choose_faces(big, "largest")[0]
    before = encode_face(engine, big, face)
    small, (after,) = shrink(big, [before], 480)
    assert small.shape == (400, 480, 3)
    again = warp(small, after.crop.matrix_photo_to_crop, before.crop.image.shape[:2])
    assert np.abs(again.astype(int) - before.crop.image).mean() < 3
    off = after.crop.matrix_photo_to_crop + np.array([[0, 0, 1.0], [0, 0, 0]])
    assert np.abs(warp(small, off, (32, 32)).astype(int) - before.crop.image).mean() > 6
    assert np.allclose(after.face.landmarks, (face.landmarks + 0.5) / 3 - 0.5)
