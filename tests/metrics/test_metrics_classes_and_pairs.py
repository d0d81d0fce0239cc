"""Figures of translations in all directions, of outputs with known targets, and of classes."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.metrics import KID, PSNR, SSIM, ClassCoverage, ModelOutputs, build_metric
from ppgan_ext.metrics.image_quality import psnr
from tests.reference.toy_metrics import ToyFeatures

SIDE = 12


class Stripes:
    """Grey pictures of three classes: stripes along rows, along columns, or none; labelled."""

    def __init__(self, count=240):
        self.labels = np.arange(count) % 3
        self._count = count

    def __len__(self):
        return self._count

    def name(self, index):
        return str(index)

    def sample(self, index, rng):
        return {"A": stripes(int(self.labels[index]), index)}


def stripes(kind, number):
    rng = np.random.default_rng(number)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    wave = (rows, columns, np.zeros_like(rows))[kind]
    pixels = np.where((wave + rng.integers(4)) // 2 % 2, 0.8, -0.8) + rng.normal(0, 0.1, (SIDE, SIDE))
    return np.clip(pixels, -1, 1)[None].astype(np.float32)


def outputs_of(kinds, asked=None):
    def generate(first, count):
        made = [stripes(kinds[i % len(kinds)], 10_000 + i) for i in range(first, first + count)]
        return np.repeat(np.stack(made), 3, axis=1)

    class_of = None if asked is None else (lambda index: asked[index % len(asked)])
    return ModelOutputs(Stripes(), generate=generate, size=SIDE, class_of=class_of)


@pytest.fixture(scope="module")
def metric():
    return ClassCoverage({"num": 60, "epochs": 6})


def figure(figures, name):
    return figures[f"{name}_small-classifier"]


def test_the_classifier_learns_and_all_classes_are_covered(metric):
    state = paddle.get_rng_state()[0].__getstate__()
    figures = metric.compute(outputs_of([0, 1, 2], asked=[0, 1, 2]))
    assert paddle.get_rng_state()[0].__getstate__()[2] == state[2], "Paddle's generator must not move"
    assert figures["classifier_accuracy_small-classifier"] == 1.0
    assert figure(figures, "class_coverage") == 1.0 and figure(figures, "class_accuracy") > 0.95
    assert figure(figures, "class_evenness") > 0.98
    assert "classes of 60 generated images" in figures.notes
    fewer = metric.compute(outputs_of([1]))
    assert 0 < 5 * figure(figures, "fid") < figure(fewer, "fid"), "one class is far from three"


def test_a_model_that_shows_one_class_covers_one_and_misses_what_is_asked(metric):
    figures = metric.compute(outputs_of([1], asked=[0, 1, 2]))
    assert figure(figures, "class_coverage") == pytest.approx(1 / 3)
    assert figure(figures, "class_evenness") == pytest.approx(1 / 3, abs=0.02)
    assert figure(figures, "class_accuracy") == pytest.approx(1 / 3, abs=0.05)
    assert "class_accuracy_small-classifier" not in metric.compute(outputs_of([1]))


def test_classes_need_labels_and_enough_images():
    unlabelled = ModelOutputs(Stripes(), generate=lambda first, count: None, size=SIDE)
    unlabelled.require_real("x").labels = None
    with pytest.raises(ConfigError, match="needs real images with classes"):
        ClassCoverage().check(unlabelled)
    with pytest.raises(InputError, match="at least 20 real images, and there are 6"):
        ClassCoverage().check(ModelOutputs(Stripes(6), generate=lambda first, count: None, size=SIDE))
    assert type(build_metric({"name": "ClassCoverage"})) is ClassCoverage


class Pairs:
    """B is A made darker; both in one sample."""

    def __len__(self):
        return 9

    def name(self, index):
        return str(index)

    def sample(self, index, rng):
        if index == 4:
            raise InputError("is damaged", where="4")
        pixels = np.random.default_rng(index).uniform(-0.9, 0.9, (3, SIDE, SIDE)).astype(np.float32)
        return {"A": pixels, "B": 0.5 * pixels - 0.1}


def test_outputs_of_pairs_are_compared_with_their_targets():
    data = Pairs()
    outputs = ModelOutputs(
        {"A": data, "B": data}, translate={"a2b": lambda pixels: 0.5 * pixels}, size=SIDE, paired=True
    )
    figures = PSNR().compute(outputs)
    real = [outputs.real_image(i, "B") for i in range(9) if i != 4]
    made = [np.clip(np.rint((0.5 * (image.astype(np.float32) / 127.5 - 1) + 1) * 127.5), 0, 255)
            for image in (outputs.real_image(i, "A") for i in range(9) if i != 4)]  # fmt: skip
    assert figures["psnr"] == pytest.approx(np.mean([psnr(a, b) for a, b in zip(made, real, strict=True)]), abs=0.02)
    assert "1 of 9 real images of domain A left out" in figures.notes[0]
    assert 0 < SSIM().compute(outputs)["ssim"] < 1
    with pytest.raises(ConfigError, match="a model that reconstructs photos"):
        PSNR().check(ModelOutputs({"A": data, "B": data}, translate=outputs.translate, size=SIDE))


def test_without_options_every_translation_is_measured():
    data = Pairs()
    translate = {"a2b": lambda pixels: 0.5 * pixels - 0.1, "b2a": lambda pixels: pixels}
    outputs = ModelOutputs({"A": data, "B": data}, translate=translate, size=SIDE)
    network = ToyFeatures()
    both = KID({"num_subsets": 2}, network).compute(outputs)
    for name in translate:
        one = KID({"num_subsets": 2, "translation": name}, network).compute(outputs)
        assert {key: both[key] for key in one} == one
    assert len(both) == 4 and both["kid_a2b_toy"] < both["kid_b2a_toy"]
