"""The `model:` block of a rotator's training, and what in a whole configuration does not go together with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, field_validator

from ppgan_ext.losses import adversarial
from ppgan_ext.option_types import Block, Count, NotNegative, Positive
from ppgan_ext.training.families.psp.options import check_model_type, optimizer_problems
from ppgan_ext.training.families.stylegan2.options import CriterionOptions, DiscriminatorOptions

if TYPE_CHECKING:
    from ppgan_ext.training.schema import Settings

LAMBDAS = ("pixel", "latent", "pose", "symmetry", "adv", "id", "cycle", "bend")


class LatentRotatorOptions(Block):
    """The `model:` block. Faces are encoded, their codes turned, the results drawn; only the rotator learns.

    One part of a batch is turned to the pose of its own mirror image, whose picture and code are known; the rest to
    poses drawn at random. A weight of 0 leaves a loss out, and the network it needs.

    Attributes:
        model_type: a model of the catalog, with an encoder.
        generator_weight: instead a file of any known layout. With neither: the model that ships with the package.
        directions: file with "yaw" and "pitch" in degrees, with their regressions; None: the model's own.
        width: of the rotator's tokens.
        num_blocks: of the rotator.
        mirror_share: part of a batch that is turned to its mirror image's pose.
        max_yaw: degrees; random poses lie within it, evenly.
        max_pitch: as max_yaw.
        pixel_lambda: mean absolute difference from the mirrored photo, in full and at a quarter of the side. A pair
            that is less than 20 degrees of yaw apart counts less, here and in the next.
        latent_lambda: mean squared difference from the mirrored photo's code, in variances of the codes.
        pose_lambda: how far the pose that is read off the drawn picture's own code lies from the wanted one: Huber loss
            of units of 5 degrees, mean of yaw and pitch.
        symmetry_lambda: difference between the turned face and its mirror image, see `losses.symmetry`.
        adv_lambda: adversarial loss of the pictures against those of faces that are not turned.
        id_lambda: distance of the descriptors, photo to turned face.
        id_network: which network describes them. What it teaches it can no longer judge.
        id_weight: its file.
        cycle_lambda: mean squared difference, in variances, of the code that is turned and turned back.
        bend_lambda: mean square of what is added to the directions' step, in variances.
        discriminator: arguments of the discriminator; one of the shape of the model's own starts with its weights.
        gan_criterion: adversarial loss.
        r1_reg_weight: gamma of R1 of the discriminator.
        d_reg_every: iterations between R1.
        ema_images: half-life of the averaged weights, in images.
        ema_rampup: the half-life is at most this share of the images seen so far; 0: no ramp.
    """

    name: Literal["LatentRotatorModel"] = "LatentRotatorModel"
    model_type: str | None = None
    generator_weight: str | None = None
    directions: str | None = None
    width: Count = 128
    num_blocks: Count = 3
    mirror_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    max_yaw: Annotated[Positive, Field(lt=90)] = 35.0
    max_pitch: Annotated[NotNegative, Field(lt=90)] = 12.0
    pixel_lambda: NotNegative = 1.0
    latent_lambda: NotNegative = 1.0
    pose_lambda: NotNegative = 1.0
    symmetry_lambda: NotNegative = 0.5
    adv_lambda: NotNegative = 0.05
    id_lambda: NotNegative = 0.0
    id_network: Literal["dlib-resnet", "arcface-ir-se50"] = "dlib-resnet"
    id_weight: str | None = None
    cycle_lambda: NotNegative = 0.5
    bend_lambda: NotNegative = 0.05
    discriminator: DiscriminatorOptions | None = None
    gan_criterion: CriterionOptions = CriterionOptions()
    r1_reg_weight: NotNegative = 1.0
    d_reg_every: Count = 16
    ema_images: Positive = 5_000
    ema_rampup: NotNegative = 0.05

    @field_validator("model_type")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        return check_model_type(name)

    @property
    def trains_disc(self) -> bool:
        """Whether there is an adversarial loss."""
        return self.adv_lambda > 0

    def trained(self) -> list[str]:
        """Names of the networks that optimisers move."""
        return ["rotator", "disc"] if self.trains_disc else ["rotator"]

    def num_mirrored(self, count: int) -> int:
        """Count the faces of a shard that are turned to their mirror image's pose, the first ones."""
        return round(self.mirror_share * count)


def problems(settings: Settings) -> Iterator[str]:
    """List what does not go together, each ``key: what is wrong``."""
    model: Any = settings.model
    if model.adv_lambda and model.discriminator is None:
        yield "model.discriminator: missing; adv_lambda needs it"
    loss = adversarial.find(model.gan_criterion.gan_mode)
    if model.adv_lambda and (loss.gradient_penalty or loss.clip):
        yield f"model.gan_criterion.gan_mode: '{loss.name}' is not for rotators; choose logistic or hinge"
    if not (model.pose_lambda or model.pixel_lambda or model.latent_lambda):
        yield "model.pose_lambda: one of pose_lambda, pixel_lambda and latent_lambda must be above 0"
    if not model.mirror_share and not model.pose_lambda:
        yield "model.mirror_share: without mirror images only pose_lambda says how far to turn; set one of them"
    yield from optimizer_problems(settings, model.trained())
