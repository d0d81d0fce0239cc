"""3x3 convolutions with frozen filters on a CPU in dygraph: a faster gradient and a fraction of the memory.

Paddle computes the input's gradient as a matrix product and col2im, which on large maps takes twice as long as the
forward pass. It is the convolution of the output's gradient with the filters turned by 180 degrees and their axes
exchanged. And Paddle unfolds the whole input, nine times its size; in strips of rows that takes no longer.
"""

from __future__ import annotations

from typing import Any

import paddle
import paddle.nn.functional as F
from paddle.autograd import PyLayer

from ppgan_ext.nn.cpu_planes import runs_on_cpu

# Below this many pixels both ways take as long, and the filters are many.
_MIN_PIXELS = 128 * 128
# What one strip unfolds to: 32 MB in single precision.
_UNFOLDED_NUMBERS = 8 << 20


def convolve_same(x: paddle.Tensor, weight: paddle.Tensor) -> paddle.Tensor:
    """Convolve with 3x3 filters, stride 1, one row and column of zeros around: (N, I, H, W) to (N, O, H, W).

    Args:
        x: features.
        weight: (O, I, 3, 3).
    """
    learns = paddle.is_grad_enabled() and not weight.stop_gradient
    if learns or x.shape[2] * x.shape[3] < _MIN_PIXELS or not runs_on_cpu(x, weight):
        return F.conv2d(x, weight, padding=1)
    if x.stop_gradient or not paddle.is_grad_enabled():
        return _convolve_in_strips(x, weight)
    return _ConvolveSame.apply(x, weight)


class _ConvolveSame(PyLayer):
    @staticmethod
    def forward(ctx: Any, x: paddle.Tensor, weight: paddle.Tensor) -> paddle.Tensor:
        ctx.save_for_backward(weight)
        return _convolve_in_strips(x, weight)

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> tuple[paddle.Tensor, None]:
        (weight,) = ctx.saved_tensor()
        return _convolve_in_strips(gradient, weight.flip([2, 3]).transpose([1, 0, 2, 3])), None


def _convolve_in_strips(x: paddle.Tensor, weight: paddle.Tensor) -> paddle.Tensor:
    """Convolve strips of rows, each with a row of its neighbours or of zeros above and below."""
    channels, height, width = x.shape[1:]
    rows = max(_UNFOLDED_NUMBERS // (9 * channels * width), 1)
    if rows >= height:
        return F.conv2d(x, weight, padding=1)
    strips = []
    for first in range(0, height, rows):
        last = min(first + rows, height)
        above, below = int(first == 0), int(last == height)
        strip = x[:, :, first - 1 + above : last + 1 - below]
        strips.append(F.conv2d(strip, weight, padding=[above, below, 1, 1]))
    return paddle.concat(strips, axis=2)
