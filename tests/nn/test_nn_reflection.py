"""Reflecting padding against NumPy's, with its derivatives."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from ppgan_ext.nn.reflection import pad
from tests.reference.toy import numbers


@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize("form", ["fast", "smooth"])
def test_it_is_numpys(width, form):
    x = numbers("x", [2, 3, 5, 7])
    expected = np.pad(x, [(0, 0), (0, 0), (width, width), (width, width)], mode="reflect")
    assert (pad(paddle.to_tensor(x), width, form=form).numpy() == expected).all()


@pytest.mark.parametrize(("width", "mode"), [(1, "reflect"), (3, "reflect"), (4, "reflect"), (1, "replicate")])
def test_its_derivative_is_the_adjoint(width, mode):
    """<pad(x), y> = <x, fold(y)> for all x and y; in float64, where nothing but the sums is rounded."""
    x = paddle.to_tensor(numbers("x", [1, 2, 5, 7]).astype(np.float64), stop_gradient=False)
    y = paddle.to_tensor(numbers("y", [1, 2, 5 + 2 * width, 7 + 2 * width]).astype(np.float64))
    (gradient,) = paddle.grad([(pad(x, width, mode) * y).sum()], [x])
    for seed in range(3):
        other = paddle.to_tensor(numbers(f"other {seed}", [1, 2, 5, 7]).astype(np.float64))
        assert np.isclose(float((pad(other, width, mode) * y).sum()), float((other * gradient).sum()), rtol=1e-12)


def test_it_has_a_second_derivative():
    x = paddle.to_tensor(numbers("x", [1, 1, 4, 5]), stop_gradient=False)
    (gradient,) = paddle.grad([(pad(x, 2) ** 3).sum()], [x], create_graph=True)
    gradient.sum().backward()
    # the derivative of 3 n x**2, where n counts how often a pixel is shown
    shown = paddle.grad([pad(x, 2).sum()], [x])[0].numpy()
    assert np.allclose(x.grad.numpy(), 6 * shown * x.numpy(), rtol=1e-5)


@pytest.mark.parametrize(("mode", "numpys"), [("replicate", "edge"), ("zero", "constant")])
@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("shape", [[1, 2, 3, 4], [1, 2, 1, 1]])
def test_other_borders_are_numpys(mode, numpys, width, shape):
    x = numbers("x", shape)
    expected = np.pad(x, [(0, 0), (0, 0), (width, width), (width, width)], mode=numpys)
    assert (pad(paddle.to_tensor(x), width, mode).numpy() == expected).all()
