"""Pipelines of several images: shared and separate draws, the inputs of a transform, and refused orders of steps."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from ppgan_ext.data.pipeline import LoadImageFromFile, Pipeline, Transforms, build_pipeline
from ppgan_ext.data.transforms import RandomCrop, RandomHorizontalFlip
from ppgan_ext.errors import ConfigError, InputError

TRANSPOSE = {"name": "Transpose"}
NORMALIZE = {"name": "Normalize", "mean": [127.5] * 3, "std": [127.5] * 3}
CROP = {"name": "RandomCrop", "size": [5, 7]}
FLIP = {"name": "RandomHorizontalFlip"}


def rng(seed=0):
    return np.random.default_rng(seed)


def numbered(height, width, key):
    """A picture whose pixels contain their row, their column, and the number of the picture."""
    rows, columns = np.mgrid[:height, :width]
    return np.dstack([rows, columns, np.full((height, width), key)]).astype(np.uint8)


A, B = numbered(40, 50, 1), numbered(40, 50, 2)
LARGE_B = numbered(60, 30, 2)


def load(key, **options):
    return {"name": "LoadImageFromFile", "key": key, **options}


def transforms(keys, *steps, **options):
    """A Transforms step whose transforms list all inputs in ``keys``, as in PaddleGAN's configurations."""
    kinds = {"keys": ["image"] * len(keys)}
    return {"name": "Transforms", "input_keys": list(keys), "pipeline": [{**kinds, **s} for s in steps], **options}


def pair(*steps):
    return build_pipeline([load("A"), load("B"), transforms("AB", *steps)])


def window(pixels):
    """Return (top, left, mirrored) of a crop of a numbered picture."""
    assert (np.diff(pixels[0], axis=0) == 1).all() and (np.abs(np.diff(pixels[1], axis=1)) == 1).all()
    return int(pixels[0].min()), int(pixels[1].min()), bool(pixels[1, 0, 0] > pixels[1, 0, 1])


def test_shared_draws_cut_and_mirror_a_pair_alike():
    pipeline = pair(CROP, FLIP, TRANSPOSE)
    windows = set()
    for seed in range(60):
        sample = pipeline({"A": A, "B": B}, rng(seed), shared_draws=True)
        assert list(sample) == ["A", "B"]
        assert sample["A"].shape == sample["B"].shape == (3, 5, 7)
        assert window(sample["A"]) == window(sample["B"])
        assert (sample["A"][2] == 1).all() and (sample["B"][2] == 2).all()
        windows.add(window(sample["A"]))
    assert len(windows) > 50 and len({w[2] for w in windows}) == 2


def test_separate_draws_are_independent():
    pipeline = pair(CROP, FLIP, TRANSPOSE)
    windows = [
        (window(sample["A"]), window(sample["B"]))
        for sample in (pipeline({"A": A, "B": B}, rng(seed)) for seed in range(200))
    ]
    assert sum(a[:2] == b[:2] for a, b in windows) < 5
    assert {(a[2], b[2]) for a, b in windows} == {(a, b) for a in (False, True) for b in (False, True)}
    tops, lefts = np.array([[a[0], b[0]] for a, b in windows]), np.array([[a[1], b[1]] for a, b in windows])
    assert max(abs(np.corrcoef(values.T)[0, 1]) for values in (tops, lefts)) < 0.25


@pytest.mark.parametrize("seed", range(8))
def test_draws_are_made_transform_by_transform_then_key_by_key(seed):
    used, plain = rng(seed), rng(seed)
    sample = pair(CROP, FLIP, TRANSPOSE)({"A": A, "B": LARGE_B}, used)
    crops = {}
    for key, image in (("A", A), ("B", LARGE_B)):
        height, width = image.shape[:2]
        top, left = int(plain.integers(height - 4)), int(plain.integers(width - 6))
        crops[key] = image[top : top + 5, left : left + 7]
    for key, crop in crops.items():
        mirrored = crop[:, ::-1] if plain.random() < 0.5 else crop
        np.testing.assert_array_equal(sample[key], mirrored.transpose(2, 0, 1))
    assert used.random() == plain.random()


