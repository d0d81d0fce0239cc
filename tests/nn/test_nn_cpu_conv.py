"""The oneDNN products of a convolution, and their derivatives, against Paddle's own."""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from ppgan_ext.nn import cpu_conv
from ppgan_ext.nn.cpu_conv import convolve, convolve_up
from ppgan_ext.nn.second_order import gradient_of


@pytest.fixture
def count(monkeypatch):
    """Count how often the new way is taken."""
    calls = []
    for operator in (cpu_conv._Convolve, cpu_conv._Transpose, cpu_conv._Filters):
        apply = operator.apply
        monkeypatch.setattr(
            operator, "apply", lambda *given, a=apply, o=operator: (calls.append(o.__name__), a(*given))[1]
        )
    return calls


def tensors(up=False, size=3, dtype="float32"):
    rng = np.random.default_rng(0)
    x = paddle.to_tensor(rng.standard_normal((2, 3, 6, 9)).astype(dtype), stop_gradient=False)
    shape = (3, 4, size, size) if up else (4, 3, size, size)
    weight = paddle.to_tensor(rng.standard_normal(shape).astype(dtype), stop_gradient=False)
    return x, weight


CASES = [
    ("same", lambda x, w: convolve(x, w, padding=1), lambda x, w: F.conv2d(x, w, padding=1)),
    ("half", lambda x, w: convolve(x, w, stride=2), lambda x, w: F.conv2d(x, w, stride=2)),
    ("half with zeros", lambda x, w: convolve(x, w, 2, 1), lambda x, w: F.conv2d(x, w, stride=2, padding=1)),
    ("up", convolve_up, lambda x, w: F.conv2d_transpose(x, w, stride=2)),
]


@pytest.mark.parametrize(("name", "ours", "paddles"), CASES, ids=[case[0] for case in CASES])
def test_values_and_first_derivatives(count, name, ours, paddles):
    results = []
    for function in (ours, paddles):
        x, weight = tensors(up=name == "up")
        y = function(x, weight)
        (y * (y.detach() * 0.7).sin()).sum().backward()
        results.append([tensor.numpy() for tensor in (y, x.grad, weight.grad)])
    for given, expected in zip(*results, strict=True):
        np.testing.assert_allclose(given, expected, atol=1e-5 * np.abs(expected).max())
    assert len(count) == 3


@pytest.mark.parametrize(("name", "ours", "paddles"), CASES, ids=[case[0] for case in CASES])
def test_second_derivatives_against_finite_differences(name, ours, paddles):
    """The slope of |d/dx sum(y^3)|^2 along a direction in the filters, in double precision by Paddle's first ones."""
    x, weight = tensors(up=name == "up")
    gradient = gradient_of((ours(x, weight) ** 3).sum(), x)
    (gradient**2).sum().backward()
    along = np.random.default_rng(1).standard_normal(weight.shape)
    slope = float((weight.grad.numpy() * along).sum())

    def penalty(step):
        x, weight = tensors(up=name == "up", dtype="float64")
        moved = paddle.to_tensor(weight.numpy() + step * along)
        (gradient,) = paddle.grad((paddles(x, moved) ** 3).sum(), x)
        return float((gradient**2).sum())

    expected = (penalty(1e-5) - penalty(-1e-5)) / 2e-5
    assert slope == pytest.approx(expected, rel=1e-4)


def test_frozen_filters_cost_no_gradient(count):
    x, weight = tensors()
    weight.stop_gradient = True
    convolve(x, weight, padding=1).sum().backward()
    assert count == ["_Convolve", "_Transpose"] and weight.grad is None


def test_another_batch_and_other_filters_are_computed_anew():
    x, weight = tensors()
    with paddle.no_grad():
        for factor, batch in ((1.0, 2), (-3.0, 2), (2.0, 1)):
            given = convolve(x[:batch], weight * factor, padding=1).numpy()
            np.testing.assert_allclose(given, F.conv2d(x[:batch], weight * factor, padding=1).numpy(), atol=2e-5)


def test_results_do_not_share_memory():
    x, weight = tensors()
    first = convolve(x, weight, padding=1)
    kept = first.numpy().copy()
    convolve(x * 2, weight, padding=1)
    np.testing.assert_array_equal(first.numpy(), kept)


def test_double_precision_takes_paddles_way(count):
    x, weight = tensors(dtype="float64")
    expected = F.conv2d(x, weight, padding=1).numpy()
    np.testing.assert_array_equal(convolve(x, weight, padding=1).numpy(), expected)
    assert count == []


def test_where_onednn_fails_paddle_takes_over(monkeypatch, count):
    def broken(*_):
        raise RuntimeError("no oneDNN\nin this build")

    monkeypatch.setattr(cpu_conv, "_program", broken)
    cpu_conv.works.cache_clear()
    try:
        x, weight = tensors()
        with pytest.warns(UserWarning, match="oneDNN cannot be used for training, which is slower: no oneDNN in this"):
            y = convolve(x, weight, padding=1)
        np.testing.assert_array_equal(y.numpy(), F.conv2d(x, weight, padding=1).numpy())
        assert count == []
    finally:
        cpu_conv.works.cache_clear()


def test_the_flag_is_left_as_it_was():
    x, weight = tensors(size=5)
    before = paddle.get_flags(["FLAGS_use_mkldnn"])
    convolve(x, weight, padding=2)
    assert paddle.get_flags(["FLAGS_use_mkldnn"]) == before
