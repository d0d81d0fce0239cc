"""Pictures of any size through a network: padded, scaled, and in tiles."""

from __future__ import annotations

import numpy as np
import pytest

from ppgan_ext.apps.translation.whole_picture import (
    num_tiles,
    to_input,
    to_result,
    translate_padded,
    translate_tiles,
)
from ppgan_ext.errors import InputError
from ppgan_ext.networks.image_sizes import SizeRule
from tests.reference.toy import numbers

RULE = SizeRule(multiple=16, smallest=32)


def seen_sizes(sizes):
    def translate(pixels):
        sizes.append(pixels.shape[2:])
        return pixels * 2 + 1

    return translate


@pytest.mark.parametrize("shape", [(48, 64), (49, 50), (5, 90), (130, 33)])
def test_a_picture_keeps_its_size_and_its_pixels(shape):
    pixels, sizes = numbers("picture", [1, 3, *shape]), []
    assert np.array_equal(translate_padded(pixels, RULE, seen_sizes(sizes)), pixels * 2 + 1)
    assert all(RULE.fits(length) for length in sizes[0])


def test_padding_is_the_reflection_with_the_edge_repeated():
    pixels, seen = numbers("picture", [1, 1, 32, 30]), []
    translate_padded(pixels, RULE, lambda padded: seen.append(padded) or padded)
    assert np.array_equal(seen[0][..., 30:], pixels[..., :-3:-1])


def test_a_network_of_one_size_gets_a_scaled_copy():
    sizes = []
    flat = np.full((1, 3, 50, 90), 0.25, np.float32)
    assert np.allclose(translate_padded(flat, SizeRule(exact=64), seen_sizes(sizes)), 1.5)
    assert sizes == [(64, 64)]


@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.45])
@pytest.mark.parametrize("shape", [(100, 230), (64, 64), (20, 150)])
def test_tiles_of_a_network_of_single_pixels_make_the_whole(shape, overlap):
    pixels, sizes = numbers("picture", [1, 3, *shape]), []
    result = translate_tiles(pixels, RULE, seen_sizes(sizes), 60, overlap)
    assert np.allclose(result, pixels * 2 + 1, atol=1e-5)
    assert set(sizes) == {(64, 64)} and len(sizes) == num_tiles(shape, RULE, 60, overlap)


def test_tiles_fade_into_one_another():
    """Each tile has another level; without overlap they meet in a step, with it in a slope."""
    steps = {}
    for overlap in (0.0, 0.4):
        levels = iter(range(100))
        pixels = np.zeros((1, 1, 64, 192), np.float32)
        result = translate_tiles(pixels, RULE, lambda part: part + next(levels), 64, overlap)  # noqa: B023
        steps[overlap] = np.abs(np.diff(result[0, 0, 32])).max()
    assert steps[0.0] == 1.0 and steps[0.4] < 0.2


def test_channels_are_those_of_the_network():
    image = (numbers("image", [4, 5, 3]) * 60 + 128).clip(0, 255).astype(np.uint8)
    assert to_input(image, 3).shape == (1, 3, 4, 5) and to_input(image, 1).shape == (1, 1, 4, 5)
    grey = to_result(to_input(image, 1))
    assert grey.shape == (4, 5, 3) and (grey == grey[..., :1]).all()
    with pytest.raises(InputError, match="6 channels"):
        to_input(image, 6)
    with pytest.raises(InputError, match="2 channels"):
        to_result(np.zeros((1, 2, 4, 5), np.float32))
