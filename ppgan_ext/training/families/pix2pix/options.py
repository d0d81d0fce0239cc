"""The `model:` block for training pix2pix: PaddleGAN's keys, and this package's additions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ppgan_ext.networks.patchgan_options import NLayerDiscriminatorOptions
from ppgan_ext.option_types import NotNegative
from ppgan_ext.training.shared.criterion_options import CriterionOptions, DistanceCriterion
from ppgan_ext.training.shared.image_checks import PAIRS, dataset_problems
from ppgan_ext.training.shared.option_checks import critic_problems, optimizer_problems
from ppgan_ext.training.shared.translation_options import PlainGenerator, TranslationOptions

if TYPE_CHECKING:
    from ppgan_ext.training.settings import Settings


class Pix2PixOptions(TranslationOptions):
    """The `model:` block: PaddleGAN's keys, then this package's own.

    Attributes:
        generator: arguments of the generator.
        discriminator: arguments of the discriminator, which sees input and output joined.
        pixel_criterion: distance of output and target; its weight is lambda of arXiv 1611.07004, Eq. 4.
        gan_criterion: the adversarial loss.
        r1_reg_weight: gamma of R1 (arXiv 1801.04406), in every step; 0: none.
    """

    generator: PlainGenerator
    discriminator: NLayerDiscriminatorOptions
    pixel_criterion: DistanceCriterion = DistanceCriterion(loss_weight=100.0)
    gan_criterion: CriterionOptions = CriterionOptions(gan_mode="vanilla")
    r1_reg_weight: NotNegative = 0.0

    @classmethod
    def problems(cls, settings: Settings) -> Iterator[str]:
        """List what does not go together: channels, data, optimisers, and the critic's normalisation."""
        model: Any = settings.model
        joined = model.generator.input_nc + model.generator.output_nc
        if model.discriminator.input_nc != joined:
            yield (
                f"model.discriminator.input_nc: is {model.discriminator.input_nc}, but input and output of the "
                f"generator have {joined} channels together"
            )
        yield from dataset_problems(settings, PAIRS)
        yield from critic_problems(settings, {"model.discriminator": model.discriminator.norm_type})
        yield from optimizer_problems(settings, {"generator": ["netG"], "discriminator": ["netD"]})
