"""What follows a modulated convolution, in one pass over the features: for a CPU in dygraph.

Demodulation, noise, bias and leaky ReLU are four operators of Paddle, each of which reads and writes all features on
one thread, and seven more backwards. Here they run on pieces that stay in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import paddle
from paddle.autograd import PyLayer

from ppgan_ext.nn.cpu_planes import Result, for_each_plane, to_tensor, view
from ppgan_ext.nn.second_order import wanted_gradients
from ppgan_ext.types import FloatArray

# Numbers per piece: three pieces of float32 fit in the second-level cache.
_PIECE = 1 << 16


def finish_style(
    x: paddle.Tensor, gain: paddle.Tensor, noise: paddle.Tensor | None, bias: paddle.Tensor, slope: float
) -> paddle.Tensor:
    """Return leaky_relu(x * gain + noise + bias), differentiable any number of times in all tensors.

    Args:
        x: features, (N, C, H, W), float32 or float64, on the CPU; the others are of the same type.
        gain: (N, C) or (1, C).
        noise: (N, 1, H, W) or (1, 1, H, W), or None.
        bias: (C,).
        slope: of the leaky ReLU, above 0 and below 1.

    Returns:
        (N, C, H, W).
    """
    if noise is None:
        return _FinishStyle.apply(x, gain, bias, slope)
    return _FinishStyle.apply(x, gain, bias, slope, noise)


class _FinishStyle(PyLayer):
    @staticmethod
    def forward(
        ctx: Any,
        x: paddle.Tensor,
        gain: paddle.Tensor,
        bias: paddle.Tensor,
        slope: float,
        noise: paddle.Tensor | None = None,
    ) -> paddle.Tensor:
        batch, channels, height, width = x.shape
        result = Result(x.shape, x)
        sources, targets = view(x).reshape(batch, channels, -1), result.array.reshape(batch, channels, -1)
        gains = np.broadcast_to(view(gain), (batch, channels))
        noises = (
            None if noise is None else np.broadcast_to(view(noise).reshape(-1, height * width), sources[:, 0].shape)
        )
        biases = view(bias)
        units = _units(batch, channels, height * width)

        def work(unit: int) -> None:
            n, c = units[unit]
            for piece in _pieces(height * width):
                y = sources[n, c, piece] * gains[n, c, None]
                if noises is not None:
                    y += noises[n, piece]
                y += biases[c, None]
                np.maximum(y, y * y.dtype.type(slope), out=targets[n, c, piece])

        for_each_plane(len(units), sources.size // max(len(units), 1), work)
        y = result.tensor()
        ctx.slope, ctx.has_noise = slope, noise is not None
        ctx.wanted = wanted_gradients((x, gain, bias, *(() if noise is None else (noise,))), learnt=(2, 3))
        ctx.shapes = [tensor.shape for tensor in (gain, *(() if noise is None else (noise,)))]
        # Not y itself, which will hold this context: where a graph is kept for a second derivative, both would stay.
        ctx.save_for_backward(x, gain, y.detach())
        return y

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> tuple[paddle.Tensor | None, ...]:
        x, gain, y = ctx.saved_tensor()
        wanted = ctx.wanted()
        if paddle.is_grad_enabled():  # only where the gradient itself is to be differentiated
            return _differentiable_slopes(x, gain, y, gradient, ctx.slope, wanted, ctx.shapes)
        slopes = _Slopes(x, gain, y, gradient, ctx.slope, wanted)
        results = [slopes.of_x(), slopes.of_gain(ctx.shapes[0]), slopes.of_bias()]
        if ctx.has_noise:
            results.append(slopes.of_noise(ctx.shapes[1]))
        return tuple(results)


def _differentiable_slopes(
    x: paddle.Tensor,
    gain: paddle.Tensor,
    y: paddle.Tensor,
    gradient: paddle.Tensor,
    slope: float,
    wanted: Sequence[bool],
    shapes: Sequence[list[int]],
) -> tuple[paddle.Tensor | None, ...]:
    """The gradients of `finish_style` in operators that have derivatives; the leaky ReLU's own second one is 0."""
    steps = (y.detach() > 0).astype(y.dtype) * (1 - slope) + slope
    before = gradient * steps
    of_x = before * gain.unsqueeze(-1).unsqueeze(-1) if wanted[0] else None
    of_gain = (before * x).sum(axis=[2, 3]) if wanted[1] else None
    if of_gain is not None and shapes[0][0] == 1:
        of_gain = of_gain.sum(axis=0, keepdim=True)
    of_bias = before.sum(axis=[0, 2, 3]) if wanted[2] else None
    if len(wanted) == 3:
        return of_x, of_gain, of_bias
    of_noise = before.sum(axis=1, keepdim=True) if wanted[3] else None
    if of_noise is not None and shapes[1][0] == 1:
        of_noise = of_noise.sum(axis=0, keepdim=True)
    return of_x, of_gain, of_bias, of_noise


