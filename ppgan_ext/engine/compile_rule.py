"""When compiling a network pays: the rule by which engines choose between dygraph and a compiled program on a CPU.

Compiling costs at once what a program saves picture by picture. Measured on one core with AVX-512 (processor seconds):

    network                     parameters   compile and verify   dygraph   compiled   pays after
    bundled encoder, 128 px          9.6 M                  1.9     0.032      0.015          118
    bundled generator, 128 px        5.2 M                  0.9     0.038      0.023           62
    StyleGAN2, 64 px                27.0 M                  3.3      0.33       0.23           36
    StyleGAN2, 256 px               30.0 M                  5.7      0.84       0.73           52
    StyleGAN2, 512 px               30.3 M                  7.4      1.23       1.09           52

At 1024 px, 24 s and 28 pictures were reported from two cores; that was not measured here.

A program from the cache is always used: loading it takes less time than the first picture of dygraph, which prepares
its operators. A small network is compiled at once, for the runs to come. A large one is compiled as soon as that pays:
the pictures to come are known to be many, or as many have been drawn. By the second rule, what is lost is at most what
compiling costs, however many pictures follow (the ski rental problem; Karlin et al., Algorithmica 3, 1988).

The rule counts pictures and reads no clock, so that the same calls draw the same bytes. Dygraph and program agree
within 1e-4.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

from ppgan_ext.errors import ConfigError, nearest

SWITCH = "PPGAN_EXT_COMPILE"
PAYS_AFTER = 40
"""Pictures after which a large network's program has saved what it cost."""
SMALL_PARAMETERS = 16_000_000
"""Parameters up to which a network is compiled at once, which takes about two seconds."""

Choice: TypeAlias = Literal["auto", "always", "never"]


def choice(environ: Mapping[str, str] | None = None) -> Choice:
    """Return what the environment variable PPGAN_EXT_COMPILE says: "auto" (the rule, by default), "always" or "never".

    Raises:
        ConfigError: it says something else.
    """
    text = (os.environ if environ is None else environ).get(SWITCH, "").strip().lower() or "auto"
    for known in get_args(Choice):
        if text == known:
            return known
    cure = f"{nearest(text, get_args(Choice))}, or unset it"
    raise ConfigError(f"'{text}' is none of {', '.join(get_args(Choice))}", where=SWITCH, cure=cure)


def pays(num_parameters: int, num_drawn: int, num_to_come: int) -> bool:
    """Return whether to compile a network that the cache has no program of. Pure.

    Args:
        num_parameters: numbers in the network's weights.
        num_drawn: pictures that it has drawn uncompiled.
        num_to_come: pictures that are known to follow.
    """
    return num_parameters <= SMALL_PARAMETERS or max(num_drawn, num_to_come) >= PAYS_AFTER


def description() -> str:
    """Say in one line when networks are compiled."""
    said = choice()
    if said == "always":
        return f"{SWITCH}=always: compiled before the first picture"
    if said == "never":
        return f"{SWITCH}=never: no program is compiled or loaded"
    return (
        f"a large model is compiled after {PAYS_AFTER} pictures, when that pays; {SWITCH}=always compiles it before "
        "the first, never leaves it out"
    )
