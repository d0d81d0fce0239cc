"""The two scripts that fit directions, run as a user runs them, at toy size."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from ppgan_ext.latents.attributes import PADDLEGAN_NAMES
from ppgan_ext.latents.direction_files import read_notes
from ppgan_ext.latents.directions import load_directions
from ppgan_ext.weights import readers
from tests.reference.drawn import DrawnFace, draw_photo, face_landmarks

TOOLS = Path(__file__).resolve().parents[2] / "tools"
N, LAYERS, DIM = 300, 2, 512


def script(name):
    spec = importlib.util.spec_from_file_location(f"tool_{Path(name).stem}", TOOLS / name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(monkeypatch, name, *words):
    monkeypatch.setattr("sys.argv", [name, *map(str, words)])
    return script(name).main()


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """Codes that mix 8 hidden numbers, among them age, glasses and width, in a folder with labels for most faces."""
    folder = tmp_path_factory.mktemp("faces")
    rng = np.random.default_rng(0)
    hidden = rng.standard_normal((N, 8))
    age, glasses, width = 40 + 12 * hidden[:, 0], (hidden[:, 1] > 0).astype(int), hidden[:, 2] * 3 + 1
    mixing = rng.standard_normal((8, LAYERS * DIM))
    w = (hidden @ mixing).reshape(N, LAYERS, DIM).astype(np.float32)
    names = [f"{i:03d}.jpg" for i in range(N)]
    np.savez(folder / "codes.npz", w=w, name=names)
    rows = [f"{names[i]},{'' if i % 10 == 0 else f'{age[i]:.2f}'},{glasses[i]},{width[i]:.3f}" for i in range(N)]
    (folder / "labels.csv").write_text("\n".join(["name,age,glasses,width", *reversed(rows)]))
    return folder, w, mixing.reshape(8, LAYERS, DIM)


def cosine(a, b):
    return float(np.vdot(a, b) / np.linalg.norm(a) / np.linalg.norm(b))


def test_codes_and_a_table_give_a_file_of_directions(faces, tmp_path, monkeypatch, capsys):
    folder, _, mixing = faces
    out = tmp_path / "out.safetensors"
    words = ["--codes", folder / "codes.npz", "--labels", folder / "labels.csv", "--output", out]
    assert run(monkeypatch, "find_directions.py", *words) == 0
    directions = load_directions(out, LAYERS)
    assert list(directions) == ["age", "glasses", "width"]
    assert [d.unit for d in directions.values()] == ["year", "class", "sd"]
    assert cosine(directions["age"].vector, mixing[0]) > 0.99 and cosine(directions["width"].vector, mixing[2]) > 0.99
    table = capsys.readouterr().out.splitlines()
    assert table[1].split()[:3] == ["age", "year", "270"] and table[-1] == f"written: {out}"
    assert float(table[1].split()[3]) > 0.99 and table[0].split() == ["name", "unit", "faces", "R2", "MAE", "slope"]


def test_attributes_method_and_orthogonality_can_be_chosen(faces, tmp_path, monkeypatch):
    folder, _, _ = faces
    out = tmp_path / "out.safetensors"
    words = ["--codes", folder / "codes.npz", "--labels", folder / "labels.csv", "--output", out]
    words += ["--attributes", "age", "--orthogonal_to", "width", "--method", "ridge"]
    assert run(monkeypatch, "find_directions.py", *words) == 0
    assert list(load_directions(out, LAYERS)) == ["age"]
    notes = json.loads(readers.read_metadata(out)["ppgan_ext.directions"])["notes"]
    assert notes == {"method": "ridge", "orthogonal_to": "width"}
    assert run(monkeypatch, "find_directions.py", *words[:-4], "--orthogonal_to") == 0
    assert json.loads(readers.read_metadata(out)["ppgan_ext.directions"])["notes"]["orthogonal_to"] == ""


def test_columns_that_nobody_asked_for_are_not_read(faces, tmp_path, monkeypatch, capsys):
    folder, _, _ = faces
    lines = (folder / "labels.csv").read_text().splitlines()
    table = tmp_path / "labels.csv"
    table.write_text("\n".join([f"{lines[0]},origin", *(f"{line},white" for line in lines[1:])]))
    out = tmp_path / "out.safetensors"
    words = ["--codes", folder / "codes.npz", "--labels", table, "--output", out]
    assert run(monkeypatch, "find_directions.py", *words, "--attributes", "age") == 0
    assert "origin" not in capsys.readouterr().err
    assert run(monkeypatch, "find_directions.py", *words) == 0
    assert "left out: column 'origin' contains 'white' in row 2" in capsys.readouterr().err
    assert list(load_directions(out, LAYERS)) == ["age", "glasses", "width"]
    assert run(monkeypatch, "find_directions.py", *words, "--attributes", "origin") == 1
    assert "column 'origin' contains 'white' in row 2" in capsys.readouterr().err
    table.write_text(table.read_text().replace(",1,", ",one,", 1))
    assert run(monkeypatch, "find_directions.py", *words) == 1
    assert "column 'glasses' contains 'one'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--attributes", "agee"], "error: attributes: unknown attribute 'agee'. Did you mean 'age'?"),
        (["--labels", "absent.csv"], "error: absent.csv: no such file"),
        (["--codes", "absent.npz"], "error: absent.npz: no such file"),
        (["--output", "out.npy"], "error: out.npy: directions are saved as .safetensors"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(faces, tmp_path, monkeypatch, capsys, words, message):
    folder, _, _ = faces
    monkeypatch.chdir(tmp_path)
    valid = ["--codes", folder / "codes.npz", "--labels", folder / "labels.csv", "--output", "out.safetensors"]
    if words[0] in valid:
        at = valid.index(words[0])
        del valid[at : at + 2]
    assert run(monkeypatch, "find_directions.py", *valid, *words) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith(message)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.bundled
def test_photos_are_encoded_first(tmp_path, monkeypatch, capsys):
    from PIL import Image

    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    rows = ["name,open"]
    for i in range(24):
        face = DrawnFace((48.0, 40.0), 30.0, mouth_open=(amount := float(rng.uniform(0, 0.5))))
        Image.fromarray(draw_photo((96, 96), [face], seed=i)[0]).save(tmp_path / "photos" / f"{i}.png")
        rows.append(f"{i},{amount:.4f}")
    (tmp_path / "photos" / "broken.png").write_bytes(b"no picture")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    words = ["--images", tmp_path / "photos", "--aligned", "--labels", tmp_path / "labels.csv", "--orthogonal_to"]
    words += ["--save_codes", tmp_path / "codes.npz", "--output", tmp_path / "out.safetensors"]
    assert run(monkeypatch, "find_directions.py", *words) == 0
    codes = np.load(tmp_path / "codes.npz")
    assert len(codes["w"]) == 24 and "broken.png" not in codes["name"]
    assert "left out: broken.png" in capsys.readouterr().err
    directions = load_directions(tmp_path / "out.safetensors", codes["w"].shape[1])["open"]
    assert directions.statistics["num_faces"] == 24
    order = np.argsort([int(Path(name).stem) for name in codes["name"]])
    estimates = np.array([directions.measure(w) for w in codes["w"][order]])
    assert np.corrcoef(estimates, [float(row.split(",")[1]) for row in rows[1:]])[0, 1] > 0.5


def test_the_bundled_models_script_fits_all_sixteen(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    yaw, pitch, opening = rng.uniform(-25, 25, N), rng.uniform(-20, 20, N), rng.uniform(0, 0.4, N)
    landmarks = np.stack(
        [
            face_landmarks(DrawnFace((64, 50), 34, yaw_degrees=y, pitch_degrees=p, mouth_open=m))
            for y, p, m in zip(yaw, pitch, opening, strict=True)
        ]
    )
    landmarks += rng.normal(0, 1.5, landmarks.shape)
    label = np.stack([rng.integers(1, 90, N), rng.integers(0, 2, N), rng.integers(0, 5, N)], axis=1).astype(np.int16)
    label[4, 0] = -1
    pose = np.stack([-yaw, pitch, rng.normal(size=N)], axis=1)  # FSA-Net's signs
    for part, rows in enumerate((slice(0, 180), slice(180, N))):
        arrays = {"label": label[rows], "pose": pose[rows], "landmarks": landmarks[rows].astype(np.float16)}
        colours = rng.integers(0, 255, (len(label[rows]), 1, 1, 3), np.uint8)
        files = [cv2.imencode(".png", colour.repeat(16, 0).repeat(16, 1))[1] for colour in colours]
        arrays |= {"encoded": np.concatenate(files), "ends": np.cumsum([len(file) for file in files])}
        np.savez(tmp_path / f"faces128_{part}.npz", **arrays)
    hidden = np.concatenate([landmarks.reshape(N, -1), label * 2.0, yaw[:, None], pitch[:, None]], axis=1)
    mixing = rng.standard_normal((hidden.shape[1], LAYERS * DIM)) / 50
    np.savez(tmp_path / "codes.npz", w=(hidden @ mixing).reshape(N, LAYERS, DIM))
    words = [tmp_path, tmp_path / "codes.npz", tmp_path / "out.safetensors", "--held_back", 20, "--every", 1]
    assert run(monkeypatch, "bundled_model/fit_directions.py", *words) == 0
    assert read_notes(words[2])["rows"] == f"0:{N - 20}:1"
    captured = capsys.readouterr()
    assert "signs of yaw and pitch: -1 +1" in captured.err and len(captured.out.splitlines()) == 17
    directions = load_directions(tmp_path / "out.safetensors", LAYERS)
    assert tuple(directions) == PADDLEGAN_NAMES
    assert directions["age"].statistics["num_faces"] == N - 20 - 1
    w = np.load(tmp_path / "codes.npz")["w"]
    estimates = np.array([directions["yaw"].measure(code) for code in w])
    assert np.corrcoef(estimates, yaw)[0, 1] > 0.99  # the package's sign: positive to the subject's own left
    assert run(monkeypatch, "bundled_model/fit_directions.py", tmp_path / "none", *words[1:]) == 1
