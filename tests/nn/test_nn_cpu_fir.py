"""The FIR filters against Paddle's convolution: values and gradients, with inputs lopsided in every axis."""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from ppgan_ext.nn import cpu_fir, cpu_planes
from ppgan_ext.nn.resample import Blur

CASES = [
    ((1, 3, 3, 1), (1, 1)),  # after up-sampling: one pixel smaller
    ((1, 3, 3, 1), (2, 1)),  # same size
    ((1, 2, 5, 7), (2, 2)),  # one pixel larger, filter not symmetric
    ((1, 2, 5, 7), (0, 0)),
    ((4, 1), (1, 0)),
    ((1, 2, 6), (0, 2)),
    ((1, 2, 3, 4, 5, 9), (3, 5)),
]


def plain(x, taps, padding):
    kernel = np.outer(taps, taps).astype(str(x.dtype).rpartition(".")[2])[None, None]
    kernel = paddle.to_tensor(kernel).expand([x.shape[1], -1, -1, -1])
    return F.conv2d(x, kernel, padding=[padding[0], padding[1]] * 2, groups=x.shape[1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("taps", "padding"), CASES)
def test_values_and_gradients(taps, padding, dtype):
    rng = np.random.default_rng(1)
    taps = np.asarray(taps, np.float64) / sum(taps)
    x = paddle.to_tensor(rng.standard_normal((2, 3, 9, 7)).astype(dtype), stop_gradient=False)
    assert cpu_fir.can_filter(x, len(taps), padding)
    actual, expected = cpu_fir.filter_planes(x, taps, padding), plain(x, taps, padding)
    assert actual.dtype == expected.dtype
    tolerance = 1e-6 if dtype == "float32" else 1e-14
    np.testing.assert_allclose(actual.numpy(), expected.numpy(), atol=tolerance)
    weight = paddle.to_tensor(rng.standard_normal(expected.shape).astype(dtype))
    gradients = [paddle.grad((y * weight).sum(), x)[0].numpy() for y in (actual, expected)]
    np.testing.assert_allclose(*gradients, atol=tolerance)


def test_several_threads_give_the_same_bits(monkeypatch):
    x = paddle.randn([1, 5, 33, 31])
    taps = np.array([0.1, 0.2, 0.3, 0.4])
    monkeypatch.setattr(cpu_planes.runtime, "num_threads", lambda: 3)
    alone = cpu_fir.filter_planes(x, taps, (2, 1)).numpy()
    monkeypatch.setattr(cpu_planes, "_WORTH_A_THREAD", 1)
    np.testing.assert_array_equal(cpu_fir.filter_planes(x, taps, (2, 1)).numpy(), alone)


def test_features_that_are_not_contiguous():
    x = paddle.randn([2, 7, 9, 3]).transpose([0, 3, 2, 1])
    taps = np.array([0.1, 0.2, 0.7])
    np.testing.assert_allclose(
        cpu_fir.filter_planes(x, taps, (1, 1)).numpy(), plain(x, taps, (1, 1)).numpy(), atol=1e-6
    )


def test_the_features_stay_as_they_are():
    x = paddle.randn([1, 2, 6, 5])
    before = x.numpy().copy()
    cpu_fir.filter_planes(x, np.array([0.5, 0.5]), (1, 0))
    np.testing.assert_array_equal(x.numpy(), before)


def test_the_second_derivative():
    """Against finite differences of the first, with nonlinear functions before and after the filter."""
    rng = np.random.default_rng(4)
    taps = np.array([0.2, 0.7, 0.4])
    start, along = rng.standard_normal((2, 1, 2, 6, 5))

    def slope(values, create_graph=False):
        x = paddle.to_tensor(values, stop_gradient=False)
        y = (cpu_fir.filter_planes(x * x, taps, (2, 1)) ** 3).sum()
        return x, paddle.grad(y, x, create_graph=create_graph)[0]

    x, first = slope(start, create_graph=True)
    second = paddle.grad((first * paddle.to_tensor(along)).sum(), x)[0].numpy()
    step = 1e-6
    ahead, behind = (slope(start + sign * step * along)[1].numpy() for sign in (1, -1))
    np.testing.assert_allclose(second, (ahead - behind) / (2 * step), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "num_taps", "padding"),
    [
        (lambda: paddle.zeros([1, 1, 4, 4], "float16"), 4, (1, 1)),
        (lambda: paddle.zeros([1, 1, 4, 4]), 4, (4, 1)),
        (lambda: paddle.zeros([1, 1, 4, 4]), 4, (1, -1)),
    ],
    ids=["half", "padding beyond the filter", "cropping"],
)
def test_unsupported_features_are_left_to_paddle(make, num_taps, padding):
    assert not cpu_fir.can_filter(make(), num_taps, padding)


def test_a_traced_blur_uses_paddles_operator_and_gives_the_same_result():
    blur = Blur((1, 3, 3, 1), (1, 2), gain=4.0)
    x = paddle.randn([1, 2, 6, 5])
    static = paddle.jit.to_static(blur.forward, input_spec=[paddle.static.InputSpec([1, 2, 6, 5])], full_graph=True)
    assert "depthwise_conv2d" in str(static.main_program)
    np.testing.assert_allclose(static(x).numpy(), blur(x).numpy(), atol=1e-5)
