"""Real images by domain and translations between them: the same figures as plain sets of the same images."""

from __future__ import annotations

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.data.sources import open_source
from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.metrics import (
    FID,
    KID,
    PSNR,
    IdentitySimilarity,
    ModelOutputs,
    PrecisionRecall,
    compute_all,
    disk_cache,
    feature_collector,
)
from ppgan_ext.metrics.model_outputs import transform_images
from tests.reference.toy_metrics import ArraySource, ToyFeatures, generator_of, random_images

HORSES = random_images(24, seed=1, high=200)
ZEBRAS = random_images(20, seed=2, low=60)
FEATURE_METRICS = [FID, KID, PrecisionRecall]


def negative(pixels):
    return -pixels


def same(pixels):
    return pixels


def two_domains(horses=HORSES, zebras=ZEBRAS, **functions):
    translate = {"a2b": negative, "b2a": same}
    return ModelOutputs({"A": ArraySource(horses), "B": ArraySource(zebras)}, size=8, translate=translate, **functions)


def measured(metric, outputs, **options):
    return metric(options, ToyFeatures()).compute(outputs)


class TwoDomainDataset:
    """A dataset whose samples contain both domains."""

    def __init__(self, path, names=("A", "B")):
        self.source = open_source(path)
        self.names = names

    def __len__(self):
        return len(self.source)

    def name(self, index):
        return self.source.name(index)

    def sample(self, index, rng):
        pixels = self.source.read(index).transpose(2, 0, 1).astype(np.float32) / 127.5 - 1
        return {name: -pixels if name == "B" else pixels for name in self.names}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PPGAN_EXT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "horses"
    root.mkdir()
    for index, image in enumerate(HORSES):
        PIL.Image.fromarray(image).save(root / f"{index:02d}.png")
    return root


# ---- domains


@pytest.mark.parametrize("metric", FEATURE_METRICS)
def test_a_single_set_is_domain_a(metric):
    generate = generator_of(ZEBRAS)
    plain = measured(metric, ModelOutputs(ArraySource(HORSES), generate, size=8), num=20)
    named = measured(metric, two_domains(generate=generate), num=20)
    assert (named, named.notes) == (plain, plain.notes)
    assert all(name.count("_") <= 2 and name.endswith("_toy") for name in plain)


@pytest.mark.parametrize("metric", FEATURE_METRICS)
def test_generated_images_can_be_compared_with_another_domain(metric):
    generate = generator_of(HORSES)
    plain = measured(metric, ModelOutputs(ArraySource(ZEBRAS), generate, size=8))
    in_domain = measured(metric, two_domains(generate=generate), domain="B")
    assert list(in_domain.values()) == list(plain.values())
    assert set(in_domain) == {name.replace("_toy", "_B_toy") for name in plain}


def test_a_dataset_returns_the_domains_own_entry(folder):
    outputs = ModelOutputs(dict.fromkeys("AB", TwoDomainDataset(folder)), size=8)
    assert np.array_equal(outputs.real_image(3, "A"), HORSES[3])
    assert np.array_equal(outputs.real_image(3, "B"), 255 - HORSES[3])
    outputs = ModelOutputs({"B": TwoDomainDataset(folder, names=("A",))}, size=8)
    assert np.array_equal(outputs.real_image(3, "B"), HORSES[3])


def test_domains_of_one_dataset_are_cached_apart(folder, home):
    def outputs():
        return ModelOutputs(dict.fromkeys("AB", TwoDomainDataset(folder)), generator_of(ZEBRAS), size=8)

    figures = measured(FID, outputs(), num=20), measured(FID, outputs(), num=20, domain="B")
    assert len(list((home / "metrics").iterdir())) == 2
    assert figures[0]["fid_toy"] != figures[1]["fid_B_toy"]
    network = ToyFeatures()
    assert FID({"num": 20, "domain": "B"}, network).compute(outputs()) == figures[1]
    assert network.num_images == 20


