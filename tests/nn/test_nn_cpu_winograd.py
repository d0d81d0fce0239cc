"""3x3 convolutions by Winograd's minimal filtering against Paddle's kernels, with their derivatives."""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from ppgan_ext.nn import cpu_conv, cpu_winograd
from ppgan_ext.nn.cpu_conv import convolve
from ppgan_ext.nn.cpu_route import Route
from ppgan_ext.nn.second_order import gradient_of

FEWEST = cpu_winograd._FEWEST_CHANNELS


def tensors(num_in, num_out, shape, batch=2):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, num_in, *shape)).astype(np.float32)
    weight = rng.standard_normal((num_out, num_in, 3, 3)).astype(np.float32)
    return [paddle.to_tensor(array, stop_gradient=False) for array in (x, weight)]


def gradients(function, x, weight):
    x.clear_gradient(False), weight.clear_gradient(False)
    y = function(x, weight)
    (y * (y.detach() * 0.1).sin()).sum().backward()
    return [tensor.numpy() for tensor in (y, x.grad, weight.grad)]


@pytest.fixture
def calls(monkeypatch):
    """Record which products are computed this way."""
    cpu_conv.works()
    names = []
    for name in ("output", "of_features", "of_filters"):
        made = getattr(cpu_winograd, name)
        monkeypatch.setattr(cpu_winograd, name, lambda *inputs, m=made, n=name: (names.append(n), m(*inputs))[1])
    return names


@pytest.mark.parametrize("sizes", [(4, 3), (3, 4)])
def test_the_maps_correlate_exactly(sizes):
    num_out, num_taps = sizes
    of_input, of_filter, of_result = cpu_winograd.one_dimensional_maps(num_out, num_taps)
    rng = np.random.default_rng(1)
    values, taps = rng.standard_normal(6), rng.standard_normal(num_taps)
    expected = [taps @ values[i : i + num_taps] for i in range(num_out)]
    np.testing.assert_allclose(of_result @ ((of_filter @ taps) * (of_input @ values)), expected, rtol=1e-12)


@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("shape", [(24, 25), (19, 30)])
def test_values_and_first_derivatives(calls, padding, shape):
    x, weight = tensors(FEWEST, FEWEST + 2, shape)
    actual = gradients(lambda x, weight: convolve(x, weight, padding=padding), x, weight)
    assert calls == ["output", "of_features", "of_filters"]
    expected = gradients(lambda x, weight: F.conv2d(x, weight, padding=padding), x, weight)
    for mine, theirs in zip(actual, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5 * np.abs(theirs).max(), rtol=0)


@pytest.mark.parametrize("most", [1, 7, 50, 10_000])
def test_parts_are_joined(monkeypatch, most):
    x, weight = tensors(5, 4, (18, 13), batch=3)
    gradient = paddle.to_tensor(np.random.default_rng(2).standard_normal((3, 4, 18, 13)).astype(np.float32))
    monkeypatch.setattr(cpu_winograd, "_MOST_TILES", most)
    y = F.conv2d(x, weight, padding=1)
    of_x, of_weight = paddle.grad([y], [x, weight], [gradient])
    products = (
        (cpu_winograd.output(x, weight, 1), y),
        (cpu_winograd.of_features(gradient, weight, 1), of_x),
        (cpu_winograd.of_filters(x, gradient, 1), of_weight),
    )
    for mine, theirs in products:
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), atol=1e-5 * float(theirs.abs().max()), rtol=0)


def test_results_are_as_exact_as_promised():
    """3e-6 of the largest, against float64; Paddle's own kernel has a tenth of that."""
    x, weight = tensors(FEWEST, FEWEST, (24, 24))
    exact = F.conv2d(x.astype("float64"), weight.astype("float64"), padding=1)
    error = (cpu_winograd.output(x, weight, 1).astype("float64") - exact).abs().max() / exact.abs().max()
    assert 0 < float(error) < 6e-6


def test_second_derivatives(calls):
    x, weight = tensors(FEWEST, FEWEST, (24, 24), batch=1)
    results = []
    for function in (convolve, F.conv2d):
        weight.clear_gradient(False)
        penalty = (gradient_of((function(x, weight) ** 2).sum(), x) ** 2).sum() * 1e-6
        penalty.backward()
        results.append((penalty.numpy(), weight.grad.numpy()))
    assert set(calls) == {"output", "of_features", "of_filters"}
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=2e-5 * np.abs(theirs).max(), rtol=0)


@pytest.mark.parametrize(
    ("route", "filters", "shape", "expected"),
    [
        (Route(padding=1), (FEWEST, FEWEST, 3, 3), (24, 24), True),
        (Route(), (FEWEST, FEWEST, 3, 3), (26, 26), True),
        (Route(padding=1), (FEWEST, FEWEST, 3, 3), (20, 24), False),  # 30 tiles
        (Route(padding=1), (FEWEST, FEWEST - 1, 3, 3), (64, 64), False),
        (Route(padding=1), (FEWEST, FEWEST, 5, 5), (64, 64), False),
        (Route(2, 1), (FEWEST, FEWEST, 3, 3), (64, 64), False),
        (Route(2, up=True), (FEWEST, FEWEST, 3, 3), (64, 64), False),
        (Route(padding=1, taps=(0.5, 0.5)), (FEWEST, FEWEST, 3, 3), (64, 64), False),
    ],
)
def test_the_choice_depends_on_shapes_alone(route, filters, shape, expected):
    assert cpu_winograd.pays(route, filters, 1, *shape) is expected
