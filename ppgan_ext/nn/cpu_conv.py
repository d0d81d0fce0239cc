"""Convolutions and their gradients on a CPU in dygraph, with oneDNN.

Paddle's own CPU kernels unfold every image (im2col) on one thread and reach half of oneDNN's speed. Therefore each of
the three products that training needs (the output, the gradient of the input, the gradient of the filters) is a program
(`ppgan_ext.nn.cpu_program`): 190-270 GFLOP/s instead of 50-160, with a batch of 16 on two AVX-512 cores. Wide 3x3
filters have an algorithm with fewer products (`ppgan_ext.nn.cpu_winograd`).

If Paddle lacks oneDNN, or such a program fails or disagrees with Paddle's kernels on a small case, those kernels are
used.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import paddle
import paddle.nn.functional as F
from paddle.autograd import PyLayer

from ppgan_ext.nn import cpu_winograd
from ppgan_ext.nn.cpu_planes import runs_on_cpu
from ppgan_ext.nn.cpu_program import Program, program_outputs
from ppgan_ext.nn.cpu_route import Route
from ppgan_ext.nn.second_order import needs_gradient

# Rounding differs by about 1e-6 of the largest value.
_TOLERANCE = 1e-3


def convolve(x: paddle.Tensor, weight: paddle.Tensor, stride: int = 1, padding: int = 0) -> paddle.Tensor:
    """Convolve like ``F.conv2d``, differentiable any number of times.

    Args:
        x: features, (N, I, H, W), float32, on the CPU; anything else is passed to ``F.conv2d``.
        weight: filters, (O, I, k, k).
        stride: on both axes.
        padding: zeros on all four sides, fewer than k.

    Returns:
        (N, O, H', W').
    """
    if not supports(x, weight):
        return F.conv2d(x, weight, stride=stride, padding=padding)
    return apply_route(Route(stride, padding), x, weight)


def convolve_transposed(
    x: paddle.Tensor, weight: paddle.Tensor, stride: int, padding: int, output_padding: int = 0
) -> paddle.Tensor:
    """Convolve like ``F.conv2d_transpose``, differentiable any number of times.

    Args:
        x: features, (N, I, H, W), float32, on the CPU; anything else is passed to ``F.conv2d_transpose``.
        weight: filters, (I, O, k, k).
        stride: on both axes.
        padding: rows and columns cut off on all four sides, fewer than k.
        output_padding: rows and columns added at the bottom and at the right.

    Returns:
        (N, O, H', W').
    """
    if not supports(x, weight):
        return F.conv2d_transpose(x, weight, stride=stride, padding=padding, output_padding=output_padding)
    added = weight.shape[2] - stride - 2 * padding + output_padding
    sides = (x.shape[2] * stride + added, x.shape[3] * stride + added)
    # by definition the gradient of a convolution's features
    return DifferentiableRoute(Route(stride, padding)).of_features(x, weight, sides)


def apply_route(route: Route, x: paddle.Tensor, weight: paddle.Tensor) -> paddle.Tensor:
    """Return ``route.output(x, weight)``, differentiable any number of times.

    Args:
        route: the linear map.
        x: features, (N, I, H, W), for which :func:`supports` is true.
        weight: filters, (O, I, k, k).

    Returns:
        (N, O, H', W').
    """
    return DifferentiableRoute(route).output(x, weight)


def filter_channels(
    x: paddle.Tensor, kernel: paddle.Tensor, padding: tuple[int, int], stride: int = 1
) -> paddle.Tensor | None:
    """Correlate every channel with the same filter, without a derivative.

    Args:
        x: features, (N, C, H, W), float32, on the CPU.
        kernel: (T, T).
        padding: zeros (before, after) on both axes.
        stride: on both axes.

    Returns:
        (N, C, H', W'), or None if there is no oneDNN.
    """
    if not supports(x, kernel):
        return None
    kernels = kernel.expand([x.shape[1], 1, *kernel.shape])
    return _channel_filter(stride, padding)(x, kernels)[0]


def supports(*tensors: paddle.Tensor) -> bool:
    """Return whether oneDNN can work on these tensors: in dygraph, on the CPU, float32."""
    return runs_on_cpu(*tensors) and tensors[0].dtype == paddle.float32 and works()


@dataclass(frozen=True)
class DifferentiableRoute:
    """The methods of a route for dygraph, differentiable any number of times.

    They are bilinear in features and filters, so the gradients of each of the three products are the other two.

    Attributes:
        route: the route for programs.
    """

    route: Route

    def output(self, x: paddle.Tensor, weight: paddle.Tensor) -> paddle.Tensor:
        """Return `Route.output`."""
        return _Output.apply(x, weight, self.route)

    def of_features(self, gradient: paddle.Tensor, weight: paddle.Tensor, sides: tuple[int, int]) -> paddle.Tensor:
        """Return `Route.of_features`."""
        return _OfFeatures.apply(gradient, weight, self.route, sides)

    def of_filters(self, x: paddle.Tensor, gradient: paddle.Tensor, size: int) -> paddle.Tensor:
        """Return `Route.of_filters`."""
        return _OfFilters.apply(x, gradient, self.route, size)

    def gradients(
        self, x: paddle.Tensor, gradient: paddle.Tensor, weight: paddle.Tensor, of_x: bool, of_weight: bool
    ) -> tuple[paddle.Tensor | None, paddle.Tensor | None]:
        """Return `Route.gradients`."""
        return (
            self.of_features(gradient, weight, (x.shape[2], x.shape[3])) if of_x else None,
            self.of_filters(x, gradient, weight.shape[2]) if of_weight else None,
        )


class _Output(PyLayer):
    @staticmethod
    def forward(ctx: Any, x: paddle.Tensor, weight: paddle.Tensor, route: Route) -> paddle.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.needs_gradient = needs_gradient((x, weight), learnt=(1,))
        ctx.route = route
        if _has_tiles(route, weight.shape, x.shape):
            return cpu_winograd.output(x, weight, route.padding)
        return _output(route)(x, weight)[0]

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> tuple[paddle.Tensor | None, ...]:
        x, weight = ctx.saved_tensor()
        of_x, of_weight = ctx.needs_gradient()
        joins = not (paddle.is_grad_enabled() or _has_tiles(ctx.route, weight.shape, x.shape))
        if of_x and of_weight and joins:
            return tuple(_of_both(ctx.route)(x, gradient, weight))
        return DifferentiableRoute(ctx.route).gradients(x, gradient, weight, of_x, of_weight)


class _OfFeatures(PyLayer):
    @staticmethod
    def forward(
        ctx: Any, gradient: paddle.Tensor, weight: paddle.Tensor, route: Route, sides: tuple[int, int]
    ) -> paddle.Tensor:
        ctx.save_for_backward(gradient, weight)
        ctx.needs_gradient = needs_gradient((gradient, weight), learnt=(1,))
        ctx.route = route
        if _has_tiles(route, weight.shape, (*gradient.shape[:2], *sides)):
            return cpu_winograd.of_features(gradient, weight, route.padding)
        return _of_features(route, sides)(gradient, weight)[0]

    @staticmethod
    def backward(ctx: Any, outer: paddle.Tensor) -> tuple[paddle.Tensor | None, ...]:
        gradient, weight = ctx.saved_tensor()
        of_gradient, of_weight = ctx.needs_gradient()
        route = DifferentiableRoute(ctx.route)
        return (
            route.output(outer, weight) if of_gradient else None,
            route.of_filters(outer, gradient, weight.shape[2]) if of_weight else None,
        )


class _OfFilters(PyLayer):
    @staticmethod
    def forward(ctx: Any, x: paddle.Tensor, gradient: paddle.Tensor, route: Route, size: int) -> paddle.Tensor:
        ctx.save_for_backward(x, gradient)
        ctx.needs_gradient = needs_gradient((x, gradient))
        ctx.route = route
        if _has_tiles(route, (gradient.shape[1], x.shape[1], size, size), x.shape):
            return cpu_winograd.of_filters(x, gradient, route.padding)
        return _of_filters(route, size)(x, gradient)[0]

    @staticmethod
    def backward(ctx: Any, outer: paddle.Tensor) -> tuple[paddle.Tensor | None, ...]:
        x, gradient = ctx.saved_tensor()
        of_x, of_gradient = ctx.needs_gradient()
        route = DifferentiableRoute(ctx.route)
        return (
            route.of_features(gradient, outer, (x.shape[2], x.shape[3])) if of_x else None,
            route.output(x, outer) if of_gradient else None,
        )


def _has_tiles(route: Route, filters: Sequence[int], features: Sequence[int]) -> bool:
    """Return whether `cpu_winograd` computes the products of filters (O, I, k, k) and features (N, I, H, W)."""
    return cpu_winograd.pays(route, filters, features[0], features[2], features[3])


@cache
def _output(route: Route) -> Program:
    return Program(lambda x, weight: program_outputs(route.output(x, weight)))


@cache
def _of_features(route: Route, sides: tuple[int, int]) -> Program:
    return Program(lambda gradient, weight: program_outputs(route.of_features(gradient, weight, sides)))


@cache
def _of_filters(route: Route, size: int) -> Program:
    return Program(lambda x, gradient: program_outputs(route.of_filters(x, gradient, size)))


@cache
def _of_both(route: Route) -> Program:
    return Program(lambda x, gradient, weight: program_outputs(*route.gradients(x, gradient, weight, True, True)))


@cache
def _channel_filter(stride: int, padding: tuple[int, int]) -> Program:
    def correlate(x: paddle.Tensor, kernels: paddle.Tensor) -> tuple[paddle.Tensor, ...]:
        zeros = [*padding, *padding]
        return program_outputs(F.conv2d(x, kernels, stride=stride, padding=zeros, groups=kernels.shape[0]))

    return Program(correlate)


@cache
def works() -> bool:
    """Test all products on small cases, once per process."""
    taps = (0.25, 0.75, 0.75, 0.25)
    routes = Route(padding=1), Route(2), Route(2, taps=taps, before=2, after=1), Route(2, 0, True, taps, 1, 1)
    return passes(lambda: all(_is_right(route) for route in routes) and _channel_filter_is_right())


def passes(check: Callable[[], bool]) -> bool:
    """Return the result of a check of oneDNN's programs, or False, with a warning, if it raises an error."""
    try:
        with paddle.enable_grad():
            return check()
    except Exception as error:  # noqa: BLE001  a Paddle without oneDNN, or with another tracer, may raise anything
        reason = " ".join(str(error).split())[-200:]
        warnings.warn(f"oneDNN cannot be used, so convolutions are slower: {reason}", stacklevel=2)
        return False


