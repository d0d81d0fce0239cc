"""The scripts that train the ageing's networks: Paddle's network and the package's NumPy agree."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import paddle
import pytest

from ppgan_ext.faces.ageing.unet import run_unet

FOLDER = Path(__file__).resolve().parents[2] / "tools" / "hair_model"
CHANNELS = 3


def script(name):
    spec = importlib.util.spec_from_file_location(f"hair_model_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def network():
    paddle.seed(0)
    return script("unet").UNet(CHANNELS, 2)


def train(network, path, minutes=1e-3):
    inputs = paddle.randn([2, CHANNELS, 32, 32])
    target = paddle.nn.functional.avg_pool2d(inputs[:, :2], 2)

    def loss():
        return ((network(inputs) - target) ** 2).mean()

    script("unet").fit(network, loss, minutes, path)


def test_saved_weights_give_the_same_in_numpy(network, tmp_path):
    train(network, tmp_path / "trained.safetensors")
    network.eval()
    inputs = np.random.default_rng(0).standard_normal((CHANNELS, 32, 32)).astype(np.float32)
    with paddle.no_grad():
        expected = paddle.nn.functional.sigmoid(network(paddle.to_tensor(inputs[None]))).numpy()[0]
    found = run_unet(tmp_path / "trained.safetensors", inputs)
    assert found.shape == (2, 32, 32)
    for one, half in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, cv2.resize(half, (32, 32)), atol=5e-3)


def test_training_goes_on_where_it_ended(network, tmp_path):
    train(network, tmp_path / "trained.safetensors")
    again = script("unet").UNet(CHANNELS, 2)
    again.resume(tmp_path / "trained.safetensors")
    for name, weight in network.state_dict().items():
        np.testing.assert_array_equal(again.state_dict()[name].numpy(), weight.numpy())


def test_interrupted_training_keeps_its_weights(network, tmp_path):
    def interrupt():
        raise KeyboardInterrupt

    script("unet").fit(network, interrupt, 1.0, tmp_path / "trained.safetensors")
    assert (tmp_path / "trained.safetensors").is_file()
