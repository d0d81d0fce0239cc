"""Filling toy networks with numbers, comparing arrays, and second derivatives by finite differences."""

from __future__ import annotations

import zlib

import numpy as np


def numbers(name: str, shape) -> np.ndarray:
    """Normal numbers that depend on the name alone; RandomState's stream never changes between NumPy versions."""
    return np.random.RandomState(zlib.crc32(name.encode())).standard_normal(tuple(shape)).astype(np.float32)


def fill(network) -> None:
    """Give every parameter and buffer lopsided values: no zero bias, no silent noise, no symmetric filter."""
    state = {}
    for name, tensor in network.state_dict().items():
        array = numbers(name, tensor.shape)
        if name.endswith("modulation.bias"):
            array = 1 + 0.3 * array
        elif name.endswith("bias") or name.endswith("noise.weight"):
            array = 0.3 * array
        elif name.startswith("style.") and name.endswith("weight"):
            array = 100 * array
        elif name.endswith("kernel"):
            array = tensor.numpy() * (1 + 0.1 * np.abs(array))
        elif name.endswith("variance"):
            array = 1 + 0.5 * np.abs(array)
        state[name] = array
    missing, unexpected = network.set_state_dict(state)
    assert not missing and not unexpected


def arrays(network) -> dict[str, np.ndarray]:
    return {name: tensor.numpy().astype(np.float64) for name, tensor in network.state_dict().items()}


def assert_close(actual, expected, tolerance=1e-4) -> None:
    """Largest difference relative to the largest expected value."""
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    assert actual.shape == expected.shape, f"{actual.shape} is not {expected.shape}"
    assert np.isfinite(actual).all()
    error = np.abs(actual - expected).max() / np.abs(expected).max()
    assert error < tolerance, f"relative error {error:.2e}"


def check_second_derivative(smooth, fast, tensors, tolerance=1e-5) -> None:
    """Compare double backward through ``smooth`` with finite differences of ``fast``'s first derivative.

    Both map no argument to a scalar of the float64 tensors. The quantity is d/dx <df/dx, v> for a random v over all
    tensors at once, projected on a second random direction.
    """
    import paddle

    rng = np.random.RandomState(5)
    towards = [paddle.to_tensor(rng.standard_normal(t.shape)) for t in tensors]
    along = [paddle.to_tensor(rng.standard_normal(t.shape)) for t in tensors]

    def slope(function, create_graph=False):
        grads = paddle.grad(function(), tensors, create_graph=create_graph, allow_unused=True)
        parts = [(g * v).sum() for g, v in zip(grads, towards, strict=True) if g is not None]
        return paddle.add_n(parts)

    curvature = paddle.grad(slope(smooth, create_graph=True), tensors, allow_unused=True)
    analytic = sum(float((g * v).sum()) for g, v in zip(curvature, along, strict=True) if g is not None)
    start, step = [t.numpy() for t in tensors], 1e-6
    slopes = []
    for sign in (1, -1):
        for tensor, origin, direction in zip(tensors, start, along, strict=True):
            tensor.set_value(origin + sign * step * direction.numpy())
        slopes.append(float(slope(fast)))
    for tensor, origin in zip(tensors, start, strict=True):
        tensor.set_value(origin)
    numeric = (slopes[0] - slopes[1]) / (2 * step)
    assert abs(numeric) > 1e-6, "the function is linear here: nothing is tested"
    assert abs(analytic - numeric) < tolerance * abs(numeric), f"{analytic} is not {numeric}"
