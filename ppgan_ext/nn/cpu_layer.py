"""A whole StyleGAN2 layer and its derivatives as single oneDNN programs, for dygraph on a CPU.

With one program per operator, the features are converted to oneDNN's memory layout and back around each convolution,
and the operators between two convolutions run on our own threads, which compete for the processor with oneDNN's: those
keep spinning for a while after each program. With one program per layer, a training step takes two thirds of the time.

A layer's formulas are written once (:class:`PlainFormulas`, and `ppgan_ext.nn.cpu_styled`). They run as programs, or as
differentiable operators if there is no program for the next derivative.
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
from ppgan_ext.nn.cpu_conv import DifferentiableRoute, nearly_equal, passes
from ppgan_ext.nn.cpu_program import Program, program_outputs, to_paddle_layout
from ppgan_ext.nn.cpu_route import Route
from ppgan_ext.nn.second_order import gradient_of, needs_gradient

Gradients: TypeAlias = tuple[paddle.Tensor | None, ...]


@dataclass(frozen=True)
class Formulas(ABC):
    """A layer and its derivatives, in operators that work both in a program and in dygraph.

    The first two of its tensors are features and filters. Its inner gradients are those with respect to the features
    and any other tensors computed by earlier layers. R1 and path length differentiate them again, so they have programs
    too.

    Attributes:
        route: the linear map of the layer.
        slope: of the leaky ReLU, at least 0.
        learnt: indices of the tensors that depend on parameters alone.
        inner: indices of the tensors whose gradients are the inner ones.
        curved: for each tensor, whether the inner gradients have a derivative with respect to it.
    """

    route: Route | DifferentiableRoute
    slope: float
    learnt: ClassVar[tuple[int, ...]]
    inner: ClassVar[tuple[int, ...]]
    curved: ClassVar[tuple[bool, ...]]

    @abstractmethod
    def output(self, *tensors: paddle.Tensor) -> paddle.Tensor:
        """Return the layer's output y."""

    @abstractmethod
    def gradients(
        self, needs: tuple[bool, ...], y: paddle.Tensor, incoming: paddle.Tensor, *tensors: paddle.Tensor
    ) -> Gradients:
        """Return the gradients of the layer's tensors, None for those not needed.

        Args:
            needs: for each tensor, whether its gradient is needed.
            y: the layer's output, (N, O, H', W').
            incoming: the gradient of the output, (N, O, H', W').
            *tensors: the layer's tensors.
        """

    @abstractmethod
    def inner_gradients(
        self, y: paddle.Tensor, incoming: paddle.Tensor, *tensors: paddle.Tensor
    ) -> tuple[paddle.Tensor, ...]:
        """Return the inner gradients, followed by intermediate results that :meth:`inner_curvature` can reuse."""

    @abstractmethod
    def inner_curvature(self, *inputs: paddle.Tensor) -> Gradients:
        """Return the derivatives of the inner gradients: for ``incoming`` and each tensor, None where not `curved`.

        Args:
            *inputs: the incoming gradient of each inner gradient, then the arguments of :meth:`inner_gradients`, then
                the intermediate results that it returned.
        """


def plain_layer(
    route: Route, x: paddle.Tensor, weight: paddle.Tensor, bias: paddle.Tensor, slope: float
) -> paddle.Tensor:
    """Return leaky_relu(route(x, weight) + bias), differentiable any number of times.

    Args:
        route: the linear map.
        x: features, (N, I, H, W). All tensors are float32 on the CPU, and :func:`works` must be true.
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
    """Convolve, add a bias and apply leaky ReLU: in one program if possible, else with Paddle's operators.

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
    if supports(x, weight, bias):
        return plain_layer(Route(stride, padding), x, weight, bias, slope)
    return F.leaky_relu(F.conv2d(x, weight, bias, stride=stride, padding=padding), slope)


def supports(*tensors: paddle.Tensor) -> bool:
    """Return whether a layer with these tensors can run as a program: in dygraph, on the CPU, float32."""
    return cpu_conv.supports(*tensors) and works()


