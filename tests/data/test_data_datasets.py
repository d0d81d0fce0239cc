"""Data sets by their YAML names: their samples, their options, and the options they refuse."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
from typing import Literal

import numpy as np
import PIL.Image
import pydantic
import pytest
import yaml

from ppgan_ext import config
from ppgan_ext.data import faces_dataset
from ppgan_ext.data.dataset_options import DatarootOptions, DatasetOptions, NamedOptions
from ppgan_ext.data.datasets import DATASETS, FacesDataset, SingleDataset, build_dataset
from ppgan_ext.data.image_source import BadFileError
from ppgan_ext.data.squares import square
from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.images import to_pixels

# The keys of `dataset.train` in PaddleGAN's stylegan_v2_256_ffhq.yaml.
PADDLEGANS = """
name: SingleDataset
dataroot: {root}
num_workers: 3
batch_size: 3
preprocess:
  - name: LoadImageFromFile
    key: A
  - name: Transforms
    input_keys: [A]
    pipeline:
      - name: RandomHorizontalFlip
      - name: Transpose
      - name: Normalize
        mean: [127.5, 127.5, 127.5]
        std: [127.5, 127.5, 127.5]
"""


# What a run wrote into its config.yaml before data sets had files of their own.
SAVED = """\
name: SingleDataset
dataroot: faces
batch_size: 3
num_workers: 3
use_shared_memory: true
preprocess:
- name: LoadImageFromFile
  key: A
  to_rgb: true
  flag: -1
  save_original_img: false
- name: Transforms
  input_keys:
  - A
  pipeline:
  - name: Resize
    size:
    - 6
    - 8
    interpolation: bilinear
  - name: Transpose
    order:
    - 2
    - 0
    - 1
  - name: Normalize
    mean:
    - 127.5
    - 127.5
    - 127.5
    std:
    - 127.5
    - 127.5
    - 127.5
    data_format: CHW
    to_rgb: false
