"""Running functions on oneDNN in dygraph, as programs that are traced once per set of shapes.

Dygraph itself never uses oneDNN, but a traced program does if the flag is set while the program is prepared. Calling
the program's own layer costs a quarter of a millisecond; calling it through ``paddle.jit`` costs twice that.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import paddle

from ppgan_ext.nn.tracing import without_call_stacks
from ppgan_ext.quiet import quiet

_FLAG = "FLAGS_use_mkldnn"
_lock = threading.RLock()


class Program:
    """A function of tensors alone, called with tensors on the CPU, without a derivative.

    Args:
        function: maps tensors to a tuple of tensors; may use ``paddle.static.gradients``. Its results must not come
            directly from a oneDNN operator, whose memory layout differs from Paddle's: pass them through
            :func:`program_outputs`.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        # Paddle would rewrite the source of the function, needlessly: its control flow does not depend on values.
        def entry(tensors: list[paddle.Tensor]) -> Any:
            return function(*tensors)

        self._traced = paddle.jit.to_static(paddle.jit.not_to_static(entry), full_graph=True)
        self._prepared: dict[tuple[tuple[int, ...], ...], Callable[[list[paddle.Tensor]], Any]] = {}

    def __call__(self, *tensors: paddle.Tensor) -> Sequence[paddle.Tensor]:
        """Run the program; the tensors count as constants, since derivatives are handled by the caller."""
        constants = [tensor.detach() for tensor in tensors]
        shapes = tuple(tuple(tensor.shape) for tensor in constants)
        with _lock, paddle.no_grad():
            run = self._prepared.get(shapes)
            if run is not None:
                return run(constants)
            with _onednn(), without_call_stacks():
                # ``paddle.static.gradients`` needs a trace made with gradients enabled.
                with paddle.enable_grad():
                    _, run = self._traced.get_concrete_program(constants)
                run.training = False
                results = run(constants)
            self._prepared[shapes] = run
            return results


def to_paddle_layout(x: paddle.Tensor) -> paddle.Tensor:
    """Convert the result or gradient of a convolution to Paddle's memory layout.

    Within a program, one operator passes oneDNN's own layout to the next. That is fast between two convolutions, but a
    product with one number per channel takes a hundred times as long as in Paddle's layout.
    """
    return paddle.assign(x)


def program_outputs(*tensors: paddle.Tensor | None) -> tuple[paddle.Tensor, ...]:
    """Return the results of a program in Paddle's memory layout, leaving out those that are None."""
    return tuple(to_paddle_layout(tensor) for tensor in tensors if tensor is not None)


@contextlib.contextmanager
def _onednn() -> Iterator[None]:
    """Let programs that are prepared in the block use oneDNN, and hide Paddle's messages about it."""
    before = paddle.get_flags([_FLAG])
    paddle.set_flags({_FLAG: True})
    try:
        with quiet():
            yield
    finally:
        paddle.set_flags(before)
