"""Operators of the teacher's network in NumPy, three of MediaPipe's own among them, which no runtime that is kept has.

Pictures are (H, W, C) float32.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


def convolve(
    x: Array, kernel: Array, bias: Array, stride: int = 1, dilation: int = 1, *, same: bool, depthwise: bool = False
) -> Array:
    """Correlate with a kernel (O, h, w, C), or channel by channel with one (1, h, w, C).

    Args:
        x: the picture.
        kernel: the weights.
        bias: (O,) or (C,).
        stride: of the result, in both directions.
        dilation: of the kernel, in both directions.
        same: pad with zeros, so that the result covers all of the picture.
        depthwise: channel by channel.
    """
    margins, sizes = [], []
    for size, width in zip(x.shape[:2], kernel.shape[1:3], strict=True):
        reach = (width - 1) * dilation + 1
        sizes.append(-(-size // stride) if same else (size - reach) // stride + 1)
        total = max((sizes[-1] - 1) * stride + reach - size, 0) if same else 0
        margins.append((total // 2, total - total // 2))
    padded = np.pad(x, (*margins, (0, 0)))
    result = np.zeros((*sizes, len(bias)), np.float32) + bias
    for i, j in np.ndindex(kernel.shape[1:3]):
        seen = padded[i * dilation :: stride, j * dilation :: stride][: sizes[0], : sizes[1]]
        result += seen * kernel[0, i, j] if depthwise else seen @ kernel[:, i, j].T
    return result


def pool(x: Array) -> tuple[Array, npt.NDArray[np.int64]]:
    """Return the largest of each 2 x 2 pixels, and which of the four it was, row by row."""
    height, width, channels = x.shape
    fours = x.reshape(height // 2, 2, width // 2, 2, channels).transpose(0, 2, 4, 1, 3)
    fours = fours.reshape(height // 2, width // 2, channels, 4)
    return fours.max(axis=-1), fours.argmax(axis=-1)


def unpool(x: Array, places: npt.NDArray[np.int64]) -> Array:
    """Put each value back to the place that `pool` took it from, zeros around it."""
    height, width, channels = x.shape
    fours = np.zeros((*x.shape, 4), np.float32)
    np.put_along_axis(fours, places[..., None], x[..., None], axis=-1)
    fours = fours.reshape(height, width, channels, 2, 2).transpose(0, 3, 1, 4, 2)
    return fours.reshape(2 * height, 2 * width, channels)


def convolve_to_twice_the_size(x: Array, kernel: Array, bias: Array) -> Array:
    """Spread each pixel by a kernel (O, h, w, C), two pixels apart; what is over is cut, the odd pixel at the end."""
    height, width, _ = x.shape
    outputs, rows, columns, _ = kernel.shape
    drawn = np.zeros((2 * height + rows, 2 * width + columns, outputs), np.float32)
    for i, j in np.ndindex(rows, columns):
        drawn[i : i + 2 * height : 2, j : j + 2 * width : 2] += x @ kernel[:, i, j].T
    top, left = (max(size - 2, 0) // 2 for size in (rows, columns))
    return drawn[top : top + 2 * height, left : left + 2 * width] + bias


def rectify(x: Array, slope: Array) -> Array:
    """Multiply what is negative by a slope (1, 1, C)."""
    return np.where(x > 0, x, x * slope)
