"""Gradient penalties: closed forms for simple functions, finite differences for networks in every form."""

import gc

import numpy as np
import paddle
import pytest

from ppgan_ext.losses import gradient_penalties
from ppgan_ext.networks import StyleGANv2Discriminator, StyleGANv2Generator
from ppgan_ext.nn import cpu_conv

SIZE = 16


def numbers(shape, seed=0, dtype="float32"):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def test_squared_gradient_of_a_quadratic():
    """D(x) = a x^2 / 2 has the gradient a x."""
    images = paddle.to_tensor(numbers((3, 2, 4, 5)))
    a = paddle.to_tensor(0.7, stop_gradient=False)
    penalty = gradient_penalties.squared_gradient(lambda x: (a * x * x / 2).sum(axis=[1, 2, 3]), images)
    expected = 0.7**2 * (images.numpy() ** 2).sum() / 3
    assert penalty.item() == pytest.approx(expected, rel=1e-5)
    penalty.backward()
    assert a.grad.item() == pytest.approx(2 * expected / 0.7, rel=1e-5)


@pytest.mark.parametrize("target", [1.0, 3.0])
def test_gradient_penalty_of_a_linear_score(target):
    """D(x) = <v, x> has the gradient v everywhere."""
    v = numbers((2, 3, 4))
    real, fake = (paddle.to_tensor(numbers((5, 2, 3, 4), seed)) for seed in (1, 2))
    shares = paddle.rand([5, 1, 1, 1])
    penalty = gradient_penalties.gradient_penalty(
        lambda x: (x * paddle.to_tensor(v)).sum(axis=[1, 2, 3]), real, fake, shares, target
    )
    assert penalty.item() == pytest.approx((np.linalg.norm(v) - target) ** 2 / target**2, rel=1e-5)


def test_the_gradient_penalty_is_computed_between_the_images():
    seen = []

    def score(x):
        seen.append(x.numpy())
        return (x * x).sum(axis=[1, 2, 3])

    real, fake = paddle.full([2, 1, 2, 3], 3.0), paddle.full([2, 1, 2, 3], -1.0)
    gradient_penalties.gradient_penalty(score, real, fake, paddle.to_tensor([0.0, 0.75]).reshape([2, 1, 1, 1]))
    np.testing.assert_allclose(seen[0][:, 0, 0, 0], [-1.0, 2.0])


def test_path_lengths_of_a_linear_generator():
    """images = w A gives J^T y = A y, averaged over the layers."""
    a = numbers((4, 3 * 2 * 5))
    w_plus = paddle.to_tensor(numbers((3, 6, 4), 1), stop_gradient=False)
    noise = numbers((3, 3, 2, 5), 2)
    images = paddle.matmul(w_plus, paddle.to_tensor(a)).sum(axis=1).reshape([3, 3, 2, 5])
    lengths = gradient_penalties.path_lengths(images, w_plus, paddle.to_tensor(noise))
    expected = np.linalg.norm(noise.reshape(3, -1) @ a.T, axis=1) / np.sqrt(2 * 5)
    np.testing.assert_allclose(lengths.numpy(), expected, rtol=1e-4)


def test_path_length_penalty_against_its_formula():
    assert gradient_penalties.path_length_penalty(paddle.to_tensor([1.0, 4.0]), 2.0).item() == pytest.approx(2.5)


def discriminator(dtype="float32"):
    paddle.seed(3)
    network = StyleGANv2Discriminator(SIZE, channel_base=64, channel_cap=8)
    return network.to(dtype=dtype)


def generator(dtype="float32"):
    paddle.seed(4)
    network = StyleGANv2Generator(SIZE, style_dim=12, n_mlp=2, channel_base=64, channel_cap=8)
    for layer in network.sublayers():
        if hasattr(layer, "noise"):
            layer.noise.weight.set_value(paddle.to_tensor([0.1]))
    return network.to(dtype=dtype)


def set_all(network, values):
    for parameter, value in zip(network.parameters(), values, strict=True):
        parameter.set_value(paddle.to_tensor(value.astype("float64")))


