"""The learning rate and the option checks that all gradient descents on codes share."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ppgan_ext.errors import ConfigError


def falling_rate(start_lr: float, final_lr: float, step: int, num_steps: int) -> float:
    """Return the learning rate of update number ``step``: start_lr * (final_lr / start_lr) ** (step / num_steps)."""
    return start_lr * (final_lr / start_lr) ** (step / max(num_steps, 1))


def check_ranges(
    options: object,
    where: str,
    *,
    positive: Iterable[str] = (),
    not_negative: Iterable[str] = (),
    at_least_1: Iterable[str] = (),
) -> None:
    """Check the ranges of options, and report all that are out of range at once.

    Args:
        options: an object with these attributes.
        where: name of the options in the message.
        positive: attributes that must be above 0 and finite.
        not_negative: attributes that must be at least 0 and finite.
        at_least_1: counts that must be at least 1, or None.

    Raises:
        ConfigError: some are out of range; with their names and values.
    """
    values = {name: getattr(options, name) for name in (*positive, *not_negative, *at_least_1)}
    is_right = {name: 0 < values[name] < np.inf for name in positive}
    is_right |= {name: 0 <= values[name] < np.inf for name in not_negative}
    is_right |= {name: values[name] is None or values[name] >= 1 for name in at_least_1}
    wrong = ", ".join(f"{name}={values[name]}" for name, right in is_right.items() if not right)
    if wrong:
        raise ConfigError(f"out of range: {wrong}", where=where, cure="Give positive, finite numbers")