class _Slopes:
    """The gradients of `finish_style`, all from one pass."""

    def __init__(
        self,
        x: paddle.Tensor,
        gain: paddle.Tensor,
        y: paddle.Tensor,
        gradient: paddle.Tensor,
        slope: float,
        wanted: Sequence[bool],
    ) -> None:
        self._x = x
        self._wanted = wanted
        batch, channels, height, width = x.shape
        self._result = Result(x.shape, x) if wanted[0] else None
        sources, after, incoming = (view(tensor).reshape(batch, channels, -1) for tensor in (x, y, gradient))
        gains = np.broadcast_to(view(gain), (batch, channels))
        self._gain_slopes = np.zeros((batch, channels))
        self._bias_slopes = np.zeros((batch, channels))
        # One sum per thread would be needed to add up the channels of the noise while they are worked on.
        self._before = np.empty_like(incoming) if wanted[-1] and len(wanted) == 4 else None
        targets = None if self._result is None else self._result.array.reshape(batch, channels, -1)
        one_minus_slope, rest = incoming.dtype.type(1 - slope), incoming.dtype.type(slope)

        units = _units(batch, channels, height * width)

        def work(unit: int) -> None:
            n, c = units[unit]
            for piece in _pieces(height * width):
                # Arithmetic, because np.where takes ten times as long.
                before = (after[n, c, piece] > 0) * one_minus_slope
                before += rest
                before *= incoming[n, c, piece]
                if wanted[1]:
                    self._gain_slopes[n, c] += np.einsum("ci,ci->c", before, sources[n, c, piece])
                if wanted[2]:
                    self._bias_slopes[n, c] += before.sum(axis=1)
                if self._before is not None:
                    self._before[n, c, piece] = before
                if targets is not None:
                    np.multiply(before, gains[n, c, None], out=targets[n, c, piece])

        for_each_plane(len(units), sources.size // max(len(units), 1), work)

    def of_x(self) -> paddle.Tensor | None:
        """Return (N, C, H, W)."""
        return None if self._result is None else self._result.tensor()

    def of_gain(self, shape: list[int]) -> paddle.Tensor | None:
        """Return the shape of the gains, (N, C) or (1, C)."""
        return self._tensor(_sum_to(self._gain_slopes, shape)) if self._wanted[1] else None

    def of_bias(self) -> paddle.Tensor | None:
        """Return (C,)."""
        return self._tensor(self._bias_slopes.sum(axis=0)) if self._wanted[2] else None

    def of_noise(self, shape: list[int]) -> paddle.Tensor | None:
        """Return the shape of the noise, (N, 1, H, W) or (1, 1, H, W)."""
        if self._before is None:
            return None
        return self._tensor(_sum_to(self._before.sum(axis=1), [shape[0], self._before.shape[2]]).reshape(shape))

    def _tensor(self, array: FloatArray) -> paddle.Tensor:
        return to_tensor(array, self._x)


def _units(batch: int, channels: int, plane_size: int) -> list[tuple[int, slice]]:
    """Share the planes out: (image, channels), as many small planes at once as make a piece."""
    group = max(_PIECE // max(plane_size, 1), 1)
    return [(n, slice(c, min(c + group, channels))) for n in range(batch) for c in range(0, channels, group)]


def _pieces(length: int) -> list[slice]:
    return [slice(start, min(start + _PIECE, length)) for start in range(0, length, _PIECE)]


def _sum_to(array: FloatArray, shape: list[int]) -> FloatArray:
    """Undo broadcasting along the first axis."""
    return array if array.shape[0] == shape[0] else array.sum(axis=0, keepdims=True)
