"""A whole layer of StyleGAN2 as one program of oneDNN's, in every direction: for a CPU in dygraph.

Operator by operator the features are brought into oneDNN's memory layout and back around each convolution, and what
lies between two convolutions runs on threads of our own, which oneDNN's keep from the processor, because they spin for
a while behind each program. As programs of whole layers a training step takes two thirds of the time.

A layer's formulas are written once (:class:`PlainFormulas`, and `ppgan_ext.nn.cpu_styled`). They run as programs;
or, where there is none for the derivatives of the result, in differentiable operators.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar, TypeAlias

import paddle
import paddle.nn.functional as F
from paddle.autograd import PyLayer

from ppgan_ext.nn import cpu_conv
from ppgan_ext.nn.cpu_conv import DifferentiableRoute, agree, tried
from ppgan_ext.nn.cpu_program import Program, finished, in_paddles_layout
from ppgan_ext.nn.cpu_route import Route
from ppgan_ext.nn.second_order import gradient_of, wanted_gradients

Gradients: TypeAlias = tuple[paddle.Tensor | None, ...]


@dataclass(frozen=True)
class Formulas(ABC):
    """A layer and its derivatives, in operators that work in a program as well as in dygraph.

    The first of its tensors are features and filters. Its inner gradients are those towards the features and what else
    comes from the layers before; they are differentiated again for R1 and path length, so they have programs too.

    Attributes:
        route: from features to features.
        slope: of the leaky ReLU, at least 0.
        learnt: indices of the tensors that come from parameters alone.
        inner: indices of the tensors whose gradients are the inner ones.
        curved: which tensors the inner gradients depend on smoothly.
    """

    route: Route | DifferentiableRoute
    slope: float
    learnt: ClassVar[tuple[int, ...]]
    inner: ClassVar[tuple[int, ...]]
    curved: ClassVar[tuple[bool, ...]]

    @abstractmethod
    def output(self, *tensors: paddle.Tensor) -> paddle.Tensor:
        """Return y from the layer's tensors."""

    @abstractmethod
    def slopes(
        self, wanted: tuple[bool, ...], y: paddle.Tensor, incoming: paddle.Tensor, *tensors: paddle.Tensor
    ) -> Gradients:
        """Return the gradients of the layer's tensors; None where not wanted."""

    @abstractmethod
    def inner_slopes(
        self, y: paddle.Tensor, incoming: paddle.Tensor, *tensors: paddle.Tensor
    ) -> tuple[paddle.Tensor, ...]:
        """Return the inner gradients, and behind them what :meth:`inner_curvature` can use."""

    @abstractmethod
    def inner_curvature(self, *given: paddle.Tensor) -> Gradients:
        """Return the gradients of ``inner_slopes`` towards ``incoming`` and the layer's tensors; None if not `curved`.

        Takes what came back for each inner gradient, what :meth:`inner_slopes` took, and the rest of what it returned.
        """


def plain_layer(
    route: Route, x: paddle.Tensor, weight: paddle.Tensor, bias: paddle.Tensor, slope: float
) -> paddle.Tensor:
    """Return leaky_relu(route(x, weight) + bias), differentiable any number of times.

    Args:
        route: the map.
        x: features, (N, I, H, W), float32, on the CPU, as are the others; where :func:`works`.
        weight: filters, (O, I, k, k).
        bias: (O,).
        slope: of the leaky ReLU, at least 0.

    Returns:
        (N, O, H', W').
    """
    return apply(PlainFormulas(route, slope), x, weight, bias)


def convolve_activated(
    x: paddle.Tensor, weight: paddle.Tensor, bias: paddle.Tensor, slope: float, stride: int = 1, padding: int = 0
) -> paddle.Tensor:
    """Convolve, add a bias, apply leaky ReLU: by one program where there is one, else by Paddle's operators.

    Args:
        x: features, (N, I, H, W).
        weight: filters, (O, I, k, k).
        bias: (O,).
        slope: of the leaky ReLU; 0 for ReLU.
        stride: on both axes.
        padding: zeros on all four sides, below k.

    Returns:
        (N, O, H', W').
    """
    if takes(x, weight, bias):
        return plain_layer(Route(stride, padding), x, weight, bias, slope)
    return F.leaky_relu(F.conv2d(x, weight, bias, stride=stride, padding=padding), slope)


def takes(*tensors: paddle.Tensor) -> bool:
    """Say whether layers of these tensors can be programs: in dygraph, on the CPU, float32."""
    return cpu_conv.takes(*tensors) and works()


