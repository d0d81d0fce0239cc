"""Paired and unpaired data: one draw for a pair, both sides used whole, and mistakes that are named."""

from __future__ import annotations

import pickle

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.data.datasets import build_dataset
from ppgan_ext.data.loader import BadFileWarning, Loader
from ppgan_ext.errors import ConfigError, InputError

TRANSPOSE = {"name": "Transpose", "keys": ["image", "image"]}
NORMALIZE = {"name": "Normalize", "mean": [127.5] * 3, "std": [127.5] * 3, "keys": ["image", "image"]}
CROP = {"name": "RandomCrop", "size": [5, 7], "keys": ["image", "image"]}
FLIP = {"name": "RandomHorizontalFlip", "keys": ["image", "image"]}


def transforms(*steps):
    return {"name": "Transforms", "input_keys": ["A", "B"], "pipeline": list(steps)}


PAIR = [{"name": "LoadImageFromFile", "key": "pair"}, {"name": "SplitPairedImage", "key": "pair"}]
BOTH = [{"name": "LoadImageFromFile", "key": key} for key in "AB"]


def numbered(height, width, key):
    rows, columns = np.mgrid[:height, :width]
    return np.dstack([rows, columns, np.full((height, width), key)]).astype(np.uint8)


def write(folder, name, image):
    folder.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(image).save(folder / name)


@pytest.fixture
def pairs(tmp_path):
    for i in range(3):
        write(tmp_path / "pairs", f"{i}.png", np.hstack([numbered(20, 30, i), numbered(20, 30, 100 + i)]))
    return tmp_path / "pairs"


@pytest.fixture
def sides(tmp_path):
    for i in range(7):
        write(tmp_path / "a", f"{i}.png", np.full((8, 8, 3), i, np.uint8))
    for i in range(3):
        write(tmp_path / "b", f"{i}.png", np.full((8, 8, 3), 100 + i, np.uint8))
    return tmp_path


def paired(root, *steps, **options):
    block = {"name": "PairedDataset", "dataroot": str(root), "preprocess": [*PAIR, transforms(*steps)]}
    return build_dataset(block | options)


def unpaired(root, a="a", b="b", **options):
    block = {"name": "UnpairedDataset", "dataroot_a": str(root / a), "dataroot_b": str(root / b), "max_size": "inf"}
    return build_dataset(block | {"preprocess": [*BOTH, transforms(TRANSPOSE)]} | options)


def draws(dataset, count):
    """Return (pixel of A, pixel of B) of the first samples of a training run."""
    with Loader(dataset, 1, seed=3) as loader:
        batches = loader.batches()
        return [
            (int(batch["A"].max()), int(batch["B"].max())) for (batch,), _ in zip(batches, range(count), strict=False)
        ]


def test_a_pair_is_split_left_and_right_and_drawn_as_one(pairs):
    dataset = paired(pairs, CROP, FLIP, TRANSPOSE)
    seen = set()
    for seed in range(30):
        sample = dataset.sample(1, np.random.default_rng(seed))
        assert list(sample) == ["A", "B"] and sample["A"].shape == sample["B"].shape == (3, 5, 7)
        assert (sample["A"][2] == 1).all() and (sample["B"][2] == 101).all()
        np.testing.assert_array_equal(sample["A"][:2], sample["B"][:2])
        seen.add((sample["A"][0, 0, 0], sample["A"][1, 0, 0]))
    assert len(seen) > 10


def test_paddlegans_separate_draws_are_an_option(pairs):
    dataset = paired(pairs, CROP, TRANSPOSE, shared_draws=False)
    together = paired(pairs, {**CROP, "name": "PairedRandomCrop"}, TRANSPOSE, shared_draws=False)
    samples = [dataset.sample(0, np.random.default_rng(seed)) for seed in range(20)]
    assert any(not np.array_equal(sample["A"][:2], sample["B"][:2]) for sample in samples)
    for seed in range(20):
        sample = together.sample(0, np.random.default_rng(seed))
        np.testing.assert_array_equal(sample["A"][:2], sample["B"][:2])


def test_of_an_odd_width_the_last_column_is_left_out(tmp_path):
    write(tmp_path, "odd.png", numbered(6, 9, 0))
    sample = paired(tmp_path, TRANSPOSE).sample(0, np.random.default_rng(0))
    assert sample["A"].shape == sample["B"].shape == (3, 6, 4)
    assert (sample["B"][1] - sample["A"][1] == 4).all()


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("grey.png", np.full((4, 8), 200, np.uint8)),
        ("deep.png", np.full((4, 8), 200 * 257, np.uint16)),
        ("alpha.png", np.dstack([np.full((4, 8, 3), 200, np.uint8), np.full((4, 8), 255, np.uint8)])),
    ],
)
def test_grey_deep_and_transparent_pictures_become_rgb(tmp_path, name, image):
    write(tmp_path, name, image)
    sample = paired(tmp_path, TRANSPOSE).sample(0, np.random.default_rng(0))
    assert sample["A"].shape == (3, 4, 4) and (sample["A"] == 200).all()


