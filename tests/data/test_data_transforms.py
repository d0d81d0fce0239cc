"""PaddleGAN's transforms compute the same as Paddle's own, which the package does not use."""

from __future__ import annotations

import pickle

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.data.colour_transforms import PairedColorJitter
from ppgan_ext.data.pipeline import build_pipeline
from ppgan_ext.data.transforms import CenterCrop, RandomCrop, RandomHorizontalFlip, Resize
from ppgan_ext.errors import ConfigError, InputError

IMAGE = np.random.default_rng(0).integers(0, 256, (37, 52, 3), dtype=np.uint8)
TALL = np.ascontiguousarray(IMAGE.transpose(1, 0, 2))
RNG = np.random.default_rng(9)
NORMALIZE = {"name": "Normalize", "mean": [127.5] * 3, "std": [127.5] * 3}
TRANSPOSE = {"name": "Transpose"}


def pipeline(*transforms, **load):
    return build_pipeline(
        [
            {"name": "LoadImageFromFile", "key": "A", **load},
            {"name": "Transforms", "input_keys": ["A"], "pipeline": list(transforms)},
        ]
    )


def run(*transforms, image=IMAGE, seed=0, **load):
    return pipeline(*transforms, **load)({"A": image}, np.random.default_rng(seed))["A"]


@pytest.fixture(scope="module")
def paddles():
    """Paddle's transforms, to compare with."""
    return pytest.importorskip("paddle.vision.transforms")


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "area", "lanczos"])
@pytest.mark.parametrize("size", [[20, 31], [60, 41], 24, 64, 37])
@pytest.mark.parametrize("image", [IMAGE, TALL], ids=["wide", "tall"])
def test_resize_matches_paddle(paddles, size, interpolation, image):
    own = Resize(name="Resize", size=size, interpolation=interpolation)(image, np.random.default_rng(0))
    np.testing.assert_array_equal(own, paddles.Resize(size, interpolation)(image))


def test_resize_sizes_are_height_then_width():
    assert run({"name": "Resize", "size": [20, 31]}, TRANSPOSE).shape == (3, 20, 31)


@pytest.mark.parametrize("size", [[20, 31], [37, 52], [36, 51], 17])
def test_center_crop_matches_paddle(paddles, size):
    own = CenterCrop(name="CenterCrop", size=size)(IMAGE, np.random.default_rng(0))
    np.testing.assert_array_equal(own, paddles.CenterCrop(size)(IMAGE))


@pytest.mark.parametrize("data_format", ["CHW", "HWC"])
def test_normalize_matches_paddle(paddles, data_format):
    mean, std = [1.0, 20.0, 127.5], [2.0, 50.0, 127.5]
    steps = [{"name": "Normalize", "mean": mean, "std": std, "data_format": data_format}, TRANSPOSE]
    if data_format == "CHW":
        steps.reverse()
    expected = paddles.Normalize(mean, std, "CHW")(paddles.Transpose()(IMAGE))
    own = run(*steps)
    assert own.dtype == np.float32
    assert own.flags.c_contiguous
    np.testing.assert_array_equal(own, expected.astype(np.float32))


def test_numbers_for_all_channels_match_paddle(paddles):
    own = run(TRANSPOSE, {"name": "Normalize", "mean": 127.5, "std": 2})
    np.testing.assert_array_equal(own, paddles.Normalize(127.5, 2)(paddles.Transpose()(IMAGE)))


def test_the_ends_of_the_range():
    image = np.zeros((2, 3, 3), np.uint8)
    image[0, 0] = 255
    own = run(TRANSPOSE, NORMALIZE, image=image)
    assert (own[:, 0, 0] == 1).all()
    assert (own[:, 1, 2] == -1).all()


def test_the_flip_mirrors_left_and_right_half_of_the_time(paddles):
    flip = RandomHorizontalFlip(name="RandomHorizontalFlip")
    mirrored = paddles.RandomHorizontalFlip(1.0)(IMAGE)
    results = [flip(IMAGE, np.random.default_rng(seed)) for seed in range(400)]
    flips = [np.array_equal(result, mirrored) for result in results]
    assert all(flipped or np.array_equal(result, IMAGE) for flipped, result in zip(flips, results, strict=True))
    assert abs(sum(flips) - 200) < 40
    assert np.array_equal(RandomHorizontalFlip(name="RandomHorizontalFlip", prob=1.0)(IMAGE, RNG), mirrored)
    assert np.array_equal(RandomHorizontalFlip(name="RandomHorizontalFlip", prob=0.0)(IMAGE, RNG), IMAGE)


