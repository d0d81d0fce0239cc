"""Which method of fusion suits a pair of photos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ppgan_ext.apps.fusion.options import FuseOptions

if TYPE_CHECKING:
    from ppgan_ext.faces.swap.warp_method import FacePlan


def choose_method(options: FuseOptions, plan: FacePlan) -> tuple[Literal["latent", "warp"], str]:
    """Choose a method, and say why.

    Args:
        options: a method that is asked for is taken.
        plan: the fused face as far as the person's photo shows it.

    Returns:
        The method, and a reason that completes "because".
    """
    if options.method != "auto":
        return options.method, "it was asked for"
    if options.asks_for_the_model:
        return "latent", "the model is asked to refine, fit, tune or turn the face"
    # However little that is: what covers a face spoils its code too, and the model draws remains of it. Measured in
    # docs/fusion.md.
    return "warp", f"the person's photo shows {plan.shown_share:.0%} of the face"
