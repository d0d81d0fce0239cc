"""The blocks of criteria: `model.gan_criterion` of the families with a discriminator, and distances of images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import field_validator

from ppgan_ext.errors import ConfigError
from ppgan_ext.losses import adversarial
from ppgan_ext.option_types import Block, NotNegative, Positive

if TYPE_CHECKING:
    import paddle


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


class DistanceCriterion(Block):
    """The mean distance of two images, in PaddleGAN's names.

    Attributes:
        name: mean absolute or mean squared difference.
        loss_weight: factor of the distance.
        reduction: PaddleGAN's key; the mean is the only one.
    """

    name: Literal["L1Loss", "MSELoss"] = "L1Loss"
    loss_weight: NotNegative = 1.0
    reduction: Literal["mean"] = "mean"

    def distance(self, a: paddle.Tensor, b: paddle.Tensor) -> paddle.Tensor:
        """Return the distance of images of one shape, without the factor, ()."""
        difference = a - b
        return difference.abs().mean() if self.name == "L1Loss" else (difference * difference).mean()


class NamedCriterion(Block):
    """A criterion whose kind the family determines; PaddleGAN's files only name it.

    Attributes:
        name: PaddleGAN's name.
        loss_weight: PaddleGAN's factor; it must be 1, since the family's own weights are the factors.
        reduction: PaddleGAN's key; the mean is the only one.
    """

    name: str
    loss_weight: Positive = 1.0
    reduction: Literal["mean"] = "mean"

    @field_validator("loss_weight")
    @classmethod
    def _is_one(cls, value: float) -> float:
        if value != 1:
            raise ValueError("must be 1; set the model's own weights, such as cycle_weight")
        return value


class L1Criterion(NamedCriterion):
    """The block of U-GAT-IT's mean absolute difference."""

    name: Literal["L1Loss"] = "L1Loss"


class MSECriterion(NamedCriterion):
    """The block of U-GAT-IT's adversarial loss."""

    name: Literal["MSELoss"] = "MSELoss"


class BCECriterion(NamedCriterion):
    """The block of U-GAT-IT's loss of the attention's classifiers."""

    name: Literal["BCEWithLogitsLoss"] = "BCEWithLogitsLoss"
