"""The oneDNN products of a convolution, and their derivatives, against Paddle's kernels."""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from ppgan_ext.nn import cpu_conv
from ppgan_ext.nn.cpu_conv import apply_route, convolve
from ppgan_ext.nn.cpu_route import Route
from ppgan_ext.nn.second_order import gradient_of
from tests.reference.routes import plain_route


@pytest.fixture
def count(monkeypatch):
    """Record which programs are run."""
    cpu_conv.works()
    calls = []
    for name in ("_output", "_of_features", "_of_filters", "_of_both"):
        make = getattr(cpu_conv, name)
        monkeypatch.setattr(cpu_conv, name, lambda *inputs, m=make, n=name: (calls.append(n), m(*inputs))[1])
    return calls


def tensors(size=3, dtype="float32"):
    rng = np.random.default_rng(0)
    x = paddle.to_tensor(rng.standard_normal((2, 3, 6, 9)).astype(dtype), stop_gradient=False)
    weight = paddle.to_tensor(rng.standard_normal((4, 3, size, size)).astype(dtype), stop_gradient=False)
    return x, weight


TAPS = (0.1, 0.3, 0.4, 0.2)
ROUTES = {
    "same": Route(padding=1),
    "half": Route(2),
    "half with zeros": Route(2, 1),
    "up": Route(2, up=True),
    "blurred half": Route(2, 0, False, TAPS, 2, 2),
    "up and blurred": Route(2, 0, True, TAPS, 1, 1),
    "up and blurred by three": Route(2, 0, True, TAPS[:3], 1, 0),
}


@pytest.mark.parametrize("size", [3, 1])
@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES.keys())
def test_values_and_first_derivatives(count, route, size):
    if route.up and size == 1:
        pytest.skip("no such layer")
    results = []
    for function in (apply_route, plain_route):
        x, weight = tensors(size)
        y = function(route, x, weight)
        (y * (y.detach() * 0.7).sin()).sum().backward()
        results.append([tensor.numpy() for tensor in (y, x.grad, weight.grad)])
    for actual, expected in zip(*results, strict=True):
        np.testing.assert_allclose(actual, expected, atol=1e-5 * np.abs(expected).max())
    assert count == ["_output", "_of_both"]


@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES.keys())
def test_second_derivatives_against_finite_differences(route):
    """The slope of |d/dx sum(y^3)|^2 along a direction in the filters, from Paddle's first derivatives in float64."""
    x, weight = tensors()
    gradient = gradient_of((apply_route(route, x, weight) ** 3).sum(), x)
    (gradient**2).sum().backward()
    along = np.random.default_rng(1).standard_normal(weight.shape)
    slope = float((weight.grad.numpy() * along).sum())

    def penalty(step):
        x, weight = tensors(dtype="float64")
        shifted = paddle.to_tensor(weight.numpy() + step * along)
        (gradient,) = paddle.grad((plain_route(route, x, shifted) ** 3).sum(), x)
        return float((gradient**2).sum())

    expected = (penalty(1e-5) - penalty(-1e-5)) / 2e-5
    assert slope == pytest.approx(expected, rel=1e-4)


def test_frozen_filters_cost_no_gradient(count):
    x, weight = tensors()
    weight.stop_gradient = True
    convolve(x, weight, padding=1).sum().backward()
    assert count == ["_output", "_of_features"] and weight.grad is None


def test_results_follow_the_batch_and_the_filters():
    x, weight = tensors()
    with paddle.no_grad():
        for factor, batch in ((1.0, 2), (-3.0, 2), (2.0, 1)):
            actual = convolve(x[:batch], weight * factor, padding=1).numpy()
            np.testing.assert_allclose(actual, F.conv2d(x[:batch], weight * factor, padding=1).numpy(), atol=2e-5)


def test_results_do_not_share_memory():
    x, weight = tensors()
    first = convolve(x, weight, padding=1)
    kept = first.numpy().copy()
    convolve(x * 2, weight, padding=1)
    np.testing.assert_array_equal(first.numpy(), kept)


def test_double_precision_uses_paddles_kernels(count):
    x, weight = tensors(dtype="float64")
    expected = F.conv2d(x, weight, padding=1).numpy()
    np.testing.assert_array_equal(convolve(x, weight, padding=1).numpy(), expected)
    assert count == []


def test_paddles_kernels_are_used_if_onednn_fails(monkeypatch, count):
    def broken(*_):
        raise RuntimeError("no oneDNN\nin this build")

    monkeypatch.setattr(cpu_conv, "_output", broken)
    cpu_conv.works.cache_clear()
    try:
        x, weight = tensors()
        with pytest.warns(
            UserWarning, match="oneDNN cannot be used, so convolutions are slower: no oneDNN in this build"
        ):
            y = convolve(x, weight, padding=1)
        np.testing.assert_array_equal(y.numpy(), F.conv2d(x, weight, padding=1).numpy())
        assert count == []
    finally:
        cpu_conv.works.cache_clear()


def test_the_onednn_flag_is_restored():
    x, weight = tensors(size=5)
    before = paddle.get_flags(["FLAGS_use_mkldnn"])
    convolve(x, weight, padding=2)
    assert paddle.get_flags(["FLAGS_use_mkldnn"]) == before
