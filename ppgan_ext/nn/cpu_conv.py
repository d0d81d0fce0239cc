"""The input's gradient of a 3x3 convolution with frozen filters, on a CPU in dygraph.

Paddle computes it as a matrix product and col2im, which on large maps takes twice as long as the forward pass. It is
the convolution of the output's gradient with the filters turned by 180 degrees and their axes exchanged.
"""

from __future__ import annotations

from typing import Any

import paddle
import paddle.nn.functional as F
from paddle.autograd import PyLayer

from ppgan_ext.nn.cpu_planes import runs_on_cpu

# Below this many pixels both ways take as long, and the filters are many.
_MIN_PIXELS = 128 * 128


def convolve_same(x: paddle.Tensor, weight: paddle.Tensor) -> paddle.Tensor:
    """Convolve with 3x3 filters, stride 1, one row and column of zeros around: (N, I, H, W) to (N, O, H, W).

    Args:
        x: features.
        weight: (O, I, 3, 3).
    """
    is_frozen = weight.stop_gradient and not x.stop_gradient and paddle.is_grad_enabled()
    if is_frozen and x.shape[2] * x.shape[3] >= _MIN_PIXELS and runs_on_cpu(x, weight):
        return _ConvolveSame.apply(x, weight)
    return F.conv2d(x, weight, padding=1)


class _ConvolveSame(PyLayer):
    @staticmethod
    def forward(ctx: Any, x: paddle.Tensor, weight: paddle.Tensor) -> paddle.Tensor:
        ctx.save_for_backward(weight)
        return F.conv2d(x, weight, padding=1)

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> tuple[paddle.Tensor, None]:
        (weight,) = ctx.saved_tensor()
        return F.conv2d(gradient, weight.flip([2, 3]).transpose([1, 0, 2, 3]), padding=1), None
