"""Gradients that are differentiated again: what our own operators must know of them.

``paddle.grad`` with some inputs only (the pixels, for R1; the codes, for path length) prunes what does not lead to
them, and then refuses an operator of ours that returns the gradient of a pruned argument. Paddle does not tell the
operator; whoever asks for such a gradient does, with :func:`gradient_of`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import paddle

_without_parameters = 0


def gradient_of(value: paddle.Tensor, inputs: paddle.Tensor) -> paddle.Tensor:
    """Return d value / d inputs, itself differentiable, through any form of the networks.

    Args:
        value: a single number.
        inputs: what it was computed from, not a parameter.

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


def wanted_gradients(
    arguments: Sequence[paddle.Tensor], learnt: Collection[int] = ()
) -> Callable[[], tuple[bool, ...]]:
    """Say at the time of the backward pass which arguments' gradients Paddle wants.

    Args:
        arguments: of an operator's forward pass, where this is called.
        learnt: indices of those that come from parameters alone; left out within :func:`gradient_of`.
    """
    needed = tuple(not argument.stop_gradient for argument in arguments)

    def wanted() -> tuple[bool, ...]:
        return tuple(need and not (_without_parameters and index in learnt) for index, need in enumerate(needed))

    return wanted
