"""Numbers for the Inception network that depend on their names alone, and the images that the golden was made of."""

from __future__ import annotations

import numpy as np

from tests.reference.toy import numbers

HEIGHT, WIDTH = 41, 57


def twin_array(name: str, shape) -> np.ndarray:
    """An array for a name of PaddleGAN's file: convolutions keep the variance, normalisation is near the identity."""
    array = numbers(name, shape)
    if name.endswith("conv.weight"):
        return array * np.float32(np.sqrt(2 / np.prod(shape[1:])))
    if name.endswith("bn.weight"):
        return 1 + np.float32(0.2) * array
    if name.endswith("_variance"):
        return 1 + np.float32(0.5) * np.abs(array)
    return np.float32(0.1) * array


def twin_images() -> np.ndarray:
    """Two lopsided images, (2, 41, 57, 3) uint8."""
    return np.random.RandomState(7).randint(0, 256, (2, HEIGHT, WIDTH, 3)).astype(np.uint8)