def test_the_key_of_domain_a_is_that_of_a_single_set(folder):
    dataset = TwoDomainDataset(folder)
    single = disk_cache.fingerprint(ModelOutputs(dataset, size=8))
    both = ModelOutputs(dict.fromkeys("AB", dataset), size=8)
    assert disk_cache.fingerprint(both, "A") == single != disk_cache.fingerprint(both, "B")
    # Samples alike in both domains must not be confused either: the probes see sixteen of them only.
    alike = ModelOutputs(dict.fromkeys("AB", TwoDomainDataset(folder, names=("A",))), size=8)
    assert disk_cache.fingerprint(alike, "A") != disk_cache.fingerprint(alike, "B")


def test_an_unknown_domain_is_refused():
    outputs = two_domains(generate=generator_of(ZEBRAS))
    with pytest.raises(ConfigError, match=r"domain: FID needs real images of domain 'b'.* Did you mean 'B'\?"):
        measured(FID, outputs, domain="b")
    with pytest.raises(ConfigError, match=r"domain 'B', and none are given\. Choose from: A"):
        measured(KID, ModelOutputs(ArraySource(HORSES), generator_of(ZEBRAS), size=8), domain="B")
    with pytest.raises(InputError, match="PrecisionRecall needs real images of domain B, and the set is empty"):
        measured(PrecisionRecall, two_domains(zebras=[], generate=generator_of(ZEBRAS)), domain="B")


# ---- translations


@pytest.mark.parametrize("metric", FEATURE_METRICS)
def test_a_translation_is_compared_with_its_target(metric):
    """Negatives of the horses against the zebras, and the zebras themselves against the horses."""
    outputs = two_domains()
    for translation, real, fakes in (("a2b", ZEBRAS, 255 - HORSES), ("b2a", HORSES, ZEBRAS)):
        plain = measured(metric, ModelOutputs(ArraySource(real), generator_of(fakes), size=8), num=len(fakes))
        figures = measured(metric, outputs, translation=translation, batch_size=7)
        assert set(figures) == {name.replace("_toy", f"_{translation}_toy") for name in plain}
        assert list(figures.values()) == list(plain.values())
        notes = [note.replace("_toy", f"_{translation}_toy").replace("generated", "translated") for note in plain.notes]
        assert figures.notes == notes


def test_a_translation_needs_no_generator_and_translations_are_computed_once():
    calls, network = [], ToyFeatures()
    outputs = two_domains()
    outputs.translate = {"a2b": lambda pixels: calls.append(len(pixels)) or -pixels}
    figures = compute_all([metric({"translation": "a2b"}, network) for metric in FEATURE_METRICS], outputs)
    assert set(figures) == {"fid_a2b_toy", "kid_a2b_toy", "kid_error_a2b_toy", "precision_a2b_toy", "recall_a2b_toy"}
    assert sum(calls) == len(HORSES)
    assert network.num_images == len(HORSES) + len(ZEBRAS)


def test_num_limits_the_images_translated():
    seen, steps = [], []
    outputs = two_domains()
    outputs.translate = {"a2b": lambda pixels: seen.extend(pixels) or -pixels}
    metric = FID({"translation": "a2b", "num": 6, "batch_size": 4}, ToyFeatures())
    metric.compute(outputs, lambda *step: steps.append(step))
    expected = HORSES[::4].transpose(0, 3, 1, 2) / 127.5 - 1
    np.testing.assert_allclose(seen, expected, atol=1e-6)
    assert steps[-1] == (26, 26)
    measured(FID, outputs, translation="a2b", num=1000)
    assert len(seen) == 6 + len(HORSES)


@pytest.mark.parametrize("max_bytes", [2**20, 0], ids=["cached", "streamed"])
def test_unreadable_images_of_either_domain_are_left_out_and_noted(max_bytes, monkeypatch):
    monkeypatch.setattr(feature_collector, "MAX_CACHED_BYTES", max_bytes)
    horses, zebras = list(HORSES), list(ZEBRAS)
    horses[3:3], zebras[5:5] = [None, None], [None]
    outputs, steps = two_domains(horses, zebras), []
    figures = FID({"translation": "a2b"}, ToyFeatures()).compute(outputs, lambda *step: steps.append(step))
    assert figures["fid_a2b_toy"] == pytest.approx(measured(FID, two_domains(), translation="a2b")["fid_a2b_toy"])
    assert figures.notes[:2] == [
        "1 of 21 real images of domain B left out, the first because: 0005.png: is damaged",
        "2 of 26 real images of domain A left out, the first because: 0003.png: is damaged",
    ]
    assert steps[-1] == (47, 47)
    again = measured(FID, outputs, translation="a2b")
    assert [note.split(",")[0] for note in again.notes] == [note.split(",")[0] for note in figures.notes]