@cache
def works() -> bool:
    """Try the layer and its derivatives on a small case, once per process."""
    route, slope = Route(padding=1), 0.2

    def ours(x: paddle.Tensor, weight: paddle.Tensor, bias: paddle.Tensor) -> paddle.Tensor:
        return plain_layer(route, x, weight, bias, slope)

    def paddles(x: paddle.Tensor, weight: paddle.Tensor, bias: paddle.Tensor) -> paddle.Tensor:
        return F.leaky_relu(F.conv2d(x, weight, padding=1) + bias.reshape([1, -1, 1, 1]), slope)

    return is_right(ours, paddles, [[2, 3, 5, 7], [4, 3, 3, 3], [4]], PlainFormulas.learnt)


def is_right(
    ours: Callable[..., paddle.Tensor],
    paddles: Callable[..., paddle.Tensor],
    shapes: Sequence[list[int]],
    learnt: Collection[int],
) -> bool:
    """Compare a layer with Paddle's operators: its output, all gradients, and those of a gradient penalty on the input.

    Args:
        ours: the layer, a function of its tensors.
        paddles: the same in Paddle's operators.
        shapes: of the tensors; the first is the input.
        learnt: indices of those that do not depend on the input.

    Returns:
        Whether they agree. Where the layer cannot be computed at all, False, with a warning.
    """

    def numbers(function: Callable[..., paddle.Tensor]) -> list[paddle.Tensor]:
        tensors = []
        for number, shape in enumerate(shapes):
            tensors.append((paddle.arange(math.prod(shape), dtype="float32") * (0.7 + number)).cos().reshape(shape))
            tensors[-1].stop_gradient = False
        y = function(*tensors)
        (y * y).sum().backward()
        results = [y.detach(), *(tensor.grad for tensor in tensors)]
        for tensor in tensors:
            tensor.clear_gradient(set_to_zero=False)
        x = tensors[0]
        # As in a network, what is not learnt comes from the input too.
        moved = [t if i in learnt or not i else t + x.sum() * 0.1 for i, t in enumerate(tensors)]
        penalty = gradient_of((function(*moved) ** 3).sum(), x)
        (penalty * penalty).sum().backward()
        return results + [tensor.grad for tensor in tensors if tensor.grad is not None]

    return tried(lambda: agree(numbers(ours), numbers(paddles)))


def apply(formulas: Formulas, *tensors: paddle.Tensor) -> paddle.Tensor:
    """Compute a layer, differentiable any number of times."""
    return _Apply.apply(formulas, *tensors)


def through_activation(y: paddle.Tensor, incoming: paddle.Tensor, slope: float) -> paddle.Tensor:
    """Map the gradient behind a leaky ReLU to the one before; ``y`` is the output, which has the input's signs."""
    if not paddle.in_dynamic_mode():
        return paddle._C_ops.leaky_relu_grad(y, incoming, slope)
    return incoming * ((y.detach() > 0).astype(y.dtype) * (1 - slope) + slope)


def sum_of_pixels(x: paddle.Tensor, factors: paddle.Tensor | None = None) -> paddle.Tensor:
    """Sum features (N, C, H, W), times (N or 1, 1, H, W) if given, to (N, C).

    By a matrix product, since oneDNN's sums are slow.
    """
    batch, channels, height, width = x.shape
    column = (
        paddle.ones([1, height * width, 1], x.dtype) if factors is None else factors.reshape([-1, height * width, 1])
    )
    return paddle.matmul(x.reshape([batch, channels, height * width]), column).reshape([batch, channels])


@dataclass(frozen=True)
class PlainFormulas(Formulas):
    """y = leaky_relu(route(x, weight) + bias), of the tensors x, weight, bias."""

    learnt: ClassVar[tuple[int, ...]] = (1, 2)
    inner: ClassVar[tuple[int, ...]] = (0,)
    curved: ClassVar[tuple[bool, ...]] = (False, True, False)

    def output(self, *tensors: paddle.Tensor) -> paddle.Tensor:  # noqa: D102  as are those below, in the base class
        x, weight, bias = tensors
        return F.leaky_relu(self.route.output(x, weight) + bias.reshape([1, -1, 1, 1]), self.slope)

    def slopes(  # noqa: D102
        self, wanted: tuple[bool, ...], y: paddle.Tensor, incoming: paddle.Tensor, *tensors: paddle.Tensor
    ) -> Gradients:
        x, weight, _ = tensors
        before = through_activation(y, incoming, self.slope)
        of_x, of_weight = self.route.slopes(x, before, weight, wanted[0], wanted[1])
        return of_x, of_weight, sum_of_pixels(before).sum(axis=0) if wanted[2] else None

    def inner_slopes(  # noqa: D102
        self, y: paddle.Tensor, incoming: paddle.Tensor, *tensors: paddle.Tensor
    ) -> tuple[paddle.Tensor, ...]:
        x, weight, _ = tensors
        before = through_activation(y, incoming, self.slope)
        return (self.route.of_features(before, weight, (x.shape[2], x.shape[3])),)

    def inner_curvature(self, *given: paddle.Tensor) -> Gradients:  # noqa: D102
        outer, y, incoming, _, weight, _ = given
        before = through_activation(y, incoming, self.slope)
        of_incoming = through_activation(y, in_paddles_layout(self.route.output(outer, weight)), self.slope)
        return of_incoming, None, self.route.of_filters(outer, before, weight.shape[2]), None