@pytest.mark.parametrize("seed", range(8))
def test_a_shared_draw_takes_as_many_random_numbers_as_one_image(seed):
    pipeline, alone = pair(CROP, FLIP, TRANSPOSE), build_pipeline([load("A"), transforms("A", CROP, FLIP, TRANSPOSE)])
    used, single = rng(seed), rng(seed)
    both, one = pipeline({"A": A, "B": B}, used, shared_draws=True), alone({"A": A}, single)
    np.testing.assert_array_equal(both["A"], one["A"])
    assert used.random() == single.random()


@pytest.mark.parametrize("shared_draws", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_one_image_is_what_it_was_before_pipelines_had_keys(seed, shared_draws):
    used, plain = rng(seed), rng(seed)
    pipeline = build_pipeline([load("A"), transforms("A", CROP, FLIP, TRANSPOSE, NORMALIZE)])
    sample = pipeline({"A": A}, used, shared_draws=shared_draws)
    top, left = int(plain.integers(40 - 5 + 1)), int(plain.integers(50 - 7 + 1))
    crop = A[top : top + 5, left : left + 7]
    crop = crop[:, ::-1] if plain.random() < 0.5 else crop
    mean = np.full((3, 1, 1), 127.5, np.float32)
    expected = (crop.transpose(2, 0, 1).astype(np.float32) - mean) / mean
    assert list(sample) == ["A"] and sample["A"].dtype == np.float32
    assert sample["A"].tobytes() == np.ascontiguousarray(expected).tobytes()
    assert used.random() == plain.random()


# (top, left, mirrored) for the seeds 0 to 5, written down when a pipeline knew one image only.
RECORDED = [(30, 28, True), (17, 22, False), (30, 11, True), (29, 3, True), (26, 41, False), (24, 35, False)]


def test_the_draws_of_one_image_are_those_of_earlier_releases():
    pipeline = build_pipeline([load("A"), transforms("A", CROP, FLIP, TRANSPOSE)])
    assert [window(pipeline({"A": A}, rng(seed))["A"]) for seed in range(6)] == RECORDED


def test_each_random_transform_draws_once_and_applies_the_same():
    crop, flip = RandomCrop(name="RandomCrop", size=[5, 7]), RandomHorizontalFlip(name="RandomHorizontalFlip")
    corner = crop.draw(rng(3), A.shape)
    np.testing.assert_array_equal(crop.apply(A, corner), crop(A, rng(3)))
    np.testing.assert_array_equal(crop.apply(A, (2, 9)), A[2:7, 9:16])
    assert {flip.draw(rng(seed), A.shape) for seed in range(9)} == {True, False}
    np.testing.assert_array_equal(flip.apply(A, True), A[:, ::-1])
    np.testing.assert_array_equal(flip.apply(A, False), A)


def test_images_that_share_a_draw_have_one_size():
    message = r"^'A' has 50 x 40 pixels and 'B' 30 x 60; RandomCrop needs one size\. Put a Resize to \[height, width\]"
    with pytest.raises(InputError, match=message):
        pair(CROP, TRANSPOSE)({"A": A, "B": LARGE_B}, rng(), shared_draws=True)
    resize = {"name": "Resize", "size": [20, 24], "interpolation": "area"}
    sample = pair(resize, CROP, TRANSPOSE)({"A": A, "B": LARGE_B}, rng(), shared_draws=True)
    assert sample["A"].shape == sample["B"].shape == (3, 5, 7)
    # Without randomness there is nothing to share.
    plain = pair(TRANSPOSE)({"A": A, "B": LARGE_B}, rng(), shared_draws=True)
    assert (plain["A"].shape, plain["B"].shape) == ((3, 40, 50), (3, 60, 30))


def test_keys_leave_later_inputs_unchanged():
    mirror = {**FLIP, "prob": 1.0, "keys": ["image"]}
    for shared_draws in (False, True):
        sample = pair(mirror, TRANSPOSE)({"A": A, "B": B}, rng(), shared_draws=shared_draws)
        np.testing.assert_array_equal(sample["A"], A[:, ::-1].transpose(2, 0, 1))
        np.testing.assert_array_equal(sample["B"], B.transpose(2, 0, 1))
    # The positions are those in input_keys, not those in the sample.
    pipeline = build_pipeline([load("A"), load("B"), transforms("BA", mirror, TRANSPOSE)])
    sample = pipeline({"A": A, "B": B}, rng())
    np.testing.assert_array_equal(sample["A"], A.transpose(2, 0, 1))
    np.testing.assert_array_equal(sample["B"], B[:, ::-1].transpose(2, 0, 1))


def test_each_image_may_have_transforms_of_its_own():
    steps = [load("A"), transforms("A", TRANSPOSE), load("B", to_rgb=False), transforms("B", CROP, TRANSPOSE)]
    sample = build_pipeline(steps)({"A": A, "B": LARGE_B}, rng())
    np.testing.assert_array_equal(sample["A"], A.transpose(2, 0, 1))
    assert sample["B"].shape == (3, 5, 7)
    assert (sample["B"][0] == 2).all()  # blue first


def test_results_are_stored_under_output_keys_too():
    pipeline = build_pipeline([load("A"), load("B"), transforms("AB", TRANSPOSE, output_keys=["B", "C"])])
    sample = pipeline({"A": A, "B": B}, rng())
    assert list(sample) == ["A", "B", "C"]
    for key, image in (("A", A), ("B", A), ("C", B)):
        np.testing.assert_array_equal(sample[key], image.transpose(2, 0, 1))


def test_images_given_to_a_pipeline_stay_as_they_are():
    before = A.copy(), B.copy()
    images = {"A": A, "B": B}
    pipeline = pickle.loads(pickle.dumps(pair(CROP, FLIP, TRANSPOSE, NORMALIZE)))
    first, second = pipeline(images, rng(1)), pair(CROP, FLIP, TRANSPOSE, NORMALIZE)(images, rng(1))
    for key in "AB":
        np.testing.assert_array_equal(first[key], second[key])
        assert first[key].flags.c_contiguous
        first[key][:] = 0
    np.testing.assert_array_equal(np.stack(before), np.stack([A, B]))
    assert images["A"] is A and images["B"] is B


def test_validated_steps_are_used_as_they_are():
    steps = [
        LoadImageFromFile(name="LoadImageFromFile", key="A"),
        Transforms(name="Transforms", input_keys=["A"], pipeline=[TRANSPOSE]),
    ]
    for pipeline in (Pipeline(steps), build_pipeline(steps)):
        assert all(used is step for used, step in zip(pipeline._steps, steps, strict=True))


UNNAMED = {"name": "Transforms", "input_keys": ["A", "B"], "pipeline": [TRANSPOSE]}
REFUSED = {
    "unnamed inputs": (
        [load("A"), load("B"), UNNAMED],
        "preprocess: Transpose needs 'keys: [image, image]' for A and B; images beyond the list stay unchanged",
    ),
    "no inputs": (
        [load("A"), load("B"), transforms("AB", {**TRANSPOSE, "keys": []})],
        "preprocess: Transpose needs 'keys: [image, image]' for A and B",
    ),
    "other inputs": (
        [load("A"), load("B"), transforms("AB", {**TRANSPOSE, "keys": ["image", "mask"]})],
        "preprocess: Transpose needs 'keys: [image, image]' for A and B",
    ),
    "unread": ([load("A"), load("B"), transforms("A", TRANSPOSE)], "preprocess: Transpose is missing for 'B'"),
    "not loaded": (
        [load("A"), transforms("AB", TRANSPOSE)],
        "preprocess: Transforms reads the key 'B'; put a LoadImageFromFile with that key before it",
    ),
    "loaded late": ([load("A"), transforms("AB", TRANSPOSE), load("B")], "reads the key 'B'"),
    "loaded twice": ([load("A"), load("A")], "LoadImageFromFile must appear only once for the key 'A'"),
    "some output keys": (
        [load("A"), load("B"), transforms("AB", TRANSPOSE, output_keys=["C"])],
        "preprocess: output_keys must have 2 entries, as many as input_keys",
    ),
    "one transposed": (
        [load("A"), load("B"), transforms("AB", {**TRANSPOSE, "keys": ["image"]}, NORMALIZE)],
        "preprocess: Normalize with data_format CHW must come after Transpose",
    ),
    "no keys": ([load("A"), transforms("", TRANSPOSE)], "preprocess.1.input_keys: tuple should have at least 1 item"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_steps_that_do_not_fit_are_refused(case):
    steps, message = REFUSED[case]
    with pytest.raises(ConfigError) as caught:
        build_pipeline(steps)
    assert message in str(caught.value)
