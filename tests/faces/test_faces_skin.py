"""How skin's brightness is spread, and how its colour changes with the brightness, follow the photo."""

import numpy as np
import pytest

from ppgan_ext.faces.light import LUMINANCE, to_linear, to_srgb
from ppgan_ext.faces.skin import _as_spread, find_skin, match_skin
from tests.reference.drawn import DrawnFace, draw_photo


def drawn(skin, seed=0):
    picture, (landmarks,) = draw_photo((390, 350), [DrawnFace((190.0, 160.0), 62.0, skin=skin)], seed)
    return picture.astype(np.float32), landmarks


def with_patches(picture, brighter, bleached, period=26.0):
    """Add patches of sun: factors of linear light that are whiter than the skin."""
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    wave = (np.sin(x * 2 * np.pi / period) * np.sin(y * 2 * np.pi / period))[..., None].astype(np.float32)
    return to_srgb(to_linear(picture) * np.exp(wave * (brighter + bleached * np.float32((-1.0, 0.0, 1.0)))))


def spread_and_color(picture, skin):
    """Return the spread of brightness on skin, and how much bluer skin becomes with it, both of logarithms."""
    values = np.log(to_linear(picture)[skin > 0.6] + 1e-3)
    light = values @ LUMINANCE
    light = light - light.mean()
    blue = values[:, 2] - values[:, 0]
    return float(light.std()), float((light * (blue - blue.mean())).mean() / np.square(light).mean())


def test_patches_of_sun_become_as_the_photos_light():
    photo, landmarks = drawn((214, 168, 140))
    face = with_patches(drawn((96, 62, 46), 1)[0], 0.8, 0.5)
    weights = [find_skin(landmarks, picture).skin for picture in (face, photo)]
    matched = match_skin(face, photo, *weights, landmarks)
    before, after, wanted = (spread_and_color(picture, weights[0]) for picture in (face, matched, photo))
    assert before[0] > 2.0 * wanted[0]
    assert after[0] < 0.75 * before[0]
    assert before[1] > 0.5
    assert abs(after[1] - wanted[1]) < 0.4 * abs(before[1] - wanted[1])


def test_the_curve_is_monotone_and_reaches_the_others_spread():
    generator = np.random.default_rng(0)
    wide, narrow = generator.normal(0.1, 0.5, 4000), generator.normal(0.0, 0.3, 4000)
    mapped = _as_spread(wide, wide, narrow)
    assert mapped.std() == pytest.approx(narrow.std(), rel=0.1)
    assert np.median(mapped) == pytest.approx(np.median(narrow), abs=0.01)
    grid = np.linspace(-9.0, 9.0, 400)
    assert (np.diff(_as_spread(grid, wide, narrow)) > 0).all()
    flat = _as_spread(wide, wide, np.zeros(4000))
    assert flat.std() == pytest.approx(0.5 * wide.std(), rel=0.05)  # never flatter than this
