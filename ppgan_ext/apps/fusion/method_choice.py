"""Which method of fusion suits a pair of photos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ppgan_ext.apps.fusion.options import FuseOptions

if TYPE_CHECKING:
    from ppgan_ext.faces.swap.warp_method import FacePlan

LEAST_SHOWN = 0.85
"""Share of the fused face that the person's photo must show for the warp method.

Chosen, not measured: of the 60 pairs of docs/fusion.md none shows less, and there the warp method is the better one.
"""


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
    shown = f"the person's photo shows {plan.shown_share:.0%} of the face"
    if plan.shown_share >= LEAST_SHOWN:
        return "warp", shown
    return "latent", f"{shown} only"