@cache
def works() -> bool:
    """Test the layer and its derivatives on a small case, once per process."""
    route, slope = Route(padding=1), 0.2

    def layer(x: paddle.Tensor, weight: paddle.Tensor, bias: paddle.Tensor) -> paddle.Tensor:
        return plain_layer(route, x, weight, bias, slope)

    def reference(x: paddle.Tensor, weight: paddle.Tensor, bias: paddle.Tensor) -> paddle.Tensor:
        return F.leaky_relu(F.conv2d(x, weight, padding=1) + bias.reshape([1, -1, 1, 1]), slope)

    return matches_reference(layer, reference, [[2, 3, 5, 7], [4, 3, 3, 3], [4]], PlainFormulas.learnt)


def matches_reference(
    layer: Callable[..., paddle.Tensor],
    reference: Callable[..., paddle.Tensor],
    shapes: Sequence[list[int]],
    learnt: Collection[int],
) -> bool:
    """Compare a layer with Paddle's operators: its output, all gradients, and those of a gradient penalty on the input.

    Args:
        layer: the layer, a function of its tensors.
        reference: the same function in Paddle's operators.
        shapes: of the tensors; the first is the input.
        learnt: indices of the tensors that do not depend on the input.

    Returns:
        Whether they agree; False, with a warning, if the layer cannot be computed at all.
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
        # As in a network, let the tensors that are not learnt depend on the input.
        dependent = [t if i in learnt or not i else t + x.sum() * 0.1 for i, t in enumerate(tensors)]
        penalty = gradient_of((function(*dependent) ** 3).sum(), x)
        (penalty * penalty).sum().backward()
        return results + [tensor.grad for tensor in tensors if tensor.grad is not None]

    return passes(lambda: nearly_equal(numbers(layer), numbers(reference)))


def apply(formulas: Formulas, *tensors: paddle.Tensor) -> paddle.Tensor:
    """Compute the output of a layer, differentiable any number of times."""
    return _Apply.apply(formulas, *tensors)


def through_activation(y: paddle.Tensor, incoming: paddle.Tensor, slope: float) -> paddle.Tensor:
    """Return the gradient of a leaky ReLU's input.

    Args:
        y: the leaky ReLU's output, (N, C, H, W), whose signs are those of the input.
        incoming: the gradient of the output, (N, C, H, W).
        slope: of the leaky ReLU.
    """
    if not paddle.in_dynamic_mode():
        return paddle._C_ops.leaky_relu_grad(y, incoming, slope)
    return incoming * ((y.detach() > 0).astype(y.dtype) * (1 - slope) + slope)


def sum_of_pixels(x: paddle.Tensor, factors: paddle.Tensor | None = None) -> paddle.Tensor:
    """Sum features (N, C, H, W) over the pixels to (N, C), weighted with ``factors`` (N or 1, 1, H, W) if given.

    This is a matrix product, because oneDNN's sums are slow.
    """
    batch, channels, height, width = x.shape
    column = (
        paddle.ones([1, height * width, 1], x.dtype) if factors is None else factors.reshape([-1, height * width, 1])
    )
    return paddle.matmul(x.reshape([batch, channels, height * width]), column).reshape([batch, channels])


@dataclass(frozen=True)
class PlainFormulas(Formulas):
    """y = leaky_relu(route(x, weight) + bias). The tensors are x, weight, bias."""

    learnt: ClassVar[tuple[int, ...]] = (1, 2)
    inner: ClassVar[tuple[int, ...]] = (0,)
    curved: ClassVar[tuple[bool, ...]] = (False, True, False)

    def output(self, *tensors: paddle.Tensor) -> paddle.Tensor:  # noqa: D102  documented in the base class, as below
        x, weight, bias = tensors
        return F.leaky_relu(self.route.output(x, weight) + bias.reshape([1, -1, 1, 1]), self.slope)

    def gradients(  # noqa: D102
        self, needs: tuple[bool, ...], y: paddle.Tensor, incoming: paddle.Tensor, *tensors: paddle.Tensor
    ) -> Gradients:
        x, weight, _ = tensors
        before = through_activation(y, incoming, self.slope)
        of_x, of_weight = self.route.gradients(x, before, weight, needs[0], needs[1])
        return of_x, of_weight, sum_of_pixels(before).sum(axis=0) if needs[2] else None

    def inner_gradients(  # noqa: D102
        self, y: paddle.Tensor, incoming: paddle.Tensor, *tensors: paddle.Tensor
    ) -> tuple[paddle.Tensor, ...]:
        x, weight, _ = tensors
        before = through_activation(y, incoming, self.slope)
        return (self.route.of_features(before, weight, (x.shape[2], x.shape[3])),)

    def inner_curvature(self, *inputs: paddle.Tensor) -> Gradients:  # noqa: D102
        outer, y, incoming, _, weight, _ = inputs
        before = through_activation(y, incoming, self.slope)
        of_incoming = through_activation(y, to_paddle_layout(self.route.output(outer, weight)), self.slope)
        return of_incoming, None, self.route.of_filters(outer, before, weight.shape[2]), None


class _Apply(PyLayer):
    @staticmethod
    def forward(ctx: Any, formulas: Formulas, *tensors: paddle.Tensor) -> paddle.Tensor:
        (y,) = _output(formulas)(*tensors)
        ctx.formulas = formulas
        ctx.needs_gradient = needs_gradient(tensors, formulas.learnt)
        # Do not save y itself, which refers to this context: with a graph kept for a second derivative, the cycle
        # would leak both.
        ctx.save_for_backward(y.detach(), *tensors)
        return y

    @staticmethod
    def backward(ctx: Any, incoming: paddle.Tensor) -> Gradients:
        y, *tensors = ctx.saved_tensor()
        formulas, needs = ctx.formulas, ctx.needs_gradient()
        if not paddle.is_grad_enabled():  # the gradient itself is not to be differentiated
            results = iter(_gradients(formulas, needs)(y, incoming, *tensors))
            return tuple(next(results) if need else None for need in needs)
        if any(need and index not in formulas.inner for index, need in enumerate(needs)):
            return _in_dygraph(formulas).gradients(needs, y, incoming, *tensors)
        # y only selects the side of the leaky ReLU; the inner gradients do not depend on it otherwise.
        inputs = [x if is_curved else x.detach() for x, is_curved in zip(tensors, formulas.curved, strict=True)]
        gradients = _Inner.apply(formulas, y, incoming, *inputs)
        gradients = gradients if isinstance(gradients, (tuple, list)) else (gradients,)
        by_index: dict[int, paddle.Tensor] = dict(zip(formulas.inner, gradients, strict=True))
        return tuple(by_index[index] if need else None for index, need in enumerate(needs))


class _Inner(PyLayer):
    """The inner gradients; a single one is returned without a tuple, as Paddle requires."""

    @staticmethod
    def forward(ctx: Any, formulas: Formulas, *inputs: paddle.Tensor) -> tuple[paddle.Tensor, ...] | paddle.Tensor:
        results, num = _inner_gradients(formulas)(*inputs), len(formulas.inner)
        ctx.formulas, ctx.kept = formulas, results[num:]
        ctx.needs_gradient = needs_gradient(inputs[1:], learnt=[index + 1 for index in formulas.learnt])
        ctx.save_for_backward(*inputs)
        return tuple(results[:num]) if num > 1 else results[0]

    @staticmethod
    def backward(ctx: Any, *outers: paddle.Tensor) -> Gradients:
        inputs, formulas = ctx.saved_tensor(), ctx.formulas
        if paddle.is_grad_enabled():  # a third derivative, for which there is no program
            gradients = _in_dygraph(formulas).inner_curvature(*outers, *inputs)
        else:
            results = iter(_inner_curvature(formulas)(*outers, *inputs, *ctx.kept))
            gradients = tuple(next(results) if is_curved else None for is_curved in (True, *formulas.curved))
        needs = ctx.needs_gradient()
        return None, *(gradient if need else None for gradient, need in zip(gradients, needs, strict=True))


def _in_dygraph(formulas: Formulas) -> Formulas:
    """Return the same formulas with a differentiable route."""
    route = formulas.route
    return replace(formulas, route=DifferentiableRoute(route)) if isinstance(route, Route) else formulas


@cache
def _output(formulas: Formulas) -> Program:
    return Program(lambda *inputs: program_outputs(formulas.output(*inputs)))


@cache
def _gradients(formulas: Formulas, needs: tuple[bool, ...]) -> Program:
    return Program(lambda *inputs: program_outputs(*formulas.gradients(needs, *inputs)))


@cache
def _inner_gradients(formulas: Formulas) -> Program:
    return Program(lambda *inputs: program_outputs(*formulas.inner_gradients(*inputs)))


@cache
def _inner_curvature(formulas: Formulas) -> Program:
    return Program(lambda *inputs: program_outputs(*formulas.inner_curvature(*inputs)))
