"""The `model:` block for training U-GAT-IT: PaddleGAN's keys, and this package's additions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from ppgan_ext.networks.ugatit_options import (
    ResnetUGATITGeneratorOptions,
    ResnetUGATITP2CGeneratorOptions,
    UGATITDiscriminatorOptions,
)
from ppgan_ext.option_types import NotNegative
from ppgan_ext.training.shared.criterion_options import BCECriterion, L1Criterion, MSECriterion
from ppgan_ext.training.shared.face_id import FaceIdOptions
from ppgan_ext.training.shared.image_checks import TWO_DOMAINS, dataset_problems
from ppgan_ext.training.shared.option_checks import channel_problems, optimizer_problems
from ppgan_ext.training.shared.translation_options import TranslationOptions

if TYPE_CHECKING:
    from ppgan_ext.training.settings import Settings


class UGATITOptions(TranslationOptions):
    """The `model:` block: PaddleGAN's keys, then this package's own.

    Attributes:
        generator: arguments of both generators.
        discriminator_g: arguments of the global discriminators, 7 layers in the paper.
        discriminator_l: arguments of the local discriminators, 5 layers in the paper.
        l1_criterion: names the distance of cycles and identities.
        mse_criterion: names the adversarial loss.
        bce_criterion: names the loss of the attention's classifiers.
        adv_weight: weight of the adversarial losses of patches and of the attention's classifiers.
        cycle_weight: weight of the cycles.
        identity_weight: weight of the identities; 0: none, and no attention loss on them.
        cam_weight: weight of the attention's classifiers in the generators.
        face_id: distance of the faces in a photo and its translation; None: no such loss.
    """

    generator: Annotated[ResnetUGATITGeneratorOptions | ResnetUGATITP2CGeneratorOptions, Field(discriminator="name")]
    discriminator_g: UGATITDiscriminatorOptions
    discriminator_l: UGATITDiscriminatorOptions
    l1_criterion: L1Criterion = L1Criterion()
    mse_criterion: MSECriterion = MSECriterion()
    bce_criterion: BCECriterion = BCECriterion()
    adv_weight: NotNegative = 1.0
    cycle_weight: NotNegative = 10.0
    identity_weight: NotNegative = 10.0
    cam_weight: NotNegative = 1000.0
    face_id: FaceIdOptions | None = None

    @classmethod
    def problems(cls, settings: Settings) -> Iterator[str]:
        """List what does not go together: channels, data, optimisers."""
        model: Any = settings.model
        critics = {f"model.discriminator_{kind}": getattr(model, f"discriminator_{kind}") for kind in "gl"}
        yield from channel_problems(model.generator, critics)
        yield from dataset_problems(settings, TWO_DOMAINS)
        phases = {"generators": ["genA2B", "genB2A"], "discriminators": ["disGA", "disGB", "disLA", "disLB"]}
        yield from optimizer_problems(settings, phases)
