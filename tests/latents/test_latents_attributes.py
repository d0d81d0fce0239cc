from __future__ import annotations

import numpy as np
import pytest

from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.latents.attributes import (
    PADDLEGAN_NAMES,
    geometric_attributes,
    pose_cues,
    pose_signs,
    roll_degrees,
)
from ppgan_ext.latents.face_labels import (
    LabelTable,
    as_attributes,
    class_indicators,
    match_rows,
    paddlegan_attributes,
    paddlegan_orthogonal,
    read_table,
)
from tests.reference.drawn import DrawnFace, face_landmarks

UPRIGHT = face_landmarks(DrawnFace((100.0, 80.0), 40.0))
# The face's size by its definition, from the jaw of the upright face.
JAW_WIDTH = UPRIGHT[16, 0] - UPRIGHT[0, 0]
JAW_HEIGHT = UPRIGHT[8, 1] - (UPRIGHT[0, 1] + UPRIGHT[16, 1]) / 2
SIZE = np.sqrt(JAW_WIDTH * JAW_HEIGHT)

RIGHT_EYE, LEFT_EYE = slice(36, 42), slice(42, 48)
# What is moved, in pixels (points, dx, dy), and by how much of SIZE / pixels each attribute must change; no other may.
MOVES = {
    "eyes apart": ([(RIGHT_EYE, -3, 0), (LEFT_EYE, 3, 0)], {"eye_distance": 6}),
    "upper lids up": ([([37, 38, 43, 44], 0, -2)], {"eyes_open": 2}),
    "one eye's lids up": ([([37, 38], 0, -2)], {"eyes_open": 1}),
    "inner corners in, outer out": ([([36, 42], -2, 0), ([39, 45], 2, 0)], {"eye_ratio": 4}),
    "brows up": ([(slice(17, 27), 0, -4)], {"eye_eyebrow_distance": 4}),
    "one brow up": ([(slice(17, 22), 0, -4)], {"eye_eyebrow_distance": 2}),
    "nostrils apart": ([([31], -1, 0), ([35], 2, 0)], {"nose_ratio": 3}),
    "tip of the nose up": ([([30], 0, -3)], {"nose_tip": 3}),
    "mouth down": ([(slice(48, 68), 0, 5)], {"nose_mouth_distance": 5}),
    "lower lip and its inner edge down": ([([55, 56, 57, 58, 59, 65, 66, 67], 0, 6)], {"mouth_open": 6}),
    "lower lip fuller": ([([56, 57, 58], 0, 3)], {"lip_ratio": 3}),
    "corners of the mouth up": ([([48, 54], 0, -2)], {"smile": 2}),
    "mouth wider": ([([48], -2, 0), ([54], 1, 0)], {"mouth_ratio": 3, "smile": 1.5}),
    "bridge of the nose": ([([27, 28, 29], 1, 2)], {}),
    "cheeks": ([([3, 4, 12, 13], 5, 1)], {}),
}


def moved(moves):
    points = UPRIGHT.copy()
    for rows, dx, dy in moves:
        points[rows] += (dx, dy)
    return points


@pytest.mark.parametrize("case", MOVES)
def test_only_what_moves_is_measured(case):
    moves, expected = MOVES[case]
    before, after = geometric_attributes(UPRIGHT), geometric_attributes(moved(moves))
    for name in before:
        change = float(after[name] - before[name])
        assert change == pytest.approx(expected.get(name, 0) / SIZE, abs=1e-9), name


def test_size_position_and_roll_change_nothing_else():
    plain = geometric_attributes(UPRIGHT)
    other = geometric_attributes(face_landmarks(DrawnFace((310.0, 57.0), 73.0, roll_degrees=25.0)))
    assert float(other.pop("roll")) == pytest.approx(25.0) and float(plain.pop("roll")) == pytest.approx(0.0)
    for name, value in plain.items():
        assert float(other[name]) == pytest.approx(float(value), abs=1e-9), name


