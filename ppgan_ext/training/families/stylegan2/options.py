"""Options of StyleGAN2's training: PaddleGAN's `model:` block, and what this package adds to it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from ppgan_ext.errors import ConfigError
from ppgan_ext.losses import adversarial
from ppgan_ext.option_types import Block, Count, Fraction, NotNegative, Number, Positive


class GeneratorOptions(Block):
    """`model.generator`: arguments of `networks.StyleGANv2Generator`."""

    name: Literal["StyleGANv2Generator"] = "StyleGANv2Generator"
    size: Count
    style_dim: Count = 512
    n_mlp: Count = 8
    channel_multiplier: Positive = 2
    blur_kernel: Annotated[tuple[Number, ...], Field(min_length=2)] = (1, 3, 3, 1)
    lr_mlp: Positive = 0.01
    channel_base: Count | None = None
    channel_cap: Count = 512


class DiscriminatorOptions(Block):
    """`model.discriminator`: arguments of `networks.StyleGANv2Discriminator`."""

    name: Literal["StyleGANv2Discriminator"] = "StyleGANv2Discriminator"
    size: Count
    channel_multiplier: Positive = 2
    blur_kernel: Annotated[tuple[Number, ...], Field(min_length=2)] = (1, 3, 3, 1)
    channel_base: Count | None = None
    channel_cap: Count = 512


class CriterionOptions(Block):
    """`model.gan_criterion`: which adversarial loss (`losses.adversarial.LOSSES`), and its weight."""

    name: Literal["GANLoss"] = "GANLoss"
    gan_mode: str = "logistic"
    loss_weight: Positive = 1.0

    @field_validator("gan_mode")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            adversarial.find(name)
        except ConfigError as error:
            raise ValueError(f"{error.what}. {error.cure}") from error
        return name


class LazyOptions(Block):
    """`model.params`: iterations between the generator's and the discriminator's penalties (lazy regularisation)."""

    gen_iters: Count = 4
    disc_iters: Count = 16


class AugmentOptions(Block):
    """`model.augment`: adaptive discriminator augmentation.

    Attributes:
        groups: b pixel blitting, g geometry, c colour.
        target: of the mean sign of the scores of real images, r_t.
        num_images_to_one: real images over which p can go from 0 to 1.
        interval: iterations between changes of p.
        limit: largest p.
        p: to start with; with `fixed` for good.
        fixed: p does not change.
    """

    groups: Annotated[str, Field(pattern="^[bgc]+$")] = "bgc"
    target: Number = 0.6
    num_images_to_one: Positive = 500_000
    interval: Count = 4
    limit: Fraction = 0.8
    p: Fraction = 0.0
    fixed: bool = False


class StyleGAN2Options(Block):
    """The `model:` block.

    PaddleGAN's keys, then ours.

    Attributes:
        r1_reg_weight: gamma of R1 (arXiv 1801.04406); 0: none.
        path_reg_weight: weight of the path-length penalty (arXiv 1912.04958, Eq. 4); 0: none.
        path_batch_shrink: the penalty is taken on a batch smaller by this factor.
        max_eval_steps: PaddleGAN's number of images for metrics; kept for its files: each metric has its own.
        r2_reg_weight: gamma of R2, the same penalty on generated images.
        r1_batch_shrink: R1 and R2 are taken on a part of the batch smaller by this factor.
        style_mixing: share of images whose later layers come from a second code (arXiv 1812.04948, section 3.1).
        ema_images: half-life of the averaged generator's weights, in images.
        ema_rampup: the half-life is at most this share of the images seen so far; 0: no ramp.
        augment: None: no augmentation.
    """

    name: Literal["StyleGAN2Model"] = "StyleGAN2Model"
    generator: GeneratorOptions
    discriminator: DiscriminatorOptions
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
