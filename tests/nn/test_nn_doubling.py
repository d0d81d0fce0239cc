"""Doubling against NumPy's repetition, and transposed convolutions against Paddle's, with their derivatives."""

from __future__ import annotations

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from ppgan_ext.nn.convolution import ResizeConvolution
from ppgan_ext.nn.cpu_conv import convolve_transposed
from ppgan_ext.nn.doubling import double
from tests.reference.toy import assert_close, numbers


def test_every_pixel_is_repeated():
    x = numbers("x", [2, 3, 4, 5])
    assert (double(paddle.to_tensor(x)).numpy() == x.repeat(2, axis=2).repeat(2, axis=3)).all()


def test_its_derivatives_are_those_of_a_sum():
    x = paddle.to_tensor(numbers("x", [1, 2, 3, 4]), stop_gradient=False)
    y = paddle.to_tensor(numbers("y", [1, 2, 6, 8]))
    (gradient,) = paddle.grad([(double(x) ** 2 * y).sum()], [x], create_graph=True)
    shares = y.numpy().reshape(1, 2, 3, 2, 4, 2).sum(axis=(3, 5))
    assert np.allclose(gradient.numpy(), 2 * shares * x.numpy(), atol=1e-5)
    gradient.sum().backward()
    assert np.allclose(x.grad.numpy(), 2 * shares, atol=1e-5)


@pytest.mark.parametrize(("side", "stride", "padding", "added"), [(3, 2, 1, 1), (4, 2, 1, 0), (4, 1, 0, 0)])
def test_transposed_convolutions_are_paddles(side, stride, padding, added):
    results = []
    for function in (convolve_transposed, F.conv2d_transpose):
        x = paddle.to_tensor(numbers("x", [2, 3, 5, 4]), stop_gradient=False)
        weight = paddle.to_tensor(numbers("weight", [3, 6, side, side]), stop_gradient=False)
        y = function(x, weight, stride=stride, padding=padding, output_padding=added)
        (y * paddle.to_tensor(numbers("y", y.shape))).sum().backward()
        results.append((y, x.grad, weight.grad))
    for actual, expected in zip(*results, strict=True):
        assert_close(actual.numpy(), expected.numpy(), 1e-5)


@pytest.mark.parametrize("shape", [[2, 3, 5, 4], [1, 3, 1, 1]])
def test_doubling_and_convolving_is_a_transposed_convolution(shape):
    layer, results = ResizeConvolution(3, 6), []
    layer.bias.set_value(numbers("bias", [6]))
    for form in ("fused", "fast"):
        layer.clear_gradients(False)
        x = paddle.to_tensor(numbers("x", shape), stop_gradient=False)
        y = layer(x, form)
        (y * paddle.to_tensor(numbers("y", y.shape))).sum().backward()
        results.append([tensor.numpy() for tensor in (y, x.grad, layer.weight.grad, layer.bias.grad)])
    for actual, expected in zip(*results, strict=True):
        assert_close(actual, expected, 1e-5)
