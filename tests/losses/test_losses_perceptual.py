"""LPIPS against NumPy and against paddle-lpips; the distance of the bundled model; caching and gradients."""

from __future__ import annotations

import warnings

import numpy as np
import paddle
import pytest

from ppgan_ext.errors import InputError, WeightsError
from ppgan_ext.losses.perceptual import (
    FeatureDistance,
    bundled_distance,
    default_perceptual,
    lpips_vgg,
    read_heads,
    unit_length,
)
from ppgan_ext.networks import StyleGANv2Discriminator, VGG16Features
from ppgan_ext.nn.resize import fit_to
from ppgan_ext.weights import catalog, readers, store
from tests.reference import numpy_stylegan2 as ref_net
from tests.reference.numpy_ops import conv2d
from tests.reference.toy import arrays, assert_close, fill, numbers

SHAPE = [2, 3, 32, 48]
VGG_CONVS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)


@pytest.fixture(scope="module")
def trunk():
    network = VGG16Features()
    state = {}
    for name, tensor in network.state_dict().items():
        array = numbers(name, tensor.shape)
        scale = np.sqrt(2 / np.prod(array.shape[1:])) if array.ndim == 4 else 0.1
        state[name] = (array * scale).astype(np.float32)
    network.set_state_dict(state)
    return network


@pytest.fixture(scope="module")
def lpips(trunk):
    return lpips_vgg(trunk)


def images(name, shape=SHAPE):
    return paddle.to_tensor(np.tanh(numbers(name, shape)))


