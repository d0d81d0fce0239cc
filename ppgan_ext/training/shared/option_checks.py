"""Types and checks of options that several families share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import AfterValidator

from ppgan_ext.errors import nearest
from ppgan_ext.losses import adversarial
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


def critic_problems(settings: Settings, norms: Mapping[str, str]) -> Iterator[str]:
    """List discriminators with batch normalisation whose loss has a gradient penalty.

    The penalty is about one image's gradient; in a batch, an image's score also depends on the others (arXiv
    1704.00028, section 4).

    Args:
        settings: the whole configuration, with `model.gan_criterion`.
        norms: key of a discriminator -> its normalisation.
    """
    mode = settings.model.gan_criterion.gan_mode  # type: ignore[attr-defined]
    for key, norm in norms.items():
        if norm == "batch" and adversarial.find(mode).gradient_penalty:
            yield f"{key}.norm_type: gan_mode {mode} penalises each image's gradient; use instance or none, not batch"


def channel_problems(generator: Any, critics: Mapping[str, Any]) -> Iterator[str]:
    """List channels that do not agree, of generators that translate back and forth and of their discriminators.

    Args:
        generator: options of the generators.
        critics: key of a discriminator -> its options.
    """
    if generator.input_nc != generator.output_nc:
        yield (
            f"model.generator.output_nc: is {generator.output_nc}, but input_nc is {generator.input_nc}; both "
            "generators are built alike and translate back and forth, so they must be equal"
        )
    for key, critic in critics.items():
        if critic.input_nc != generator.output_nc:
            yield f"{key}.input_nc: is {critic.input_nc}, but images have {generator.output_nc} channels"
