"""tools/calibrate_directions.py as a user runs it, on the bundled model and on a model without directions."""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.latents.direction_files import read_notes
from ppgan_ext.latents.directions import Direction, load_directions, save_directions
from tests.reference import toy_psp

TOOL = Path(__file__).resolve().parents[2] / "tools" / "calibrate_directions.py"


@pytest.fixture
def run(monkeypatch):
    spec = importlib.util.spec_from_file_location("calibrate_directions", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def one(*words):
        monkeypatch.setattr("sys.argv", [TOOL.name, *map(str, words)])
        return module.main()

    return one


@pytest.fixture
def faces(tmp_path):
    import skimage.data

    from ppgan_ext.faces.align import crop_face
    from ppgan_ext.faces.detect import find_faces

    photo = skimage.data.astronaut()
    crop = crop_face(photo, find_faces(photo)[0], "tight", 128).image
    folder = tmp_path / "faces"
    folder.mkdir()
    for number, picture in enumerate((crop, crop[:, ::-1])):
        PIL.Image.fromarray(np.ascontiguousarray(picture)).save(folder / f"{number}.png")
    return folder


@pytest.mark.slow
@pytest.mark.bundled
def test_directions_are_scaled_by_the_change_in_pictures(run, faces, tmp_path, capsys):
    from ppgan_ext.weights.load import load_face_model

    own = load_directions(load_face_model().directions_file, 12)["yaw"]
    stretch = own.statistics["stretch"]
    short = dataclasses.replace(own, vector=own.vector / np.float32(stretch), statistics={})
    blind = Direction("blind", np.ones((12, 512)), "step")
    save_directions(tmp_path / "short.safetensors", {"yaw": short, "blind": blind}, notes={"method": "conditional"})
    out = tmp_path / "out.safetensors"
    words = ["--images", faces, "--directions", tmp_path / "short.safetensors", "--output", out]
    assert run(*words, "--num_faces", 2) == 0
    printed = capsys.readouterr()
    assert "written" in printed.out and "left as it is" in printed.err and "blind" in printed.err
    made = load_directions(out, 12)
    measured = made["yaw"].statistics["stretch"]
    assert 0.6 * stretch < measured < 1.6 * stretch  # measured on two faces only
    np.testing.assert_allclose(made["yaw"].vector, short.vector * measured, rtol=1e-4)
    np.testing.assert_array_equal(made["blind"].vector, blind.vector)
    assert read_notes(out) == {"method": "conditional", "calibrated_on": "2 faces"}
    assert run(*words, "--leave", "yaww") == 1
    assert "Did you mean 'yaw'" in capsys.readouterr().err
    assert run(*words, "--leave", "yaw") == 1
    assert "not one direction could be calibrated" in capsys.readouterr().err
    assert run(*words, "--skip_last", 2) == 1
    assert "of 2 faces 2 are left out" in capsys.readouterr().err


def test_a_missing_encoder_and_a_wrong_output_are_refused(run, tmp_path, capsys):
    weight = toy_psp.write_generator(tmp_path)
    words = ["--images", tmp_path, "--weight_path", weight]
    assert run(*words, "--output", tmp_path / "out.safetensors") == 1
    assert "has no encoder" in capsys.readouterr().err
    assert run(*words, "--output", tmp_path / "out.npz") == 1
    assert "saved as .safetensors" in capsys.readouterr().err
    assert not (tmp_path / "out.safetensors").exists()
