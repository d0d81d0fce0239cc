"""Directions are scaled by the change of images, against generators with known losses."""

from __future__ import annotations

import numpy as np
import pytest

from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.latents.calibration import LARGEST_FACTOR, calibrate, response
from ppgan_ext.latents.directions import Direction, load_directions, save_directions

LAYERS, DIM = 3, 8
RNG = np.random.default_rng(0)
VECTOR = RNG.normal(size=(LAYERS, DIM))
YAW = Direction("yaw", VECTOR, "degree", regressor=VECTOR / (VECTOR**2).sum(), bias=4.0, statistics={"r2": 0.9})
CODES = RNG.normal(size=(6, LAYERS, DIM)).astype(np.float32)


def drawing(respond):
    """Draw and encode: what lies along the direction becomes respond(degrees), the rest stays."""

    def again(codes):
        degrees = np.array([YAW.measure(code) - YAW.bias for code in codes])
        change = respond(degrees) - degrees
        return codes + change[:, None, None].astype(np.float32) * YAW.vector

    return again


def test_what_pictures_lose_is_made_up_for():
    half = drawing(lambda degrees: 0.5 * degrees)
    assert response(YAW, CODES, half, 15.0) == pytest.approx(0.5, abs=1e-4)
    made = calibrate(YAW, CODES, half)
    np.testing.assert_allclose(made.vector, 2 * YAW.vector, rtol=1e-4)
    assert response(made, CODES, half, 15.0) == pytest.approx(1.0, abs=1e-3)
    assert made.statistics == {"r2": 0.9, "stretch": pytest.approx(2.0), "response": pytest.approx(1.0, abs=1e-3)}
    again = calibrate(made, CODES, half)  # nothing is left to do
    np.testing.assert_array_equal(again.vector, made.vector)
    assert again.statistics["stretch"] == pytest.approx(2.0)


def test_a_curved_response_agrees_at_the_usual_amount():
    curved = drawing(lambda degrees: 40 * np.tanh(degrees / 50))
    made = calibrate(YAW, CODES, curved)
    assert response(made, CODES, curved, 15.0) == pytest.approx(1.0, abs=0.03)
    assert response(made, CODES, curved, 3.0) > response(made, CODES, curved, 15.0) + 0.02
    at_five = calibrate(YAW, CODES, curved, amount=5.0)
    assert at_five.statistics["stretch"] < made.statistics["stretch"]


def test_beyond_what_can_be_drawn_a_direction_is_not_stretched():
    ends = drawing(lambda degrees: np.clip(degrees, -7, 7))
    made = calibrate(YAW, 0 * CODES, ends)
    np.testing.assert_array_equal(made.vector, YAW.vector)
    assert made.statistics["stretch"] == 1.0 and made.statistics["response"] == pytest.approx(7 / 15, abs=1e-3)
    faint = calibrate(YAW, CODES, drawing(lambda degrees: 0.1 * degrees))
    assert faint.statistics["stretch"] == LARGEST_FACTOR


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(InputError, match="images do not follow 'yaw'"):
        calibrate(YAW, CODES, drawing(lambda degrees: -degrees))
    with pytest.raises(InputError, match="no codes"):
        calibrate(YAW, CODES[:0], drawing(lambda degrees: degrees))
    with pytest.raises(ConfigError, match="cannot measure: it has no regressor"):
        calibrate(Direction("yaw", VECTOR, "degree"), CODES, drawing(lambda degrees: degrees))


def test_amounts_count_in_units_of_the_picture_and_survive_a_file(tmp_path):
    made = calibrate(YAW, CODES, drawing(lambda degrees: 0.5 * degrees))
    save_directions(tmp_path / "d.safetensors", {"yaw": made})
    read = load_directions(tmp_path / "d.safetensors", LAYERS, style_dim=DIM)["yaw"]
    assert read.gain() == pytest.approx(1.0, rel=1e-3)
    assert read.amount_to(20.0, CODES[0]) == pytest.approx(20.0 - YAW.measure(CODES[0]), rel=1e-3)
