"""The evaluation as a whole, on real networks of toy size: a run measures, reports and continues an earlier run."""

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
from ppgan_ext.apps.studies.models import evaluate, reconstruction, samples
from ppgan_ext.apps.studies.models.command_line import COMMAND, main
from ppgan_ext.apps.studies.models.options import EvaluateOptions
from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.latents.directions import load_directions, save_directions
from tests.reference.face_pack import NUM_FACES as NUM
from tests.reference.toy_face_model import N_LATENT, NAMES, SIZE, toy_face_model

ROOT = Path(__file__).resolve().parents[3]
HELD_BACK = 6


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Replaces the bundled model by a toy model whose record says that six faces were held back."""
    import dataclasses

    from ppgan_ext.losses.perceptual import bundled_distance
    from ppgan_ext.networks import StyleGANv2Discriminator

    model = toy_face_model(tmp_path)
    model = dataclasses.replace(model, record=dataclasses.replace(model.record, held_back=HELD_BACK))
    model.__dict__["directions_file"] = tmp_path / "directions.safetensors"
    monkeypatch.setattr("ppgan_ext.weights.load.load_face_model", lambda *args, **kwargs: model)
    distance = bundled_distance(StyleGANv2Discriminator(SIZE, channel_base=128, channel_cap=8).eval())
    monkeypatch.setattr("ppgan_ext.apps.predictor.Predictor.perceptual", distance)
    return model


def options(pack, folder, **settings):
    numbers = {
        "reconstruction": {"num": 3}, "directions": {"num_directions": 2},
        "samples": {"num_samples": 10},
    }  # fmt: skip
    defaults = {"input": str(pack), "output_path": str(folder), "cpu": True, "fit_steps": 1, "tune": 1}
    for section in numbers:
        defaults |= numbers[section] if section in settings.get("only", list(numbers)) else {}
    return EvaluateOptions(**{**defaults, **settings})


@pytest.mark.slow
def test_a_run_measures_reports_and_continues(pack, tmp_path, toy, monkeypatch):
    calls = []
    real = reconstruction.measure_reconstruction
    monkeypatch.setattr(evaluate, "measure_reconstruction", lambda *args: calls.append(args[2]) or real(*args))
    folder = tmp_path / "out"
    run_options = options(pack, folder, only="reconstruction,directions", num_refined=1)
    written = evaluate.evaluate(run_options)
    assert [path.name for path in written.files] == ["evaluation.json", "evaluation.md"]
    assert calls == [NUM - 6, NUM - 4, NUM - 2]
    figures = json.loads((folder / "evaluation.json").read_text())
    methods = figures["reconstruction"]["methods"]
    assert {name: one["num_faces"] for name, one in methods.items()} == {"encoder": 3, "projector": 1, "tuning": 1}
    assert 0 < methods["encoder"]["psnr"] < 40 and methods["projector"]["perceptual"] > 0
    # The drawn pictures show no faces, which the report states.
    assert figures["reconstruction"]["num_without_face"] == 3 == figures["reconstruction"]["num_faces"]
    assert figures["directions"]["num_without_face"] == 2
    assert figures["settings"]["num_held_back"] == HELD_BACK
    assert "have been learned from some of the same" in " ".join(figures["notes"])
    assert figures["learned"]["num_faces"] > 200
    # One strip: photo, three reconstructions, two edits of age and of yaw.
    strips = sorted((folder / "faces").iterdir())
    assert [cv2.imread(str(strip)).shape for strip in strips] == [(SIZE, 8 * SIZE, 3)]
    page = (folder / "evaluation.md").read_text()
    assert "| encoder alone | 3 |" in page and "No face was found in 3 of 3 photos" in page
    before = figures["reconstruction"]
    again = evaluate.evaluate(options(pack, folder, only="reconstruction", num=4, num_refined=1))
    assert calls[3:] == [row for row in again_rows(4) if row not in calls[:3]]
    assert again.figures["reconstruction"]["num_faces"] == 3 + len(calls[3:])
    assert again.figures["reconstruction"]["methods"]["projector"] == before["methods"]["projector"]
    with pytest.raises(ConfigError, match="--tune 1, not --tune 2"):
        evaluate.evaluate(options(pack, folder, tune=2))
    path = toy.directions_file  # changed directions under the same name make the recorded measurements stale
    directions = load_directions(path, N_LATENT)
    save_directions(path, {name: replace(one, vector=2 * one.vector) for name, one in directions.items()})
    with pytest.raises(ConfigError, match="the folder was made with --directions"):
        evaluate.evaluate(run_options)


@pytest.mark.slow
def test_without_projector_steps_the_encoders_code_is_tuned(pack, tmp_path, toy):
    run_options = options(pack, tmp_path / "out", only="reconstruction", num=1, fit_steps=0, num_learned=0)
    assert set(evaluate.evaluate(run_options).figures["reconstruction"]["methods"]) == {"encoder", "tuning"}
    (strip,) = (tmp_path / "out" / "faces").iterdir()
    assert cv2.imread(str(strip)).shape == (SIZE, 7 * SIZE, 3)  # photo, two reconstructions, four edits


def again_rows(num):
    return [NUM - HELD_BACK + place * HELD_BACK // num for place in range(num)]


@pytest.mark.slow
def test_ctrl_c_keeps_the_faces_measured_so_far(pack, tmp_path, toy, monkeypatch):
    real, calls = reconstruction.measure_reconstruction, []

    def second_is_interrupted(*args):
        calls.append(args[2])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(evaluate, "measure_reconstruction", second_is_interrupted)
    words = ["--input", pack, "--output_path", tmp_path / "out", "--only", "reconstruction", "--num_refined", "0"]
    words = [str(word) for word in [*words, "--num", 3, "--num_learned", 0, "--fit_steps", 1, "--tune", 1]]
    assert main(words) == 130
    figures = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert figures["reconstruction"]["methods"]["encoder"]["num_faces"] == 1
    assert main(words) == 0
    assert calls[0] not in calls[2:] and len(calls) == 4
    figures = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert figures["reconstruction"]["methods"]["encoder"]["num_faces"] == 3


@pytest.mark.slow
def test_a_held_back_face_whose_photo_was_trained_on_is_not_measured(tmp_path, toy):
    rng = np.random.default_rng(3)
    images = rng.integers(0, 256, (9, 4, 4, 3), np.uint8).repeat(SIZE // 4, axis=1).repeat(SIZE // 4, axis=2)
    images[7] = images[1]  # 3 to 8 are held back
    np.savez(tmp_path / "twins.npz", images=images)
    settings = {"only": ["reconstruction"], "num_refined": 0, "num": 500}
    run = evaluate.Evaluation(options(tmp_path / "twins.npz", tmp_path / "out", **settings))
    assert run.faces.rows(500) == [3, 4, 5, 6, 8]
    figures = run.run().figures
    assert figures["reconstruction"]["num_faces"] == 5 == figures["settings"]["num_held_back"]
    assert "1 of 6 held-back faces are not measured: the same photo" in " ".join(figures["notes"])
    kept = evaluate.Evaluation(options(tmp_path / "twins.npz", tmp_path / "out", keep_twins=True, **settings))
    assert kept.faces.rows(500) == [3, 4, 5, 6, 7, 8]


@pytest.mark.slow
def test_a_damaged_face_is_noted_and_left_out(tmp_path, toy):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a", "b"):
        cv2.imwrite(str(folder / f"{name}.png"), np.full((SIZE, SIZE, 3), 80, np.uint8))
    (folder / "c.png").write_bytes(b"no picture")
    run_options = options(folder, tmp_path / "out", held_back=0, only=["reconstruction"], num_refined=0)
    figures = evaluate.evaluate(run_options).figures
    assert figures["reconstruction"]["num_faces"] == 2
    notes = " ".join(figures["notes"])
    assert "c.png" in notes and "no other faces with labels" in notes
    with pytest.raises(InputError, match="not one face could be measured"):
        (folder / "a.png").unlink()
        (folder / "b.png").unlink()
        evaluate.evaluate(options(folder, tmp_path / "out2", held_back=0, only=["reconstruction"]))


@pytest.mark.slow
def test_samples_are_measured_once_and_are_the_same_in_any_batch(pack, tmp_path, toy, monkeypatch):
    engine = evaluate.Evaluation(options(pack, tmp_path / "a")).engine
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
        figures = evaluate.evaluate(options(pack, tmp_path / "a", only=["samples"])).figures
        assert np.isfinite(figures["samples"]["kid_toy, 10 samples"])
    assert num_calls == [10]


def test_identity_features_are_those_of_the_network():
    network = samples.identity_features("tight")
    assert (network.name, network.num_features, len(network.weights_hash)) == ("dlib-resnet", 128, 64)
    images = np.random.default_rng(0).integers(0, 256, (2, 48, 48, 3), np.uint8)
    features = network.extract(images)
    assert features.shape == (2, 128) and np.linalg.norm(features[0] - features[1]) > 0.01


def test_the_command_reads_its_examples_and_refuses_nonsense(tmp_path, capsys):
    for line in COMMAND.examples:
        read_options(COMMAND, line.split(), "evaluate_model.py")
    made = read_options(COMMAND, ["--input", "x", "--only", "samples,directions"], "evaluate_model.py")
    assert made.only == ["samples", "directions"]
    assert main(["--only", "everything"]) == 1
    assert main([]) == 1
    assert "--input is missing" in capsys.readouterr().err


@pytest.mark.slow
def test_the_script_explains_itself_without_paddle(tmp_path):
    words = [sys.executable, "-X", "importtime", str(ROOT / "tools" / "evaluate_model.py"), "--help"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.startswith("usage: evaluate_model.py ")
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not imported & {"paddle", "cv2", "dlib"}
    assert len((ROOT / "tools" / "evaluate_model.py").read_text().splitlines()) <= 40


def test_the_toy_has_what_the_edits_need():
    assert set(reconstruction.EDITS) <= set(NAMES)