def nearly_equal(actual: Sequence[paddle.Tensor], expected: Sequence[paddle.Tensor]) -> bool:
    """Return whether two lists of tensors, of equal shapes, differ by rounding only."""
    worst = max(((a - b).abs().max() / b.abs().max()).item() for a, b in zip(actual, expected, strict=True))
    return worst < _TOLERANCE


def _is_right(route: Route) -> bool:
    x = paddle.linspace(-1, 1, 2 * 3 * 7 * 9).reshape([2, 3, 7, 9]).sin()
    weight = paddle.linspace(-2, 1, 4 * 3 * 9).reshape([4, 3, 3, 3]).cos()
    x.stop_gradient = weight.stop_gradient = False
    y = _reference_output(route, x, weight)
    gradient = (y.detach() * 3.0).sin()
    gradients = paddle.grad([y], [x, weight], [gradient])
    actual = [*_output(route)(x, weight), *_of_features(route, (7, 9))(gradient, weight)]
    actual += [*_of_filters(route, 3)(x, gradient), *_of_both(route)(x, gradient, weight)]
    return nearly_equal(actual, [y, *gradients, *gradients])


def _reference_output(route: Route, x: paddle.Tensor, weight: paddle.Tensor) -> paddle.Tensor:
    """Apply a route with Paddle's kernels."""

    def blur(x: paddle.Tensor) -> paddle.Tensor:
        taps = paddle.to_tensor(route.taps)
        kernels = (taps.unsqueeze(1) * taps).expand([x.shape[1], 1, len(route.taps), len(route.taps)])
        zeros = [route.before, route.after, route.before, route.after]
        return F.conv2d(x, kernels, padding=zeros, groups=x.shape[1])

    if route.up:
        return blur(F.conv2d_transpose(x, weight.transpose([1, 0, 2, 3]), stride=2))
    return F.conv2d(blur(x) if route.taps else x, weight, stride=route.stride, padding=route.padding)


def _channel_filter_is_right() -> bool:
    x = paddle.linspace(-1, 1, 2 * 3 * 7 * 9).reshape([2, 3, 7, 9]).sin()
    kernels = paddle.linspace(-2, 1, 3 * 9).reshape([3, 1, 3, 3]).cos()
    (actual,) = _channel_filter(2, (2, 1))(x, kernels)
    return nearly_equal([actual], [F.conv2d(x, kernels, stride=2, padding=[2, 1, 2, 1], groups=3)])