def test_roll_is_positive_counter_clockwise():
    tilted = UPRIGHT.copy()
    tilted[LEFT_EYE, 1] -= 10  # image right eye higher: the head leans to image left
    assert roll_degrees(tilted) > 5
    assert roll_degrees(face_landmarks(DrawnFace((0, 0), 50, roll_degrees=-12))) == pytest.approx(-12)


def test_many_faces_at_once_and_faces_without_landmarks():
    batch = np.stack([UPRIGHT, moved(MOVES["brows up"][0]), np.full((68, 2), np.nan), np.zeros((68, 2))])
    measured = geometric_attributes(batch)
    for index in (0, 1):
        alone = geometric_attributes(batch[index])
        assert all(float(measured[name][index]) == float(alone[name]) for name in measured)
    assert np.isnan(measured["smile"][2:]).all()
    with pytest.raises(InputError, match=r"\(67, 2\)"):
        geometric_attributes(UPRIGHT[:67])


def test_cues_rise_with_yaw_and_pitch():
    angles = np.linspace(-30, 30, 7)
    turned = np.stack([face_landmarks(DrawnFace((0, 0), 50, yaw_degrees=angle)) for angle in angles])
    nodding = np.stack([face_landmarks(DrawnFace((0, 0), 50, pitch_degrees=angle)) for angle in angles])
    assert (np.diff(pose_cues(turned)[0]) > 0.02).all() and (np.diff(pose_cues(nodding)[1]) > 0.02).all()
    assert np.abs(pose_cues(nodding)[0]).max() < 1e-9


@pytest.mark.parametrize("signs", [(1, 1), (-1, 1), (1, -1)])
def test_foreign_signs_are_found_out(signs):
    rng = np.random.default_rng(0)
    yaw, pitch, roll = rng.uniform(-30, 30, (3, 60))
    faces = [
        DrawnFace((0, 0), 50, yaw_degrees=y, pitch_degrees=p, roll_degrees=r)
        for y, p, r in zip(yaw, pitch, roll, strict=True)
    ]
    landmarks = np.stack([face_landmarks(face) for face in faces])
    yaw[3] = np.nan
    assert pose_signs(landmarks, signs[0] * yaw, signs[1] * pitch) == signs
    with pytest.raises(InputError, match="the sign of pitch does not follow from the landmarks"):
        pose_signs(landmarks, yaw, rng.uniform(-30, 30, 60))


@pytest.mark.shared
def test_the_signs_of_the_bundled_data(shared_folder):
    arrays = np.load(shared_folder / "bundled_model" / "data" / "faces128_0.npz")
    landmarks, pose = arrays["landmarks"][:2000], arrays["pose"][:2000]
    assert pose_signs(landmarks, pose[:, 0], pose[:, 1]) == (-1, 1)


def test_the_sixteen_have_their_units_and_know_the_unknown():
    rng = np.random.default_rng(0)
    faces = [DrawnFace((0, 0), 50, mouth_open=m, yaw_degrees=y) for m, y in rng.uniform(0, 0.3, (40, 2))]
    landmarks = np.stack([face_landmarks(face) for face in faces]) + rng.normal(0, 0.5, (40, 68, 2))
    age, gender = rng.integers(1, 90, 40).astype(float), rng.integers(0, 2, 40).astype(float)
    age[7] = np.nan
    by_name = {
        a.name: a for a in paddlegan_attributes(landmarks, age, gender, rng.normal(size=40), rng.normal(size=40))
    }
    assert tuple(by_name) == PADDLEGAN_NAMES and len(by_name) == 16
    units = {name: by_name[name].unit for name in ("age", "gender", "yaw", "pitch", "roll", "smile", "nose_tip")}
    assert list(units.values()) == ["year", "class", "degree", "degree", "degree", "sd", "sd"]
    assert np.isnan(by_name["age"].values[7]) and np.array_equal(by_name["gender"].values, gender)
    assert by_name["smile"].values.mean() == pytest.approx(0, abs=1e-9)
    assert by_name["smile"].values.std() == pytest.approx(1)


