"""Convolutions on a CPU in dygraph through oneDNN, in both directions.

Paddle's own CPU kernels unfold every image (im2col) on one thread, and reach a half of what oneDNN does. Dygraph never
chooses oneDNN, a traced program does when the flag is on while it is prepared; so each of the three products that
training needs (the output, the gradient of the input, the gradient of the filters) is a program of one operator, which
Paddle keeps per shape. Measured with a batch of 16 on two AVX-512 cores: 190-270 GF/s against 50-160.

Where Paddle has no oneDNN, or such a program fails or gives other numbers than Paddle's kernels on a small case, those
take over.
"""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import paddle
import paddle.nn.functional as F
from paddle.autograd import PyLayer

from ppgan_ext.nn.cpu_planes import runs_on_cpu
from ppgan_ext.nn.second_order import wanted_gradients
from ppgan_ext.quiet import quiet

_FLAG = "FLAGS_use_mkldnn"
# Rounding differs by about 1e-6 of the largest value.
_TOLERANCE = 1e-3
_lock = threading.RLock()


def convolve(x: paddle.Tensor, weight: paddle.Tensor, stride: int = 1, padding: int = 0) -> paddle.Tensor:
    """Convolve as ``F.conv2d``: (N, I, H, W) with (O, I, k, k) to (N, O, H', W'), differentiable any number of times.

    Args:
        x: features, float32, on the CPU (anything else goes to ``F.conv2d``).
        weight: filters.
        stride: on both axes.
        padding: zeros on all four sides, below k.
    """
    if not _takes(x, weight):
        return F.conv2d(x, weight, stride=stride, padding=padding)
    return _Convolve.apply(x, weight, stride, padding)


def convolve_up(x: paddle.Tensor, weight: paddle.Tensor) -> paddle.Tensor:
    """Convolve transposed with stride 2: (N, I, H, W) with (I, O, k, k) to (N, O, 2 H - 2 + k, 2 W - 2 + k).

    Differentiable any number of times.

    Args:
        x: features, float32, on the CPU (anything else goes to ``F.conv2d_transpose``).
        weight: filters.
    """
    if not _takes(x, weight):
        return F.conv2d_transpose(x, weight, stride=2)
    size = weight.shape[2]
    sides = 2 * x.shape[2] - 2 + size, 2 * x.shape[3] - 2 + size
    return _Transpose.apply(x, weight, 2, 0, sides)


def filter_each(
    x: paddle.Tensor, kernel: paddle.Tensor, padding: tuple[int, int], stride: int = 1
) -> paddle.Tensor | None:
    """Correlate every channel with one filter, without a derivative; None where there is no oneDNN.

    Args:
        x: features, (N, C, H, W), float32, on the CPU.
        kernel: (T, T).
        padding: zeros (before, after) on both axes.
        stride: on both axes.
    """
    if not _takes(x, kernel):
        return None
    kernels = kernel.expand([x.shape[1], 1, *kernel.shape])
    return _program("each", stride, padding)(x, kernels)


def _takes(x: paddle.Tensor, weight: paddle.Tensor) -> bool:
    return runs_on_cpu(x, weight) and x.dtype == paddle.float32 and works()


class _Convolve(PyLayer):
    """Bilinear in features and filters, as are the two below: each one's gradients are the other two."""

    @staticmethod
    def forward(ctx: Any, x: paddle.Tensor, weight: paddle.Tensor, stride: int, padding: int) -> paddle.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.wanted = wanted_gradients((x, weight), learnt=(1,))
        ctx.arrangement = stride, padding
        return _program("output", stride, padding)(x, weight)

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> tuple[paddle.Tensor | None, ...]:
        x, weight = ctx.saved_tensor()
        of_x, of_weight = ctx.wanted()
        return (
            _Transpose.apply(gradient, weight, *ctx.arrangement, tuple(x.shape[2:])) if of_x else None,
            _Filters.apply(x, gradient, *ctx.arrangement, weight.shape[2]) if of_weight else None,
        )


class _Transpose(PyLayer):
    """The gradient of a convolution's input; ``gradient`` is what came back, ``sides`` are the input's."""

    @staticmethod
    def forward(
        ctx: Any, gradient: paddle.Tensor, weight: paddle.Tensor, stride: int, padding: int, sides: tuple[int, int]
    ) -> paddle.Tensor:
        ctx.save_for_backward(gradient, weight)
        ctx.wanted = wanted_gradients((gradient, weight), learnt=(1,))
        ctx.arrangement = stride, padding
        if stride == 1:
            turned = weight.flip([2, 3]).transpose([1, 0, 2, 3])
            return _program("output", 1, weight.shape[2] - 1 - padding)(gradient, turned)
        x = paddle.empty([gradient.shape[0], weight.shape[1], *sides], dtype=gradient.dtype)
        return _program("input", stride, padding)(x, weight, gradient)

    @staticmethod
    def backward(ctx: Any, outer: paddle.Tensor) -> tuple[paddle.Tensor | None, ...]:
        gradient, weight = ctx.saved_tensor()
        of_gradient, of_weight = ctx.wanted()
        return (
            _Convolve.apply(outer, weight, *ctx.arrangement) if of_gradient else None,
            _Filters.apply(outer, gradient, *ctx.arrangement, weight.shape[2]) if of_weight else None,
        )


