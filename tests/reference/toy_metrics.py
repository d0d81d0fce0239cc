"""Toy sources, networks and generators for tests of metrics: small and exact, with counters of their calls."""

from __future__ import annotations

import numpy as np
import paddle

from ppgan_ext.errors import InputError
from tests.reference.toy import numbers


class ArraySource:
    """Images in memory; an entry None is unreadable. ``num_reads`` counts the calls of `read`."""

    def __init__(self, images, path=None):
        self.images = list(images)
        self.num_reads = 0
        if path is not None:
            self.path = path

    def __len__(self):
        return len(self.images)

    def name(self, index):
        return f"{index:04d}.png"

    def read(self, index):
        self.num_reads += 1
        if self.images[index] is None:
            raise InputError("is damaged", where=self.name(index))
        return self.images[index]


class ToyFeatures:
    """Linear features (N, F) of the means of 2x2 blocks; ``num_images`` counts the images."""

    def __init__(self, num_features=6, name="toy"):
        self.name = name
        self.num_features = num_features
        self.weights_hash = f"hash of {name}"
        self.matrix = numbers(f"{name} features", (12, num_features)).astype(np.float64)
        self.num_images = 0

    def extract(self, images):
        assert images.dtype == np.uint8 and images.ndim == 4 and images.shape[-1] == 3
        self.num_images += len(images)
        n, height, width = images.shape[:3]
        blocks = images.reshape(n, 2, height // 2, 2, width // 2, 3).mean(axis=(2, 4)) / 255
        return blocks.reshape(n, 12) @ self.matrix


class SquareDistance:
    """Mean squared difference of pixels."""

    name = "square"

    def prepare(self, target):
        return [target]

    def distance(self, pixels, features):
        difference = pixels - features[0]
        return (difference * difference).mean(axis=[1, 2, 3])


class BreaksAfter:
    """A distance that returns NaN after a number of calls."""

    name = "breaks"

    def __init__(self, inner, calls):
        self._inner, self._calls = inner, calls

    def prepare(self, target):
        return self._inner.prepare(target)

    def distance(self, pixels, features):
        self._calls -= 1
        return self._inner.distance(pixels, features) * (1.0 if self._calls >= 0 else float("nan"))


class ToyGenerator:
    """A generator whose pixels are a given function of w, which is a multiple of z.

    Args:
        dim: length of z and w.
        draw: w (N, dim) -> numbers (N, 3 * size * size).
        size: side of the images.
        gain: w = gain * z.
    """

    def __init__(self, dim, draw, size=2, gain=1.0):
        self.style_dim, self.size, self._draw, self._gain = dim, size, draw, gain

    def mapping(self, z):
        return self._gain * z

    def render(self, w, noise="fixed"):
        assert noise == "fixed"
        return self._draw(w).reshape([w.shape[0], 3, self.size, self.size])


def random_images(num, size=8, seed=0, low=0, high=256):
    """Return images of four random colours each, (num, size, size, 3) uint8, so that their block means differ."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(low, high, (num, 2, 2, 3), dtype=np.uint8)
    return np.repeat(np.repeat(coarse, size // 2, axis=1), size // 2, axis=2)


def generator_of(images):
    """Return a function like ``ModelOutputs.generate`` that returns the given images, (N, S, S, 3)."""
    pixels = images.transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1

    def generate(first, count):
        return paddle.to_tensor(pixels[first : first + count])

    return generate