def test_what_the_sixteen_leave_alone():
    table = paddlegan_orthogonal(["ethnicity_1"])
    assert set(table) == set(PADDLEGAN_NAMES) and all(name not in others for name, others in table.items())
    assert {"gender", "yaw", "smile", "ethnicity_1"} <= set(table["age"]) and "nose_tip" not in table["age"]
    assert "eyes_open" in table["eye_ratio"]


def test_class_indicators():
    indicators = class_indicators(np.array([0, 2, np.nan, 1, 2.0]), "ethnicity")
    assert [a.name for a in indicators] == ["ethnicity_1", "ethnicity_2"]
    assert np.array_equal(indicators[1].values, [0, 1, np.nan, 0, 1], equal_nan=True)


def test_csv_and_npz_tables(tmp_path):
    text = "name,age,yaw,smiles\nb.png,31,-1.0,0\na.png,-1,2.5,\nc.png,7,nan,1\nd.png,,-3,1\n"
    (tmp_path / "a.csv").write_text("\ufeff" + text, encoding="utf-8")
    table = read_table(tmp_path / "a.csv")
    assert table.names == ["b.png", "a.png", "c.png", "d.png"] and table.num_rows == 4
    nan = np.nan
    assert np.array_equal(table.columns["age"], [31, nan, 7, nan], equal_nan=True)  # whole numbers: -1 is unknown
    assert np.array_equal(table.columns["yaw"], [-1, 2.5, nan, -3], equal_nan=True)  # an angle of -1 stays
    landmarks = np.stack([UPRIGHT, moved(MOVES["brows up"][0])])
    np.savez(
        tmp_path / "b.npz", name=["x", "y"], age=np.array([3, -1], np.int16), landmarks=landmarks, img=np.ones((2, 5))
    )
    table = read_table(tmp_path / "b.npz")
    assert table.names == ["x", "y"] and np.array_equal(table.columns["age"], [3, nan], equal_nan=True)
    assert table.columns["eye_eyebrow_distance"][1] - table.columns["eye_eyebrow_distance"][0] == pytest.approx(
        4 / SIZE
    )


def test_rows_are_matched_by_name():
    table = LabelTable(["dir/b.png", "a.png"], {"age": np.array([30.0, 20.0])}, 2)
    ages = match_rows(table, ["a.jpg", "x.jpg", "b.jpg"], 3)["age"]
    assert np.array_equal(ages, [20, np.nan, 30], equal_nan=True)
    assert np.array_equal(match_rows(table, None, 2)["age"], [30, 20])
    with pytest.raises(InputError, match="2 labels for 3 codes"):
        match_rows(table, None, 3)
    with pytest.raises(InputError, match="no label has the name"):
        match_rows(table, ["q.png"], 1)
    with pytest.raises(InputError, match="occurs twice"):
        match_rows(LabelTable(["a.png", "a.jpg"], {"age": np.zeros(2)}, 2), ["a.png"], 1)


def test_files_of_the_same_name_are_told_apart_by_their_folders():
    table = LabelTable(["alice/1.png", "bob/1.png", "carol/2.png"], {"age": np.array([20.0, 30.0, 40.0])}, 3)
    ages = match_rows(table, ["bob/1.jpg", "faces/alice/1.jpg", "dora/1.jpg", "2.jpg"], 4)["age"]
    assert np.array_equal(ages, [30, 20, np.nan, 40], equal_nan=True)
    with pytest.raises(InputError, match=r"'alice/1\.png', 'bob/1\.png' may all be the face '1\.jpg'"):
        match_rows(table, ["1.jpg"], 1)


def test_a_file_without_a_label_does_not_get_its_neighbours():
    """The longest common path of both files ends in images/1, but the label is the first one's."""
    table = LabelTable(["train/alice/images/1", "train/carol/images/1"], {"age": np.array([20.0, 40.0])}, 2)
    names = ["faces/alice/images/1.png", "faces/bob/images/2.png", "faces/carol/images/1.png"]
    assert np.array_equal(match_rows(table, names, 3)["age"], [20, np.nan, 40], equal_nan=True)
    single = LabelTable(["alice/images/1"], {"age": np.array([20.0])}, 1)
    ages = match_rows(single, ["alice/images/1.png", "bob/images/1.png"], 2)["age"]
    assert np.array_equal(ages, [20, np.nan], equal_nan=True)