class _Apply(PyLayer):
    @staticmethod
    def forward(ctx: Any, formulas: Formulas, *tensors: paddle.Tensor) -> paddle.Tensor:
        (y,) = _output(formulas)(*tensors)
        ctx.formulas = formulas
        ctx.wanted = wanted_gradients(tensors, formulas.learnt)
        # Not y itself, which will hold this context: where a graph is kept for a second derivative, both would stay.
        ctx.save_for_backward(y.detach(), *tensors)
        return y

    @staticmethod
    def backward(ctx: Any, incoming: paddle.Tensor) -> Gradients:
        y, *tensors = ctx.saved_tensor()
        formulas, wanted = ctx.formulas, ctx.wanted()
        if not paddle.is_grad_enabled():  # the gradient itself is not to be differentiated
            results = iter(_slopes(formulas, wanted)(y, incoming, *tensors))
            return tuple(next(results) if want else None for want in wanted)
        if any(want and index not in formulas.inner for index, want in enumerate(wanted)):
            return _in_dygraph(formulas).slopes(wanted, y, incoming, *tensors)
        # y decides on the side of the leaky ReLU, and has no other influence on the inner gradients.
        given = [tensor if has else tensor.detach() for tensor, has in zip(tensors, formulas.curved, strict=True)]
        slopes = _Inner.apply(formulas, y, incoming, *given)
        slopes = slopes if isinstance(slopes, (tuple, list)) else (slopes,)
        found: dict[int, paddle.Tensor] = dict(zip(formulas.inner, slopes, strict=True))
        return tuple(found[index] if want else None for index, want in enumerate(wanted))


class _Inner(PyLayer):
    """The inner gradients; a single one is not in a tuple, as Paddle has it."""

    @staticmethod
    def forward(ctx: Any, formulas: Formulas, *given: paddle.Tensor) -> tuple[paddle.Tensor, ...] | paddle.Tensor:
        results, num = _inner_slopes(formulas)(*given), len(formulas.inner)
        ctx.formulas, ctx.kept = formulas, results[num:]
        ctx.wanted = wanted_gradients(given[1:], learnt=[index + 1 for index in formulas.learnt])
        ctx.save_for_backward(*given)
        return tuple(results[:num]) if num > 1 else results[0]

    @staticmethod
    def backward(ctx: Any, *outers: paddle.Tensor) -> Gradients:
        given, formulas = ctx.saved_tensor(), ctx.formulas
        if paddle.is_grad_enabled():  # once more than there are programs for
            slopes = _in_dygraph(formulas).inner_curvature(*outers, *given)
        else:
            results = iter(_inner_curvature(formulas)(*outers, *given, *ctx.kept))
            slopes = tuple(next(results) if has else None for has in (True, *formulas.curved))
        return None, *(slope if want else None for slope, want in zip(slopes, ctx.wanted(), strict=True))


def _in_dygraph(formulas: Formulas) -> Formulas:
    """Return the formulas in differentiable operators."""
    route = formulas.route
    return replace(formulas, route=DifferentiableRoute(route)) if isinstance(route, Route) else formulas


@cache
def _output(formulas: Formulas) -> Program:
    return Program(lambda *given: finished(formulas.output(*given)))


@cache
def _slopes(formulas: Formulas, wanted: tuple[bool, ...]) -> Program:
    return Program(lambda *given: finished(*formulas.slopes(wanted, *given)))


@cache
def _inner_slopes(formulas: Formulas) -> Program:
    return Program(lambda *given: finished(*formulas.inner_slopes(*given)))


@cache
def _inner_curvature(formulas: Formulas) -> Program:
    return Program(lambda *given: finished(*formulas.inner_curvature(*given)))
