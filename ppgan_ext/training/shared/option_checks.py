"""Checks of options that several families make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ppgan_ext.errors import nearest
from ppgan_ext.weights import catalog

if TYPE_CHECKING:
    from ppgan_ext.training.settings import Settings


def check_model_type(name: str | None) -> str | None:
    """Return the name of a model of the catalog that has weights, or None.

    Raises:
        ValueError: there is no such model, or it has no weights; says the nearest name.
    """
    if name is not None and (name not in catalog.MODELS or catalog.MODELS[name].weights is None):
        choices = [key for key, record in catalog.MODELS.items() if record.weights is not None]
        raise ValueError(f"there is no model '{name}'. {nearest(name, choices)}")
    return name


def optimizer_problems(settings: Settings, phases: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """List networks that have no optimiser or several, unknown ones, and optimisers that serve two phases.

    Args:
        settings: the whole configuration.
        phases: phase -> the networks that learn in it.
    """
    phase_of = {network: phase for phase, networks in phases.items() for network in networks}
    for network in phase_of:
        owners = [name for name, options in settings.optimizer.items() if network in options.net_names]
        if len(owners) != 1:
            yield f"optimizer: network '{network}' needs one optimiser, {len(owners)} name it"
    for name, options in settings.optimizer.items():
        for network in options.net_names:
            if network not in phase_of:
                yield f"optimizer.{name}.net_names: '{network}' is not trained here. {nearest(network, phase_of)}"
        if len({phase_of[network] for network in options.net_names if network in phase_of}) > 1:
            yield f"optimizer.{name}.net_names: a discriminator needs an optimiser of its own"
