"""Lazy regularisation (arXiv 1912.04958, appendix B): how a penalty in every k-th iteration changes an optimiser."""

from __future__ import annotations

from ppgan_ext.training.optimizers import AdamOptions, AdamWOptions, OptimizerOptions


def lazy_ratio(interval: int) -> float:
    """Return c = k / (k + 1): with a penalty every k-th iteration, an optimiser makes k + 1 steps in k iterations.

    The learning rate is multiplied by c, and Adam's betas are raised to the power c.
    """
    return interval / (interval + 1)


def with_raised_betas(options: OptimizerOptions, ratio: float) -> OptimizerOptions:
    """Return options with Adam's betas raised to the power ``ratio``; options of other optimisers are unchanged."""
    if not isinstance(options, AdamOptions | AdamWOptions):
        return options
    return options.model_copy(update={"beta1": options.beta1**ratio, "beta2": options.beta2**ratio})
