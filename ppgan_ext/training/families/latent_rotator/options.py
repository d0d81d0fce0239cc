"""The `model:` block for training a rotator, and the checks of a whole configuration that contains it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from ppgan_ext.losses.network_names import DLIB, IdentityName
from ppgan_ext.networks.stylegan2_options import StyleGANv2DiscriminatorOptions
from ppgan_ext.option_types import Count, NotNegative, Positive
from ppgan_ext.training.family import FamilyOptions
from ppgan_ext.training.shared.criterion_options import CriterionOptions
from ppgan_ext.training.shared.option_checks import ModelType, optimizer_problems

if TYPE_CHECKING:
    from ppgan_ext.training.settings import Settings


class LatentRotatorOptions(FamilyOptions):
    """The `model:` block. Faces are encoded, their codes turned, the results rendered; only the rotator learns.

    A part of each batch is turned to the pose of its own mirror image, whose picture and code are known; the rest is
    turned to random poses. A weight of 0 omits a loss and the network that it needs.

    Attributes:
        model_type: name of a model in the catalog that has an encoder.
        generator_weight: a file of a model in any known layout, instead. Without both: the bundled model.
        directions: a file with the directions "yaw" and "pitch" in degrees and their regressions; None: the model's.
        width: length of the rotator's tokens.
        num_blocks: number of the rotator's blocks.
        mirror_share: share of a batch that is turned to the pose of its mirror image.
        max_yaw: random yaws are uniform between -max_yaw and max_yaw, in degrees.
        max_pitch: the same for random pitches.
        pixel_lambda: mean absolute difference from the mirrored photo, at full and at quarter size. Pairs that are less
            than 20 degrees of yaw apart have less weight, here and in `latent_lambda`.
        latent_lambda: mean squared difference from the mirrored photo's code, in variances of the codes.
        pose_lambda: distance between the requested pose and the pose measured on the code of the rendered picture:
            Huber loss in units of 5 degrees, mean of yaw and pitch.
        symmetry_lambda: difference between the turned face and its mirror image, see `losses.symmetry`.
        adv_lambda: adversarial loss of turned faces against rendered faces that are not turned.
        id_lambda: distance between the descriptors of photo and turned face.
        id_network: network that computes the descriptors. Do not use it as a metric too: the score would be biased.
        id_weight: file of that network; None: the default file.
        cycle_lambda: mean squared difference, in variances, between a code and the same code turned and turned back.
        bend_lambda: mean square of the rotator's addition to the step along the directions, in variances.
        discriminator: arguments of the discriminator; it starts with the weights of the model's if the shapes agree.
        gan_criterion: the adversarial loss.
        r1_reg_weight: gamma of the discriminator's R1.
        d_reg_every: iterations between two computations of R1.
        ema_images: half-life of the averaged weights, in images.
        ema_rampup: the half-life is at most this share of the images seen so far; 0: no ramp.
    """

    model_type: ModelType | None = None
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
    id_network: IdentityName = DLIB
    id_weight: str | None = None
    cycle_lambda: NotNegative = 0.5
    bend_lambda: NotNegative = 0.05
    discriminator: StyleGANv2DiscriminatorOptions | None = None
    gan_criterion: CriterionOptions = CriterionOptions()
    r1_reg_weight: NotNegative = 1.0
    d_reg_every: Count = 16
    ema_images: Positive = 5_000
    ema_rampup: NotNegative = 0.05

    @classmethod
    def problems(cls, settings: Settings) -> Iterator[str]:
        """List losses without the network that they need, and networks without an optimiser."""
        model: Any = settings.model
        if model.adv_lambda and model.discriminator is None:
            yield "model.discriminator: missing; adv_lambda needs it"
        if not (model.pose_lambda or model.pixel_lambda or model.latent_lambda):
            yield "model.pose_lambda: one of pose_lambda, pixel_lambda and latent_lambda must be above 0"
        if not model.mirror_share and not model.pose_lambda:
            yield "model.mirror_share: either this or pose_lambda must be above 0, or nothing determines the turn"
        phases = {"rotator": ["rotator"], **({"disc": ["disc"]} if model.trains_disc else {})}
        yield from optimizer_problems(settings, phases)

    @property
    def trains_disc(self) -> bool:
        """Whether there is an adversarial loss."""
        return self.adv_lambda > 0

    def num_mirrored(self, count: int) -> int:
        """Return how many faces of a shard, the first ones, are turned to the pose of their mirror image."""
        return round(self.mirror_share * count)
