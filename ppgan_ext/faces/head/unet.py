"""Small U-Nets that say something about each pixel of a head patch, in NumPy: 0.2 million weights, no Paddle.

A U-Net (Ronneberger, Fischer and Brox, arXiv 1505.04597) of nine blocks down to a sixteenth of the patch and three up
to half of it; each block is a 3x3 convolution with the batch normalisation folded in, and a rectifier. The weights ship
in half precision; `docs/models/hair.md` is their card.
"""

from __future__ import annotations

import functools
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file

from ppgan_ext.errors import WeightsError
from ppgan_ext.types import FloatArray

_DOWN = (("d1", "e1"), ("d2", "e2"), ("d3", "e3"), ("d4", "e4", "e5"))
_UP = ("u3", "u2", "u1")
_ARRAYS = tuple(f"{name}.{kind}" for name in (*(n for names in _DOWN for n in names), *_UP, "o") for kind in "wb")


def run_unet(file: Path, channels: FloatArray) -> npt.NDArray[np.float32]:
    """Return how likely each pixel is what the network looks for.

    Args:
        file: the network's weights, ``.safetensors``.
        channels: what it sees, (C, H, W), both sides multiples of 16.

    Returns:
        (K, H, W) in [0, 1], one map for each thing that it looks for.

    Raises:
        WeightsError: the file is missing or damaged.
    """
    weights = _weights(file)
    values = np.asarray(channels, np.float32)
    skips = []
    for names in _DOWN:
        for name in names:
            stride = 2 if name.startswith("d") else 1
            values = np.maximum(_convolve(values, weights[f"{name}.w"], weights[f"{name}.b"], stride), 0.0)
        skips.append(values)
    for name, skip in zip(_UP, skips[-2::-1], strict=True):
        finer = values.repeat(2, axis=1).repeat(2, axis=2)
        joined = np.concatenate([finer, skip])
        values = np.maximum(_convolve(joined, weights[f"{name}.w"], weights[f"{name}.b"], 1), 0.0)
    logits = np.clip(_convolve(values, weights["o.w"], weights["o.b"], 1), -30.0, 30.0)
    size = channels.shape[:0:-1]
    return np.stack([cv2.resize(1.0 / (1.0 + np.exp(-z)), size, interpolation=cv2.INTER_LINEAR) for z in logits])


def _convolve(values: FloatArray, kernel: FloatArray, bias: FloatArray, stride: int) -> npt.NDArray[np.float32]:
    """Correlate (C, H, W) with a kernel (O, C, 3, 3), zeros around the border, as one matrix product."""
    _, height, width = values.shape
    padded = np.pad(values, ((0, 0), (1, 1), (1, 1)))
    rows, columns = (height - 1) // stride + 1, (width - 1) // stride + 1
    windows = np.stack(
        [padded[:, y : y + height : stride, x : x + width : stride] for y in range(3) for x in range(3)], axis=1
    )
    product = kernel.reshape(kernel.shape[0], -1) @ windows.reshape(-1, rows * columns)
    return (product + bias[:, None]).reshape(-1, rows, columns).astype(np.float32)


@functools.lru_cache(maxsize=4)
def _weights(file: Path) -> dict[str, npt.NDArray[np.float32]]:
    """Read the weights, stored in half precision."""
    try:
        arrays = load_file(file)
        return {name: np.asarray(arrays[name], np.float32) for name in _ARRAYS}
    except (OSError, SafetensorError, KeyError) as error:
        what = f"the model of {file.stem} is missing or damaged"
        raise WeightsError(what, where=file, cure="Install the package again") from error
