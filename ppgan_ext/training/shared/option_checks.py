"""Types and checks of options that several families share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, TypeAlias

from pydantic import AfterValidator

from ppgan_ext.errors import nearest
from ppgan_ext.weights import catalog

if TYPE_CHECKING:
    from ppgan_ext.training.settings import Settings


def check_model_type(name: str) -> str:
    """Return the name of a model in the catalog.

    Raises:
        ValueError: the catalog has no such model, or no weights for it; the message contains the nearest name.
    """
    if name not in catalog.MODELS or catalog.MODELS[name].weights is None:
        choices = [key for key, record in catalog.MODELS.items() if record.weights is not None]
        raise ValueError(f"there is no model '{name}'. {nearest(name, choices)}")
    return name


# The name of a model in the catalog that has weights, as the type of a field.
ModelType: TypeAlias = Annotated[str, AfterValidator(check_model_type)]


def optimizer_problems(settings: Settings, phases: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """List the mistakes in the optimisers' `net_names`.

    Every network that learns needs exactly one optimiser, and an optimiser may only have networks of one phase.

    Args:
        settings: the whole configuration.
        phases: name of a phase -> the networks that learn in it.
    """
    phase_of = {network: phase for phase, networks in phases.items() for network in networks}
    for network in phase_of:
        owners = [name for name, options in settings.optimizer.items() if network in options.net_names]
        if len(owners) != 1:
            yield f"optimizer: network '{network}' needs exactly one optimiser, but {len(owners)} name it"
    for name, options in settings.optimizer.items():
        for network in options.net_names:
            if network not in phase_of:
                yield f"optimizer.{name}.net_names: '{network}' is not trained. {nearest(network, phase_of)}"
        if len({phase_of[network] for network in options.net_names if network in phase_of}) > 1:
            yield f"optimizer.{name}.net_names: a discriminator needs its own optimiser"
