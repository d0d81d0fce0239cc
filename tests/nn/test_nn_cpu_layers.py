"""Whole layers as oneDNN programs, and all their derivatives, against Paddle's operators in double precision."""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from ppgan_ext.nn import cpu_conv, cpu_layer, cpu_styled
from ppgan_ext.nn.cpu_layer import convolve_activated, plain_layer
from ppgan_ext.nn.cpu_route import Route
from ppgan_ext.nn.cpu_styled import styled_layer
from ppgan_ext.nn.second_order import gradient_of
from tests.reference.routes import plain_route

SLOPE = 0.2
TAPS = (0.1, 0.3, 0.4, 0.2)
ROUTES = {
    "same": Route(padding=1),
    "blurred half": Route(2, 0, False, TAPS, 2, 2),
    "up and blurred": Route(2, 0, True, TAPS, 1, 1),
}
SIDES = {"same": (6, 10), "blurred half": (3, 5), "up and blurred": (12, 20)}
NAMES = ("x", "weight", "style", "gain", "bias", "noise", "strength")


def by_programs(route, x, weight, style, gain, bias, noise, strength):
    return styled_layer(route, x, weight, style, gain, bias, noise, strength, SLOPE)


def by_operators(route, x, weight, style, gain, bias, noise, strength):
    y = plain_route(route, x * style.unsqueeze([2, 3]), weight) * gain.unsqueeze([2, 3]) + noise * strength
    return leaky_relu(y + bias.reshape([1, -1, 1, 1]))


def leaky_relu(x):
    """Return the leaky ReLU; Paddle's own has no third derivative."""
    return x * ((x.detach() > 0).astype(x.dtype) * (1 - SLOPE) + SLOPE)


def plain_by_programs(route, x, weight, bias):
    return plain_layer(route, x, weight, bias, SLOPE)


def plain_by_operators(route, x, weight, bias):
    return leaky_relu(plain_route(route, x, weight) + bias.reshape([1, -1, 1, 1]))


LAYERS = {"plain": (plain_by_programs, plain_by_operators), "styled": (by_programs, by_operators)}


def tensors(layer, name, dtype, frozen=(), noise_batch=1):
    rng = np.random.default_rng(0)
    shapes = {"x": (2, 3, 6, 10), "weight": (4, 3, 3, 3), "style": (2, 3), "gain": (2, 4), "bias": (4,)}
    shapes |= {"noise": (noise_batch, 1, *SIDES[name]), "strength": (1,)}
    made = {}
    for key, shape in shapes.items():
        numbers = rng.standard_normal(shape)
        numbers = np.abs(numbers) + 0.3 if key == "gain" else numbers
        made[key] = paddle.to_tensor(numbers.astype(dtype), stop_gradient=key in frozen)
    return made if layer == "styled" else {key: made[key] for key in ("x", "weight", "bias")}


def both(layer, name, compute, **options):
    """Call ``compute(function of the tensors, tensors)`` for the programs and, in double precision, the operators."""
    results = []
    for function, dtype in zip(LAYERS[layer], ("float32", "float64"), strict=True):
        made = tensors(layer, name, dtype, **options)
        results.append(compute(lambda *inputs, f=function: f(ROUTES[name], *inputs), made))
    return results


def assert_near(actual, expected, tolerance=2e-5):
    assert len(actual) == len(expected)
    for one, other in zip(actual, expected, strict=True):
        assert one.shape == other.shape and one.dtype == np.float32
        np.testing.assert_allclose(one, other, atol=tolerance * max(np.abs(other).max(), 1e-3))


def first_derivatives(function, made):
    y = function(*made.values())
    (y * y.detach().cos()).sum().backward()
    return [y.numpy(), *(tensor.grad.numpy() for tensor in made.values() if not tensor.stop_gradient)]


@pytest.mark.parametrize("name", ROUTES)
@pytest.mark.parametrize("layer", LAYERS)
def test_values_and_first_derivatives(layer, name):
    assert_near(*both(layer, name, first_derivatives))


def test_every_image_can_have_its_own_noise():
    assert_near(*both("styled", "same", first_derivatives, noise_batch=2))


@pytest.mark.parametrize(
    "frozen", [("x",), ("weight",), ("weight", "bias", "noise", "strength"), ("x", "style"), ("x", "weight"), ("gain",)]
)
@pytest.mark.parametrize("layer", LAYERS)
def test_frozen_tensors_receive_no_gradient(layer, frozen):
    if not set(frozen) <= set(tensors(layer, "same", "float32")):
        pytest.skip("not in this layer")
    assert_near(*both(layer, "same", first_derivatives, frozen=frozen))


