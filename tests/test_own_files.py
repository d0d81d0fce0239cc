"""What our own tools write beside pictures is not named as foreign, and what users lay there is."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.apps.faces_data.manifest import Manifest
from ppgan_ext.data.sources import open_source
from ppgan_ext.latents.codes import save_code
from ppgan_ext.own_files import is_own_file
from ppgan_ext.picture_listing import list_pictures
from ppgan_ext.pictures import write_animation
from ppgan_ext.weights import readers

FRAMES = [np.full((64, 64, 3), value, np.uint8) for value in (0, 90, 200)]


@pytest.fixture
def folder(tmp_path):
    """Own files beside a picture: of prepare, encode, and a tuned generator's writer."""
    root = tmp_path / "faces"
    root.mkdir()
    Manifest(root, {"size": 64}).add({"source": "a.jpg"})
    PIL.Image.fromarray(FRAMES[1]).save(root / "a.png")
    for rows in (4, 10, 18):
        save_code(root / f"a{rows}.npy", np.zeros((rows, 512), np.float32))
    array = {"w": np.zeros((300, 300), np.float32)}
    readers.write(root / "tuned.safetensors", array, {"format": "ppgan_ext", "kind": "tuned"})
    return root


@pytest.mark.parametrize("is_zip", [False, True])
def test_own_files_beside_pictures_are_not_mentioned(folder, tmp_path, is_zip):
    path = folder
    if is_zip:
        path = tmp_path / "faces.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for file in sorted(folder.iterdir()):
                archive.write(file, file.name)
    source = open_source(path)
    assert [source.name(i) for i in range(len(source))] == ["a.png"]
    assert source.left_out == []


def test_files_of_others_are_named(folder):
    foreign = {
        "names.npy": np.zeros((122, 128), np.float32),
        "flat.npy": np.zeros(18, np.float32),
        "double.npy": np.zeros((18, 512)),
        "deep.npy": np.zeros((18, 4, 4), np.float32),
    }
    for name, array in foreign.items():
        np.save(folder / name, array)
    (folder / "broken.npy").write_bytes(b"\x93NUMPY\x01\x00")
    (folder / "notes.json").write_text(json.dumps({"software": "another"}))
    (folder / "notes.txt").write_text("made with ppgan_ext")
    (folder / "film.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(9000))
    readers.write(folder / "weights.safetensors", {"w": np.zeros(3, np.float32)}, {"format": "pt"})
    left_out = {item.name for item in list_pictures(folder).left_out}
    assert left_out == {*foreign, "broken.npy", "notes.json", "notes.txt", "film.mp4", "weights.safetensors"}


def test_a_film_names_its_writer(tmp_path):
    assert is_own_file(write_animation(tmp_path / "ages.mp4", FRAMES * 20, 10))


def test_a_file_that_cannot_be_read_is_not_ours(tmp_path):
    assert not is_own_file(tmp_path / "nowhere.npy")
    (tmp_path / "empty.npy").touch()
    assert not is_own_file(tmp_path / "empty.npy")
