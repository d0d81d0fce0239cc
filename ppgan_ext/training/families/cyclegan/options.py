"""The `model:` block for training CycleGAN: PaddleGAN's keys, and this package's additions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ppgan_ext.networks.patchgan_options import NLayerDiscriminatorOptions
from ppgan_ext.option_types import CountOrZero, NotNegative
from ppgan_ext.training.shared.criterion_options import CriterionOptions, DistanceCriterion
from ppgan_ext.training.shared.face_id import FaceIdOptions
from ppgan_ext.training.shared.image_checks import TWO_DOMAINS, dataset_problems
from ppgan_ext.training.shared.option_checks import channel_problems, critic_problems, optimizer_problems
from ppgan_ext.training.shared.translation_options import PlainGenerator, TranslationOptions

if TYPE_CHECKING:
    from ppgan_ext.training.settings import Settings


class CycleGANOptions(TranslationOptions):
    """The `model:` block: PaddleGAN's keys, then this package's own.

    Attributes:
        generator: arguments of both generators.
        discriminator: arguments of both discriminators.
        cycle_criterion: distance of an image and its reconstruction.
        idt_criterion: distance of an image of B and its translation from A to B; its weight is relative to lambda_a or
            lambda_b. None, or a weight of 0: no such loss.
        gan_criterion: the adversarial loss.
        pool_size: earlier translations that each discriminator learns from; 0: the newest alone.
        lambda_a: weight of the cycle from A over B to A (arXiv 1703.10593, Eq. 3).
        lambda_b: weight of the cycle from B over A to B.
        face_id: distance of the faces in a photo and its translation; None: no such loss.
        r1_reg_weight: gamma of R1 (arXiv 1801.04406), in every step; 0: none.
    """

    generator: PlainGenerator
    discriminator: NLayerDiscriminatorOptions
    cycle_criterion: DistanceCriterion = DistanceCriterion()
    idt_criterion: DistanceCriterion | None = None
    gan_criterion: CriterionOptions = CriterionOptions(gan_mode="lsgan")
    pool_size: CountOrZero = 50
    lambda_a: NotNegative = 10.0
    lambda_b: NotNegative = 10.0
    face_id: FaceIdOptions | None = None
    r1_reg_weight: NotNegative = 0.0

    @classmethod
    def problems(cls, settings: Settings) -> Iterator[str]:
        """List what does not go together: channels, data, optimisers, and the critics' normalisation."""
        model: Any = settings.model
        yield from channel_problems(model.generator, {"model.discriminator": model.discriminator})
        yield from dataset_problems(settings, TWO_DOMAINS)
        yield from critic_problems(settings, {"model.discriminator": model.discriminator.norm_type})
        phases = {"generators": ["netG_A", "netG_B"], "discriminators": ["netD_A", "netD_B"]}
        yield from optimizer_problems(settings, phases)

    @property
    def identity_weight(self) -> float:
        """Weight of the identity loss, relative to lambda_a and lambda_b."""
        return 0.0 if self.idt_criterion is None else self.idt_criterion.loss_weight
