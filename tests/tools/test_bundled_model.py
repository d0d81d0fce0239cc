"""The scripts that make the bundled model: PyTorch trains, its arrays drop into the Paddle networks."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import paddle
import pytest

from ppgan_ext.networks import LightEncoder, StyleGANv2Discriminator, StyleGANv2Generator
from ppgan_ext.weights.rename_torch_twin import rename_twin

ROOT = Path(__file__).resolve().parents[2]
SIZE, BASE, CAP, N_MLP = 32, 256, 20, 3  # as in tests/reference/torch_bundled.py
TOLERANCE = 1e-3


def script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / "bundled_model" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def trained(torch_python, tmp_path_factory):
    """The results of tests/reference/torch_bundled.py, and its folder."""
    folder = tmp_path_factory.mktemp("trained")
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (25, 4, 4, 3), dtype=np.uint8).repeat(8, axis=1).repeat(8, axis=2)
    images[3] = images[22]  # one photo, held back under one name and not under the other
    np.savez(folder / "faces.npz", images=images)
    words = [torch_python, ROOT / "tests" / "reference" / "torch_bundled.py", ROOT, folder / "faces.npz", folder]
    environ = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(map(str, words), env=environ, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1]), folder


@pytest.fixture(scope="module")
def exported(trained):
    _, folder = trained
    bundle = script("bundle")
    return {part: rename_twin(part, bundle.read_part(folder / "export", part)) for part in bundle.PARTS}


def filled(network, state):
    targets = {name: list(tensor.shape) for name, tensor in network.state_dict().items()}
    assert {name: list(array.shape) for name, array in state.items()} == targets
    assert network.set_state_dict({name: array.astype(np.float32) for name, array in state.items()}) == ([], [])
    return network.eval()


def assert_near(ours, theirs):
    scale = np.abs(theirs).max()
    assert scale > 1e-3
    assert np.abs(ours.numpy() - theirs).max() / scale < TOLERANCE


@pytest.mark.torch
def test_paddles_networks_are_the_twins_on_exported_arrays(trained, exported):
    with np.load(trained[1] / "outputs.npz") as file:
        made = dict(file)
    inputs = {name: paddle.to_tensor(made[name]) for name in ("z", "codes", "images")}
    generator_state = dict(exported["generator"])
    w_avg = generator_state.pop("w_avg").astype(np.float32)
    widths = {"channel_base": BASE, "channel_cap": CAP}
    generator = filled(StyleGANv2Generator(SIZE, 512, N_MLP, **widths), generator_state)
    generator.set_w_avg(w_avg)
    assert np.abs(w_avg).max() > 0  # it was trained
    discriminator = filled(StyleGANv2Discriminator(SIZE, **widths), exported["discriminator"])
    encoder = filled(LightEncoder(SIZE, BASE, CAP), exported["encoder"])
    with paddle.no_grad():
        assert_near(generator.mapping(inputs["z"]), made["w"])
        assert_near(generator.render(inputs["codes"]), made["pixels"])
        scores, maps = discriminator(inputs["images"], features=True)
        assert_near(scores, made["scores"])
        assert_near(maps[-1], made["last_map"])
        assert_near(encoder(inputs["images"]), made["offsets"])


@pytest.mark.torch
def test_every_stage_resumes_as_if_it_had_not_stopped(trained):
    resumed = trained[0]["resumed"]
    assert set(resumed) == {"gan", "rec", "map", "joint"}
    assert all(once == twice for once, twice in resumed.values())
    assert len({once for once, _ in resumed.values()}) == 4


@pytest.mark.torch
def test_augmentation_acts_and_adapts(trained):
    results = trained[0]["augmented"]
    assert results["same"] < 1e-5
    assert results["changed"] > 0.05
    assert results["p"] == pytest.approx([0, 0.1, 0.1, 0.2, 0.2, 0.1])
    assert results["limit"] == pytest.approx(0.3)


@pytest.mark.torch
def test_a_grown_generator_begins_as_the_small_one(trained):
    assert 0 < trained[0]["grown"]["apart"] < 0.25


@pytest.mark.torch
def test_the_mapping_network_learns_where_the_codes_of_faces_lie(trained):
    results = trained[0]["mapped"]
    assert results["moved"] < 1e-5  # the codes stay, only their origin moves
    assert results["mean"] < results["mean_before"] / 3


@pytest.mark.torch
def test_muon_steps_along_orthogonal_matrices_of_the_asked_size(trained):
    results = trained[0]["stepped"]
    assert 0.5 < results["values"][0] < results["values"][1] < 1.3  # as near to 1 as five iterations bring them
    assert results["moved"] == pytest.approx([0.01, 0.01], rel=0.01)
    assert not results["left"]  # the parameters left to Adam keep their gradient


@pytest.mark.torch
def test_errors_in_the_inner_face_count_more(trained):
    results = trained[0]["weighed"]
    assert results["mean"] == pytest.approx(1, abs=1e-5)
    assert results["pyramid"] > 2
    assert results["shift"] == 0 < results["edge"]


@pytest.mark.torch
def test_a_run_refuses_other_faces_and_missing_files(trained):
    assert trained[0]["refusals"] == {"other faces": 1, "nothing left": 1, "no checkpoint": 1}


@pytest.mark.torch
def test_the_sheet_and_the_export_are_labelled(trained):
    report, folder = trained
    assert report["sheet"] == 0
    # Two rows of samples, then one row of five held-back faces over one of their reconstructions.
    assert cv2.imread(str(folder / "sheet.png")).shape == (4 * SIZE, 12 * SIZE, 3)
    card = json.loads((folder / "export" / "export.json").read_text())
    assert (card["size"], card["base"], card["cap"], card["n_mlp"]) == (SIZE, BASE, CAP, N_MLP)
    assert (card["held_back"], card["num_faces"], card["trained_on"]) == (5, 25, 19)
    assert card["images"] == {"gan": 20, "rec": 20, "map": 20, "joint": 20}


def test_bundling_knows_the_architecture_from_the_export_or_asks_for_it(tmp_path):
    bundle = script("bundle")
    names = ("size", "base", "cap", "n_mlp", "held_back")
    silent = argparse.Namespace(**dict.fromkeys(names))
    with pytest.raises(SystemExit, match="give --size --base --cap --n_mlp --held_back"):
        bundle.read_facts(tmp_path, silent)
    said = dict(zip(names, (128, 8192, 256, 8, 500), strict=True))
    (tmp_path / "export.json").write_text(json.dumps(said))
    assert bundle.read_facts(tmp_path, silent) == said
    assert bundle.read_facts(tmp_path, argparse.Namespace(**{**vars(silent), "held_back": 64}))["held_back"] == 64


def test_directions_are_fitted_on_every_second_face_and_record_it(tmp_path):
    from ppgan_ext.latents.direction_files import read_notes
    from ppgan_ext.latents.directions import Direction, save_directions

    path = tmp_path / "d.safetensors"
    save_directions(path, {"age": Direction("age", np.ones((1, 512)), "year")}, notes={"rows": "0:16286:2"})
    assert read_notes(path) == {"rows": "0:16286:2"}
    assert read_notes(tmp_path / "other.npy") == {}


@pytest.mark.slow
def test_evaluating_needs_no_pytorch():
    """Only tools/bundled_model may need PyTorch, never the package."""
    code = "import sys, ppgan_ext.apps.studies.models.evaluate; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
