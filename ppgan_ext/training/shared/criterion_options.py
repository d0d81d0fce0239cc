"""The block `model.gan_criterion` of the families that train a discriminator."""

from __future__ import annotations

from typing import Literal

from pydantic import field_validator

from ppgan_ext.errors import ConfigError
from ppgan_ext.losses import adversarial
from ppgan_ext.option_types import Block, Positive


class CriterionOptions(Block):
    """An adversarial loss.

    Attributes:
        name: PaddleGAN's name of the criterion.
        gan_mode: name of the loss, a key of `losses.adversarial.LOSSES`.
        loss_weight: weight of the loss.
    """

    name: Literal["GANLoss"] = "GANLoss"
    gan_mode: str = "logistic"
    loss_weight: Positive = 1.0

    @field_validator("gan_mode")
    @classmethod
    def _exists(cls, name: str) -> str:
        try:
            adversarial.find(name)
        except ConfigError as error:
            raise ValueError(f"{error.what}. {error.cure}") from error
        return name
