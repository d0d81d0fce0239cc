"""Mixing codes: which person each group of layers comes from, and how expression and proportions follow."""

from __future__ import annotations

import numpy as np
import pytest

from ppgan_ext.apps.fusion.code_mixing import FusionShares, fuse_codes, layer_shares
from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.latents.directions import Direction
from tests.reference.toy import numbers

N_LATENT, STYLE_DIM = 8, 24
SOURCE, TARGET = numbers("source", (N_LATENT, STYLE_DIM)), numbers("target", (N_LATENT, STYLE_DIM))
NAMES = ("yaw", "pitch", "smile", "mouth_open", "nose_ratio", "age")


@pytest.fixture(scope="module")
def directions():
    """Directions that overlap: each changes the others' estimates too."""
    directions = {}
    for name in NAMES:
        regressor = numbers(f"regressor {name}", (N_LATENT, STYLE_DIM)) / 10
        vector = regressor + 0.4 * numbers(f"vector {name}", (N_LATENT, STYLE_DIM))
        directions[name] = Direction(name, vector, "sd", regressor=regressor, bias=1.0)
    return directions


def test_each_group_of_layers_has_its_share():
    fused = fuse_codes(SOURCE, TARGET, FusionShares(identity=0.75, skin=0.5, light=0.0))
    assert np.array_equal(fused[:3], SOURCE[:3])
    np.testing.assert_allclose(fused[3:7], 0.75 * TARGET[3:7] + 0.25 * SOURCE[3:7], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(fused[7:], 0.5 * TARGET[7:] + 0.5 * SOURCE[7:], rtol=1e-5, atol=1e-6)
    assert fused.dtype == np.float32
    assert layer_shares(FusionShares(0.8, skin=0.3, light=0.1), 9) == [0.1] * 3 + [0.8] * 4 + [0.3] * 2


def test_all_or_nothing_keeps_the_bits(directions):
    ones = FusionShares(1.0, 1.0, 1.0, 1.0, 1.0)
    zeros = FusionShares(0.0, 0.0, 0.0, 0.0, 0.0)
    assert np.array_equal(fuse_codes(SOURCE, TARGET, ones, directions), TARGET)
    assert np.array_equal(fuse_codes(SOURCE, TARGET, zeros, directions), SOURCE)


def test_expression_is_the_sources_and_the_pose_stays(directions):
    plain = fuse_codes(SOURCE, TARGET)
    fused = fuse_codes(SOURCE, TARGET, None, directions)
    for name in ("smile", "mouth_open"):
        assert directions[name].measure(fused) == pytest.approx(directions[name].measure(SOURCE), abs=1e-3)
        assert abs(directions[name].measure(plain) - directions[name].measure(SOURCE)) > 0.1
    for name in ("yaw", "pitch"):
        assert directions[name].measure(fused) == pytest.approx(directions[name].measure(plain), abs=1e-3)
    half = fuse_codes(SOURCE, TARGET, FusionShares(expression=0.5), directions)
    between = (directions["smile"].measure(SOURCE) + directions["smile"].measure(TARGET)) / 2
    assert directions["smile"].measure(half) == pytest.approx(between, abs=1e-3)


def test_proportions_follow_their_share(directions):
    nose = directions["nose_ratio"]
    ends = nose.measure(SOURCE), nose.measure(TARGET)
    assert abs(ends[0] - ends[1]) > 0.1
    for share in (0.0, 0.25):
        fused = fuse_codes(SOURCE, TARGET, FusionShares(shape=share), directions)
        assert nose.measure(fused) == pytest.approx(ends[0] + share * (ends[1] - ends[0]), abs=1e-3)


def test_directions_without_a_regressor_are_ignored(directions):
    silent = {name: Direction(name, direction.vector) for name, direction in directions.items()}
    assert np.array_equal(fuse_codes(SOURCE, TARGET, None, silent), fuse_codes(SOURCE, TARGET))
    assert np.array_equal(fuse_codes(SOURCE, TARGET, None, {"age": directions["age"]}), fuse_codes(SOURCE, TARGET))


def test_bad_codes_and_shares_are_refused():
    with pytest.raises(InputError, match=r"\(8, 24\) and \(7, 24\)"):
        fuse_codes(SOURCE, TARGET[:-1])
    with pytest.raises(ConfigError, match="32 px"):
        fuse_codes(SOURCE[:6], TARGET[:6])
    for wrong in ({"identity": 1.1}, {"skin": -0.1}, {"light": float("nan")}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            FusionShares(**wrong)