def test_a_translation_of_another_size_is_refused():
    outputs = two_domains()
    outputs.translate = {"a2b": lambda pixels: pixels[:, :, ::2]}
    with pytest.raises(InputError, match=r"translation a2b: expected \(8, 3, 8, 8\), got \(8, 3, 4, 8\)"):
        measured(FID, outputs, translation="a2b")


def test_an_unknown_translation_is_refused():
    with pytest.raises(ConfigError, match=r"translation: KID: there is no translation 'a2c'\. Did you mean 'a2b'\?"):
        measured(KID, two_domains(), translation="a2c")
    with pytest.raises(ConfigError, match="translation: FID needs a model that translates images"):
        measured(FID, ModelOutputs(ArraySource(HORSES), size=8), translation="a2b")
    one_domain = ModelOutputs(ArraySource(HORSES), size=8, translate={"a2b": negative})
    with pytest.raises(ConfigError, match="both domains of 'a2b', and those given are: A"):
        FID({"translation": "a2b"}).check(one_domain)
    with pytest.raises(ConfigError, match="give either domain or translation"):
        FID({"domain": "B", "translation": "a2b"})


def test_pairs_are_those_of_domain_a():
    outputs = two_domains(reconstruct=same)
    assert PSNR().compute(outputs) == {"psnr": float("inf")}
    with pytest.raises(ConfigError, match=r"real images of domain 'A', and none are given\. Choose from: B"):
        IdentitySimilarity().check(ModelOutputs({"B": ArraySource(ZEBRAS)}, reconstruct=same))


def constant(value, dtype):
    return lambda first, count: np.full((count, 3, 8, 8), value, dtype)


@pytest.mark.parametrize(
    ("generate", "message"),
    [
        (constant(128, np.uint8), r"generated images: expected floating-point pixels in \[-1, 1\], got uint8"),
        (constant(1, np.int64), "got int64"),
        (constant(128.0, np.float32), r"expected pixels in \[-1, 1\], got values from 128 to 128"),
        (constant(np.nan, np.float32), "not finite"),
    ],
)
def test_pixels_on_another_scale_are_refused(generate, message):
    with pytest.raises(InputError, match=message):
        list(ModelOutputs(generate=generate, size=8).fake_batches(3, 2, []))


def test_outputs_somewhat_beyond_the_range_are_clipped():
    (batch,) = ModelOutputs(generate=constant(1.7, np.float32), size=8).fake_batches(2, 2, [])
    assert batch.min() == batch.max() == 255


def test_translations_of_another_scale_are_refused():
    with pytest.raises(InputError, match="translation a2b: expected floating-point"):
        transform_images(lambda pixels: pixels.astype(np.uint8), np.zeros((2, 8, 8, 3), np.uint8), "translation a2b")


class Floats:
    def __len__(self):
        return 2

    def name(self, index):
        return f"{index}.png"

    def read(self, index):
        return np.full((8, 8, 3), 0.5, np.float32)


class Samples:
    def __len__(self):
        return 2

    def name(self, index):
        return f"{index}.png"

    def sample(self, index, rng):
        return {"A": np.full((3, 8, 8), 128, np.uint8)}


def test_samples_must_be_pixels():
    with pytest.raises(InputError, match=r"0\.png: expected floating-point pixels in \[-1, 1\], got uint8"):
        ModelOutputs(real=Samples(), size=8).real_image(0)


def test_real_images_must_be_8_bit():
    with pytest.raises(InputError, match=r"0\.png: expected an image \(H, W, 3\) uint8, got \(8, 8, 3\) float32"):
        list(ModelOutputs(real=Floats(), size=8).real_batches(None, 2, []))
