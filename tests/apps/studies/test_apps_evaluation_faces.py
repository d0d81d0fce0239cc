"""The faces of an evaluation: only held-back faces are measured; groups, age and gender, and measurements."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from ppgan_ext.apps.studies.models import age_gender, face_groups, face_measurements, held_back, summary
from ppgan_ext.data.sources import open_source
from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.images import decode_image
from tests.reference.face_pack import NUM_FACES as NUM
from tests.reference.toy_face_model import SIZE


@pytest.fixture
def astronaut():
    import skimage

    data = Path(skimage.__file__).parent / "data" / "astronaut.png"
    return decode_image(data.read_bytes(), "astronaut")[20:220, 120:320]


def test_only_the_last_faces_are_measured_and_never_more_than_were_held_back(pack):
    source = open_source(pack)
    assert held_back.open_held_back(source, None, 6, 32).rows(500) == list(range(NUM - 6, NUM))
    assert held_back.open_held_back(source, 4, 6, 32).rows(2) == [NUM - 4, NUM - 2]
    assert held_back.open_held_back(source, 0, 6, 32).first == 0  # another set: all of it
    few = held_back.open_held_back(source, None, NUM + 40, 32)  # fewer than were held back: all of them
    assert (few.first, few.rows(500)) == (0, list(range(NUM)))
    with pytest.raises(ConfigError, match="held back 6 faces, not 7: it has seen the others"):
        held_back.open_held_back(source, 7, 6, 32)
    with pytest.raises(ConfigError, match="which faces was the model not trained on"):
        held_back.open_held_back(source, None, None, 32)
    with pytest.raises(ConfigError, match="300 faces are more than the 260"):
        held_back.open_held_back(source, 300, None, 32)


def test_unknown_labels_are_unknown(pack, tmp_path):
    faces = held_back.open_held_back(open_source(pack), 0, None, 32)
    assert faces.age(2) is None and faces.gender(2) in held_back.GENDERS
    assert faces.gender(7) is None and faces.age(7) > 0
    (tmp_path / "plain").mkdir()
    cv2.imwrite(str(tmp_path / "plain" / "a.png"), np.zeros((40, 36, 3), np.uint8))
    plain = held_back.open_held_back(open_source(tmp_path / "plain"), 0, None, 32)
    assert plain.age(0) is None and plain.gender(0) is None and plain.image(0).shape == (32, 32, 3)


def test_groups():
    assert [face_groups.age_group(age) for age in (0, 12, 13, 39, 40, 60, 116, None)] == [
        "0-12", "0-12", "13-19", "20-39", "40-59", "60+", "60+", "unknown"
    ]  # fmt: skip
    assert [face_groups.skin_group(angle) for angle in (60, 41, 10, -40, None, float("nan"), -88)] == [
        "light", "medium", "dark", "dark", "unknown", "unknown", "unknown"
    ]  # fmt: skip


def test_the_typology_angle_of_the_cheeks_rises_with_lightness(astronaut):
    from ppgan_ext.faces.detect import find_faces

    landmarks = find_faces(astronaut)[0].landmarks
    lab = np.zeros(astronaut.shape, np.float32)
    lab[...] = (60.0, 10.0, 10.0)  # arctan(10 / 10)
    image = (cv2.cvtColor(lab, cv2.COLOR_LAB2RGB) * 255).round().astype(np.uint8)
    image[: int(landmarks[36, 1])] = 0  # pixels above the eyes do not count
    assert face_groups.typology_angle(image, landmarks) == pytest.approx(45, abs=2)
    assert face_groups.typology_angle((image * 0.7).astype(np.uint8), landmarks) < 0  # below lightness 50
    assert np.isnan(face_groups.typology_angle(image, landmarks + 10_000))


@pytest.mark.slow
def test_age_and_gender_are_learned_from_pixels_of_other_faces(pack):
    faces = held_back.open_held_back(open_source(pack), 20, None, SIZE)
    used = range(0, NUM, 10)
    rows = age_gender.training_rows(faces, 1000, used)
    assert not set(rows) & set(used) and max(rows) < NUM - 20 and not set(rows) & {2, 5, 7}
    assert len(rows) == NUM - 20 - 24 - 3
    seen = []
    regression = age_gender.fit_age_gender(faces, rows, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(rows), len(rows))
    estimates = np.array([list(regression.predict(faces.image(row)).values()) for row in range(NUM - 20, NUM)])
    truth = faces.labels[NUM - 20 :]
    assert np.corrcoef(estimates[:, 0], truth[:, 0])[0, 1] > 0.9
    assert np.corrcoef(estimates[:, 1], truth[:, 1])[0, 1] > 0.8
    assert summary.age_gender_figures(regression)["age"]["mae"] == regression.ridges["age"].mae > 0
    with pytest.raises(InputError, match="10 labelled faces are too few"):
        age_gender.fit_age_gender(faces, rows[:10], lambda done, total: None)


def test_pose_features_and_identity_are_measured(astronaut):
    measured = face_measurements.measure_face(astronaut, None)
    assert {"yaw", "pitch", "roll", "smile", "mouth_open"} <= set(measured.attributes)
    mirrored = face_measurements.measure_face(np.ascontiguousarray(astronaut[:, ::-1]), None)
    assert mirrored.attributes["yaw"] == pytest.approx(-measured.attributes["yaw"], abs=3)
    assert measured.distance(mirrored) < 0.6
    assert face_measurements.measure_face(np.full((64, 64, 3), 90, np.uint8), None) is None
