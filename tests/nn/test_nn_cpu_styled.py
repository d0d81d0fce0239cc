"""The fused tail of a styled convolution against Paddle's operators: values and every gradient, in double precision."""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from ppgan_ext.nn import cpu_planes, cpu_styled
from ppgan_ext.nn.cpu_styled import finish_style
from ppgan_ext.nn.second_order import gradient_of

SLOPE = 0.2


def plain(x, gain, noise, bias):
    y = x * gain.unsqueeze(-1).unsqueeze(-1)
    y = y if noise is None else y + noise
    return F.leaky_relu(y + bias.reshape([1, -1, 1, 1]), SLOPE)


def tensors(noise_batch=1, gain_batch=2, frozen=(), dtype="float64"):
    rng = np.random.default_rng(0)
    shapes = {"x": (2, 3, 5, 7), "gain": (gain_batch, 3), "noise": (noise_batch, 1, 5, 7), "bias": (3,)}
    made = {}
    for name, shape in shapes.items():
        numbers = rng.standard_normal(shape).astype(dtype)
        made[name] = paddle.to_tensor(numbers, stop_gradient=name in frozen)
    if not noise_batch:
        made["noise"] = None
    return made


def slopes_of(function, made):
    learnt = [tensor for tensor in made.values() if tensor is not None and not tensor.stop_gradient]
    for tensor in learnt:
        tensor.clear_grad()
    towards = paddle.to_tensor(np.random.default_rng(1).standard_normal(made["x"].shape), dtype=made["x"].dtype)
    (function(*made.values()) * towards).sum().backward()
    return [tensor.grad.numpy() for tensor in learnt]


def fused(x, gain, noise, bias):
    return finish_style(x, gain, noise, bias, SLOPE)


@pytest.mark.parametrize("noise_batch", [0, 1, 2])
@pytest.mark.parametrize("gain_batch", [1, 2])
@pytest.mark.parametrize("piece", [1 << 16, 8])
def test_values_and_gradients(monkeypatch, noise_batch, gain_batch, piece):
    monkeypatch.setattr(cpu_styled, "_PIECE", piece)  # 8 numbers: pieces that end within a row and a short last one
    made = tensors(noise_batch, gain_batch)
    np.testing.assert_allclose(fused(*made.values()).numpy(), plain(*made.values()).numpy(), atol=1e-14)
    for actual, expected in zip(slopes_of(fused, made), slopes_of(plain, made), strict=True):
        assert actual.shape == expected.shape
        np.testing.assert_allclose(actual, expected, atol=1e-12)


@pytest.mark.parametrize(
    "frozen", [("x",), ("gain",), ("noise",), ("bias",), ("noise", "bias"), ("x", "noise", "bias")]
)
def test_what_is_frozen_takes_no_gradient(frozen):
    made = tensors(frozen=frozen)
    for actual, expected in zip(slopes_of(fused, made), slopes_of(plain, made), strict=True):
        np.testing.assert_allclose(actual, expected, atol=1e-12)
    assert all(made[name].grad is None for name in frozen)


def test_single_precision():
    made = tensors(dtype="float32")
    result = fused(*made.values())
    assert result.dtype == paddle.float32
    np.testing.assert_allclose(result.numpy(), plain(*made.values()).numpy(), atol=1e-6)
    for actual, expected in zip(slopes_of(fused, made), slopes_of(plain, made), strict=True):
        assert actual.dtype == np.float32
        np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_several_threads_give_the_same_bits(monkeypatch):
    made = tensors()
    alone = slopes_of(fused, made)
    monkeypatch.setattr(cpu_planes.runtime, "num_threads", lambda: 3)
    monkeypatch.setattr(cpu_planes, "_WORTH_A_THREAD", 1)
    for one, several in zip(alone, slopes_of(fused, made), strict=True):
        np.testing.assert_array_equal(one, several)


@pytest.mark.parametrize("noise_batch", [0, 1, 2])
@pytest.mark.parametrize("gain_batch", [1, 2])
def test_second_derivatives(noise_batch, gain_batch):
    """The penalty |d/dx sum(y^3)|^2, where the gain depends on x too, as a style does on the code."""
    curvatures = []
    for function in (fused, plain):
        made = tensors(noise_batch, gain_batch)
        x, gain = made["x"], made["gain"]
        # A product with a parameter leads to x on one side only: the other must not be asked for.
        moved = gain * x.mean(axis=[2, 3])[:gain_batch]
        y = function(x * 1.5, moved, made["noise"], made["bias"])
        (gradient_of((y**3).sum(), x) ** 2).sum().backward()
        learnt = [tensor for tensor in made.values() if tensor is not None]
        curvatures.append([tensor.grad.numpy() for tensor in learnt])
    for actual, expected in zip(*curvatures, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


def test_an_error_in_a_thread_is_raised(monkeypatch):
    monkeypatch.setattr(cpu_planes.runtime, "num_threads", lambda: 2)

    def work(index):
        if index == 3:
            raise ValueError("plane 3")

    with pytest.raises(ValueError, match="plane 3"):
        cpu_planes.for_each_plane(5, 1 << 20, work)


@pytest.mark.parametrize("num_planes", [0, 1, 7])
def test_every_plane_is_worked_on_once(monkeypatch, num_planes):
    monkeypatch.setattr(cpu_planes.runtime, "num_threads", lambda: 3)
    seen = []
    cpu_planes.for_each_plane(num_planes, 1 << 20, seen.append)
    assert sorted(seen) == list(range(num_planes))


def test_a_result_without_a_view_is_copied(monkeypatch):
    """As with NumPy 1, whose views of other libraries' memory cannot be written to."""
    monkeypatch.setattr(cpu_planes, "view", lambda tensor: tensor.numpy())
    result = cpu_planes.Result([2, 3], paddle.zeros([1], "float64"))
    result.array[:] = np.arange(6.0).reshape(2, 3)
    assert result.tensor().dtype == paddle.float64
    np.testing.assert_array_equal(result.tensor().numpy(), np.arange(6.0).reshape(2, 3))


def test_what_numpy_cannot_look_at_is_left_to_paddle():
    single, double = paddle.zeros([1]), paddle.zeros([1], "float64")
    assert cpu_planes.runs_on_cpu(single, single) and cpu_planes.runs_on_cpu(double)
    assert not cpu_planes.runs_on_cpu(single, double)
    assert not cpu_planes.runs_on_cpu(paddle.zeros([1], "float16"))
