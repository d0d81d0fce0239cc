"""Gradients that are differentiated again, and how our own operators learn of them.

``paddle.grad`` with respect to some inputs only (the pixels for R1, the codes for path length) prunes the graph to
those, and then rejects an operator of ours that returns the gradient of a pruned argument. Paddle does not inform the
operator of the pruning, so such gradients must be computed with :func:`gradient_of`, which does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import paddle

_without_parameters = 0


def gradient_of(value: paddle.Tensor, inputs: paddle.Tensor) -> paddle.Tensor:
    """Return d value / d inputs, itself differentiable, for any form of the networks.

    Args:
        value: a single number.
        inputs: the tensor it was computed from; not a parameter.

    Returns:
        The shape of ``inputs``.
    """
    global _without_parameters
    _without_parameters += 1
    try:
        (gradient,) = paddle.grad([value], [inputs], create_graph=True)
    finally:
        _without_parameters -= 1
    return gradient


def needs_gradient(arguments: Sequence[paddle.Tensor], learnt: Collection[int] = ()) -> Callable[[], tuple[bool, ...]]:
    """Return a function for the backward pass that returns, for each argument, whether Paddle needs its gradient.

    Args:
        arguments: of an operator's forward pass, in which this must be called.
        learnt: indices of the arguments that depend on parameters alone; not needed within :func:`gradient_of`.
    """
    requires = tuple(not argument.stop_gradient for argument in arguments)

    def needs() -> tuple[bool, ...]:
        return tuple(need and not (_without_parameters and index in learnt) for index, need in enumerate(requires))

    return needs
