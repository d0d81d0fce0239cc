"""The `model:` block for training StyleGAN2: PaddleGAN's keys, and this package's additions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from ppgan_ext.networks.stylegan2_options import StyleGANv2DiscriminatorOptions, StyleGANv2GeneratorOptions
from ppgan_ext.option_types import Block, Count, Fraction, NotNegative, Number, Positive
from ppgan_ext.training.family import FamilyOptions
from ppgan_ext.training.shared.criterion_options import CriterionOptions
from ppgan_ext.training.shared.option_checks import optimizer_problems

if TYPE_CHECKING:
    from ppgan_ext.training.settings import Settings


class LazyOptions(Block):
    """The block `model.params`: intervals of lazy regularisation.

    Attributes:
        gen_iters: iterations between two computations of the generator's path-length penalty.
        disc_iters: iterations between two computations of the discriminator's penalties.
    """

    gen_iters: Count = 4
    disc_iters: Count = 16


class AugmentOptions(Block):
    """The block `model.augment`: adaptive discriminator augmentation, see `shared.augmentation`.

    Attributes:
        groups: letters of the groups of transforms: b pixel blitting, g geometry, c colour.
        target: target of the mean sign of the scores of real images, r_t.
        num_images_to_one: number of real images over which p can rise from 0 to 1.
        interval: iterations between changes of p.
        limit: maximum of p.
        p: initial probability of each transform.
        fixed: keep p constant.
    """

    groups: Annotated[str, Field(pattern="^[bgc]+$")] = "bgc"
    target: Number = 0.6
    num_images_to_one: Positive = 500_000
    interval: Count = 4
    limit: Fraction = 0.8
    p: Fraction = 0.0
    fixed: bool = False


class StyleGAN2Options(FamilyOptions):
    """The `model:` block: PaddleGAN's keys up to `max_eval_steps`, then this package's own.

    Attributes:
        generator: arguments of the generator.
        discriminator: arguments of the discriminator.
        gan_criterion: the adversarial loss.
        r1_reg_weight: gamma of R1 (arXiv 1801.04406); 0: none.
        path_reg_weight: weight of the path-length penalty (arXiv 1912.04958, Eq. 4); 0: none.
        path_batch_shrink: the path-length penalty is computed on a batch smaller by this factor.
        params: intervals of the penalties.
        max_eval_steps: PaddleGAN's number of images for metrics, without effect: each metric has its own.
        r2_reg_weight: gamma of R2, the same penalty on generated images.
        r1_batch_shrink: R1 and R2 are computed on a batch smaller by this factor.
        style_mixing: share of images whose later layers use a second code (arXiv 1812.04948, section 3.1).
        ema_images: half-life of the averaged generator's weights, in images.
        ema_rampup: the half-life is at most this share of the images seen so far; 0: no ramp.
        augment: options of the augmentation; None: no augmentation.
    """

    generator: StyleGANv2GeneratorOptions
    discriminator: StyleGANv2DiscriminatorOptions
    gan_criterion: CriterionOptions = CriterionOptions()
    r1_reg_weight: NotNegative = 10.0
    path_reg_weight: NotNegative = 2.0
    path_batch_shrink: Annotated[Number, Field(ge=1)] = 2.0
    params: LazyOptions = LazyOptions()
    max_eval_steps: Count | None = None
    r2_reg_weight: NotNegative = 0.0
    r1_batch_shrink: Annotated[Number, Field(ge=1)] = 1.0
    style_mixing: Annotated[Number, Field(ge=0, le=1)] = 0.9
    ema_images: Positive = 10_000
    ema_rampup: NotNegative = 0.05
    augment: AugmentOptions | None = None

    @classmethod
    def problems(cls, settings: Settings) -> Iterator[str]:
        """List differing sizes of the networks, and networks without an optimiser."""
        model: Any = settings.model
        if model.generator.size != model.discriminator.size:
            yield (
                f"model.discriminator.size: is {model.discriminator.size}, but the generator's is "
                f"{model.generator.size}; they must be equal"
            )
        yield from optimizer_problems(settings, {"generator": ["gen"], "discriminator": ["disc"]})

    @property
    def has_disc_penalty(self) -> bool:
        """Whether the discriminator has a lazy penalty."""
        return bool(self.r1_reg_weight or self.r2_reg_weight)