def slope_by_differences(network, penalty, along, step):
    """Return the derivative of the penalty along a direction of the parameters, by central differences in float64."""
    values = [parameter.numpy() for parameter in network.parameters()]
    results = []
    for sign in (1, -1):
        set_all(network, [value + sign * step * move for value, move in zip(values, along, strict=True)])
        results.append(penalty(network).item())
    set_all(network, values)
    return (results[0] - results[1]) / (2 * step)


def slope_by_backward(network, penalty, along):
    penalty(network).backward()
    return sum(
        float((parameter.grad.numpy() * move).sum())
        for parameter, move in zip(network.parameters(), along, strict=True)
        if parameter.grad is not None
    )


def directions(network):
    rng = np.random.default_rng(5)
    return [rng.standard_normal(parameter.shape) for parameter in network.parameters()]


@pytest.mark.parametrize("form", ["fused", "smooth"])
def test_r1_of_the_discriminator_against_finite_differences(form):
    images = numbers((3, 3, SIZE, SIZE), 6)

    def penalty(network, form=form):
        dtype = network.parameters()[0].dtype
        return gradient_penalties.squared_gradient(
            lambda x: network(x, form=form), paddle.to_tensor(images).astype(dtype)
        )

    network = discriminator()
    along = directions(network)
    slope = slope_by_backward(network, penalty, along)
    exact = slope_by_differences(discriminator("float64"), lambda net: penalty(net, "smooth"), along, 1e-6)
    assert slope == pytest.approx(exact, rel=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("form", "batch"), [("fused", 2), ("smooth", 2), ("fused", 1)])
def test_path_length_of_the_generator_against_finite_differences(form, batch):
    codes, towards = numbers((batch, 6, 12), 7), numbers((batch, 3, SIZE, SIZE), 8)

    def penalty(network, form=form):
        dtype = network.parameters()[0].dtype
        w_plus = paddle.to_tensor(codes).astype(dtype)
        w_plus.stop_gradient = False
        images = network.render(w_plus, "fixed", form)
        lengths = gradient_penalties.path_lengths(images, w_plus, paddle.to_tensor(towards).astype(dtype))
        return gradient_penalties.path_length_penalty(lengths, 0.5)

    network = generator()
    along = directions(network)
    slope = slope_by_backward(network, penalty, along)
    exact = slope_by_differences(generator("float64"), lambda net: penalty(net, "smooth"), along, 1e-6)
    assert slope == pytest.approx(exact, rel=2e-3)


def test_both_forms_have_the_same_gradients():
    images = paddle.to_tensor(numbers((4, 3, SIZE, SIZE), 9))
    gradients = []
    for form in ("fused", "smooth"):
        network = discriminator()
        gradient_penalties.squared_gradient(lambda x, n=network, f=form: n(x, form=f), images).backward()
        gradients.append([p.grad.numpy() for p in network.parameters() if p.grad is not None])
    for fused, smooth in zip(*gradients, strict=True):
        np.testing.assert_allclose(fused, smooth, atol=2e-4 * np.abs(smooth).max())


def test_the_fused_form_uses_onednn_here():
    """Otherwise the tests above would compare Paddle with itself."""
    assert cpu_conv.works()


@pytest.mark.slow
def test_the_graphs_are_freed():
    """A cycle between an operator's result and its context would leak all features, unseen by Python's collector."""

    def contexts():
        gc.collect()
        return sum(type(item).__name__.endswith("_backward") for item in gc.get_objects())

    disc, gen = discriminator(), generator()
    images = paddle.to_tensor(numbers((3, 3, SIZE, SIZE), 6))
    w_plus = paddle.to_tensor(numbers((2, 6, 12), 7), stop_gradient=False)
    counts = []
    for _ in range(3):
        gradient_penalties.squared_gradient(lambda x: disc(x, form="fused"), images).backward()
        rendered = gen.render(w_plus, "fixed", "fused")
        lengths = gradient_penalties.path_lengths(rendered, w_plus, paddle.ones_like(rendered))
        gradient_penalties.path_length_penalty(lengths, 0.5).backward()
        del rendered, lengths
        counts.append(contexts())
    assert counts[2] == counts[1] == counts[0]
