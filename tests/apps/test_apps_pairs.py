"""tools/prepare_pairs.py: folders joined by name, drawings after photos, and missing partners."""

from __future__ import annotations

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.apps.pairs import line_drawings
from ppgan_ext.apps.pairs.command_line import main
from ppgan_ext.data.datasets import build_dataset
from ppgan_ext.images import read_image


def write(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(image).save(path)


def plain(level, height=20, width=24):
    return np.full((height, width, 3), level, np.uint8)


@pytest.fixture
def sides(tmp_path):
    for i in range(3):
        write(tmp_path / "a" / "sub" / f"{i}.png", plain(10 * i))
        write(tmp_path / "b" / "sub" / f"{i}.bmp", plain(100 + i))
    return tmp_path


def run(folder, *words):
    return main([*words, "--output", str(folder / "pairs")])


def join(folder, *words):
    return run(folder, "--a", str(folder / "a"), "--b", str(folder / "b"), *words)


def test_two_folders_are_joined_by_name_and_read_again(sides, capsys):
    assert join(sides) == 0
    assert "3 pairs written, 0 failed" in capsys.readouterr().err
    steps = [
        {"name": "LoadImageFromFile", "key": "pair"},
        {"name": "SplitPairedImage", "key": "pair"},
        {
            "name": "Transforms",
            "input_keys": ["A", "B"],
            "pipeline": [{"name": "Transpose", "keys": ["image", "image"]}],
        },
    ]
    data = build_dataset({"name": "PairedDataset", "dataroot": str(sides / "pairs"), "preprocess": steps})
    assert [data.name(i) for i in range(len(data))] == ["sub/0.png", "sub/1.png", "sub/2.png"]
    sample = data.sample(2, np.random.default_rng(0))
    assert sample["A"].shape == (3, 20, 24) and sample["A"].max() == 20 and sample["B"].min() == 102


def test_a_missing_partner_is_named_and_nothing_is_written(sides, capsys):
    (sides / "b" / "sub" / "1.bmp").unlink()
    assert join(sides) == 1
    assert "1 picture has no partner of the same name: a/sub/1. " in capsys.readouterr().err
    write(sides / "b" / "extra.png", plain(0))
    assert join(sides) == 1
    error = capsys.readouterr().err
    assert "2 pictures have no partner of the same name: a/sub/1, b/extra" in error and "--skip_missing" in error
    assert not (sides / "pairs").exists()
    assert join(sides, "--skip_missing") == 0
    assert "2 pairs written, 0 failed, 2 pictures without a partner left out" in capsys.readouterr().err


def test_pairs_never_replace_their_pictures(sides, capsys):
    before = {path: path.read_bytes() for path in (sides / "a").rglob("*.*")}
    for output in ("a", "b/../a", "b"):
        assert main(["--a", str(sides / "a"), "--b", str(sides / "b"), "--output", str(sides / output)]) == 1
        assert "is the folder of the pictures" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in (sides / "a").rglob("*.*")} == before


def test_sizes_that_differ_are_named_or_brought_to_one(sides, capsys):
    write(sides / "b" / "sub" / "1.bmp", plain(7, 40, 30))
    assert join(sides) == 1
    assert "sub/1.png: A has 24 x 20 pixels and B 30 x 40. Give --size" in capsys.readouterr().err
    assert join(sides, "--size", "16") == 0
    assert {read_image(path).shape for path in (sides / "pairs").rglob("*.png")} == {(16, 32, 3)}


@pytest.mark.parametrize("kind", ["edges", "sketch"])
def test_drawings_are_dark_where_the_photo_has_an_edge(tmp_path, kind):
    image = plain(220, 100, 100)
    image[:, 50:] = 40
    write(tmp_path / "photos" / "x.png", image)
    assert run(tmp_path, "--draw", kind, "--input", str(tmp_path / "photos")) == 0
    pair = read_image(tmp_path / "pairs" / "x.png")
    np.testing.assert_array_equal(pair[:, :100], image)
    drawing = pair[50, 100:, 0].astype(int)
    assert drawing[40:60].min() < 100 and drawing[:20].min() > 200 and drawing[80:].min() > 200


def test_landmarks_are_lines_of_the_face_and_photos_without_one_are_reported(tmp_path, capsys, monkeypatch):
    faces = []
    monkeypatch.setattr(line_drawings, "find_faces", lambda image: list(faces))
    write(tmp_path / "photos" / "x.png", plain(90, 200, 200))
    words = ("--draw", "landmarks", "--input", str(tmp_path / "photos"))
    assert run(tmp_path, *words) == 1
    assert "x.png: no face was found. Leave the picture out, or use --draw edges" in capsys.readouterr().err
    points = np.stack([np.linspace(40, 160, 68), np.linspace(60, 140, 68)], axis=1)
    faces.append(type("Found", (), {"landmarks": points}))
    assert run(tmp_path, *words) == 0
    drawing = read_image(tmp_path / "pairs" / "x.png")[:, 200:, 0]
    assert drawing[60, 40] < 100 and drawing[20].min() == 255 and 0.001 < (drawing < 128).mean() < 0.1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give --a and --b to join two folders, or --draw and --input"),
        (["--draw", "edges"], "--draw needs the folder of photos: --input"),
        (["--a", "x", "--b", "y", "--input", "z"], "--input needs --draw"),
        (["--draw", "edges", "--input", "z", "--a", "x"], "give either --draw and --input, or --a and --b"),
        (["--draw", "crayon", "--input", "z"], "crayon"),
    ],
)
def test_words_that_do_not_go_together_are_refused(tmp_path, capsys, words, message):
    assert run(tmp_path, *words) == 1
    assert message in capsys.readouterr().err
