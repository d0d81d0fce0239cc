"""Equalised, modulated and resampling layers against their NumPy twins, with lopsided inputs."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from ppgan_ext.errors import ConfigError
from ppgan_ext.nn import Blur, EqualConv2D, EqualLinear, ModulatedConv2D, ResidualBlock, UpsampleFIR, check_form
from ppgan_ext.nn.resample import down_conv_padding, insert_zeros, polyphase_matrix, up_conv_padding
from tests.reference import numpy_ops as ref
from tests.reference import numpy_stylegan2 as ref_net
from tests.reference.toy import arrays, assert_close, check_second_derivative, fill, numbers

FORMS = ("fast", "smooth", "fused")
LOPSIDED = (1.0, 4.0, 2.0, 0.5)


def test_equal_linear_matches_its_definition():
    layer = EqualLinear(5, 3, lr_mul=0.01, bias_init=2.0, activation=True)
    assert np.allclose(layer.bias.numpy(), 2.0)
    assert 30 < float(layer.weight.std()) < 300  # unit variance over lr_mul
    fill(layer)
    x = numbers("x", [4, 5])
    expected = ref.equal_linear(x, layer.weight.numpy(), layer.bias.numpy(), 0.01, activation=True)
    assert_close(layer(paddle.to_tensor(x)).numpy(), expected, 1e-5)
    assert layer.weight.shape == [5, 3]


def test_equal_conv_matches_its_definition():
    layer = EqualConv2D(2, 3, 3, stride=2, padding=1)
    fill(layer)
    x = numbers("x", [2, 2, 7, 5])
    expected = ref.conv2d(x, layer.weight.numpy() / np.sqrt(18), 2, 1) + layer.bias.numpy()[:, None, None]
    assert_close(layer(paddle.to_tensor(x)).numpy(), expected, 1e-5)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("taps", "padding", "stride"), [(LOPSIDED, (1, 1), 1), (LOPSIDED, (2, 1), 2), ((1, 2), (0, 3), 1)]
)
def test_blur_convolves_and_does_not_correlate(form, taps, padding, stride):
    x = numbers("x", [2, 3, 6, 9])
    expected = ref.upfirdn2d(x, ref.fir(taps, 3.0), down=stride, pad=padding)
    layer = Blur(taps, padding, gain=3.0, stride=stride)
    assert_close(layer(paddle.to_tensor(x), form).numpy(), expected, 1e-5)
    assert not layer.state_dict()  # PaddleGAN's files do not contain it


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("taps", [LOPSIDED, (1, 3, 3, 1), (1, 2), (3, 2, 1), (1, 5, 10, 3, 2, 1)])
def test_upsampling_keeps_the_phase(form, taps):
    x = numbers("x", [2, 3, 5, 4])
    excess = len(taps) - 2
    expected = ref.upfirdn2d(x, ref.fir(taps, 4.0), up=2, pad=((excess + 1) // 2 + 1, excess // 2))
    layer = UpsampleFIR(taps)
    assert_close(layer(paddle.to_tensor(x), form).numpy(), expected, 1e-5)
    assert list(layer.state_dict()) == ["kernel"]


def test_upsampling_keeps_the_mean_of_a_constant():
    y = UpsampleFIR((1, 3, 3, 1))(paddle.full([1, 1, 8, 8], 5.0)).numpy()
    assert np.allclose(y[:, :, 2:-2, 2:-2], 5.0, atol=1e-5)


def test_zeros_are_inserted_after_rows_and_columns():
    x = paddle.to_tensor([[[[1.0, 2.0, 3.0]]]])
    assert insert_zeros(x).numpy().tolist() == [[[[1, 0, 2, 0, 3, 0], [0] * 6]]]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("taps", [(1, 3, 3, 1), LOPSIDED, (1, 2), (3, 2, 1), (1, 5, 10, 3, 2, 1), (1, 2, 5, 4, 3)])
def test_modulated_up_convolution_matches_the_paper(form, taps):
    layer = ModulatedConv2D(3, 4, 3, 7, upsample=True, blur_kernel=taps)
    fill(layer)
    x, style = numbers("x", [2, 3, 5, 4]), numbers("style", [2, 3])
    weight = layer.weight.numpy()[0]
    expected = ref.modulated_conv2d(x, weight, style, up_kernel=ref.fir(taps), up_pad=up_conv_padding(len(taps)))
    y = layer(paddle.to_tensor(x), paddle.to_tensor(style), form)
    assert y.shape == [2, 4, 10, 8]
    assert_close(y.numpy(), expected, 1e-5)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [1, 3])
def test_modulated_convolution_matches_the_paper(form, size):
    layer = ModulatedConv2D(3, 4, size, 7, demodulate=size == 3)
    fill(layer)
    x, style = numbers("x", [2, 3, 5, 6]), numbers("style", [2, 3])
    expected = ref.modulated_conv2d(x, layer.weight.numpy()[0], style, demodulate=size == 3)
    y = layer(paddle.to_tensor(x), paddle.to_tensor(style), form, 2.5)
    assert_close(y.numpy(), expected * 2.5, 1e-5)


def test_polyphase_filters_have_the_size_of_the_original():
    matrix, radius = polyphase_matrix((1, 3, 3, 1))
    assert radius == 1 and matrix.shape == (9, 36)
    # Each of the four phases of a constant image sums the whole filter, times the blur's gain of 4 over 4 phases.
    assert np.allclose(matrix.reshape(9, 4, 9).sum(axis=2), 1.0)


@pytest.mark.parametrize("form", FORMS)
def test_residual_block_matches_numpy(form):
    block = ResidualBlock(3, 5)
    fill(block)
    x = numbers("x", [2, 3, 8, 12])
    state = {f"convs.1.{name}": array for name, array in arrays(block).items()}
    state |= {"convs.0.0.weight": np.eye(3).reshape(3, 3, 1, 1) * np.sqrt(3), "convs.0.1.bias": np.full(3, 100.0)}
    shifted = (x + 100) * np.sqrt(2)  # the output of convs.0, which is linear for numbers this large
    expected = ref_net.trunk(state, x)[1]
    assert_close(block(paddle.to_tensor(shifted.astype(np.float32)), form).numpy(), expected, 1e-4)


@pytest.mark.parametrize("size", [1, 3])
def test_down_sampling_halves_even_sides(size):
    for taps in (2, 3, 4, 6):
        before, after = down_conv_padding(taps, size)
        assert (12 + before + after - taps + 1 - size) // 2 + 1 == 6


def test_every_smooth_form_can_be_differentiated_twice():
    layers = [ModulatedConv2D(3, 4, 3, 5, upsample=True), ModulatedConv2D(4, 3, 1, 5, demodulate=False)]
    up, down = UpsampleFIR((1, 3, 3, 1)), ResidualBlock(3, 2)
    for layer in (*layers, up, down):
        fill(layer)
        layer.to(dtype="float64")
    x, a, b = (
        paddle.to_tensor(numbers(n, s).astype(np.float64))
        for n, s in [("x", [2, 3, 4, 6]), ("a", [2, 3]), ("b", [2, 4])]
    )
    tensors = [x, a, b, *(p for layer in layers for p in layer.parameters() if p.ndim == 5), *down.parameters()]
    for tensor in tensors:
        tensor.stop_gradient = False

    def function(form):
        y = layers[1](layers[0](x, a, form), b, form)
        y = down(up(y, form), form)
        return (y * y).sum()

    check_second_derivative(lambda: function("smooth"), lambda: function("fast"), tensors)


def test_wrong_arguments_are_refused_with_a_cure():
    with pytest.raises(ConfigError, match="Did you mean 'smooth'"):
        check_form("smoth")
    with pytest.raises(ConfigError, match="low-pass"):
        Blur((1,), (0, 0))
    with pytest.raises(ConfigError, match="low-pass"):
        UpsampleFIR((1, -1))
    with pytest.raises(ConfigError, match="size 3 with demodulation"):
        ModulatedConv2D(3, 3, 5, 8)
    with pytest.raises(ConfigError, match="size 1 without"):
        ModulatedConv2D(3, 3, 1, 8, demodulate=True)