def numpy_vgg(state, x):
    maps, index = [], 0
    for stage in (2, 2, 3, 3, 3):
        if index:
            x = x.reshape(*x.shape[:2], x.shape[2] // 2, 2, x.shape[3] // 2, 2).max(axis=(3, 5))
        for _ in range(stage):
            name = f"features.{VGG_CONVS[index]}"
            x = np.maximum(conv2d(x, state[f"{name}.weight"], padding=1) + state[f"{name}.bias"][:, None, None], 0)
            index += 1
        maps.append(x)
    return maps


def numpy_distance(ours, theirs, weights):
    total = 0.0
    for a, b, weight in zip(ours, theirs, weights, strict=True):
        a, b = (x / (np.sqrt((x**2).sum(axis=1, keepdims=True)) + 1e-10) for x in (a, b))
        total = total + (np.reshape(weight, [1, -1, 1, 1]) * (a - b) ** 2).sum(axis=1).mean(axis=(1, 2))
    return total


def installed_heads():
    import importlib.util
    from pathlib import Path

    return Path(importlib.util.find_spec("paddle_lpips").origin).parent / "weights" / "v0.1" / "vgg.pdparams"


def test_the_trunk_has_the_names_of_the_published_file(trunk):
    expected = {f"features.{i}.{part}" for i in VGG_CONVS for part in ("weight", "bias")}
    assert set(trunk.state_dict()) == expected
    widths = [list(trunk.state_dict()[f"features.{i}.weight"].shape[:2]) for i in VGG_CONVS]
    assert widths == [
        [64, 3], [64, 64], [128, 64], [128, 128], [256, 128], [256, 256], [256, 256],
        [512, 256], [512, 512], [512, 512], [512, 512], [512, 512], [512, 512],
    ]  # fmt: skip


@pytest.mark.slow
def test_lpips_matches_numpy(trunk, lpips):
    x, y = images("x", [2, 3, 16, 32]), images("y", [2, 3, 16, 32])
    shift = np.reshape([-0.030, -0.088, -0.188], [1, 3, 1, 1])
    scale = np.reshape([0.458, 0.448, 0.450], [1, 3, 1, 1])
    state = arrays(trunk)
    maps = [numpy_vgg(state, (image.numpy() - shift) / scale) for image in (x, y)]
    heads = list(readers.read(installed_heads()).values())
    actual = lpips.distance(x, lpips.prepare(y))
    assert actual.shape == [2]
    assert_close(actual.numpy(), numpy_distance(*maps, heads))


@pytest.mark.slow
def test_lpips_matches_paddle_lpips(trunk, lpips):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import paddle_lpips

        theirs = paddle_lpips.LPIPS(net="vgg", pnet_rand=True, verbose=False)
    state = trunk.state_dict()
    for name, tensor in theirs.net.state_dict().items():
        tensor.set_value(state["features." + name.split(".", 1)[1]])
    x, y = images("x"), images("y")
    expected = theirs(x, y).numpy().reshape(-1)
    assert_close(lpips.distance(x, lpips.prepare(y)).numpy(), expected)
    assert lpips.name == "lpips-vgg16"


def test_the_distance_to_itself_is_zero_with_a_finite_gradient(lpips):
    x = images("x")
    x.stop_gradient = False
    features = lpips.prepare(x)
    assert all(layer.stop_gradient for layer in features)
    distance = lpips.distance(x, features)
    assert np.allclose(distance.numpy(), 0, atol=1e-8)
    distance.sum().backward()
    assert np.isfinite(x.grad.numpy()).all()


def test_the_gradient_passes_through_a_frozen_trunk(trunk, lpips):
    x, direction = images("x", [1, 3, 16, 16]).astype("float32"), numbers("d", [1, 3, 16, 16])
    x.stop_gradient = False
    features = lpips.prepare(images("y", [1, 3, 16, 16]))
    lpips.distance(x, features).sum().backward()
    assert all(p.stop_gradient and p.grad is None for p in trunk.parameters())
    step = 1e-2 / np.abs(direction).max()
    far = [lpips.distance(x.detach() + sign * step * direction, features).item() for sign in (1, -1)]
    assert (far[0] - far[1]) / (2 * step) == pytest.approx(float((x.grad.numpy() * direction).sum()), rel=2e-2)


def test_features_of_zero_have_a_finite_gradient():
    x = paddle.zeros([1, 4, 2, 3])
    x.stop_gradient = False
    unit_length(x).sum().backward()
    assert np.isfinite(x.grad.numpy()).all()


def test_the_target_is_computed_once_and_can_be_used_for_a_batch():
    calls = []

    def extract(x):
        calls.append(x.shape[0])
        return [x, x[:, :, ::2]]

    distance = FeatureDistance("toy", extract, [np.array([1.0, 2.0, 4.0]), 0.5])
    target = distance.prepare(images("y", [1, 3, 4, 6]))
    both = distance.distance(images("x", [2, 3, 4, 6]), target).numpy()
    single = [distance.distance(images("x", [2, 3, 4, 6])[i : i + 1], target).numpy() for i in (0, 1)]
    assert calls == [1, 2, 1, 1]
    assert_close(both, np.concatenate(single), 1e-6)
    x, y = images("x", [2, 3, 4, 6]).numpy(), images("y", [1, 3, 4, 6]).numpy()
    expected = numpy_distance([x, x[:, :, ::2]], [y, y[:, :, ::2]], [[1, 2, 4], [0.5] * 3])
    assert_close(both, expected)


def test_a_target_of_another_size_is_rejected(lpips):
    features = lpips.prepare(images("y"))
    for shape in ([2, 3, 32, 32], [3, 3, 32, 48]):
        with pytest.raises(InputError, match="Resize both"):
            lpips.distance(images("x", shape), features)
    for shape in ([2, 1, 32, 48], [3, 32, 48], [1, 3, 8, 32]):
        with pytest.raises(InputError, match=r"\(N, 3, H, W\)"):
            lpips.prepare(paddle.zeros(shape))


# ---- files


@pytest.mark.slow
def test_trunk_and_heads_are_found_in_the_cache(trunk, monkeypatch, tmp_path):
    monkeypatch.setenv("PPGAN_EXT_HOME", str(tmp_path))
    monkeypatch.setattr(store, "search_folders", lambda: [tmp_path])
    state = {name: tensor.numpy() for name, tensor in trunk.state_dict().items()}
    state |= {"classifier.6.weight": np.zeros([4, 4], np.float32), "classifier.6.bias": np.zeros([4], np.float32)}
    readers.write(tmp_path / catalog.LPIPS_TRUNK.name, state)
    heads = {f"{i}.model.1.weight": 2 * a for i, a in enumerate(readers.read(installed_heads()).values())}
    readers.write(tmp_path / catalog.LPIPS_HEADS.name, heads)
    distance, x, y = default_perceptual(), images("x"), images("y")
    assert distance.name == "lpips-vgg16"
    doubled = distance.distance(x, distance.prepare(y)).numpy()
    (tmp_path / catalog.LPIPS_HEADS.name).unlink()
    official = lpips_vgg(tmp_path / catalog.LPIPS_TRUNK.name)
    assert_close(doubled, 2 * official.distance(x, official.prepare(y)).numpy(), 1e-5)


def test_files_with_other_content_are_rejected(tmp_path):
    path = tmp_path / "vgg.pdparams"
    readers.write(path, {"features.0.weight": np.zeros([64, 3, 3, 3], np.float32)})
    with pytest.raises(WeightsError, match=r"features\.0\.bias"):
        lpips_vgg(path)
    with pytest.raises(WeightsError, match="linear heads"):
        read_heads(path)
    with pytest.raises(WeightsError, match="no such file"):
        lpips_vgg(tmp_path / "none.pdparams")


# ---- bundled


@pytest.fixture(scope="module")
def discriminator():
    network = StyleGANv2Discriminator(8, channel_base=32, channel_cap=6)
    fill(network)
    return network


def test_the_bundled_distance_averages_the_layers(discriminator):
    distance = bundled_distance(discriminator)
    assert distance.name == "faces-128-features"
    x, y = images("x", [2, 3, 8, 8]), images("y", [2, 3, 8, 8])
    state = arrays(discriminator)
    maps = [ref_net.discriminator(state, image.numpy())[1] for image in (x, y)]
    expected = numpy_distance(*maps, [[1 / len(maps[0])] * layer.shape[1] for layer in maps[0]])
    actual = distance.distance(x, distance.prepare(y)).numpy()
    assert_close(actual, expected)
    assert (0 < actual).all() and (actual < 4).all()


def test_the_bundled_distance_accepts_any_size_and_has_gradients(discriminator):
    distance = bundled_distance(discriminator)
    x = images("x", [1, 3, 24, 20])
    x.stop_gradient = False
    distance.distance(x, distance.prepare(images("y", [1, 3, 8, 8]))).sum().backward()
    assert np.abs(x.grad.numpy()).min() > 0 or np.count_nonzero(x.grad.numpy()) > 0.9 * x.size
    assert all(p.stop_gradient for p in discriminator.parameters())


def test_resizing_averages_over_boxes():
    x = numbers("x", [1, 2, 12, 8])
    expected = x.reshape(1, 2, 4, 3, 4, 2).mean(axis=(3, 5))
    assert_close(fit_to(paddle.to_tensor(x), 4).numpy(), expected, 1e-6)
    ramp = paddle.arange(0, 5, dtype="float32").reshape([1, 1, 1, 5]).expand([1, 1, 5, 5])
    assert_close(fit_to(ramp, 10).numpy()[0, 0, 3], [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75, 4], 1e-6)
    assert fit_to(paddle.zeros([1, 3, 100, 40]), 32).shape == [1, 3, 32, 32]


@pytest.mark.bundled
def test_without_vgg_the_bundled_discriminator_is_the_default():
    assert store.find_local(catalog.LPIPS_TRUNK) is None
    distance = default_perceptual()
    assert distance.name == "faces-128-features"
    x = images("x", [1, 3, 64, 64])
    near, far = 0.95 * x + 0.02, images("y", [1, 3, 64, 64])
    features = distance.prepare(x)
    assert distance.distance(near, features).item() < distance.distance(far, features).item()
