"""The forms in which a network can compute the same numbers."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import paddle

from ppgan_ext.errors import ConfigError, nearest

# "fast": for images and first derivatives. "smooth": can be differentiated twice. "fused": the fastest in dygraph on a
# CPU, for first derivatives by `backward`, and for derivatives of `second_order.gradient_of`, since Paddle's own `grad`
# of some inputs alone refuses a fused operator; elsewhere the same as "fast". All give the same numbers.
Form: TypeAlias = Literal["fast", "smooth", "fused"]


def check_form(form: str) -> None:
    """Refuse a form that does not exist.

    Raises:
        ConfigError: ``form`` is not a `Form`.
    """
    if form not in get_args(Form):
        raise ConfigError(f"unknown form {form!r}", where="form", cure=nearest(str(form), get_args(Form)))


def is_quick(form: Form) -> bool:
    """Say whether dygraph on a CPU may take its quickest way; what needs no derivative does so in any form."""
    return form == "fused" or not paddle.is_grad_enabled()


def once_form(on_cpu: bool) -> Form:
    """Choose the fastest form for training steps, whose gradients are taken by ``backward``."""
    return "fused" if on_cpu else "fast"


def twice_form(on_cpu: bool) -> Form:
    """Choose the fastest form for gradients that are differentiated again, taken by ``gradient_of``."""
    from ppgan_ext.nn import cpu_conv, cpu_layer, cpu_styled

    return "fused" if on_cpu and cpu_conv.works() and cpu_layer.works() and cpu_styled.works() else "smooth"
