"""Pictures of any size through networks that take only some: padded and cropped, scaled, or cut into tiles."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np

from ppgan_ext import images
from ppgan_ext.errors import InputError
from ppgan_ext.networks.image_sizes import SizeRule
from ppgan_ext.types import FloatArray, Image

Translate: TypeAlias = Callable[[FloatArray], FloatArray]
"""Pixels (1, C, H, W) in [-1, 1], of a size that the network takes, to pixels (1, C', H, W)."""


def to_input(image: Image, num_channels: int) -> FloatArray:
    """Convert a picture to a network's input, grey where it takes one channel.

    Args:
        image: (H, W, 3) RGB uint8.
        num_channels: 1 or 3.

    Returns:
        (1, C, H, W) float32 in [-1, 1].

    Raises:
        InputError: the network takes something other than grey or RGB images.
    """
    if num_channels == 3:
        return images.to_pixels(image)
    if num_channels == 1:
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
        return (grey / np.float32(127.5) - 1)[None, None]
    cure = "Photos can be translated by networks of 1 or 3 channels"
    raise InputError(f"the network takes images of {num_channels} channels", where="input_nc", cure=cure)


def to_result(pixels: FloatArray) -> Image:
    """Convert a network's output, (1, 1 or 3, H, W), to an image (H, W, 3); grey has three equal channels.

    Raises:
        InputError: it has another number of channels.
    """
    if pixels.shape[1] not in (1, 3):
        raise InputError(f"the network makes images of {pixels.shape[1]} channels", where="output_nc")
    return images.to_image(np.repeat(pixels, 3, axis=1) if pixels.shape[1] == 1 else pixels)


def translate_padded(pixels: FloatArray, rule: SizeRule, translate: Translate) -> FloatArray:
    """Translate a picture of any size: reflected at its lower and right border until it fits, then cropped.

    A network of a single size gets a scaled copy instead, and its result is scaled back.

    Args:
        pixels: (1, C, H, W).
        rule: the sizes that the network takes.
        translate: the network.

    Returns:
        (1, C', H, W).
    """
    height, width = pixels.shape[2:]
    if rule.exact is not None:
        return resized(translate(resized(pixels, (rule.exact, rule.exact))), (height, width))
    added = [(0, 0), (0, 0), (0, rule.next(height) - height), (0, rule.next(width) - width)]
    padded = np.pad(pixels, added, mode="symmetric")
    return np.ascontiguousarray(translate(padded)[:, :, :height, :width])


def translate_tiles(pixels: FloatArray, rule: SizeRule, translate: Translate, tile: int, overlap: float) -> FloatArray:
    """Translate a large picture in overlapping tiles of one size, which fade into one another.

    Args:
        pixels: (1, C, H, W).
        rule: the sizes that the network takes.
        translate: the network.
        tile: side of the tiles in pixels, rounded up to one that the network takes.
        overlap: share of a tile that it has in common with the next one, below 0.5.

    Returns:
        (1, C', H, W).
    """
    side = rule.next(tile)
    height, width = pixels.shape[2:]
    added = [(0, 0), (0, 0), (0, max(0, side - height)), (0, max(0, side - width))]
    padded = np.pad(pixels, added, mode="symmetric")
    window = _window(side, overlap)
    total, weight = None, np.zeros(padded.shape[2:], np.float32)
    for top in _starts(padded.shape[2], side, overlap):
        for left in _starts(padded.shape[3], side, overlap):
            part = (slice(top, top + side), slice(left, left + side))
            made = translate(np.ascontiguousarray(padded[:, :, part[0], part[1]]))
            if total is None:
                total = np.zeros((1, made.shape[1], *padded.shape[2:]), np.float32)
            total[:, :, part[0], part[1]] += made * window
            weight[part] += window
    assert total is not None
    return np.ascontiguousarray((total / weight)[:, :, :height, :width])


def num_tiles(shape: tuple[int, int], rule: SizeRule, tile: int, overlap: float) -> int:
    """Return how many tiles a picture of a shape (H, W) is cut into."""
    side = rule.next(tile)
    rows, columns = (len(_starts(max(length, side), side, overlap)) for length in shape)
    return rows * columns


def resized(pixels: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """Resize pixels (1, C, H, W) to a shape (H, W): by area if they shrink, else cubically."""
    if tuple(pixels.shape[2:]) == shape:
        return pixels
    shrinks = shape[0] * shape[1] < pixels.shape[2] * pixels.shape[3]
    picture = np.ascontiguousarray(pixels[0].transpose(1, 2, 0))
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    result = cv2.resize(picture, (shape[1], shape[0]), interpolation=method).reshape(*shape, -1)
    return np.ascontiguousarray(result.transpose(2, 0, 1)[None], dtype=np.float32)


def _starts(length: int, side: int, overlap: float) -> list[int]:
    """Return where tiles begin, evenly spaced from one border to the other, with at least the overlap."""
    if length <= side:
        return [0]
    count = int(np.ceil((length - side) / (side * (1 - overlap)))) + 1
    return np.linspace(0, length - side, count).round().astype(int).tolist()


def _window(side: int, overlap: float) -> FloatArray:
    """Return the weight of a tile's pixels, (side, side): 1 inside, falling towards the borders, never 0."""
    distance = np.minimum(np.arange(side), np.arange(side)[::-1]) + 0.5
    ramp = np.minimum(distance / max(side * overlap, 0.5), 1.0).astype(np.float32)
    return np.outer(ramp, ramp)
