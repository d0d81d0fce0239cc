"""The forms of a network's operations: they compute the same numbers, but differ in speed and derivatives."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import paddle

from ppgan_ext.errors import ConfigError, nearest

# "fast": for images and first derivatives. "smooth": can be differentiated twice. "fused": the fastest in dygraph on a
# CPU and otherwise the same as "fast"; for first derivatives by `backward`, and for higher ones by
# `second_order.gradient_of`, because Paddle's own `grad` with respect to some inputs rejects a fused operator.
Form: TypeAlias = Literal["fast", "smooth", "fused"]


def check_form(form: str) -> None:
    """Check that a form exists.

    Raises:
        ConfigError: ``form`` is not a `Form`.
    """
    if form not in get_args(Form):
        raise ConfigError(f"unknown form {form!r}", where="form", cure=nearest(str(form), get_args(Form)))


def may_fuse(form: Form) -> bool:
    """Return whether fused operators may be used: always if no gradient is recorded, else in the form "fused"."""
    return form == "fused" or not paddle.is_grad_enabled()


def once_form(on_cpu: bool) -> Form:
    """Return the fastest form for training steps whose gradients are computed by ``backward``."""
    return "fused" if on_cpu else "fast"


def twice_form(on_cpu: bool) -> Form:
    """Return the fastest form for gradients that are computed by ``gradient_of`` and differentiated again."""
    from ppgan_ext.nn import cpu_conv, cpu_layer, cpu_styled

    return "fused" if on_cpu and cpu_conv.works() and cpu_layer.works() and cpu_styled.works() else "smooth"
