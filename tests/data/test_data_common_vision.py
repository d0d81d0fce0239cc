"""MNIST's files, folders of classes, and what is said of wrong ones."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.data import common_vision_dataset
from ppgan_ext.data.common_vision_dataset import CommonVisionOptions
from ppgan_ext.data.datasets import build_dataset
from ppgan_ext.errors import ConfigError, InputError

IMAGES = np.random.default_rng(0).integers(0, 256, (7, 28, 28), dtype=np.uint8)
LABELS = np.array([3, 1, 4, 1, 5, 9, 2], np.uint8)
NORMALIZE = {"name": "Normalize", "mean": [127.5], "std": [127.5], "keys": ["image"]}


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def dataset(**options):
    block = {"name": "CommonVisionDataset", "dataset_name": "MNIST", "transforms": [NORMALIZE]}
    return build_dataset(block | options)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "images.gz").write_bytes(gzip.compress(idx(IMAGES)))
    (tmp_path / "labels").write_bytes(idx(LABELS))
    return {"image_path": str(tmp_path / "images.gz"), "label_path": str(tmp_path / "labels")}


@pytest.fixture
def classes(tmp_path):
    for name, count in (("cat", 2), ("ant", 3)):
        (tmp_path / name).mkdir()
        for i in range(count):
            PIL.Image.fromarray(np.full((6, 6, 3), 40 * i, np.uint8)).save(tmp_path / name / f"{i}.png")
    return tmp_path


def sample(data, index):
    return data.sample(index, np.random.default_rng(0))


def test_pictures_have_one_channel_in_minus_one_to_one_and_their_class(files):
    data = dataset(params=files)
    assert len(data) == 7 and data.num_classes == 10
    for i in (0, 6):
        made = sample(data, i)
        np.testing.assert_allclose(made["A"], IMAGES[i][None] / 127.5 - 1, atol=1e-6)
        assert made["class_id"] == LABELS[i] and made["class_id"].shape == ()
    assert data.source.read(2).shape == (28, 28, 3)


def test_without_labels_samples_have_no_class_but_metrics_find_it(files):
    data = dataset(params=files, return_label=False)
    assert list(sample(data, 0)) == ["A"] and data.labels.tolist() == LABELS.tolist()
    assert dataset(params={"image_path": files["image_path"]}).labels is None


def test_pictures_are_resized_as_paddle_does(files):
    transforms = pytest.importorskip("paddle.vision.transforms")
    resize = {"name": "Resize", "size": [64, 64], "interpolation": "bicubic"}
    made = sample(dataset(params=files, transforms=[resize, NORMALIZE]), 1)["A"]
    theirs = transforms.Resize([64, 64], "bicubic")(IMAGES[1])
    np.testing.assert_allclose(made[0], theirs.reshape(64, 64) / 127.5 - 1, atol=1e-6)


def test_without_transforms_the_range_is_minus_one_to_one(files):
    np.testing.assert_array_equal(
        sample(dataset(params=files, transforms=[]), 3)["A"], sample(dataset(params=files), 3)["A"]
    )


def test_the_first_pictures_alone(files):
    data = dataset(params=files, limit=4)
    assert len(data) == 4 and data.labels.tolist() == [3, 1, 4, 1]


def test_a_folder_of_classes(classes):
    data = dataset(dataset_name="DatasetFolder", params={"root": str(classes)}, transforms=[])
    assert data.labels.tolist() == [0, 0, 0, 1, 1] and data.name(3) == "cat/0.png"
    assert sample(data, 4)["A"].shape == (3, 6, 6) and sample(data, 4)["class_id"] == 1


def test_a_folder_without_classes(classes):
    data = dataset(dataset_name="ImageFolder", params={"root": str(classes / "ant")}, transforms=[])
    assert len(data) == 3 and data.labels is None and list(sample(data, 0)) == ["A"]
    with pytest.raises(InputError, match=r"contains '0.png' beside the folders of classes.*ImageFolder"):
        dataset(dataset_name="DatasetFolder", params={"root": str(classes / "ant")}, transforms=[])


FAULTS = {
    "truncated": (
        lambda data: gzip.compress(data[:-30]),
        r"images.gz: is truncated: .*7 x 28 x 28 bytes, and 5458 foll",
    ),
    "cut": (lambda data: gzip.compress(data)[:-40], r"images.gz: the file is truncated or damaged"),
    "longer": (lambda data: data + b"1", "is damaged: its header announces"),
    "header": (lambda data: data[:9], "its header is incomplete"),
    "another": (lambda data: b"PK\x03\x04" + data, "is no IDX file of bytes"),
    "labels": (lambda data: idx(LABELS), "contains labels, not pictures. Exchange image_path and label_path"),
    "none": (lambda data: idx(IMAGES[:0]), "contains no pictures"),
    "huge": (lambda data: bytes([0, 0, 8, 3]) + struct.pack(">3I", 2**31, 2**31, 2**31), "is truncated"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_wrong_file_is_named(files, case):
    damage, message = FAULTS[case]
    path = Path(files["image_path"])
    path.write_bytes(damage(idx(IMAGES)))
    with pytest.raises(InputError, match=message):
        dataset(params=files)


def test_labels_of_another_part_are_refused(files):
    Path(files["label_path"]).write_bytes(idx(LABELS[:5]))
    with pytest.raises(InputError, match=r"has 5 labels for the 7 pictures of images.gz"):
        dataset(params=files)


def test_paddles_folder_of_downloads_is_used_and_its_absence_explained(files, tmp_path, monkeypatch):
    monkeypatch.setattr(common_vision_dataset.Path, "home", lambda: tmp_path)
    options = CommonVisionOptions(name="CommonVisionDataset", dataset_name="MNIST", params={"mode": "test"})
    images, labels = options.downloads()
    assert images.url == "https://dataset.bj.bcebos.com/mnist/t10k-images-idx3-ubyte.gz" and len(images.md5) == 32
    with pytest.raises(InputError, match=r"MNIST is not on this machine.*params.image_path"):
        dataset(params={"mode": "test"})
    images.target.parent.mkdir(parents=True)
    for item, key in ((images, "image_path"), (labels, "label_path")):
        item.target.write_bytes(Path(files[key]).read_bytes())
    assert options.downloads() == [] and len(dataset(params={"mode": "test"})) == 7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dataset_name": "MNISTT"}, "dataset_name: "),
        ({"dataset_name": "DatasetFolder"}, "params.root: missing; DatasetFolder needs a folder"),
        ({"params": {"root": "x"}}, "MNIST has no folder"),
        ({"params": {"label_path": "x"}}, "params.image_path: missing"),
        ({"params": {"moed": "test"}}, "did you mean 'mode'"),
        ({"transforms": [{"name": "Transpose"}, {"name": "Resize", "size": 4}]}, "esize must come before Transpose"),
    ],
)
def test_mistakes_are_described(options, message):
    with pytest.raises(ConfigError) as caught:
        dataset(**options)
    assert message in str(caught.value)


def test_three_numbers_for_a_grey_picture_are_explained(files):
    wide = {"name": "Normalize", "mean": [127.5] * 3, "std": [127.5] * 3}
    with pytest.raises(
        InputError, match=r"images.gz/0: Normalize has 3 numbers in mean for 1 channel.*mean: \[127.5\]"
    ):
        sample(dataset(params=files, transforms=[wide]), 0)
