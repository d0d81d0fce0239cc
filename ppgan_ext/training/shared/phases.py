"""What iterations of several phases share: networks that stand still in a phase, and lazy regularisation."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ppgan_ext.training.optimizers import AdamOptions, AdamWOptions, OptimizerOptions

if TYPE_CHECKING:
    from paddle import nn


@contextlib.contextmanager
def frozen(*networks: nn.Layer) -> Iterator[None]:
    """Compute no gradients of the networks' parameters within the block; gradients go through them."""
    parameters = [item for network in networks for item in network.parameters() if not item.stop_gradient]
    for parameter in parameters:
        parameter.stop_gradient = True
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.stop_gradient = False


def lazy_ratio(interval: int) -> float:
    """Return c = k / (k + 1): with a penalty every k-th iteration an optimiser makes k + 1 steps where it made k.

    arXiv 1912.04958, appendix B: the learning rate is multiplied by c, and Adam's betas are raised to the power c.
    """
    return interval / (interval + 1)


def with_raised_betas(options: OptimizerOptions, ratio: float) -> OptimizerOptions:
    """Raise Adam's betas to a power; other optimisers stay as they are."""
    if not isinstance(options, AdamOptions | AdamWOptions):
        return options
    return options.model_copy(update={"beta1": options.beta1**ratio, "beta2": options.beta2**ratio})
