"""The generator's layer (modulated convolution, noise, bias, leaky ReLU) as programs: see `ppgan_ext.nn.cpu_layer`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import paddle
import paddle.nn.functional as F

from ppgan_ext.nn.cpu_layer import Formulas, Gradients, apply, matches_reference, sum_of_pixels, through_activation
from ppgan_ext.nn.cpu_program import to_paddle_layout
from ppgan_ext.nn.cpu_route import Route


def styled_layer(
    route: Route,
    x: paddle.Tensor,
    weight: paddle.Tensor,
    style: paddle.Tensor,
    gain: paddle.Tensor,
    bias: paddle.Tensor,
    noise: paddle.Tensor,
    strength: paddle.Tensor,
    slope: float,
) -> paddle.Tensor:
    """Return leaky_relu(gain * route(style * x, weight) + strength * noise + bias), differentiable any number of times.

    Args:
        route: the linear map.
        x: features, (N, I, H, W). All tensors are float32 on the CPU, and :func:`works` must be true.
        weight: filters, (O, I, k, k).
        style: (N, I).
        gain: (N, O), nowhere 0.
        bias: (O,).
        noise: (N, 1, H', W') or (1, 1, H', W').
        strength: (1,).
        slope: of the leaky ReLU, above 0.

    Returns:
        (N, O, H', W').
    """
    return apply(StyledFormulas(route, slope), x, weight, style, gain, bias, noise, strength)


@cache
def works() -> bool:
    """Test the layer and its derivatives on a small case, once per process."""
    route, slope = Route(padding=1), 0.2

    def layer(*tensors: paddle.Tensor) -> paddle.Tensor:
        return apply(StyledFormulas(route, slope), *tensors)

    def reference(*tensors: paddle.Tensor) -> paddle.Tensor:
        x, weight, style, gain, bias, noise, strength = tensors
        y = F.conv2d(x * _maps(style), weight, padding=1) * _maps(gain) + noise * strength
        return F.leaky_relu(y + bias.reshape([1, -1, 1, 1]), slope)

    shapes = [[2, 3, 5, 7], [4, 3, 3, 3], [2, 3], [2, 4], [4], [1, 1, 5, 7], [1]]
    return matches_reference(layer, reference, shapes, learnt=StyledFormulas.learnt)


@dataclass(frozen=True)
class StyledFormulas(Formulas):
    """y = leaky_relu(gain * z + strength * noise + bias) with z = route(style * x, weight).

    The tensors are x, weight, style, gain, bias, noise, strength. z is not kept: it can be computed from y, which the
    next layer keeps anyway.
    """

    learnt: ClassVar[tuple[int, ...]] = (1, 4, 5, 6)
    inner: ClassVar[tuple[int, ...]] = (0, 2, 3)
    curved: ClassVar[tuple[bool, ...]] = (True, True, True, True, False, False, False)

    def output(self, *tensors: paddle.Tensor) -> paddle.Tensor:  # noqa: D102  documented in the base class, as below
        x, weight, style, gain, bias, noise, strength = tensors
        y = self.route.output(x * _maps(style), weight) * _maps(gain) + noise * strength.reshape([1, 1, 1, 1])
        return F.leaky_relu(y + bias.reshape([1, -1, 1, 1]), self.slope)

    def gradients(  # noqa: D102
        self, needs: tuple[bool, ...], y: paddle.Tensor, incoming: paddle.Tensor, *tensors: paddle.Tensor
    ) -> Gradients:
        x, weight, style, gain, _, noise, strength = tensors
        before = through_activation(y, incoming, self.slope)
        # The sums come first, so that each large tensor is freed before the next one is created.
        of_gain = self._of_gain(y, incoming, before, *tensors) if needs[3] else None
        of_bias = sum_of_pixels(before).sum(axis=0) if needs[4] else None
        of_noise = _sum_of_channels(before, noise.shape[0]) * strength.reshape([1, 1, 1, 1]) if needs[5] else None
        of_strength = sum_of_pixels(before, noise).sum().reshape([1]) if needs[6] else None
        outer, of_x, of_style = before * _maps(gain), None, None
        of_styled, of_weight = self.route.gradients(
            x * _maps(style), outer, weight, of_x=needs[0] or needs[2], of_weight=needs[1]
        )
        if of_styled is not None:
            of_styled = to_paddle_layout(of_styled)
            of_x = of_styled * _maps(style) if needs[0] else None
            of_style = sum_of_pixels(of_styled * x) if needs[2] else None
        return of_x, of_weight, of_style, of_gain, of_bias, of_noise, of_strength

    def inner_gradients(  # noqa: D102
        self, y: paddle.Tensor, incoming: paddle.Tensor, *tensors: paddle.Tensor
    ) -> tuple[paddle.Tensor, ...]:
        x, weight, style, gain, *_ = tensors
        before = through_activation(y, incoming, self.slope)
        of_styled = to_paddle_layout(self.route.of_features(before * _maps(gain), weight, (x.shape[2], x.shape[3])))
        of_gain = self._of_gain(y, incoming, before, *tensors)
        return of_styled * _maps(style), sum_of_pixels(of_styled * x), of_gain, of_styled

    def inner_curvature(self, *inputs: paddle.Tensor) -> Gradients:  # noqa: D102
        of_x, of_style, of_gain, y, incoming, *rest = inputs
        x, weight, style, gain, *_ = tensors = rest[:7]
        size, sides = weight.shape[2], (x.shape[2], x.shape[3])
        before = through_activation(y, incoming, self.slope)
        outer, styled = before * _maps(gain), x * _maps(style)
        of_styled = rest[7] if len(rest) > 7 else self.route.of_features(outer, weight, sides)
        # The gradients of x and style are the gradient of x * style times the other one; the latter is bilinear.
        changed = of_x * _maps(style) + x * _maps(of_style)
        of_outer = to_paddle_layout(self.route.output(changed, weight))
        # The gradient of the gain is the sum of before * z over the pixels, and z is bilinear.
        of_z = before * _maps(of_gain)
        through_z = to_paddle_layout(self.route.of_features(of_z, weight, sides))
        of_before = of_outer * _maps(gain) + self._before_gain(y, *tensors) * _maps(of_gain)
        of_weights = self.route.of_filters(changed, outer, size), self.route.of_filters(styled, of_z, size)
        return (
            through_activation(y, of_before, self.slope),
            of_styled * _maps(of_style) + through_z * _maps(style),
            to_paddle_layout(of_weights[0]) + to_paddle_layout(of_weights[1]),
            sum_of_pixels(of_styled * of_x) + sum_of_pixels(through_z * x),
            sum_of_pixels(of_outer * before),
            None,
            None,
            None,
        )

    def _of_gain(
        self, y: paddle.Tensor, incoming: paddle.Tensor, before: paddle.Tensor, *tensors: paddle.Tensor
    ) -> paddle.Tensor:
        """Sum before * z over the pixels."""
        gain, bias, noise, strength = tensors[3:]
        if paddle.in_dynamic_mode():
            return sum_of_pixels(before * self._before_gain(y, *tensors))
        # before * (gain * z + strength * noise + bias) = incoming * y: before is incoming times the slope and the
        # bracket is y divided by it, so the slope cancels.
        rest = sum_of_pixels(before, noise) * strength + sum_of_pixels(before) * bias
        return (sum_of_pixels(incoming * y) - rest) / gain

    def _before_gain(self, y: paddle.Tensor, *tensors: paddle.Tensor) -> paddle.Tensor:
        """Return z: computed from y in a program, and anew in dygraph, where it must be differentiable."""
        x, weight, style, gain, bias, noise, strength = tensors
        if paddle.in_dynamic_mode():
            return self.route.output(x * _maps(style), weight)
        # One term after the other: oneDNN takes fifty times as long if both terms of a sum are broadcast.
        z = F.leaky_relu(y, 1 / self.slope) - noise * strength.reshape([1, 1, 1, 1])
        return (z - bias.reshape([1, -1, 1, 1])) * _maps(1 / gain)


def _maps(factors: paddle.Tensor) -> paddle.Tensor:
    """Reshape (N, C) to (N, C, 1, 1), to be broadcast over the pixels."""
    return factors.unsqueeze([2, 3])


def _sum_of_channels(x: paddle.Tensor, batch: int) -> paddle.Tensor:
    """Sum features (N, C, H, W) to (N, 1, H, W), or to (1, 1, H, W) if ``batch`` is 1."""
    channels, height, width = x.shape[1:]
    row = paddle.ones([1, 1, channels], x.dtype)
    total = paddle.matmul(row, x.reshape([-1, channels, height * width])).reshape([-1, 1, height, width])
    return total if batch == total.shape[0] else total.sum(axis=0, keepdim=True)