def dependent(made):
    """Let style and gain depend on x, as they depend on the code in a network."""
    change = (made["x"] ** 2).mean(axis=[1, 2, 3]).unsqueeze(1)
    factors = {"style": 0.7, "gain": 0.4}
    return [tensor + factors[key] * change if key in factors else tensor for key, tensor in made.items()]


def gradient_penalty(function, made):
    """|d/dx sum(y^3)|^2."""
    penalty = (gradient_of((function(*dependent(made)) ** 3).sum(), made["x"]) ** 2).sum()
    penalty.backward()
    return [penalty.numpy(), *(made[key].grad.numpy() for key in made if not made[key].stop_gradient)]


@pytest.mark.parametrize("name", ROUTES)
@pytest.mark.parametrize("layer", LAYERS)
def test_second_derivatives(layer, name):
    assert_near(*both(layer, name, gradient_penalty), tolerance=1e-4)


def penalty_of_all(function, made):
    """Penalise the gradients of all tensors; there are no programs for this."""
    learnt = list(made.values())
    gradients = paddle.grad([(function(*learnt) ** 3).sum()], learnt, create_graph=True)
    sum((gradient * gradient).sum() for gradient in gradients).backward()
    return [tensor.grad.numpy() for tensor in learnt]


@pytest.mark.parametrize("layer", LAYERS)
def test_second_derivatives_of_all_gradients(layer):
    assert_near(*both(layer, "up and blurred", penalty_of_all), tolerance=1e-4)


def second_penalty(function, made):
    """|d/dx |d/dx mean(y^3)|^2|^2."""
    first = gradient_of((function(*dependent(made)) ** 3).mean(), made["x"])
    second = gradient_of((first * first).sum(), made["x"])
    return (second * second).sum()


@pytest.mark.parametrize("layer", LAYERS)
def test_third_derivatives_against_finite_differences(layer):
    """Paddle's third derivatives are wrong (3.3), so they are differences of its second ones."""
    programs, operators = (lambda *inputs, f=f: f(ROUTES["same"], *inputs) for f in LAYERS[layer])
    made = tensors(layer, "same", "float32")
    second_penalty(programs, made).backward()
    along = np.random.default_rng(1).standard_normal(made["x"].shape)

    def penalty(step):
        made = tensors(layer, "same", "float64")
        made["x"] = paddle.to_tensor(made["x"].numpy() + step * along, stop_gradient=False)
        return float(second_penalty(operators, made))

    expected = (penalty(1e-5) - penalty(-1e-5)) / 2e-5
    assert float((made["x"].grad.numpy() * along).sum()) == pytest.approx(expected, rel=1e-4)


def test_relu_is_a_leaky_relu_of_slope_0():
    results = []
    for function in (
        lambda x, w, b: convolve_activated(x, w, b, 0, stride=2, padding=1),
        lambda x, w, b: F.relu(F.conv2d(x, w, b, stride=2, padding=1)),
    ):
        made = tensors("plain", "same", "float32")
        results.append(first_derivatives(function, made))
        made["x"].clear_grad()
        (gradient_of((function(*made.values()) ** 3).sum(), made["x"]) ** 2).sum().backward()
        results[-1].append(made["weight"].grad.numpy())
    assert_near(*results)


def test_results_do_not_share_memory():
    made = tensors("plain", "same", "float32")
    first = plain_by_programs(ROUTES["same"], *made.values())
    kept = first.numpy().copy()
    plain_by_programs(ROUTES["same"], made["x"] * 2, made["weight"], made["bias"])
    np.testing.assert_array_equal(first.numpy(), kept)


@pytest.mark.parametrize("module", [cpu_layer, cpu_styled])
def test_a_wrong_layer_is_not_used(monkeypatch, module):
    assert module.works()
    monkeypatch.setattr(cpu_layer, "through_activation", lambda y, incoming, slope: incoming)
    for name in ("_gradients", "_inner_gradients", "_inner_curvature"):
        getattr(cpu_layer, name).cache_clear()
    module.works.cache_clear()
    try:
        monkeypatch.setattr(cpu_styled, "through_activation", lambda y, incoming, slope: incoming)
        assert not module.works()
    finally:
        for name in ("_gradients", "_inner_gradients", "_inner_curvature"):
            getattr(cpu_layer, name).cache_clear()
        module.works.cache_clear()
    assert cpu_conv.works()
