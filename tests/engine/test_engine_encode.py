"""Codes are corrected with their own reconstruction."""

import dataclasses

import numpy as np
import paddle
import pytest
from paddle import nn

from ppgan_ext.engine import EncoderEngine
from ppgan_ext.errors import ConfigError, InputError
from tests.reference.toy_engine import N_LATENT, SIZE, STYLE_DIM, toy_engine


class Dimmed:
    """Renders a generator's images with so little contrast that no pixel is clipped."""

    def __init__(self, synthesizer):
        self.synthesizer = synthesizer

    def render(self, w_plus):
        return 0.01 * self.synthesizer.render(w_plus)


class HalfEncoder(nn.Layer):
    """Returns half of the true code, as a regression towards the mean does."""

    input_size, n_latent, style_dim = SIZE, N_LATENT, STYLE_DIM

    def __init__(self, synthesizer, way):
        super().__init__()
        base = np.zeros((1, N_LATENT, STYLE_DIM), np.float32)
        self.base = paddle.to_tensor(synthesizer.render(base))
        step = paddle.to_tensor(synthesizer.render(base + 0.01 * way)) - self.base
        self.reader = step / (step**2).sum() * 0.01
        self.way = paddle.to_tensor(way)

    def forward(self, pixels):
        amount = ((pixels - self.base) * self.reader).sum(axis=[1, 2, 3])
        return 0.5 * amount.reshape([-1, 1, 1]) * self.way


@pytest.fixture(scope="module")
def engine():
    return toy_engine()


@pytest.fixture(scope="module")
def crops():
    return np.tanh(np.random.default_rng(1).standard_normal((2, 3, SIZE, SIZE))).astype(np.float32)


def test_the_number_of_passes_is_the_models_or_the_requested_one(engine, crops):
    first = engine.encoder.encode(crops)
    drawn = engine.synthesizer.render(first).clip(-1, 1)
    assert np.array_equal(engine.encode(crops, num_passes=1), first)
    second = first + first - engine.encoder.encode(drawn)
    assert np.array_equal(engine.encode(crops), second)  # the toy's record says 2
    assert np.array_equal(engine.encode(crops, num_passes=2), second)
    assert not np.array_equal(engine.encode(crops, num_passes=3), second)
    assert engine.encode(crops[:0]).shape == (0, N_LATENT, STYLE_DIM)


def test_each_pass_halves_the_error_of_codes_too_close_to_the_mean(engine):
    way = np.random.default_rng(2).standard_normal((1, N_LATENT, STYLE_DIM)).astype(np.float32)
    dimmed, mean = Dimmed(engine.synthesizer), np.zeros((N_LATENT, STYLE_DIM), np.float32)
    encoder = EncoderEngine(HalfEncoder(dimmed, way), mean, compiled=False)
    halving = dataclasses.replace(engine, synthesizer=dimmed, encoder=encoder)
    code = 0.02 * way
    photo = dimmed.render(code)
    assert np.abs(photo).max() < 1
    errors = [np.abs(halving.encode(photo, count) - code).max() / np.abs(code).max() for count in (1, 2, 3, 4)]
    assert errors == pytest.approx([0.5, 0.25, 0.125, 0.0625], abs=0.05)


def test_bad_input(engine, crops):
    with pytest.raises(ConfigError, match="num_passes: expected at least 1, got 0"):
        engine.encode(crops, num_passes=0)
    with pytest.raises(InputError, match="needs pixels"):
        engine.encode(crops[0])
    with pytest.raises(ConfigError, match="'toy' has no encoder, so it cannot encode photos"):
        dataclasses.replace(engine, encoder=None).encode(crops)
