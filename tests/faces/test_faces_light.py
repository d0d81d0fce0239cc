import numpy as np
import pytest

from ppgan_ext.faces.light import (
    color_share,
    log_color,
    luminance,
    match_light,
    normal_exposure,
    to_linear,
    to_srgb,
)

RAMP = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)


def colors(seed=0, size=64):
    """A face's worth of varied colours, linear light."""
    rng = np.random.default_rng(seed)
    patches = rng.uniform(0.7, 1.3, (4, 4, 3)) * (0.4, 0.25, 0.18)
    return np.kron(patches, np.ones((size // 4, size // 4, 1))).astype(np.float32)


def toned(light, tone):
    """The same picture in one tone."""
    return (luminance(light)[..., None] * np.float32(tone)).astype(np.float32)


def test_linear_light_is_that_of_the_standard():
    light = to_linear(RAMP)[0, :, 0]
    assert light[0] == 0
    assert light[255] == 1
    assert light[10] == pytest.approx(10 / 255 / 12.92, rel=1e-5)
    assert light[188] == pytest.approx(0.5029, abs=1e-4)


def test_levels_and_floats_decode_alike_and_back():
    np.testing.assert_allclose(to_linear(RAMP.astype(np.float32)), to_linear(RAMP), atol=1e-6)
    np.testing.assert_array_equal(np.rint(to_srgb(to_linear(RAMP))).astype(np.uint8), RAMP)
    np.testing.assert_allclose(to_srgb(np.float32([[[-1.0, 0.0, 3.0]]])), [[[0, 0, 255]]], atol=1e-3)


@pytest.mark.parametrize("factor", [0.2, 3.0])
def test_colour_does_not_depend_on_the_exposure(factor):
    light = colors()
    median = float(np.median(luminance(light)))
    np.testing.assert_allclose(log_color(light, median), log_color(light * factor, median * factor), atol=1e-4)
    assert np.abs(log_color(toned(light, (1, 1, 1)), median)).max() < 1e-5


@pytest.mark.parametrize("tone", [(1, 1, 1), (1.3, 0.95, 0.6), (0.7, 1.0, 1.6)])
def test_a_photo_of_one_tone_takes_no_colour(tone):
    light, inside = colors(), np.ones((64, 64))
    assert color_share(toned(light, tone), light, inside) == 0
    assert color_share(light, light, inside) == 1
    assert color_share(light * np.float32((0.5, 0.4, 0.7)), light, inside) == 1
    half = (light + toned(light, (1.6, 0.9, 0.5))) / 2
    assert 0 < color_share(half, light, inside) <= 1


def test_a_generators_picture_gets_the_photos_light_and_tone():
    reconstruction, inside = colors(), np.ones((64, 64))
    photo = reconstruction * np.float32((0.2, 0.25, 0.35))
    edited = reconstruction * np.float32(1.3)
    np.testing.assert_allclose(match_light(edited, photo, reconstruction, inside, 1.0), photo * 1.3, rtol=0.02)
    grey = toned(photo, (1, 1, 1))
    result = match_light(edited, grey, reconstruction, inside, 0.0)
    assert np.ptp(result, axis=2).max() < 1e-4
    assert np.median(luminance(result)) == pytest.approx(1.3 * np.median(luminance(grey)), rel=0.15)


def test_without_a_face_the_light_is_left_alone():
    light = colors()
    assert match_light(light, light * 0.5, light, np.zeros((64, 64)), 1.0) is light
    assert color_share(light, light, np.zeros((64, 64))) == 0


def photo_and_face(level, bright=0.72):
    photo = np.full((100, 120, 3), bright, np.float32)
    photo[30:70, 40:80] = level
    face = np.full((32, 32, 3), level, np.float32)
    return to_image(photo), to_image(face)


def to_image(light):
    return np.rint(to_srgb(light)).astype(np.uint8)


def test_a_well_exposed_photo_keeps_its_light():
    assert normal_exposure(*photo_and_face(0.3)) == 1.0
    assert normal_exposure(*photo_and_face(0.06)) == 1.0  # dark skin is no lack of light


@pytest.mark.parametrize("level", [0.3, 0.08])
def test_a_darkened_photo_is_seen_in_its_former_light(level):
    for factor in (0.4, 0.2, 0.1):
        dark = normal_exposure(*photo_and_face(level * factor, 0.72 * factor))
        assert dark * factor == pytest.approx(1.0, abs=0.08)


def test_a_face_in_deep_shadow_is_brightened_and_black_is_left():
    assert normal_exposure(*photo_and_face(0.01, 0.9)) == pytest.approx(5.0, abs=0.6)
    assert normal_exposure(*photo_and_face(0.0, 0.9)) == 1.0
    assert normal_exposure(*photo_and_face(0.95, 0.99)) < 0.6