def test_columns_of_words_are_noted_and_refused_when_they_are_needed(tmp_path):
    (tmp_path / "a.csv").write_text("name,age,origin,size\na,1,white,3\nb,2,asian,large\n")
    table = read_table(tmp_path / "a.csv")
    assert list(table.columns) == ["age"]
    assert [words.has_numbers for words in table.words.values()] == [False, True]
    table.check(["age"])
    with pytest.raises(InputError, match="column 'origin' contains 'white' in row 2"):
        table.check(["age", "origin"])


def test_tables_in_other_encodings(tmp_path):
    (tmp_path / "a.csv").write_bytes("name,age\n张,1\n李,2\n".encode("utf-16"))
    assert read_table(tmp_path / "a.csv").names == ["张", "李"]
    (tmp_path / "b.csv").write_bytes("name,age\n张伟,1\n".encode("gbk"))
    with pytest.raises(InputError, match=r"line 2: .* seems to be GBK: '张伟,1'"):
        read_table(tmp_path / "b.csv")


def test_arrays_that_are_no_table(tmp_path):
    np.savez(tmp_path / "a.npz", name=np.array("x"), age=np.zeros(3))
    np.save(tmp_path / "b.npy", np.zeros(3))
    (tmp_path / "b.npy").rename(tmp_path / "b.npz")
    for name in ("a.npz", "b.npz"):
        with pytest.raises(InputError):
            read_table(tmp_path / name)


def test_units_of_columns():
    columns = {"age": np.arange(5.0), "glasses": np.array([2, 3, 3, 2, np.nan]), "width": np.array([1, 2, 3, 4, 5.0])}
    age, glasses, width = as_attributes(columns)
    assert (age.unit, glasses.unit, width.unit) == ("year", "class", "sd")
    assert np.array_equal(age.values, np.arange(5)) and np.array_equal(glasses.values[:4], [0, 1, 1, 0])
    assert width.values.std() == pytest.approx(1)
    assert [a.name for a in as_attributes(columns, ["width", "age", "width"])] == ["width", "age"]
    with pytest.raises(ConfigError, match="Did you mean 'glasses'"):
        as_attributes(columns, ["glases"])
    with pytest.raises(InputError, match="age: the same for all"):
        as_attributes({"age": np.ones(5)})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a table"),
        ("name\na\n", "not a table"),
        ("age\n", "not a table"),
        ("age,b\n1,2\n3\n", "row 3: 1 cells under a header of 2"),
        ("age\nyoung\n", "column 'age' contains 'young'"),
        ('age\n"1\n', "cannot be read as CSV"),
    ],
)
def test_tables_that_are_none_are_refused(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_table(tmp_path / "a.csv")
    with pytest.raises(InputError, match="no such file"):
        read_table(tmp_path / "b.csv")


def test_labels_match_by_the_longest_common_path():
    ages = {"age": np.array([20.0, 30.0, 40.0])}
    table = LabelTable(["alice/1.jpg", "bob/1.jpg", "bob/2.jpg"], ages, 3)
    names = ["bob/1.png", "faces/alice/1.jpg", "carol/1.jpg", "bob/2"]
    np.testing.assert_array_equal(match_rows(table, names, 4)["age"], [30, 20, np.nan, 40])
    assert match_rows(table, ["2.jpg"], 1)["age"].tolist() == [40]
    with pytest.raises(InputError, match=r"'alice/1.jpg', 'bob/1.jpg' may all be the face '1.jpg'.*their folders"):
        match_rows(table, ["1.jpg"], 1)
    flat = LabelTable(["1.jpg", "2.jpg"], {"age": np.array([20.0, 30.0])}, 2)
    with pytest.raises(InputError, match=r"'1.jpg' may be 'alice/1.jpg' or 'bob/1.jpg'"):
        match_rows(flat, ["alice/1.jpg", "bob/1.jpg"], 2)
