"""The `model:` block for training GANs of random numbers and classes: PaddleGAN's keys, and our additions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import Field

from ppgan_ext.networks.dcgan_options import DCDiscriminatorOptions, DCGeneratorOptions
from ppgan_ext.networks.deep_conv_options import ConditionalDeepConvGeneratorOptions, DeepConvGeneratorOptions
from ppgan_ext.networks.patchgan_options import (
    NLayerDiscriminatorOptions,
    NLayerDiscriminatorWithClassificationOptions,
)
from ppgan_ext.option_types import Block, Count, CountOrZero, NotNegative, Positive
from ppgan_ext.training.family import FamilyOptions
from ppgan_ext.training.shared.criterion_options import CriterionOptions
from ppgan_ext.training.shared.option_checks import critic_problems, optimizer_problems

if TYPE_CHECKING:
    from ppgan_ext.training.settings import Settings

GeneratorOptions: TypeAlias = Annotated[
    DCGeneratorOptions | DeepConvGeneratorOptions | ConditionalDeepConvGeneratorOptions, Field(discriminator="name")
]
DiscriminatorOptions: TypeAlias = Annotated[
    DCDiscriminatorOptions | NLayerDiscriminatorOptions | NLayerDiscriminatorWithClassificationOptions,
    Field(discriminator="name"),
]
_CHANNELS_OF_COLOURS = (1, 3)


class GANParams(Block):
    """The block `model.params`.

    Attributes:
        disc_iters: the generator learns in every so many iterations; the discriminator in each, on a new batch.
        disc_start_iters: iterations before the generator learns.
        samples_every_row: images in a row of the pictures.
        visual_interval: PaddleGAN's interval of pictures, without effect: `log_config.visual_interval` is used.
        clip_value: the critic's weights are clipped to [-clip_value, clip_value] with `gan_mode: wgan`.
    """

    disc_iters: Count = 1
    disc_start_iters: CountOrZero = 0
    samples_every_row: Count = 8
    visual_interval: Count = 500
    clip_value: Positive = 0.01


class GANOptions(FamilyOptions):
    """The `model:` block: PaddleGAN's keys, then this package's own.

    Attributes:
        generator: arguments of the generator; one with `n_class` makes images of a given class.
        discriminator: arguments of the discriminator; a generator with classes needs one with as many classes.
        gan_criterion: the adversarial loss.
        params: intervals.
        r1_reg_weight: gamma of R1 (arXiv 1801.04406), in every step; 0: none.
    """

    generator: GeneratorOptions
    discriminator: DiscriminatorOptions
    gan_criterion: CriterionOptions
    params: GANParams = GANParams()
    r1_reg_weight: NotNegative = 0.0

    @property
    def num_classes(self) -> int:
        """Number of classes of the conditional form, else 0."""
        return getattr(self.generator, "n_class", 0)

    @classmethod
    def problems(cls, settings: Settings) -> Iterator[str]:
        """List what does not go together: channels, classes, data, and the critic's normalisation."""
        model: Any = settings.model
        generator, discriminator = model.generator, model.discriminator
        if generator.output_nc != discriminator.input_nc:
            yield f"model.discriminator.input_nc: is {discriminator.input_nc}, but images have {generator.output_nc}"
        if generator.output_nc not in _CHANNELS_OF_COLOURS:
            yield f"model.generator.output_nc: is {generator.output_nc}; pictures have 1 channel or 3"
        if getattr(discriminator, "n_class", 0) != model.num_classes:
            yield (
                "model.discriminator.n_class: generator and discriminator must have the same number of classes, but "
                f"have {model.num_classes} and {getattr(discriminator, 'n_class', 0)}"
            )
        if model.num_classes and not getattr(settings.dataset.train, "return_label", False):
            yield "dataset.train.return_label: must be True, since the generator needs classes"
        yield from critic_problems(settings, {"model.discriminator": discriminator.norm_type})
        yield from optimizer_problems(settings, {"generator": ["netG"], "discriminator": ["netD"]})
