"""FIR resampling: blur, up-sampling, and up-convolution as one polyphase filter (StyleGAN2, arXiv 1912.04958, B).

Convention: filters are *convolved*, that is, flipped relative to correlation. As in upfirdn, the order is inserting
zeros, padding, filtering, sub-sampling. Padding is (before, after), the same on both axes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn

from ppgan_ext.errors import ConfigError
from ppgan_ext.nn import cpu_fir
from ppgan_ext.nn.forms import Form
from ppgan_ext.types import FloatArray


def unit_taps(taps: Sequence[float]) -> FloatArray:
    """Return a one-dimensional filter scaled to sum 1: (T,) float64.

    Raises:
        ConfigError: there are fewer than two taps, or their sum is not positive.
    """
    array = np.asarray(taps, dtype=np.float64)
    if array.ndim != 1 or array.size < 2 or not array.sum() > 0:
        cure = "Give at least two numbers with a positive sum, such as 1 3 3 1"
        raise ConfigError(f"{list(np.ravel(array))} is not a low-pass filter", where="blur_kernel", cure=cure)
    return array / array.sum()


def square_root(kernel: FloatArray) -> FloatArray | None:
    """Return the filter (T,) whose outer product with itself is ``kernel`` (T, T), or None if there is none."""
    if not kernel.sum() > 0:
        return None
    taps = kernel.sum(axis=0) / np.sqrt(kernel.sum())
    return taps if np.allclose(np.outer(taps, taps), kernel, atol=1e-6 * np.abs(kernel).max()) else None


def up_conv_padding(num_taps: int) -> tuple[int, int]:
    """Return the padding of the blur after a transposed 3x3 convolution of stride 2, so that H becomes 2 H."""
    excess = num_taps - 4
    return (excess + 1) // 2 + 1, excess // 2 + 1


def down_conv_padding(num_taps: int, kernel_size: int) -> tuple[int, int]:
    """Return the padding of the blur before a convolution of stride 2, so that H becomes H / 2."""
    excess = num_taps - 2 + kernel_size - 1
    return (excess + 1) // 2, excess // 2


class Blur(nn.Layer):
    """Convolve each channel with the same small filter.

    Args:
        taps: one-dimensional filter, scaled here to sum 1; the two-dimensional one is its outer product with itself.
        padding: zeros (before, after) on both axes.
        gain: the sum of the filter, by which a constant image is multiplied.
        stride: keep every stride-th result.
    """

    def __init__(self, taps: Sequence[float], padding: tuple[int, int], gain: float = 1.0, stride: int = 1) -> None:
        super().__init__()
        unit = unit_taps(taps)[::-1]
        kernel = (np.outer(unit, unit) * gain).astype(np.float32)
        # Not part of PaddleGAN's state dict, since the constructor's arguments determine it.
        self.register_buffer("kernel", paddle.to_tensor(kernel[None, None]), persistable=False)
        self.taps = unit * np.sqrt(gain)
        self.padding = [padding[0], padding[1], padding[0], padding[1]]
        self.stride = stride

    def forward(self, x: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Map (N, C, H, W) to (N, C, H', W') with H' = (H + sum(padding) - num_taps) // stride + 1."""
        channels = x.shape[1]
        if form != "smooth":
            padding = (self.padding[0], self.padding[1])
            if cpu_fir.can_filter(x, len(self.taps), padding):
                return cpu_fir.filter_planes(x, self.taps, padding, down=self.stride)
            kernel = self.kernel.expand([channels, -1, -1, -1])
            return F.conv2d(x, kernel, padding=self.padding, stride=self.stride, groups=channels)
        # Channels become samples, because a convolution with as many groups as channels has no second derivative.
        y = F.conv2d(_one_channel(x), self.kernel, padding=self.padding, stride=self.stride)
        return y.reshape([-1, channels, *y.shape[2:]])


class UpsampleFIR(nn.Layer):
    """Double both sides of an image: insert zeros, then apply a low-pass filter of gain 4.

    The filter is a persistent buffer ``kernel`` (taps, taps), because PaddleGAN's files contain it.

    Args:
        taps: one-dimensional filter, scaled here to sum 1.
    """

    def __init__(self, taps: Sequence[float]) -> None:
        super().__init__()
        unit = unit_taps(taps)
        self.register_buffer("kernel", paddle.to_tensor((np.outer(unit, unit) * 4).astype(np.float32)))
        excess = len(unit) - 2
        self.before = (excess + 1) // 2 + 1
        self.after = excess // 2

    def forward(self, x: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Map (N, C, H, W) to (N, C, 2 H, 2 W)."""
        channels, height, width = x.shape[1:]
        if form == "fused" and cpu_fir.can_filter(x, self.kernel.shape[0], (self.before, self.after)):
            taps = square_root(self.kernel.numpy())
            if taps is not None:  # a filter from a file need not be separable
                return cpu_fir.filter_planes(x, taps[::-1], (self.before, self.after), up=2)
        if form != "smooth":
            num_taps = self.kernel.shape[0]
            kernel = self.kernel.reshape([1, 1, num_taps, num_taps]).expand([channels, -1, -1, -1])
            # Transposing already adds zeros in front; instead of padding, the surplus is cropped.
            y = F.conv2d_transpose(x, kernel, stride=2, groups=channels)
            first = num_taps - 1 - self.before
            return y[:, :, first : first + 2 * height, first : first + 2 * width]
        padding = [self.before, self.after, self.before, self.after]
        kernel = paddle.flip(self.kernel, [0, 1]).reshape([1, 1, *self.kernel.shape])
        y = F.conv2d(insert_zeros(_one_channel(x)), kernel, padding=padding)
        return y.reshape([-1, channels, 2 * height, 2 * width])


def insert_zeros(x: paddle.Tensor) -> paddle.Tensor:
    """Insert a zero after every row and every column: (N, C, H, W) to (N, C, 2 H, 2 W)."""
    channels, height, width = x.shape[1:]
    x = x.reshape([-1, channels, height, 1, width, 1])
    x = paddle.concat([x, paddle.zeros_like(x)], axis=5)
    x = paddle.concat([x, paddle.zeros_like(x)], axis=3)
    return x.reshape([-1, channels, 2 * height, 2 * width])


def polyphase_matrix(taps: Sequence[float]) -> tuple[FloatArray, int]:
    """Fold "transposed 3x3 convolution of stride 2, then a blur of gain 4" into one filter per output phase.

    Along one axis, the two steps convolve the zero-interleaved input with ``c = weight * blur``. An output at 2 m + p
    depends on every second tap of c only, so each phase p is an ordinary convolution of the small input.

    Args:
        taps: the blur's filter, one-dimensional.

    Returns:
        A matrix (9, 4 T T) that maps the 9 numbers of a 3x3 filter to the filters (phase_y, phase_x, T, T), which are
        used in correlation with padding R; and R = (T - 1) / 2.
    """
    blur = unit_taps(taps) * 2.0
    before, _ = up_conv_padding(len(blur))
    offset = len(blur) - 1 - before
    radius = max(-(-offset // 2), -(-(len(blur) - offset) // 2))
    size = 2 * radius + 1
    line = np.zeros((3, 2, size))
    for a in range(3):
        for phase in range(2):
            for tap in range(size):
                index = phase - 2 * (tap - radius) + offset - a
                if 0 <= index < len(blur):
                    line[a, phase, tap] = blur[index]
    plane = np.einsum("ape,bqf->abpqef", line, line)
    return plane.reshape(9, 4 * size * size), radius


def _one_channel(x: paddle.Tensor) -> paddle.Tensor:
    return x.reshape([-1, 1, *x.shape[2:]])
