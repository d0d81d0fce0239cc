"""Multi-PIE: names, angles, the two settings, gallery and probes, tested on a small drawn copy."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.data import multipie
from ppgan_ext.data.assembly import Assembler
from ppgan_ext.data.datasets import MultiPieDataset, build_dataset
from ppgan_ext.data.image_source import BadFileError
from ppgan_ext.data.multipie import MisnamedWarning, Shot, find_shot, open_multipie, parse_name, recognition_protocol
from ppgan_ext.data.order import SampleOrder
from ppgan_ext.data.squares import square
from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.images import to_pixels
from tests.reference.drawn_multipie import NOSE_TO_THE_LEFT, NOSE_TO_THE_RIGHT, file_of, turned, write_multipie

MOMENTS = [
    (1, 1, 1), (150, 1, 1), (151, 1, 1), (200, 1, 1), (200, 1, 2), (201, 1, 1), (201, 2, 1), (201, 4, 2), (201, 4, 3),
    (251, 2, 1), (346, 3, 1),
]  # fmt: skip


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    root = tmp_path_factory.mktemp("multipie")
    write_multipie(root, MOMENTS, ["05_1", "04_1", "11_0", "08_1"], [0, 7])
    return root


def rng(seed=0):
    return np.random.default_rng(seed)


def people(source):
    return sorted({(shot.subject, shot.session, shot.recording) for shot in source.shots})


def test_a_name_is_parsed_completely():
    shot = parse_name("session02/multiview/203/01/19_0/203_02_01_190_14.png")
    assert shot == Shot(203, 2, 1, "19_0", 14)
    assert (shot.yaw, shot.moment) == (45, (203, 2, 1, 14))
    assert shot.folder == "session02/multiview/203/01/19_0"
    assert parse_name("203_02_01_190_14.png.1.png") == parse_name("203_02_01_190_14.JPG") == shot
    assert find_shot("75/203_02_01_190_14_cropped_test.png") == shot
    assert find_shot("203_02_01_190_145.png") is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("203_2_01_190_14.png", "is not named"),
        ("203_02_01_190_14_cropped.png", "is not named"),
        ("a203_02_01_190_14.png", "is not named"),
        ("203_02_01_190_14.png.2.png", "is face 2 of its photo"),
        ("000_02_01_190_14.png", "no subject 0"),
        ("347_02_01_190_14.png", "no subject 347"),
        ("203_05_01_190_14.png", "no session 5"),
        ("203_02_04_190_14.png", "no recording 4"),
        ("203_02_01_190_20.png", "no illumination 20"),
        ("203_02_01_192_14.png", "no camera 19_2"),
    ],
)
def test_other_names_are_refused(name, why):
    with pytest.raises(InputError, match=why):
        parse_name(name)


def test_cameras_have_the_yaw_of_the_conventions(tmp_path):
    from ppgan_ext.faces.detect import find_faces
    from ppgan_ext.faces.pose import head_pose

    assert multipie.CAMERAS == {camera: turned(camera) for camera in (*NOSE_TO_THE_RIGHT, "05_1", *NOSE_TO_THE_LEFT)}
    write_multipie(tmp_path, [(1, 1, 1)], ["04_1", "13_0"], size=(220, 240))
    source = open_multipie(tmp_path)
    for index, shot in enumerate(source.shots):
        image = source.read(index)
        (face,) = find_faces(image)
        measured = head_pose(face.landmarks, (image.shape[1], image.shape[0])).yaw_degrees
        assert abs(shot.yaw) == 30 and measured * np.sign(shot.yaw) > 12, (shot, measured)


def test_the_settings_split_people_sessions_and_expressions(copy):
    assert people(open_multipie(copy, 1, "train")) == [(1, 1, 1), (150, 1, 1)]
    assert people(open_multipie(copy, 1, "test")) == [(151, 1, 1), (200, 1, 1), (201, 1, 1)]
    assert people(open_multipie(copy, 2, "train")) == [(1, 1, 1), (150, 1, 1), (151, 1, 1), (200, 1, 1)]
    tested = [(201, 1, 1), (201, 2, 1), (201, 4, 2), (251, 2, 1), (346, 3, 1)]
    assert people(open_multipie(copy, 2, "test")) == tested


def test_columns_and_order(copy):
    source = open_multipie(copy, 2, "test")
    assert len(source) == 5 * 3 * 2  # no setting uses the raised camera
    assert [source.name(i) for i in range(len(source))] == sorted(source.name(i) for i in range(len(source)))
    assert source.name(0) == file_of(201, 1, 1, "04_1", 0)
    assert source.column("yaw").tolist() == [30, 30, 0, 0, -90, -90] * 5
    assert source.column("subject").tolist() == [201] * 6 + [201] * 6 + [251] * 6 + [346] * 6 + [201] * 6
    assert set(source.column("camera")) == {"04_1", "05_1", "11_0"}
    with pytest.raises(InputError, match="illumination"):
        source.column("iluminaton")
    assert source.shots[source.frontal(0)] == Shot(201, 1, 1, "05_1", 0)


def test_angles_and_illuminations_can_be_selected(copy, tmp_path):
    source = open_multipie(copy, 2, "test", max_yaw=75, illuminations=[7])
    assert set(source.column("yaw")) == {0, 30} and set(source.column("illumination")) == {7}
    (tmp_path / "data").symlink_to(copy)
    assert open_multipie(tmp_path, 2, "test").path == tmp_path / "data"
    with pytest.raises(ConfigError, match="illumination 20"):
        open_multipie(copy, illuminations=[3, 20])
    with pytest.raises(ConfigError, match="setting 3"):
        open_multipie(copy, 3)
    with pytest.raises(InputError, match="contains none of the folders session01 to session04"):
        open_multipie(copy / "session01")
    with pytest.raises(InputError, match="no such folder"):
        open_multipie(copy / "nowhere")
    with pytest.raises(InputError, match="contains no picture of the test subjects of setting 2"):
        open_multipie(copy, 2, "test", illuminations=[3])


def test_misnamed_files_are_reported_and_counted(tmp_path):
    good = write_multipie(tmp_path, [(1, 1, 1)], ["05_1"], [0, 7])
    folder = tmp_path / "session01/multiview/001/01/05_1"
    for name in ("001_01_01_051_99.png", "holiday.png", "002_01_01_051_00.png", "001_01_01_051_07.png.1.png"):
        (folder / name).write_bytes(b"")
    (folder / "Thumbs.db").write_bytes(b"")
    (folder / ".hidden.png").write_bytes(b"")
    (tmp_path / "session01/multiview/001/01/5_1").mkdir()
    (tmp_path / "session01/multiview/copy of 001").mkdir()
    (tmp_path / "session01/multiview/cover.png").write_bytes(b"")
    with pytest.warns(MisnamedWarning, match="7 files or folders are skipped") as said:
        source = open_multipie(tmp_path)
    assert len(said) == 1
    assert [source.name(i) for i in range(len(source))] == good
    assert {name.rpartition("/")[2]: why for name, why in source.misnamed.items()} == {
        "001_01_01_051_99.png": "there is no illumination 99 (the range is 0 to 19)",
        "holiday.png": "is not named SSS_TT_RR_CCC_LL.png",
        "002_01_01_051_00.png": "belongs in session01/multiview/002/01/05_1",
        "001_01_01_051_07.png.1.png": "is a second picture of the same shot",
        "5_1": "does not have the name of a camera",
        "copy of 001": "does not have the name of a subject",
        "cover.png": "lies among the subject folders",
    }


def test_the_gallery_is_each_persons_first_neutral_frontal_picture(copy):
    source = open_multipie(copy, 2, "test")
    gallery, probes, without = recognition_protocol(source)
    assert [source.name(i) for i in gallery] == [
        file_of(201, 1, 1, "05_1", 7), file_of(251, 2, 1, "05_1", 7), file_of(346, 3, 1, "05_1", 7),
    ]  # fmt: skip
    assert sorted(gallery + probes) == list(range(len(source))) and not without


def test_subjects_without_a_gallery_picture_are_listed(tmp_path):
    write_multipie(tmp_path, [(201, 1, 1)], ["05_1", "04_1"], [7])
    write_multipie(tmp_path, [(202, 1, 1)], ["04_1"], [7])
    write_multipie(tmp_path, [(203, 1, 1)], ["05_1"], [6])
    source = open_multipie(tmp_path, 2, "test")
    gallery, probes, without = recognition_protocol(source)
    assert [source.shots[i].subject for i in gallery + probes] == [201, 201]
    assert without == [202, 203]
    with pytest.raises(InputError, match="illumination 11"):
        recognition_protocol(source, 11)


def test_samples_are_squares_and_pairs_are_of_one_moment(copy):
    settings = {"name": "MultiPieDataset", "dataroot": str(copy), "size": 16, "part": "test", "flip": False}
    plain, pairs = build_dataset(settings), build_dataset({**settings, "pairs": True})
    assert isinstance(plain, MultiPieDataset) and len(plain) == len(pairs) == 30
    expected = to_pixels(square(plain.source.read(4), 16))[0]
    assert plain.sample(4, rng()).keys() == {"A"}
    np.testing.assert_array_equal(plain.sample(4, rng())["A"], expected)
    for index in (0, 5, 29):
        sample = pairs.sample(index, rng())
        assert sample["yaw"] == pairs.source.shots[index].yaw and sample["yaw"].dtype == np.float32
        shot = pairs.source.shots[index]
        frontal = file_of(shot.subject, shot.session, shot.recording, "05_1", shot.illumination)
        with PIL.Image.open(copy / frontal) as image:
            np.testing.assert_array_equal(sample["B"], to_pixels(square(np.array(image), 16))[0])
        assert (shot.camera == "05_1") == np.array_equal(sample["A"], sample["B"])


def test_a_mirrored_pair_is_mirrored_with_its_angle(copy):
    straight = MultiPieDataset(copy, 16, part="test", pairs=True, flip=False).sample(0, rng())
    both = MultiPieDataset(copy, 16, part="test", pairs=True)
    seen = set()
    for seed in range(8):
        sample = both.sample(0, rng(seed))
        sign = int(np.sign(sample["yaw"]))
        for key in ("A", "B"):
            np.testing.assert_array_equal(sample[key], straight[key][:, :, ::sign])
        seen.add(sign)
    assert seen == {-1, 1}


def test_pairs_leave_out_pictures_without_a_frontal_counterpart(tmp_path):
    write_multipie(tmp_path, [(1, 1, 1)], ["05_1", "04_1"], [7])
    write_multipie(tmp_path, [(2, 1, 1)], ["04_1"], [7])
    assert len(MultiPieDataset(tmp_path, 16)) == 3
    assert len(MultiPieDataset(tmp_path, 16, pairs=True)) == 2
    (tmp_path / file_of(1, 1, 1, "05_1", 7)).unlink()
    with pytest.raises(InputError, match="no picture has a frontal counterpart"):
        MultiPieDataset(tmp_path, 16, pairs=True)


def test_a_pickled_copy_makes_batches_and_counts_bad_files(tmp_path):
    files = write_multipie(tmp_path, [(1, 1, 1)], ["05_1", "04_1", "13_0"], [7])
    (tmp_path / files[0]).write_bytes(b"torn")
    dataset = pickle.loads(pickle.dumps(MultiPieDataset(tmp_path, 16, pairs=True)))
    with pytest.raises(BadFileError, match="04_1"):
        dataset.sample(0, rng())
    assembler = Assembler(dataset, SampleOrder(len(dataset), seed=1))
    batch = assembler.batch(0, 3)
    assert batch["A"].shape == batch["B"].shape == (3, 3, 16, 16) and batch["yaw"].shape == (3,)
    assert list(assembler.bad_files) == [files[0]]


def test_a_copy_with_correct_names_warns_of_nothing(copy):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_multipie(copy)
