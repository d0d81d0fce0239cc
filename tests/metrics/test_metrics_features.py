"""Inception against a PyTorch twin, through a file as published; the own network; the choice between them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import paddle
import pytest

from ppgan_ext.errors import ConfigError, InputError, WeightsError
from ppgan_ext.metrics import FID, PPL, IdentitySimilarity, LPIPSMetric, features
from ppgan_ext.metrics.features import PixelFeatures, choose, discriminator_features, inception_features
from ppgan_ext.networks import StyleGANv2Discriminator
from ppgan_ext.networks.inception import InceptionV3
from ppgan_ext.weights import catalog, download, readers, store
from tests.reference.inception_twin import twin_array, twin_images
from tests.reference.toy import assert_close, fill
from tests.reference.toy_metrics import random_images

GOLDEN = Path(__file__).resolve().parents[1] / "goldens" / "metrics" / "inception.npz"


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as archive:
        return {name: archive[name] for name in archive.files}


@pytest.fixture(scope="module")
def published_file(golden, tmp_path_factory):
    """A file with the names of pytorch-fid's, which PaddleGAN's was made from: PyTorch's statistics, a classifier."""
    state = {}
    for name, shape in zip(golden["names"], golden["shapes"], strict=True):
        array = twin_array(str(name), tuple(int(length) for length in shape if length))
        state[str(name).replace("_mean", "running_mean").replace("_variance", "running_var")] = array
    state["Mixed_5b.branch1x1.bn.num_batches_tracked"] = np.array(7)
    state["fc.weight"], state["fc.bias"] = np.zeros((1008, 2), np.float32), np.zeros(1008, np.float32)
    path = tmp_path_factory.mktemp("weights") / catalog.INCEPTION.name
    readers.write(path, state)
    yield path
    path.unlink()


@pytest.mark.slow
def test_names_and_shapes_are_paddlegans(golden):
    expected = {
        str(name): [int(length) for length in shape if length]
        for name, shape in zip(golden["names"], golden["shapes"], strict=True)
    }
    found = {name: list(tensor.shape) for name, tensor in InceptionV3().state_dict().items()}
    assert found == expected
    assert {"Conv2d_1a_3x3.conv.weight", "Mixed_7c.branch_pool.bn._mean", "Mixed_6b.branch7x7dbl_5.bn.weight"} < set(
        found
    )


@pytest.mark.slow
def test_features_of_a_published_file_are_those_of_the_twin(golden, published_file, monkeypatch):
    monkeypatch.setattr(store, "search_folders", lambda: [])
    network = choose(None, published_file)
    assert (network.name, network.num_features) == ("inception-v3", 2048)
    assert network.weights_hash == store.file_hash(published_file)
    found = network.extract(twin_images())
    assert found.dtype == np.float64
    assert_close(found, golden["features"], 2e-4)
    assert_close(network.extract(twin_images()[1:]), golden["features"][1:], 2e-4)


def test_a_file_in_the_cache_is_found_and_its_absence_is_not_fatal(monkeypatch, tmp_path):
    made = []
    monkeypatch.setitem(features.NETWORKS, "inception-v3", made.append)
    monkeypatch.setitem(features.NETWORKS, "faces-128-features", lambda path: "own")
    monkeypatch.setattr(store, "search_folders", lambda: [tmp_path])
    assert choose() == "own"
    choose("inception-v3")
    (tmp_path / catalog.INCEPTION.name).write_bytes(b"x")
    choose()
    choose(None, tmp_path / "mine.pth")
    assert made == [None, None, tmp_path / "mine.pth"]


def test_unknown_names_and_needless_files_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="Did you mean 'inception-v3'"):
        choose("inception_v3")
    with pytest.raises(ConfigError, match="takes no file"):
        choose("faces-128-features", tmp_path / "x")


