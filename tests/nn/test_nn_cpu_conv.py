"""The faster gradient of a frozen convolution against Paddle's own."""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from ppgan_ext.nn import cpu_conv
from ppgan_ext.nn.cpu_conv import convolve_same


@pytest.fixture
def count(monkeypatch):
    """Take the new way for any size, and count how often."""
    calls = []
    apply = cpu_conv._ConvolveSame.apply
    monkeypatch.setattr(cpu_conv, "_MIN_PIXELS", 1)
    monkeypatch.setattr(cpu_conv._ConvolveSame, "apply", lambda *given: (calls.append(1), apply(*given))[1])
    return calls


def tensors(dtype="float64"):
    rng = np.random.default_rng(0)
    x = paddle.to_tensor(rng.standard_normal((2, 3, 5, 7)).astype(dtype), stop_gradient=False)
    weight = paddle.to_tensor(rng.standard_normal((4, 3, 3, 3)).astype(dtype))
    towards = paddle.to_tensor(rng.standard_normal((2, 4, 5, 7)).astype(dtype))
    return x, weight, towards


@pytest.mark.parametrize("rows", [1, 2, 4, 5, 9])  # of 5: strips of one row, an odd one at the end, one for all
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-13)])
def test_values_and_gradient(count, monkeypatch, dtype, tolerance, rows):
    monkeypatch.setattr(cpu_conv, "_UNFOLDED_NUMBERS", rows * 9 * 3 * 7)
    x, weight, towards = tensors(dtype)
    results = [convolve_same(x, weight), F.conv2d(x, weight, padding=1)]
    np.testing.assert_allclose(*(y.numpy() for y in results), atol=tolerance)
    slopes = [paddle.grad((y * towards).sum(), x)[0].numpy() for y in results]
    np.testing.assert_allclose(*slopes, atol=tolerance)
    assert len(count) == 1


def test_second_derivative(count):
    x, weight, towards = tensors()
    curvatures = []
    for convolve in (convolve_same, lambda x, w: F.conv2d(x, w, padding=1)):
        (slope,) = paddle.grad((convolve(x * x, weight) ** 2 * towards).sum(), x, create_graph=True)
        curvatures.append(paddle.grad((slope**2).sum(), x)[0].numpy())
    np.testing.assert_allclose(*curvatures, rtol=1e-10)
    assert len(count) == 1


def test_filters_that_learn_take_paddles_way(count):
    x, weight, towards = tensors()
    weight.stop_gradient = False
    slopes = paddle.grad((convolve_same(x, weight) * towards).sum(), [x, weight])
    assert all(float(paddle.abs(slope).sum()) > 0 for slope in slopes)
    assert count == []


def test_without_a_gradient_there_are_strips_too(count, monkeypatch):
    x, weight, _ = tensors()
    expected = F.conv2d(x, weight, padding=1).numpy()
    monkeypatch.setattr(cpu_conv, "_UNFOLDED_NUMBERS", 2 * 9 * 3 * 7)
    learning = weight.clone()
    learning.stop_gradient = False
    with paddle.no_grad():
        np.testing.assert_allclose(convolve_same(x, learning).numpy(), expected, atol=1e-13)
    x.stop_gradient = True
    np.testing.assert_allclose(convolve_same(x, weight).numpy(), expected, atol=1e-13)
    assert count == []


def test_small_maps_take_paddles_way(monkeypatch):
    monkeypatch.setattr(cpu_conv._ConvolveSame, "apply", lambda *given: pytest.fail("the map is small"))
    x, weight, _ = tensors()
    convolve_same(x, weight)
