"""Functions that oneDNN computes in dygraph, as programs that are traced once per set of shapes.

Dygraph never chooses oneDNN, a traced program does when the flag is on while it is prepared. A call costs a quarter of
a millisecond when the program's own layer is called, half of one through ``paddle.jit``.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import paddle

from ppgan_ext.quiet import quiet

_FLAG = "FLAGS_use_mkldnn"
_lock = threading.RLock()


class Program:
    """A function of tensors alone, to be called with tensors on the CPU; without a derivative.

    Args:
        function: takes tensors and returns a tuple of them; may use ``paddle.static.gradients``. What it returns must
            not come from an operator of oneDNN's, whose memory layout is its own: :func:`finished` makes it so.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        # Paddle would rewrite the source of what it traces; there is nothing in it that depends on numbers.
        plain = paddle.jit.not_to_static(function)

        def entry(tensors: list[paddle.Tensor]) -> Any:
            return plain(*tensors)

        self._traced = paddle.jit.to_static(entry, full_graph=True)
        self._prepared: dict[tuple[tuple[int, ...], ...], Callable[[list[paddle.Tensor]], Any]] = {}

    def __call__(self, *tensors: paddle.Tensor) -> Sequence[paddle.Tensor]:
        """Run; what is differentiated is decided elsewhere, so the tensors are taken for constants."""
        constants = [tensor.detach() for tensor in tensors]
        shapes = tuple(tuple(tensor.shape) for tensor in constants)
        with _lock, paddle.no_grad():
            run = self._prepared.get(shapes)
            if run is not None:
                return run(constants)
            with _onednn():
                # Paddle gives no gradients to a trace that is made without them.
                with paddle.enable_grad():
                    _, run = self._traced.get_concrete_program(constants)
                run.training = False
                results = run(constants)
            self._prepared[shapes] = run
            return results


def in_paddles_layout(x: paddle.Tensor) -> paddle.Tensor:
    """Bring what a convolution gave, or gives back, into Paddle's memory layout.

    Within a program oneDNN's own layout passes from one operator to the next, which is quick where both are
    convolutions; to multiply it by one number per channel takes a hundred times as long as in Paddle's.
    """
    return paddle.assign(x)


def finished(*tensors: paddle.Tensor | None) -> tuple[paddle.Tensor, ...]:
    """Return the results of a program, without those that are None, in Paddle's memory layout."""
    return tuple(in_paddles_layout(tensor) for tensor in tensors if tensor is not None)


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