@pytest.mark.parametrize(
    ("metric", "record"),
    [
        (FID({"network": "inception-v3"}), catalog.INCEPTION),
        (PPL({"distance": "lpips-vgg16"}), catalog.LPIPS_TRUNK),
        (LPIPSMetric({"distance": "lpips-vgg16"}), catalog.LPIPS_TRUNK),
        (IdentitySimilarity({"network": "arcface-ir-se50"}), catalog.ARCFACE),
    ],
    ids=["FID", "PPL", "LPIPS", "ArcFace"],
)
def test_offline_the_message_says_where_the_file_goes(metric, record, monkeypatch, tmp_path):
    monkeypatch.setattr(download.time, "sleep", lambda seconds: None)
    monkeypatch.setenv("PPGAN_EXT_HOME", str(tmp_path))
    monkeypatch.setattr(store, "search_folders", lambda: [tmp_path])
    with pytest.raises(WeightsError) as caught:
        metric.load_networks()
    assert record.url in str(caught.value)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fc.weight": np.zeros((1000, 2048), np.float32)}, "of 1000 classes; that of published figures has 1008"),
        ({}, r"469 missing"),
        ({"Conv2d_1a_3x3.conv.weight": np.zeros((32, 3, 5, 5), np.float32)}, "32x3x5x5 instead of 32x3x3x3"),
        ({"Mixed_9z.conv.weight": np.zeros(3, np.float32)}, r"1 unexpected \(Mixed_9z.conv.weight\)"),
    ],
)
def test_files_of_something_else_are_refused(change, message, tmp_path):
    path = tmp_path / "other.pdparams"
    readers.write(path, {"Conv2d_1a_3x3.conv.weight": np.zeros((32, 3, 3, 3), np.float32)} | change)
    with pytest.raises(WeightsError, match=message):
        inception_features(path)


@pytest.mark.slow
def test_inception_refuses_other_shapes():
    with pytest.raises(InputError, match=r"expected \(N, 3, H, W\)"):
        InceptionV3()(paddle.zeros([1, 1, 8, 8]))


# ---- own network


@pytest.fixture(scope="module")
def discriminator():
    network = StyleGANv2Discriminator(8, channel_base=32, channel_cap=6)
    fill(network)
    return network


def test_own_features_are_channel_means_of_unit_maps(discriminator):
    network = discriminator_features(discriminator)
    images = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    shrunk = images.reshape(3, 8, 2, 8, 2, 3).mean(axis=(2, 4)).transpose(0, 3, 1, 2) / 127.5 - 1
    maps = [layer.numpy() for layer in discriminator.feature_maps(paddle.to_tensor(shrunk.astype(np.float32)))]
    expected = [(layer / np.sqrt(np.square(layer).mean(axis=1, keepdims=True))).mean(axis=(2, 3)) for layer in maps]
    assert network.num_features == sum(layer.shape[1] for layer in maps)
    assert network.name == "faces-128-features"
    assert_close(network.extract(images), np.concatenate(expected, axis=1))


def test_weights_are_told_apart(discriminator):
    other = StyleGANv2Discriminator(8, channel_base=32, channel_cap=6)
    other.set_state_dict({name: tensor * 2 for name, tensor in discriminator.state_dict().items()})
    hashes = {discriminator_features(network).weights_hash for network in (discriminator, discriminator, other)}
    assert len(hashes) == 2


def test_images_of_another_kind_are_refused():
    network = PixelFeatures("toy", 3, "0", lambda pixels: pixels.mean(axis=[2, 3]))
    assert_close(network.extract(np.full((2, 4, 6, 3), 255, np.uint8)), np.ones((2, 3)), 1e-6)
    for wrong in (np.zeros((2, 3, 4, 6), np.uint8), np.zeros((2, 4, 6, 3), np.float32), np.zeros((4, 6, 3), np.uint8)):
        with pytest.raises(InputError, match=r"expected \(N, H, W, 3\) uint8"):
            network.extract(wrong)


@pytest.mark.slow
@pytest.mark.bundled
def test_the_bundled_network_sees_degradation():
    network = choose("faces-128-features")
    rng = np.random.default_rng(0)
    images = random_images(8, size=64, seed=1)
    clean = network.extract(images)
    assert clean.shape == (8, network.num_features)
    distances = []
    for deviation in (4, 16, 64):
        noisy = np.clip(images + rng.normal(0, deviation, images.shape), 0, 255).astype(np.uint8)
        distances.append(np.linalg.norm(network.extract(noisy).mean(axis=0) - clean.mean(axis=0)))
    assert distances == sorted(distances)
    assert distances[0] > 0