class _Filters(PyLayer):
    """The gradient of a convolution's filters of side ``size``."""

    @staticmethod
    def forward(
        ctx: Any, x: paddle.Tensor, gradient: paddle.Tensor, stride: int, padding: int, size: int
    ) -> paddle.Tensor:
        ctx.save_for_backward(x, gradient)
        ctx.wanted = wanted_gradients((x, gradient))
        ctx.arrangement = stride, padding
        weight = paddle.empty([gradient.shape[1], x.shape[1], size, size], dtype=x.dtype)
        return _program("filters", stride, padding)(x, weight, gradient)

    @staticmethod
    def backward(ctx: Any, outer: paddle.Tensor) -> tuple[paddle.Tensor | None, ...]:
        x, gradient = ctx.saved_tensor()
        of_x, of_gradient = ctx.wanted()
        return (
            _Transpose.apply(gradient, outer, *ctx.arrangement, tuple(x.shape[2:])) if of_x else None,
            _Convolve.apply(x, outer, *ctx.arrangement) if of_gradient else None,
        )


@cache
def _program(kind: str, stride: int, padding: int | tuple[int, int]) -> Callable[..., paddle.Tensor]:
    """One of the three products of a convolution as a traced function.

    Args:
        kind: "output" of (x, weight), "each" for one filter per channel; "input" or "filters" of (x, weight,
            gradient): the gradient of that argument.
        stride: on both axes.
        padding: zeros on all four sides, or (before, after) on both axes.
    """
    zeros = padding if isinstance(padding, int) else [*padding, *padding]

    # A program's result must come from an operator of Paddle's own, or its memory layout is oneDNN's: hence `assign`.
    def output(x: paddle.Tensor, weight: paddle.Tensor) -> paddle.Tensor:
        return paddle.assign(F.conv2d(x, weight, stride=stride, padding=zeros))

    def each(x: paddle.Tensor, weight: paddle.Tensor) -> paddle.Tensor:
        return paddle.assign(F.conv2d(x, weight, stride=stride, padding=zeros, groups=weight.shape[0]))

    def slope(of: paddle.Tensor, x: paddle.Tensor, weight: paddle.Tensor, gradient: paddle.Tensor) -> paddle.Tensor:
        of.stop_gradient = False
        y = F.conv2d(x, weight, stride=stride, padding=zeros)
        (result,) = paddle.static.gradients([y], [of], [gradient])
        # Nothing needs the output here, but Paddle would compute it.
        paddle.static.default_main_program().global_block().remove_op(y.get_defining_op())
        return paddle.assign(result)

    def of_input(x: paddle.Tensor, weight: paddle.Tensor, gradient: paddle.Tensor) -> paddle.Tensor:
        return slope(x, x, weight, gradient)

    def of_filters(x: paddle.Tensor, weight: paddle.Tensor, gradient: paddle.Tensor) -> paddle.Tensor:
        return slope(weight, x, weight, gradient)

    function = {"output": output, "each": each, "input": of_input, "filters": of_filters}[kind]
    traced = paddle.jit.to_static(function, full_graph=True)
    prepared: dict[tuple[tuple[int, ...], ...], Any] = {}

    def run(*tensors: paddle.Tensor) -> paddle.Tensor:
        # Tensors that are taken for constants: what is differentiated is decided above, not by Paddle's tracing.
        tensors = tuple(tensor.detach() for tensor in tensors)
        shapes = tuple(tuple(tensor.shape) for tensor in tensors)
        # Paddle gives no gradients to a trace that is made without them.
        with _lock, paddle.no_grad() if kind in ("output", "each") else paddle.enable_grad():
            program = prepared.get(shapes)
            if program is not None:
                return program(list(tensors))
            with _onednn():
                # Called by itself, `traced` takes twice as long, and remembers every call for good.
                _, program = traced.get_concrete_program(*tensors)
                program.training = False
                result = program(list(tensors))
            prepared[shapes] = program
            return result

    return run


@contextlib.contextmanager
def _onednn() -> Iterator[None]:
    """Let the programs that are prepared within choose oneDNN, and Paddle say nothing about it."""
    before = paddle.get_flags([_FLAG])
    paddle.set_flags({_FLAG: True})
    try:
        with quiet():
            yield
    finally:
        paddle.set_flags(before)


@cache
def works() -> bool:
    """Try all products on a small case, once per process."""
    try:
        with paddle.enable_grad():
            return all(_agrees(stride, padding) for stride, padding in ((1, 1), (2, 0)))
    except Exception as error:  # noqa: BLE001  whatever a Paddle without oneDNN, or with another tracing, raises
        reason = " ".join(str(error).split())[-200:]
        warnings.warn(f"oneDNN cannot be used for training, which is slower: {reason}", stacklevel=2)
        return False


def _agrees(stride: int, padding: int) -> bool:
    x = paddle.linspace(-1, 1, 2 * 3 * 7 * 9).reshape([2, 3, 7, 9]).sin()
    weight = paddle.linspace(-2, 1, 4 * 3 * 9).reshape([4, 3, 3, 3]).cos()
    x.stop_gradient = weight.stop_gradient = False
    y = F.conv2d(x, weight, stride=stride, padding=padding)
    gradient = (y.detach() * 3.0).sin()
    expected = [y, *paddle.grad([y], [x, weight], [gradient])]
    given = [_program("output", stride, padding)(x, weight)]
    given += [_program(kind, stride, padding)(x, weight, gradient) for kind in ("input", "filters")]
    kernels = weight[:3, :1]
    given.append(_program("each", stride, (2, padding))(x, kernels))
    expected.append(F.conv2d(x, kernels, stride=stride, padding=[2, padding, 2, padding], groups=3))
    worst = max(((a - b).abs().max() / b.abs().max()).item() for a, b in zip(given, expected, strict=True))
    return worst < _TOLERANCE