def test_random_crops_reach_every_position():
    crop = RandomCrop(name="RandomCrop", size=[35, 51])
    numbered = np.arange(37 * 52, dtype=np.int64).reshape(37, 52, 1)
    starts = {divmod(int(crop(numbered, np.random.default_rng(seed))[0, 0, 0]), 52) for seed in range(200)}
    assert starts == {(top, left) for top in range(3) for left in range(2)}
    assert crop(IMAGE, RNG).shape == (35, 51, 3)
    np.testing.assert_array_equal(RandomCrop(name="RandomCrop", size=[37, 52])(IMAGE, RNG), IMAGE)


def test_a_pipeline_is_a_pure_function_of_image_and_generator():
    steps = [{"name": "RandomCrop", "size": 20}, {"name": "RandomHorizontalFlip"}, TRANSPOSE, NORMALIZE]
    before = IMAGE.copy()
    first = run(*steps, seed=4)
    travelled = pickle.loads(pickle.dumps(pipeline(*steps)))({"A": IMAGE}, np.random.default_rng(4))["A"]
    np.testing.assert_array_equal(first, travelled)
    np.testing.assert_array_equal(IMAGE, before)
    assert len({run(*steps, seed=seed).tobytes() for seed in range(10)}) > 5
    first[:] = 0
    np.testing.assert_array_equal(IMAGE, before)


def test_colours_are_rgb_unless_to_rgb_is_false():
    np.testing.assert_array_equal(run(TRANSPOSE, to_rgb=False), run(TRANSPOSE)[::-1])


def test_keys_without_effect_are_accepted():
    resize = {"name": "Resize", "size": [8, 9], "interpolation": "bicubic"}
    loaded = run({**resize, "keys": ["image", "image"]}, TRANSPOSE, flag=1, backend=None, save_original_img=False)
    np.testing.assert_array_equal(loaded, run(resize, TRANSPOSE))


@pytest.mark.parametrize("crop", ["RandomCrop", "CenterCrop"])
@pytest.mark.parametrize("size", [[38, 52], [37, 53]])
def test_an_image_smaller_than_its_crop_is_refused(crop, size):
    with pytest.raises(InputError, match=rf"has 52 x 37 pixels where {crop} cuts out {size[1]} x {size[0]}.*Resize"):
        run({"name": crop, "size": size}, TRANSPOSE)


MISTAKES = {
    "name": ([{"name": "Resise", "size": 4}, TRANSPOSE], "pipeline.0.name: unknown 'Resise'; did you mean 'Resize'?"),
    "key": ([{"name": "Resize", "sice": 4}, TRANSPOSE], "pipeline.0.sice: unknown key; did you mean 'size'?"),
    "missing": ([{"name": "Resize"}, TRANSPOSE], "pipeline.0.size: missing"),
    "size": ([{"name": "Resize", "size": [4]}, TRANSPOSE], "pipeline.0.size: expected a number of pixels, or [height"),
    "text": ([{"name": "RandomCrop", "size": "4"}, TRANSPOSE], "pipeline.0.size: expected a number of pixels"),
    "zero": ([{"name": "CenterCrop", "size": 0}, TRANSPOSE], "pipeline.0.size: expected a number of pixels"),
    "method": ([{"name": "Resize", "size": 4, "interpolation": "cubic"}, TRANSPOSE], "interpolation: input should be"),
    "prob": ([{"name": "RandomHorizontalFlip", "prob": 1.5}, TRANSPOSE], "prob: input should be less than or equal"),
    "mean": ([TRANSPOSE, {"name": "Normalize", "mean": [1, 2]}], "mean: expected a number, or one for each of the thr"),
    "std": ([TRANSPOSE, {"name": "Normalize", "std": [1, 0, 1]}], "std: must not be zero"),
    "to_rgb": ([TRANSPOSE, {"name": "Normalize", "to_rgb": True}], "to_rgb: input should be False"),
    "order": ([{"name": "Transpose", "order": [0, 1, 2]}], "order"),
    "no transpose": ([{"name": "Resize", "size": 4}], "preprocess: Transpose is missing"),
    "twice": ([TRANSPOSE, TRANSPOSE], "preprocess: Transpose must appear only once"),
    "late": ([TRANSPOSE, {"name": "Resize", "size": 4}], "preprocess: Resize must come before Transpose"),
    "early": ([NORMALIZE, TRANSPOSE], "preprocess: Normalize with data_format CHW must come after Transpose"),
    "HWC": ([TRANSPOSE, {**NORMALIZE, "data_format": "HWC"}], "data_format HWC must come before Transpose"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_described(case):
    transforms, message = MISTAKES[case]
    with pytest.raises(ConfigError) as caught:
        pipeline(*transforms)
    assert message in str(caught.value)


def test_all_mistakes_are_listed_at_once():
    with pytest.raises(ConfigError, match=r"^3 mistakes") as caught:
        pipeline({**NORMALIZE, "meen": 1}, {"name": "RandomHorizontalFlip", "pob": 1}, TRANSPOSE, key=3)
    for word in ("meen", "pob", "preprocess.0.key: input should be a valid string, got 3"):
        assert word in str(caught.value)


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [{"name": "Transforms", "input_keys": ["A"], "pipeline": [TRANSPOSE]}],
        [{"name": "LoadImageFromFile", "key": "A"}] * 2,
    ],
)
def test_a_pipeline_begins_with_one_picture(steps):
    with pytest.raises(ConfigError, match=r"preprocess: .*LoadImageFromFile"):
        build_pipeline(steps)