def test_a_turned_photo_is_upright_before_it_is_split(tmp_path):
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # stored lying on its left side
    image = np.zeros((8, 4, 3), np.uint8)
    image[:4] = 255  # the upper half becomes the right half
    PIL.Image.fromarray(image).save(tmp_path / "turned.png", exif=exif)
    sample = paired(tmp_path, TRANSPOSE).sample(0, np.random.default_rng(0))
    assert sample["A"].shape == (3, 4, 4) and sample["A"].max() == 0 and sample["B"].min() == 255


def test_both_sides_are_used_whole_and_partners_change(sides):
    dataset = unpaired(sides)
    assert len(dataset) == 7
    samples = draws(dataset, 42)
    for epoch in range(6):
        assert {a for a, _ in samples[7 * epoch : 7 * epoch + 7]} == set(range(7))
    for epoch in range(14):
        assert {b for _, b in samples[3 * epoch : 3 * epoch + 3]} == {100, 101, 102}
    assert len({pair for pair in samples if pair[0] == 0}) > 1
    assert draws(pickle.loads(pickle.dumps(dataset)), 42) == samples


def test_the_larger_side_may_be_b(sides):
    samples = draws(unpaired(sides, a="b", b="a"), 21)
    assert {a for a, _ in samples} == {100, 101, 102} and {b for _, b in samples[:7]} == set(range(7))


def test_the_order_of_a_test_set_is_fixed_and_counts_round(sides):
    dataset = unpaired(sides, is_train=False)
    pairs = [dataset.sample(i, np.random.default_rng(0)) for i in range(7)]
    assert [(s["A"].max(), s["B"].max()) for s in pairs] == [(i, 100 + i % 3) for i in range(7)]
    both = dataset.domains()
    assert {key: len(side) for key, side in both.items()} == {"A": 7, "B": 3}
    assert both["B"].sample(2, np.random.default_rng(0))["B"].max() == 102


def test_one_picture_on_each_side_is_enough(sides):
    assert draws(unpaired(sides, max_size=1), 3) == [(0, 100)] * 3


def test_max_size_takes_the_first_of_each(sides):
    assert {b for _, b in draws(unpaired(sides, max_size=2), 8)} == {100, 101}


def test_a_damaged_partner_is_reported_and_spares_the_sample(sides):
    (sides / "b" / "1.png").write_bytes(b"\x89PNG broken")
    with pytest.warns(BadFileWarning, match=r"1\.png"):
        samples = draws(unpaired(sides), 28)
    assert {b for _, b in samples} == {100, 102}
    assert {a for a, _ in samples} == set(range(7))


def test_an_empty_side_is_named(sides):
    (sides / "c").mkdir()
    with pytest.raises(InputError, match=r"c: contains no pictures"):
        unpaired(sides, b="c")


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([BOTH[0], transforms(TRANSPOSE)], "ransforms reads the key 'B'"),
        ([PAIR[0], transforms(TRANSPOSE)], "ransforms reads the key 'A'"),
        ([BOTH[0], BOTH[1], transforms({"name": "Transpose"})], "needs 'keys: [image, image]' for A and B"),
    ],
)
def test_pipelines_without_both_keys_are_refused(sides, steps, message):
    with pytest.raises(ConfigError) as caught:
        unpaired(sides, preprocess=steps)
    assert message in str(caught.value)


def test_a_pair_without_its_cut_is_refused(pairs):
    single = {"name": "Transforms", "input_keys": ["pair"], "pipeline": [{"name": "Transpose"}]}
    with pytest.raises(ConfigError, match="makes no 'A'; add SplitPairedImage"):
        paired(pairs, preprocess=[PAIR[0], single])


def test_halves_of_different_size_are_named(sides):
    write(sides / "a", "0.png", np.zeros((6, 8, 3), np.uint8))
    shared = {**CROP, "name": "PairedRandomCrop", "size": [2, 2]}
    with pytest.raises(InputError, match=r"0.png with .*'A' has 8 x 6 pixels and 'B' 8 x 8"):
        unpaired(sides, preprocess=[*BOTH, transforms(shared, TRANSPOSE)]).sample(0, np.random.default_rng(0))