"""


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture
def photos(tmp_path):
    root = tmp_path / "photos"
    root.mkdir()
    for i, (width, height) in enumerate([(30, 20), (20, 31), (24, 24), (9, 7)]):
        image = rng(i).integers(0, 256, (height, width, 3), dtype=np.uint8)
        PIL.Image.fromarray(image).save(root / f"{i}.png")
    return root


def single(root, *first, train=True):
    settings = yaml.safe_load(PADDLEGANS.format(root=root))
    steps = settings["preprocess"][1]["pipeline"]
    settings["preprocess"][1]["pipeline"] = [*first, *(steps if train else steps[1:])]
    return settings


def test_paddlegans_section_runs_unchanged(photos):
    dataset = build_dataset(yaml.safe_load(PADDLEGANS.format(root=photos)))
    assert isinstance(dataset, SingleDataset)
    assert (len(dataset), dataset.name(1)) == (4, "1.png")
    sample = dataset.sample(1, rng())
    pixels = to_pixels(dataset.source.read(1))[0]
    assert list(sample) == ["A"]
    assert sample["A"].shape == (3, 31, 20)
    np.testing.assert_allclose(sample["A"], pixels if rng().random() >= 0.5 else pixels[:, :, ::-1], atol=1e-6)


def test_validated_settings_build_the_same(photos):
    settings = single(photos, {"name": "Resize", "size": [6, 8]})
    options = SingleDataset.Options.model_validate(settings)
    for content in (settings, options, options.model_dump(), options.model_dump(mode="json")):
        sample = build_dataset(content).sample(3, rng(1))["A"]
        np.testing.assert_array_equal(sample, build_dataset(settings).sample(3, rng(1))["A"])
        assert sample.shape == (3, 6, 8)


def test_validated_settings_are_used_as_they_are(photos, monkeypatch):
    options = SingleDataset.Options.model_validate(single(photos))
    steps = list(options.preprocess)
    for name in ("model_dump", "model_dump_json", "model_copy"):
        monkeypatch.setattr(pydantic.BaseModel, name, lambda self, **settings: pytest.fail("dumped"))
    used = build_dataset(options)._pipeline._steps
    assert all(used_step is step for used_step, step in zip(used, steps, strict=True))
    monkeypatch.setattr(config, "validate", lambda *args: pytest.fail("validated again"))
    faces = FacesDataset.Options.model_validate({"name": "FacesDataset", "dataroot": str(photos), "size": 8})
    assert build_dataset(faces).size == 8


def test_options_of_something_else_are_refused():
    with pytest.raises(TypeError, match="expected a mapping or the options of a data set, got NamedOptions"):
        build_dataset(NamedOptions(name="FacesDataset"))


@pytest.mark.parametrize(
    ("step", "changes", "message"),
    [
        (0, {"key": "B"}, "preprocess.0.key: input should be 'A', got 'B'"),
        (1, {"input_keys": ["A", "B"]}, "preprocess.1.input_keys: a SingleDataset has one image; write [A], got"),
        (1, {"output_keys": ["B"]}, "preprocess.1.output_keys: a SingleDataset has one image; write [A], got ['B']"),
    ],
)
def test_a_single_data_set_has_one_image(photos, step, changes, message):
    settings = single(photos, {"name": "RandomHorizontalFlip", "pob": 1})
    settings["preprocess"][step] |= changes
    with pytest.raises(ConfigError, match=r"^2 mistakes") as caught:
        build_dataset(settings)
    assert message in str(caught.value) and "did you mean 'prob'?" in str(caught.value)


def test_the_error_of_a_picture_too_small_for_the_pipeline_names_it(photos):
    dataset = build_dataset(single(photos, {"name": "RandomCrop", "size": 16}))
    assert dataset.sample(2, rng())["A"].shape == (3, 16, 16)
    with pytest.raises(InputError, match=r"^3\.png: has 9 x 7 pixels where RandomCrop cuts out 16 x 16") as caught:
        dataset.sample(3, rng())
    assert not isinstance(caught.value, BadFileError)


def test_faces_are_the_centre_square_averaged(photos):
    dataset = build_dataset({"name": "FacesDataset", "dataroot": str(photos), "size": 10, "flip": False})
    wide, tall = dataset.source.read(0), dataset.source.read(1)
    averaged = wide[:, 5:25].astype(np.float64).reshape(10, 2, 10, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(dataset.image(0), averaged, atol=0.51)
    averaged = tall[5:25].astype(np.float64).reshape(10, 2, 10, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(dataset.image(1), averaged, atol=0.51)
    np.testing.assert_array_equal(dataset.sample(0, rng())["A"], to_pixels(dataset.image(0))[0])
    assert dataset.image(3).shape == (10, 10, 3)  # enlarged from 9 x 7


def test_a_square_of_the_right_size_is_not_resampled():
    image = rng().integers(0, 256, (8, 11, 3), dtype=np.uint8)
    np.testing.assert_array_equal(square(image, 8), image[:, 1:9])


def test_half_of_the_faces_are_mirrored(photos):
    dataset = FacesDataset(photos, 10)
    plain = to_pixels(dataset.image(0))[0]
    results = [dataset.sample(0, rng(seed))["A"] for seed in range(300)]
    mirrored = [np.array_equal(result, plain[:, :, ::-1]) for result in results]
    assert all(m or np.array_equal(r, plain) for m, r in zip(mirrored, results, strict=True))
    assert abs(sum(mirrored) - 150) < 35


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, "0123"),
        ({"limit": 2}, "01"),
        ({"limit": 9}, "0123"),
        ({"exclude": 1}, "012"),
        ({"exclude": -1}, "3"),
        ({"exclude": 3, "limit": 5}, "0"),
        ({"exclude": -3, "limit": 2}, "12"),
        ({"exclude": 0}, "0123"),
        ({"exclude": 0.5}, "01"),
        ({"exclude": -0.5}, "23"),
        ({"exclude": 0.01}, "012"),
        ({"exclude": -0.99}, "123"),
    ],
)
def test_limit_and_exclude_select_pictures(photos, settings, names):
    dataset = FacesDataset(photos, 8, **settings)
    assert [dataset.name(i) for i in range(len(dataset))] == [f"{name}.png" for name in names]
    assert [dataset.source.name(i) for i in range(len(dataset))] == [f"{name}.png" for name in names]


@pytest.mark.parametrize("exclude", [4, -4, 100])
def test_exclude_must_leave_something_on_both_sides(photos, exclude):
    message = f"exclude: {exclude} leaves nothing on one side of 4 pictures. Choose a number below 4, or a share"
    with pytest.raises(ConfigError, match=message):
        FacesDataset(photos, 8, exclude=exclude)


FACES = {"name": "FacesDataset", "dataroot": "faces", "size": 8}


@pytest.mark.parametrize(("written", "read"), [(0.1, 0.1), ("-0.25", -0.25), (500, 500), (500.0, 500), (0, 0)])
def test_exclude_is_a_number_or_a_share(written, read):
    options = FacesDataset.Options.model_validate({**FACES, "exclude": written})
    assert (options.exclude, type(options.exclude)) == (read, type(read))


@pytest.mark.parametrize("exclude", [1.5, -20.1, float("nan"), float("inf")])
def test_exclude_cannot_be_a_part_of_a_picture(exclude):
    with pytest.raises(pydantic.ValidationError):
        FacesDataset.Options.model_validate({**FACES, "exclude": exclude})


def test_the_cache_changes_nothing_and_reads_once(photos, monkeypatch):
    plain, cached = FacesDataset(photos, 8), FacesDataset(photos, 8, cache=True)
    reads = []
    read = cached.source.read
    monkeypatch.setattr(cached.source, "read", lambda i: reads.append(i) or read(i))
    for i in (0, 3, 0, 3, 0):
        np.testing.assert_array_equal(cached.sample(i, rng(i))["A"], plain.sample(i, rng(i))["A"])
        cached.image(i)[:] = 0  # the caller owns the array
    assert reads == [0, 3]
    monkeypatch.undo()
    assert len(pickle.dumps(cached)) < len(pickle.dumps(plain)) + 500
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(cached)).image(2), plain.image(2))


def test_a_cache_above_the_limit_is_refused(photos, monkeypatch):
    monkeypatch.setattr(faces_dataset, "MAX_CACHE_BYTES", 4 * 8 * 8 * 3 - 1)
    with pytest.raises(ConfigError, match=r"cache: 4 pictures of 8 x 8 pixels take more than.*cache: false"):
        FacesDataset(photos, 8, cache=True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "FaceDataset"}, "there is no data set 'FaceDataset'. Did you mean 'FacesDataset'?"),
        ({}, "there is no data set 'None'. Choose from: CommonVisionDataset, FacesDataset"),
        ({"name": "FacesDataset"}, "dataroot: missing\n  size: missing"),
        ({"name": "FacesDataset", "dataroot": "x", "size": 2}, "size: input should be greater than or equal to 4"),
        ({"name": "FacesDataset", "dataroot": "x", "size": 8, "flop": 1}, "flop: unknown key; did you mean 'flip'?"),
        ({"name": "SingleDataset", "dataroot": "x"}, "preprocess: missing"),
        ({"name": "SingleDataset", "dataroot": "x", "preprocess": []}, "preprocess: must begin with LoadImageFromFile"),
        ({"name": "FacesDataset", "dataroot": "nowhere", "size": 8}, "nowhere: no such file or folder"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises((ConfigError, InputError)) as caught:
        build_dataset(settings)
    assert message in str(caught.value)


def test_every_data_set_has_options_that_refuse_unknown_keys():
    roots = {
        "SingleDataset": {"dataroot"},
        "FacesDataset": {"dataroot"},
        "MultiPieDataset": {"dataroot"},
        "PairedDataset": {"dataroot"},
        "UnpairedDataset": {"dataroot_a", "dataroot_b"},
        "CommonVisionDataset": {"dataset_name", "params"},
    }
    assert set(DATASETS) == set(roots)
    for name, kind in DATASETS.items():
        assert kind.__name__ == name
        assert kind.Options.model_config["extra"] == "forbid"
        common = {"name", "batch_size", "num_workers", "use_shared_memory"}
        assert common | roots[name] <= set(kind.Options.model_fields)


@pytest.mark.parametrize("name", DATASETS)
def test_the_options_of_a_data_set_are_the_arguments_of_its_constructor(name):
    empty = inspect.Parameter.empty
    fields = DATASETS[name].Options.model_fields.items()
    own = {
        key: empty if field.is_required() else field.default
        for key, field in fields
        if key not in DatasetOptions.model_fields
    }
    assert own == {key: value.default for key, value in inspect.signature(DATASETS[name]).parameters.items()}


class TwoRoots(NamedOptions):
    dataroot_a: str
    dataroot_b: str


class PairOptions(DatasetOptions, TwoRoots):
    flip: bool = True


COMMON = ["batch_size", "num_workers", "use_shared_memory"]
ORDERS = [
    (DATASETS["SingleDataset"].Options, ["name", "dataroot", *COMMON, "preprocess"]),
    (DATASETS["FacesDataset"].Options, ["name", "dataroot", *COMMON, "size", "flip", "limit", "exclude", "cache"]),
    (
        DATASETS["MultiPieDataset"].Options,
        ["name", "dataroot", *COMMON, "size", "setting", "part", "max_yaw", "illuminations", "pairs", "flip"],
    ),
    (PairOptions, ["name", "dataroot_a", "dataroot_b", *COMMON, "flip"]),
]


@pytest.mark.parametrize(("options", "keys"), ORDERS)
def test_a_saved_configuration_lists_the_location_behind_the_name(options, keys):
    assert list(options.model_fields) == keys
    assert not issubclass(options, DatarootOptions) or "dataroot" not in DatasetOptions.model_fields
    # Training derives its options in this way.
    named = pydantic.create_model("X", __base__=options, name=(Literal["X"], "X"))
    assert list(named.model_fields) == keys


def test_a_saved_configuration_keeps_its_bytes(photos):
    settings = single("faces", {"name": "Resize", "size": [6, 8]}, train=False)
    content = SingleDataset.Options.model_validate(settings).model_dump(mode="json", exclude_none=True)
    assert yaml.safe_dump(content, sort_keys=False) == SAVED


def test_a_saved_pair_lists_its_locations_behind_the_name():
    pair = PairOptions(flip=False, num_workers=2, dataroot_b="b", dataroot_a="a", name="pair")
    assert list(pair.model_dump()) == ["name", "dataroot_a", "dataroot_b", *COMMON, "flip"]
    assert pair.arguments() == {"dataroot_a": "a", "dataroot_b": "b", "flip": False}


def test_the_data_layer_does_not_import_paddle():
    modules = "ppgan_ext.data.datasets, ppgan_ext.data.loader, ppgan_ext.worker_process"
    code = f"import sys, {modules}; print('paddle' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
