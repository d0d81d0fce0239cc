from __future__ import annotations

import numpy as np
import pytest

from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.latents.mixing import LEVELS, level_layers, level_weights, mix
from ppgan_ext.latents.truncation import truncate

RNG = np.random.default_rng(0)
FIRST, SECOND = (RNG.standard_normal((6, 5)).astype(np.float32) for _ in range(2))
MEAN = RNG.standard_normal(5).astype(np.float32)


def test_the_weight_is_the_first_codes_share_layer_by_layer():
    weights = [1.0, 0.0, 0.25, 0.5, 1.5, -1.0]
    mixed = mix(FIRST, SECOND, weights)
    for layer, weight in enumerate(weights):
        assert np.allclose(mixed[layer], weight * FIRST[layer] + (1 - weight) * SECOND[layer], atol=1e-6)
    assert np.array_equal(mixed[0], FIRST[0]) and np.array_equal(mixed[1], SECOND[1])


def test_batches_and_a_single_weight():
    batch = mix(np.stack([FIRST, SECOND]), np.stack([SECOND, FIRST]), 0.25)
    assert np.allclose(batch[0], 0.25 * FIRST + 0.75 * SECOND) and np.allclose(batch[1], 0.25 * SECOND + 0.75 * FIRST)


def test_mixing_refuses_what_does_not_fit():
    with pytest.raises(ConfigError, match="18 mixing weights for latents of 6 layers"):
        mix(FIRST, SECOND, [0.5] * 18)
    with pytest.raises(ConfigError, match="finite"):
        mix(FIRST, SECOND, [np.nan] * 6)
    with pytest.raises(InputError, match=r"\(6, 5\) and \(5, 5\)"):
        mix(FIRST, SECOND[1:], 0.5)


def test_levels_for_every_model():
    assert list(LEVELS) == ["coarse", "middle", "fine"]
    for n_latent in (10, 12, 14, 16, 18):
        layers = [level_layers(level, n_latent) for level in LEVELS]
        assert layers[:2] == [[0, 1, 2, 3], [4, 5, 6, 7]] and layers[2] == list(range(8, n_latent))
    assert level_layers("middle", 6) == [4, 5]
    with pytest.raises(ConfigError, match="no fine ones"):
        level_layers("fine", 6)
    with pytest.raises(ConfigError, match="Did you mean 'coarse'"):
        level_layers("corse", 18)


def test_weights_per_level():
    assert level_weights({"coarse": 1.0, "fine": 0.25}, 10) == [1.0] * 4 + [0.0] * 4 + [0.25] * 2
    assert level_weights({"middle": 0.0}, 6, rest=0.5) == [0.5] * 4 + [0.0] * 2


@pytest.mark.parametrize("codes", [FIRST[0], FIRST, FIRST[None]], ids=["w", "w_plus", "batch"])
def test_truncation_draws_towards_the_mean(codes):
    original = codes.copy()
    assert np.allclose(truncate(codes, MEAN, 0.7), MEAN + 0.7 * (codes - MEAN), atol=1e-6)
    assert np.array_equal(truncate(codes, MEAN, 1.0), codes)
    assert np.allclose(truncate(codes, MEAN, 0.0), np.broadcast_to(MEAN, codes.shape))
    assert np.array_equal(codes, original)


def test_the_cutoff_counts_layers_not_channels():
    for codes in (FIRST, np.stack([FIRST, SECOND])):
        result = truncate(codes, MEAN, 0.5, cutoff=2)
        assert np.allclose(result[..., :2, :], MEAN + 0.5 * (codes[..., :2, :] - MEAN), atol=1e-6)
        assert np.array_equal(result[..., 2:, :], codes[..., 2:, :])
    assert np.array_equal(truncate(FIRST, MEAN, 0.5, cutoff=0), FIRST)
    assert np.array_equal(truncate(FIRST, MEAN, 0.5, cutoff=99), truncate(FIRST, MEAN, 0.5))


def test_w_codes_are_repeated_where_a_cutoff_needs_layers():
    result = truncate(FIRST[:2], MEAN, 0.5, cutoff=3, n_latent=4)
    assert result.shape == (2, 4, 5)
    assert np.array_equal(result[1, 3], FIRST[1]) and np.allclose(result[1, 2], MEAN + 0.5 * (FIRST[1] - MEAN))


def test_a_mean_per_layer():
    means = RNG.standard_normal((6, 5)).astype(np.float32)
    assert np.allclose(truncate(FIRST, means, 0.5), (FIRST + means) / 2, atol=1e-6)


def test_truncation_refuses_what_does_not_fit():
    with pytest.raises(ConfigError, match="psi"):
        truncate(FIRST, MEAN, float("nan"))
    with pytest.raises(ConfigError, match="cutoff"):
        truncate(FIRST, MEAN, 0.5, cutoff=-1)
    with pytest.raises(ConfigError, match="n_latent"):
        truncate(FIRST[0], MEAN, 0.5, cutoff=2)
    with pytest.raises(InputError, match="do not match"):
        truncate(FIRST, MEAN[:4], 0.5)
    with pytest.raises(InputError, match="do not match"):
        truncate(FIRST, FIRST[:5], 0.5)
