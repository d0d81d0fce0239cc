"""The routes of `ppgan_ext.nn.cpu_route` in Paddle's twice differentiable operators, in any precision."""

from __future__ import annotations

import paddle
import paddle.nn.functional as F

from ppgan_ext.nn.cpu_route import Route
from ppgan_ext.nn.resample import insert_zeros


def plain_route(route: Route, x: paddle.Tensor, weight: paddle.Tensor) -> paddle.Tensor:
    """Map features (N, I, H, W) with filters (O, I, k, k) to (N, O, H', W')."""
    if not route.up:
        stride = route.stride
        return F.conv2d(_blur(route, x), weight, stride=stride, padding=route.padding)
    # A transposed convolution of stride 2 is a convolution of the zero-interleaved input with the rotated filters.
    last = weight.shape[2] - 1
    spread = insert_zeros(x)[:, :, : 2 * x.shape[2] - 1, : 2 * x.shape[3] - 1]
    return _blur(route, F.conv2d(spread, paddle.flip(weight, [2, 3]), padding=last))


def _blur(route: Route, x: paddle.Tensor) -> paddle.Tensor:
    if not route.taps:
        return x
    taps = paddle.to_tensor(route.taps, dtype=x.dtype)
    kernel = (taps.unsqueeze(1) * taps).reshape([1, 1, len(route.taps), len(route.taps)])
    padding = [route.before, route.after, route.before, route.after]
    y = F.conv2d(x.reshape([-1, 1, *x.shape[2:]]), kernel, padding=padding)
    return y.reshape([-1, x.shape[1], *y.shape[2:]])
