"""The evaluation: only faces that were held back are measured, sums are exact, and a run goes on where it ended."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from ppgan_ext.apps.command_line import read_options
from ppgan_ext.apps.studies.models import evaluate as evaluation
from ppgan_ext.apps.studies.models import faces as held
from ppgan_ext.apps.studies.models import learned, moving, observer, reconstruction, report, samples, summary
from ppgan_ext.apps.studies.models.command_line import COMMAND, main
from ppgan_ext.apps.studies.models.options import EvaluateOptions
from ppgan_ext.data.sources import open_source
from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.images import decode_image
from ppgan_ext.latents.directions import load_directions, save_directions
from tests.reference.toy_face_model import N_LATENT, NAMES, SIZE, toy_face_model

ROOT = Path(__file__).resolve().parents[3]
NUM, HELD_BACK = 260, 6


def write_pack(path, num=NUM, size=SIZE):
    """Faces drawn as a bright square whose brightness is the age, on grounds that tell gender; 3 unknown labels."""
    rng = np.random.default_rng(1)
    ages, genders = rng.integers(10, 90, num), rng.integers(0, 2, num)
    images = rng.integers(0, 20, (num, size, size, 3)).astype(np.uint8)
    images[:, size // 4 : size // 2, size // 4 :] += (2 * ages).astype(np.uint8)[:, None, None, None]
    images[:, : size // 4, :, 2] += (100 * genders).astype(np.uint8)[:, None, None]
    blocks = rng.integers(0, 255, (num, 4, 8, 1), np.uint8)  # tells one face from another
    images[:, size // 2 :] = blocks.repeat(size // 8, axis=1).repeat(size // 8, axis=2)
    label = np.stack([ages, genders, np.zeros(num)], 1).astype(np.int16)
    label[[2, 5], 0], label[7, 1] = -1, -1
    np.savez(path, images=images, label=label, name=np.array([f"face{i}.png" for i in range(num)]))
    return path


@pytest.fixture
def pack(tmp_path):
    return write_pack(tmp_path / "faces.npz")


@pytest.fixture
def astronaut():
    import skimage

    data = Path(skimage.__file__).parent / "data" / "astronaut.png"
    return decode_image(data.read_bytes(), "astronaut")[20:220, 120:320]


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """The toy model in the place of the bundled one; its record says that six faces were held back."""
    import dataclasses

    from ppgan_ext.losses import bundled_distance
    from ppgan_ext.networks import StyleGANv2Discriminator

    model = toy_face_model(tmp_path)
    model = dataclasses.replace(model, record=dataclasses.replace(model.record, held_back=HELD_BACK))
    model.__dict__["directions_file"] = tmp_path / "directions.safetensors"
    monkeypatch.setattr("ppgan_ext.weights.load.load_face_model", lambda *args, **kwargs: model)
    distance = bundled_distance(StyleGANv2Discriminator(SIZE, channel_base=128, channel_cap=8).eval())
    monkeypatch.setattr("ppgan_ext.apps.predictor.Predictor.perceptual", distance)
    return model


def options(pack, folder, **settings):
    given = {"input": str(pack), "output_path": str(folder), "cpu": True, "fit_steps": 1, "tune": 1, "num": 3}
    return EvaluateOptions(**{**given, "num_directions": 2, "num_samples": 10, **settings})


# --- which faces


def test_only_the_last_faces_are_measured_and_never_more_than_were_held_back(pack):
    source = open_source(pack)
    assert held.open_held_back(source, None, 6, 32).rows(500) == list(range(NUM - 6, NUM))
    assert held.open_held_back(source, 4, 6, 32).rows(2) == [NUM - 4, NUM - 2]
    assert held.open_held_back(source, 0, 6, 32).first == 0  # another set: all of it
    with pytest.raises(ConfigError, match="held back 6 faces, not 7: it has seen the others"):
        held.open_held_back(source, 7, 6, 32)
    with pytest.raises(ConfigError, match="which faces was the model not trained on"):
        held.open_held_back(source, None, None, 32)
    with pytest.raises(ConfigError, match="300 faces are more than the 260"):
        held.open_held_back(source, 300, None, 32)


def test_unknown_labels_are_unknown(pack, tmp_path):
    faces = held.open_held_back(open_source(pack), 0, None, 32)
    assert faces.age(2) is None and faces.gender(2) in held.GENDERS
    assert faces.gender(7) is None and faces.age(7) > 0
    (tmp_path / "plain").mkdir()
    cv2.imwrite(str(tmp_path / "plain" / "a.png"), np.zeros((40, 36, 3), np.uint8))
    plain = held.open_held_back(open_source(tmp_path / "plain"), 0, None, 32)
    assert plain.age(0) is None and plain.gender(0) is None and plain.image(0).shape == (32, 32, 3)


def test_groups():
    assert [held.age_group(age) for age in (0, 12, 13, 39, 40, 60, 116, None)] == [
        "0-12", "0-12", "13-19", "20-39", "40-59", "60+", "60+", "unknown"
    ]  # fmt: skip
    assert [held.skin_group(angle) for angle in (60, 41, 10, -40, None, float("nan"), -88)] == [
        "light", "medium", "dark", "dark", "unknown", "unknown", "unknown"
    ]  # fmt: skip


def test_the_typology_angle_is_of_the_cheeks_and_rises_with_lightness(astronaut):
    from ppgan_ext.faces.detect import find_faces

    landmarks = find_faces(astronaut)[0].landmarks
    lab = np.zeros(astronaut.shape, np.float32)
    lab[...] = (60.0, 10.0, 10.0)  # arctan(10 / 10)
    image = (cv2.cvtColor(lab, cv2.COLOR_LAB2RGB) * 255).round().astype(np.uint8)
    image[: int(landmarks[36, 1])] = 0  # above the eyes nothing counts
    assert held.typology_angle(image, landmarks) == pytest.approx(45, abs=2)
    assert held.typology_angle((image * 0.7).astype(np.uint8), landmarks) < 0  # below lightness 50
    assert np.isnan(held.typology_angle(image, landmarks + 10_000))


# --- age and gender of a picture


def test_age_and_gender_are_told_from_pixels_of_other_faces(pack):
    faces = held.open_held_back(open_source(pack), 20, None, SIZE)
    used = range(0, NUM, 10)
    rows = learned.learnable_rows(faces, 1000, used)
    assert not set(rows) & set(used) and max(rows) < NUM - 20 and not set(rows) & {2, 5, 7}
    assert len(rows) == NUM - 20 - 24 - 3
    seen = []
    told = learned.learn(faces, rows, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(rows), len(rows))
    estimates = np.array([list(told.tell(faces.image(row)).values()) for row in range(NUM - 20, NUM)])
    truth = faces.labels[NUM - 20 :]
    assert np.corrcoef(estimates[:, 0], truth[:, 0])[0, 1] > 0.9
    assert np.corrcoef(estimates[:, 1], truth[:, 1])[0, 1] > 0.8
    assert summary.learned_figures(told)["age"]["mae"] == told.ridges["age"].mae > 0
    with pytest.raises(InputError, match="10 labelled faces are too few"):
        learned.learn(faces, rows[:10], lambda done, total: None)


def test_a_picture_tells_pose_features_and_person(astronaut):
    look = observer.observe(astronaut, None)
    assert {"yaw", "pitch", "roll", "smile", "mouth_open"} <= set(look.attributes)
    mirrored = observer.observe(np.ascontiguousarray(astronaut[:, ::-1]), None)
    assert mirrored.attributes["yaw"] == pytest.approx(-look.attributes["yaw"], abs=3)
    assert look.distance(mirrored) < 0.6
    assert observer.observe(np.full((64, 64, 3), 90, np.uint8), None) is None


# --- sums


def photo(has_face=True, age=30.0, told=33.0, **groups):
    attributes = {"age": told, "yaw": 1.0} if has_face else {}
    known = {"gender": "male", "typology_angle": 50.0, **groups}
    return {"has_face": has_face, "age": age, "attributes": attributes, **known}


def compared(psnr, distance):
    return {"psnr": psnr, "ssim": 0.5, "perceptual": 0.1, "distance": distance}


def test_a_copy_without_a_face_is_another_person_and_a_photo_without_one_does_not_count():
    entries = [
        {"photo": photo(), "encoder": compared(20.0, 0.5)},
        {"photo": photo(told=24.0, gender=None), "encoder": compared(22.0, 0.7), "tuning": compared(30.0, 0.2)},
        {"photo": photo(), "encoder": compared(24.0, None)},
        {"photo": photo(has_face=False, gender="female"), "encoder": compared(10.0, None)},
    ]
    found = summary.reconstruction_figures(entries)
    encoder = found["methods"]["encoder"]
    assert found["num_without_face"] == 1 and list(found["methods"]) == ["encoder", "tuning"]
    assert encoder["psnr"] == 19.0 and encoder["num_faces"] == 4
    assert encoder["identity_distance"] == pytest.approx(0.6)
    assert encoder["identity_same"] == pytest.approx(1 / 3)
    assert (encoder["identity_lost"], encoder["identity_num"]) == (1, 3)
    assert set(found["groups"]["gender"]) == {"male", "female", "unknown"}
    assert set(found["groups"]["age_group"]) == {"20-39"} and set(found["groups"]["skin_group"]) == {"light"}
    assert found["groups"]["gender"]["female"]["encoder"]["identity_same"] is None
    assert found["groups"]["gender"]["unknown"]["tuning"]["psnr"] == 30.0
    assert found["age_of_photos_mean_absolute_error"] == pytest.approx((3 + 6 + 3) / 3)
    assert found["edits"] == {}


def step(value, distance):
    return {"value": value, "distance": distance}


def test_edits_are_summed_up():
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


def looked(**attributes):
    return {"attributes": attributes, "distance": 0.2}


def test_leakage_is_in_deviations_for_a_step_of_one():
    entries = [
        {
            "reference": looked(age=40.0, smile=0.1),
            "moved": {
                "age": {"minus": looked(age=30.0, smile=0.1), "plus": looked(age=50.0, smile=0.2)},
                "smile": {"minus": looked(age=40.0, smile=0.0), "plus": looked(age=44.0, smile=0.3)},
            },
        },
        {"reference": None, "moved": {}},
        {
            "reference": looked(age=40.0, smile=0.1),
            "moved": {
                "age": {"minus": None, "plus": looked(age=90.0, smile=0.9)},
                "smile": {"minus": None, "plus": None},
            },
        },
    ]
    found = summary.direction_figures(entries, {"age": 20.0, "smile": 1.0}, {"age": 10.0, "smile": 0.1})
    assert (found["num_faces"], found["num_without_face"]) == (3, 1)
    age, smile = found["directions"]["age"], found["directions"]["smile"]
    assert age["own_change_per_unit"] == pytest.approx(20 / 40)  # years per year
    assert age["leakage"] == pytest.approx({"age": 0.5, "smile": 0.1 / 40 * 10 / 0.1})
    assert smile["own_change_per_unit"] == pytest.approx(1.5)  # deviations per deviation
    assert smile["leakage"] == pytest.approx({"age": 4 / 2 / 10, "smile": 1.5})
    assert (age["num_lost"], smile["num_lost"]) == (1, 2)
    assert smile["identity_same"] == pytest.approx(2 / 4)
    names, attributes, matrix = summary.leakage_matrix(found)
    assert names == attributes == ["age", "smile"]
    assert matrix == pytest.approx(np.array([[0.5, 0.25], [0.2, 1.5]]))


def test_deviations_are_of_photos_with_a_face():
    entries = [{"photo": photo(told=value)} for value in (20.0, 40.0)] + [{"photo": photo(has_face=False)}]
    assert summary.photo_deviations(entries) == {"age": 10.0}  # the yaw does not vary


def test_how_far_a_direction_is_followed():
    from ppgan_ext.latents.directions import Direction

    made = {
        name: Direction(name, np.ones((1, 512)), unit)
        for name, unit in (("age", "year"), ("hat", "class"), ("smile", "sd"))
    }
    assert [moving.amount_of(made[name]) for name in ("age", "hat", "smile")] == [20.0, 0.5, 1.0]


# --- the whole, on real networks of toy size


def test_a_run_measures_reports_and_goes_on(pack, tmp_path, toy, monkeypatch):
    calls = []
    real = reconstruction.measure_face
    monkeypatch.setattr(evaluation, "measure_face", lambda *given: calls.append(given[2]) or real(*given))
    folder = tmp_path / "out"
    wanted = options(pack, folder, only="reconstruction,directions", num_refined=1)
    written = evaluation.evaluate(wanted)
    assert [path.name for path in written.files] == ["evaluation.json", "evaluation.md"]
    assert calls == [NUM - 6, NUM - 4, NUM - 2]
    found = json.loads((folder / "evaluation.json").read_text())
    methods = found["reconstruction"]["methods"]
    assert {name: one["num_faces"] for name, one in methods.items()} == {"encoder": 3, "projector": 1, "tuning": 1}
    assert 0 < methods["encoder"]["psnr"] < 40 and methods["projector"]["perceptual"] > 0
    # These are no faces: that is said, not hidden.
    assert found["reconstruction"]["num_without_face"] == 3 == found["reconstruction"]["num_faces"]
    assert found["directions"]["num_without_face"] == 2
    assert found["settings"]["num_held_back"] == HELD_BACK
    assert "have been learned from some of the same" in " ".join(found["notes"])
    assert found["learned"]["num_faces"] > 200
    # One strip: photo, three reconstructions, two edits of age and of yaw.
    strips = sorted((folder / "faces").iterdir())
    assert [cv2.imread(str(strip)).shape for strip in strips] == [(SIZE, 8 * SIZE, 3)]
    page = (folder / "evaluation.md").read_text()
    assert "| encoder alone | 3 |" in page and "No face was found in 3 of 3 photos" in page
    before = found["reconstruction"]
    again = evaluation.evaluate(options(pack, folder, only="reconstruction", num=4, num_refined=1))
    assert calls[3:] == [row for row in again_rows(4) if row not in calls[:3]]
    assert again.figures["reconstruction"]["num_faces"] == 3 + len(calls[3:])
    assert again.figures["reconstruction"]["methods"]["projector"] == before["methods"]["projector"]
    with pytest.raises(ConfigError, match="--tune 1, not --tune 2"):
        evaluation.evaluate(options(pack, folder, tune=2))
    path = toy.directions_file  # other directions under the same name: what was measured along the old ones is stale
    known = load_directions(path, N_LATENT)
    save_directions(path, {name: replace(one, vector=2 * one.vector) for name, one in known.items()})
    with pytest.raises(ConfigError, match="the folder was made with --directions"):
        evaluation.evaluate(wanted)


def test_without_projector_steps_it_is_the_encoders_code_that_is_tuned(pack, tmp_path, toy):
    wanted = options(pack, tmp_path / "out", only="reconstruction", num=1, fit_steps=0, num_learned=0)
    assert set(evaluation.evaluate(wanted).figures["reconstruction"]["methods"]) == {"encoder", "tuning"}
    (strip,) = (tmp_path / "out" / "faces").iterdir()
    assert cv2.imread(str(strip)).shape == (SIZE, 7 * SIZE, 3)  # photo, two reconstructions, four edits


def again_rows(num):
    return [NUM - HELD_BACK + place * HELD_BACK // num for place in range(num)]


def test_ctrl_c_keeps_what_was_done(pack, tmp_path, toy, monkeypatch):
    real, calls = reconstruction.measure_face, []

    def second_is_interrupted(*given):
        calls.append(given[2])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(evaluation, "measure_face", second_is_interrupted)
    words = ["--input", pack, "--output_path", tmp_path / "out", "--only", "reconstruction", "--num_refined", "0"]
    words = [str(word) for word in [*words, "--num", 3, "--num_learned", 0, "--fit_steps", 1, "--tune", 1]]
    assert main(words) == 130
    found = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert found["reconstruction"]["methods"]["encoder"]["num_faces"] == 1
    assert main(words) == 0
    assert calls[0] not in calls[2:] and len(calls) == 4
    found = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert found["reconstruction"]["methods"]["encoder"]["num_faces"] == 3


def test_a_held_back_face_whose_photo_was_trained_on_is_not_measured(tmp_path, toy):
    rng = np.random.default_rng(3)
    images = rng.integers(0, 256, (9, 4, 4, 3), np.uint8).repeat(SIZE // 4, axis=1).repeat(SIZE // 4, axis=2)
    images[7] = images[1]  # 3 to 8 are held back
    np.savez(tmp_path / "twins.npz", images=images)
    settings = {"only": ["reconstruction"], "num_refined": 0, "num": 500}
    run = evaluation.Evaluation(options(tmp_path / "twins.npz", tmp_path / "out", **settings))
    assert run.faces.rows(500) == [3, 4, 5, 6, 8]
    found = run.run().figures
    assert found["reconstruction"]["num_faces"] == 5 == found["settings"]["num_held_back"]
    assert "1 of 6 held-back faces are not measured: the same photo" in " ".join(found["notes"])
    kept = evaluation.Evaluation(options(tmp_path / "twins.npz", tmp_path / "out", keep_twins=True, **settings))
    assert kept.faces.rows(500) == [3, 4, 5, 6, 7, 8]


def test_a_damaged_face_is_noted_and_left_out(tmp_path, toy):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a", "b"):
        cv2.imwrite(str(folder / f"{name}.png"), np.full((SIZE, SIZE, 3), 80, np.uint8))
    (folder / "c.png").write_bytes(b"no picture")
    wanted = options(folder, tmp_path / "out", held_back=0, only=["reconstruction"], num_refined=0)
    found = evaluation.evaluate(wanted).figures
    assert found["reconstruction"]["num_faces"] == 2
    notes = " ".join(found["notes"])
    assert "c.png" in notes and "no other faces with labels" in notes
    with pytest.raises(InputError, match="not one face could be measured"):
        (folder / "a.png").unlink()
        (folder / "b.png").unlink()
        evaluation.evaluate(options(folder, tmp_path / "out2", held_back=0, only=["reconstruction"]))


def test_samples_are_measured_once_and_are_the_same_in_any_batch(pack, tmp_path, toy, monkeypatch):
    engine = evaluation.Evaluation(options(pack, tmp_path / "a")).engine
    drawn = samples.draw(engine, 3, 4, 1.0)
    assert np.abs(drawn[2:] - samples.draw(engine, 5, 2, 1.0)).max() < 1e-5
    assert np.abs(drawn - samples.draw(engine, 3, 4, 0.5)).max() > 1e-3
    assert samples.sheet(engine).shape == (3 * SIZE, 8 * SIZE, 3)

    from ppgan_ext.metrics import KID
    from tests.reference.toy_metrics import ToyFeatures

    network, num_calls = ToyFeatures(), []

    def one_measurement(subject, num, crop):
        def measure(report):
            num_calls.append(num)
            return KID({"num": num, "num_subsets": 2}, network).compute(subject, report)

        yield "KID toy", measure

    monkeypatch.setattr(samples, "measurements", one_measurement)
    for _ in range(2):
        found = evaluation.evaluate(options(pack, tmp_path / "a", only=["samples"])).figures
        assert np.isfinite(found["samples"]["kid_toy, 10 samples"])
    assert num_calls == [10]


def test_identity_features_are_those_of_the_network():
    network = samples.identity_features("tight")
    assert (network.name, network.num_features, len(network.weights_hash)) == ("dlib-resnet", 128, 64)
    images = np.random.default_rng(0).integers(0, 256, (2, 48, 48, 3), np.uint8)
    features = network.extract(images)
    assert features.shape == (2, 128) and np.linalg.norm(features[0] - features[1]) > 0.01


# --- report and command


def test_the_plot_is_a_picture_of_the_matrix(tmp_path):
    leakage = {"age": 1.0, "smile": -0.4}
    one = {"leakage": leakage}
    figures = {"num_faces": 3, "num_without_face": 1, "deviations": leakage, "directions": {"age": one, "smile": one}}
    report.plot_leakage(figures, tmp_path / "leakage.png")
    drawn = cv2.imread(str(tmp_path / "leakage.png"))
    assert min(drawn.shape[:2]) > 200
    assert (drawn[..., 2].astype(int) - drawn[..., 0] > 100).any()  # red where it rises
    assert (drawn[..., 0].astype(int) - drawn[..., 2] > 60).any()  # blue where it falls


def test_the_command_reads_its_examples_and_refuses_nonsense(tmp_path, capsys):
    for line in COMMAND.examples:
        read_options(COMMAND, line.split(), "evaluate_model.py")
    made = read_options(COMMAND, ["--input", "x", "--only", "samples,directions"], "evaluate_model.py")
    assert made.only == ["samples", "directions"]
    assert main(["--only", "everything"]) == 1
    assert main([]) == 1
    assert "--input is missing" in capsys.readouterr().err


def test_the_script_explains_itself_without_paddle(tmp_path):
    words = [sys.executable, "-X", "importtime", str(ROOT / "tools" / "evaluate_model.py"), "--help"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.startswith("usage: evaluate_model.py ")
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not imported & {"paddle", "cv2", "dlib"}
    assert len((ROOT / "tools" / "evaluate_model.py").read_text().splitlines()) <= 40


def test_the_toy_has_what_the_edits_need():
    assert set(reconstruction.EDITS) <= set(NAMES)
