import json
import math

import cv2
import numpy as np
import pytest
import skimage.data

from ppgan_ext.apps.studies.detection import command_line, scenes, study
from ppgan_ext.apps.studies.detection.measurement import Tally, measure
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.types import Box
from tests.reference.drawn import DrawnFace, draw_photo


@pytest.fixture(scope="module")
def portrait():
    photo, (truth,) = draw_photo((400, 420), [DrawnFace((205.0, 190.0), 50.0)])
    return scenes.Portrait("drawn", photo, truth)


@pytest.fixture(scope="module")
def made(portrait):
    return list(scenes.make_scenes([portrait], [skimage.data.coffee()]))


def around(face, factor=1.0):
    x, y, size = face
    half = factor * size / 2
    return Box(x - half, y - half, x + half, y + half)


def test_every_kind_of_scene_is_made(made):
    kinds = {scene.kind for scene in made}
    assert {"size, pixels", "tilt, degrees", "cut off", "light", "no face"} < kinds
    assert len({scene.setting for scene in made if scene.kind == "size, pixels"}) == 11
    assert all(len(scene.faces) == (scene.kind != "no face") for scene in made)
    assert sum(scene.kind == "no face" for scene in made) == 1  # nothing below the chin of this one is high enough


def test_groups_show_everybody(portrait):
    (group,) = scenes._groups([portrait] * 13)
    assert group.faces.shape == (12, 3)
    assert group.image.shape == (960, 1280, 3)
    assert all(40 <= size <= 140 for size in group.faces[:, 2])
    shown = [group.image[int(y), int(x)].astype(int) for x, y, _ in group.faces]
    x, y = portrait.middle
    assert np.abs(np.array(shown) - portrait.image[int(y), int(x)]).max() < 40


@pytest.mark.parametrize(("kind", "setting"), [("size, pixels", "160"), ("tilt, degrees", "30"), ("light", "0.5")])
def test_faces_are_where_the_scene_says(made, kind, setting):
    scene = next(scene for scene in made if scene.kind == kind and scene.setting == setting)
    (face,) = find_faces(scene.image, "hog")
    x, y, size = scene.faces[0]
    middle = (face.landmarks[17:].min(axis=0) + face.landmarks[17:].max(axis=0)) / 2
    assert math.hypot(*(middle - (x, y))) < 0.15 * size
    assert scenes.is_hit(face.box, scene.faces[0])


def test_light_and_cut_are_what_they_are_called(made, portrait):
    def of(kind, setting):
        return next(scene for scene in made if scene.kind == kind and scene.setting == setting)

    assert abs(of("light", "0.25").image.mean() / of("tilt, degrees", "0").image.mean() - 0.25) < 0.01
    left = of("cut off", "left half")
    assert left.faces[0][0] == 0 and left.faces[0][1] == 320
    assert of("cut off", "mouth").faces[0][1] > 600


def test_hits():
    face = np.array([100.0, 80.0, 40.0])
    assert scenes.is_hit(around(face), face) and scenes.is_hit(around(face, 1.9), face)
    assert not scenes.is_hit(around(face, 2.1), face) and not scenes.is_hit(around(face, 0.4), face)
    aside = np.array([1.0, 0.0, 0.0])
    assert scenes.is_hit(around(face + 19 * aside), face) and not scenes.is_hit(around(face + 25 * aside), face)


def test_a_second_box_on_one_face_is_false():
    image = np.zeros((200, 100, 3), np.uint8)
    scene = scenes.Scene("a", "b", image, np.array([[50.0, 50.0, 40.0], [50.0, 150.0, 40.0]]))
    tally = Tally()
    tally.add(scene, [around(scene.faces[0]), around(scene.faces[0], 1.1), around((10.0, 190.0, 10.0))], 0.5)
    assert (tally.num_faces, tally.num_found, tally.num_false) == (2, 1, 2)
    measured = measure([scene, scene], {"all": lambda picture: [around(face) for face in scene.faces]})
    found = measured["all"].of("a", "b")
    assert (found.num_found, found.num_false, found.num_scenes) == (4, 0, 2)
    assert found.megapixels == pytest.approx(0.04)


@pytest.mark.slow
def test_the_study_writes_its_table(tmp_path, monkeypatch, capsys, portrait):
    few = [scenes.Scene("tilt", "0", portrait.image, np.array([[*portrait.middle, portrait.size]]))]
    monkeypatch.setattr(study, "make_scenes", lambda portraits, empty: iter(few))
    folder = tmp_path / "portraits"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), portrait.image[..., ::-1])
    cv2.imwrite(str(folder / "nobody.png"), np.full((90, 90, 3), 128, np.uint8))
    assert command_line.main(["--input", str(folder), "--output_path", str(tmp_path / "out")]) == 0
    record = json.loads((tmp_path / "out" / "detection.json").read_text())
    assert record["portraits"] == 1 and record["left_out"] == ["nobody.png"]
    assert record["rows"][0]["hog"]["num_found"] == 1
    table = (tmp_path / "out" / "detection.md").read_text()
    assert "| tilt | 0 | 1 | " in table and "100%" in table
    assert table in capsys.readouterr().out
    assert command_line.main(["--input", str(tmp_path / "none")]) != 0