def test_antialiased_resizing_is_pillows(paddles):
    for kind, filter_ in (("bicubic", "BICUBIC"), ("bilinear", "BILINEAR"), ("lanczos", "LANCZOS"), ("area", "BOX")):
        own = Resize(name="Resize", size=[9, 13], interpolation=kind, antialias=True)(IMAGE, RNG)
        theirs = PIL.Image.fromarray(IMAGE).resize((13, 9), getattr(PIL.Image.Resampling, filter_))
        np.testing.assert_array_equal(own, np.asarray(theirs))
    checker = np.repeat((np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)[:, :, None], 3, axis=2)
    smooth = Resize(name="Resize", size=15, interpolation="bicubic", antialias=True)(checker, RNG)
    assert smooth.std() < 2 < Resize(name="Resize", size=15, interpolation="bicubic")(checker, RNG).std()


def test_grey_tensors_additions_and_vertical_flips_match_paddle(paddles):
    grey = run({"name": "Grayscale"}, TRANSPOSE)
    assert grey.shape == (1, 37, 52)
    assert np.abs(grey[0] - paddles.Grayscale()(IMAGE)[:, :, 0]).max() <= 1
    assert run({"name": "Grayscale", "num_output_channels": 3}, TRANSPOSE).shape == (3, 37, 52)
    np.testing.assert_allclose(run({"name": "ToTensor"}), IMAGE.transpose(2, 0, 1) / 255, rtol=1e-6)
    added = run({"name": "Add", "value": [200, 0, -300]}, TRANSPOSE)
    np.testing.assert_array_equal(added, np.clip(IMAGE + np.array([200.0, 0, -300]), 0, 255).transpose(2, 0, 1))
    np.testing.assert_array_equal(run({"name": "RandomVerticalFlip", "prob": 1.0}, TRANSPOSE), run(TRANSPOSE)[:, ::-1])
    turned = run({"name": "PairedRandomTransposeHW", "prob": 1.0}, TRANSPOSE)
    np.testing.assert_array_equal(turned, IMAGE.transpose(2, 1, 0))


@pytest.mark.parametrize("shape", [(37, 52), (130, 61)])
def test_sides_become_multiples_of_the_scale(shape):
    image = np.zeros((*shape, 3), np.uint8)
    made = run({"name": "ResizeToScale", "size": [64, 40], "scale": 8}, TRANSPOSE, image=image)
    assert made.shape[1:] == {(37, 52): (40, 64), (130, 61): (128, 64)}[shape]


def test_a_part_of_random_size_has_the_size_asked_for():
    step = {"name": "RandomResizedCropProb", "prob": 1.0, "size": 16, "scale": [0.2, 1], "ratio": [0.5, 2]}
    parts = {run(step, TRANSPOSE, seed=seed).tobytes() for seed in range(9)}
    assert len(parts) == 9 and run(step, TRANSPOSE).shape == (3, 16, 16)
    np.testing.assert_array_equal(run({**step, "prob": 0.0}, TRANSPOSE), run(TRANSPOSE))


def test_jitter_moves_each_property_as_paddle_does(paddles):
    functional = pytest.importorskip("paddle.vision.transforms.functional")
    for name in ("brightness", "contrast", "saturation", "hue"):
        amount = 0.2 if name == "hue" else 1.4
        jitter = PairedColorJitter(name="PairedColorJitter", **{name: (amount, amount)})
        reverse = name in ("saturation", "hue")  # Paddle takes the colours of arrays for BGR there
        image = IMAGE[:, :, ::-1] if reverse else IMAGE
        theirs = getattr(functional, f"adjust_{name}")(image, amount)
        theirs = theirs[:, :, ::-1] if reverse else theirs
        difference = np.abs(jitter(IMAGE, RNG).astype(int) - theirs.astype(int))
        assert difference.mean() < 3 and np.abs(IMAGE.astype(int) - theirs).mean() > 4, name
    jitter = PairedColorJitter(name="PairedColorJitter", brightness=0.5, hue=0.1)
    orders = {tuple(name for name, _ in jitter.draw(np.random.default_rng(seed), ())) for seed in range(20)}
    assert orders == {("brightness", "hue"), ("hue", "brightness")}
