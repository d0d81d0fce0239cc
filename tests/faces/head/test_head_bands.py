import numpy as np
import pytest

from ppgan_ext.faces.head import bands


def noisy(shape=(96, 80), seed=0):
    return np.random.default_rng(seed).random((*shape, 3), np.float32)


def test_log_light_relative_to_the_skin_does_not_depend_on_exposure():
    light = noisy()
    assert np.allclose(bands.log_light(light, 0.4), bands.log_light(light * 0.3, 0.4 * 0.3), atol=1e-4)


def test_bands_and_the_last_blur_add_up():
    values = noisy()[..., 0]
    weight = np.ones_like(values)
    separated = bands.split(values, weight, 60.0)
    rest = values - separated.sum(axis=0)
    assert separated.shape == (bands.NUM_BANDS, 96, 80)
    # What is left varies slowly.
    assert rest.std() < 0.1 * values.std()


def test_what_is_no_skin_leaves_no_trace_in_the_bands():
    values = np.zeros((80, 80), np.float32)
    values[:, 40:] = 5.0
    weight = np.zeros_like(values)
    weight[:, :38] = 1.0
    assert np.abs(bands.split(values, weight, 100.0)[:, :, :30]).max() < 0.15
    assert np.abs(bands.split(values, np.ones_like(values), 100.0)[:, :, :30]).max() > 0.5


def test_parts_do_not_mix_their_light():
    values = np.zeros((90, 40), np.float32)
    values[50:] = -2.0
    face, neck = np.zeros_like(values), np.zeros_like(values)
    face[:46], neck[54:] = 1.0, 1.0
    separated = bands.split_parts(values, [face, neck], 100.0)
    assert np.abs(separated[:, :40]).max() < 0.05
    assert np.abs(separated[:, 62:]).max() < 0.05


@pytest.mark.parametrize("sigma", [0.1, 2.0, 9.0])
def test_blur_keeps_the_mean_and_constants(sigma):
    values = noisy()[..., 1]
    assert bands.blur(values, sigma).mean() == pytest.approx(values.mean(), rel=0.02)
    assert np.allclose(bands.blur(np.full((40, 50), 3.0), sigma), 3.0, atol=1e-4)
