"""The `model:` block for training an encoder, and the checks of a whole configuration that contains it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from ppgan_ext.losses.network_names import ARCFACE, DLIB, DistanceName, IdentityName
from ppgan_ext.networks.encoder_options import LightEncoderOptions, PSPEncoderOptions
from ppgan_ext.networks.stylegan2_options import StyleGANv2DiscriminatorOptions, StyleGANv2GeneratorOptions
from ppgan_ext.option_types import Block, Count, CountOrZero, NotNegative, Positive
from ppgan_ext.training.family import FamilyOptions
from ppgan_ext.training.shared.criterion_options import CriterionOptions
from ppgan_ext.training.shared.option_checks import ModelType, optimizer_problems

if TYPE_CHECKING:
    from ppgan_ext.training.settings import Settings

TRUNK_ARCFACE = ARCFACE
_SMALLEST_LIGHT = 16
_WIDTH_STEP = 128  # IR-SE-50's widths are multiples of style_dim / 128


class LightEncoderBlock(LightEncoderOptions):
    """The block `model.encoder` for `LightEncoder`, whose input has the size of the generator's images.

    Attributes:
        pretrained: start from the encoder in the file of `generator_weight` or `model_type`.
    """

    pretrained: bool = False


class PSPEncoderBlock(PSPEncoderOptions):
    """The block `model.encoder` for IR-SE-50, whose input has 256 pixels.

    Attributes:
        pretrained: see `LightEncoderBlock`.
        trunk_weight: ArcFace's file with the initial weights of the trunk, as in pSp; "arcface-ir-se50" is PaddleGAN's
            file, which is downloaded if it is not on this machine. None: a random trunk.
    """

    pretrained: bool = False
    trunk_weight: str | None = None


class ProgressiveOptions(Block):
    """The block `model.progressive`: first one w for all rows is learnt, then one offset after another.

    encoder4editing, arXiv 2102.02766.

    Attributes:
        start: iterations before the first offset learns.
        every: iterations between the start of one offset and the next.
    """

    start: CountOrZero = 20_000
    every: Count = 2_000

    def num_active(self, iteration: int, n_latent: int) -> int:
        """Return how many offsets, counted from row 1, learn in an iteration, counted from 1."""
        done = iteration - 1
        return 0 if done < self.start else min(1 + (done - self.start) // self.every, n_latent - 1)


class Pixel2Style2PixelOptions(FamilyOptions):
    """The `model:` block. Names and defaults of the losses' weights are pixel2style2pixel's and encoder4editing's.

    A weight of 0 omits a loss and the network that it needs.

    Attributes:
        generator: arguments of the generator; optional if a file determines them, and then must agree with it.
        model_type: name of a model in the catalog whose generator is used.
        generator_weight: a file in any known layout whose generator is used. Without both, --load provides one.
        encoder: arguments of the encoder.
        crop: how the images are aligned; the identity loss needs it, and it is saved with the weights.
        train_decoder: train the generator along with the encoder.
        start_from_latent_avg: codes are offsets from the mean latent; otherwise from 0.
        randomize_noise: random noise in every image; otherwise the noise that belongs to the generator's weights.
        l2_lambda: mean squared difference of the pixels.
        lpips_lambda: perceptual distance.
        lpips_network: "auto": LPIPS if its file is on this machine, otherwise the bundled model's features;
            "discriminator": features of the discriminator of this configuration.
        lpips_weight: file of VGG-16, for "lpips-vgg16".
        id_lambda: distance between the descriptors of the faces.
        id_network: network that computes the descriptors.
        id_weight: file of that network; None: the default file.
        w_norm_lambda: Frobenius norm of a code's offset from the mean latent.
        delta_norm_lambda: sum, over the rows that learn, of the L2 norm of their offset from the first row.
        w_discriminator_lambda: adversarial loss of the rows against codes of the mapping network.
        w_discriminator_layers: number of layers of the discriminator of codes.
        w_r1_weight: gamma of its R1.
        adv_lambda: adversarial loss of the reconstructions against the images.
        sample_lambda: adversarial loss of images of random codes, which keeps a trained generator's samples realistic.
        discriminator: arguments of the discriminator of images.
        gan_criterion: the loss of both discriminators.
        r1_reg_weight: gamma of R1 of the discriminator of images.
        d_reg_every: iterations between two computations of the discriminators' R1.
        progressive: stages of the rows; None: all rows learn from the start.
        ema_images: half-life of the averaged weights, in images.
        ema_rampup: the half-life is at most this share of the images seen so far; 0: no ramp.
    """

    generator: StyleGANv2GeneratorOptions | None = None
    model_type: ModelType | None = None
    generator_weight: str | None = None
    encoder: Annotated[LightEncoderBlock | PSPEncoderBlock, Field(discriminator="name")]
    crop: Literal["ffhq", "tight"]
    train_decoder: bool = False
    start_from_latent_avg: bool = True
    randomize_noise: bool = False
    l2_lambda: NotNegative = 1.0
    lpips_lambda: NotNegative = 0.8
    lpips_network: DistanceName | Literal["auto", "discriminator"] = "auto"
    lpips_weight: str | None = None
    id_lambda: NotNegative = 0.1
    id_network: IdentityName = DLIB
    id_weight: str | None = None
    w_norm_lambda: NotNegative = 0.0
    delta_norm_lambda: NotNegative = 0.0
    w_discriminator_lambda: NotNegative = 0.0
    w_discriminator_layers: Annotated[Count, Field(ge=2)] = 4
    w_r1_weight: NotNegative = 10.0
    adv_lambda: NotNegative = 0.0
    sample_lambda: NotNegative = 0.0
    discriminator: StyleGANv2DiscriminatorOptions | None = None
    gan_criterion: CriterionOptions = CriterionOptions()
    r1_reg_weight: NotNegative = 10.0
    d_reg_every: Count = 16
    progressive: ProgressiveOptions | None = None
    ema_images: Positive = 10_000
    ema_rampup: NotNegative = 0.05

    @classmethod
    def problems(cls, settings: Settings) -> Iterator[str]:
        """List losses without the network that they need, networks without an optimiser, and other contradictions."""
        model: Any = settings.model
        yield from _model_problems(model)
        yield from _encoder_problems(model)
        yield from optimizer_problems(settings, model.learning())

    @property
    def has_file(self) -> bool:
        """Whether the configuration names a file of the generator's weights."""
        return self.model_type is not None or self.generator_weight is not None

    @property
    def trains_disc(self) -> bool:
        """Whether there is an adversarial loss on images."""
        return self.adv_lambda > 0 or self.sample_lambda > 0

    @property
    def needs_disc(self) -> bool:
        """Whether there is a discriminator of images, be it trained or only used for its features."""
        return self.trains_disc or (self.lpips_lambda > 0 and self.lpips_network == "discriminator")

    def learning(self) -> dict[str, list[str]]:
        """Return the networks that learn, by the name of their phase."""
        phases = {"encoder": ["encoder", "gen"] if self.train_decoder else ["encoder"]}
        if self.trains_disc:
            phases["disc"] = ["disc"]
        if self.w_discriminator_lambda:
            phases["latent_disc"] = ["latent_disc"]
        return phases


def _model_problems(model: Pixel2Style2PixelOptions) -> Iterator[str]:
    if model.generator is None and not model.has_file:
        yield "model.generator: missing; describe the generator that --load provides, or set model.generator_weight"
    if model.needs_disc and model.discriminator is None:
        yield "model.discriminator: missing; adv_lambda, sample_lambda and lpips_network: discriminator need it"
    if model.sample_lambda and not model.train_decoder:
        yield "model.sample_lambda: has no effect on a frozen generator; set train_decoder: true, or omit it"
    if model.lpips_weight is not None and model.lpips_network != "lpips-vgg16":
        yield "model.lpips_weight: is the file of VGG-16; set lpips_network: lpips-vgg16, or omit it"
    if not (model.l2_lambda or model.lpips_lambda or model.id_lambda):
        yield "model.l2_lambda: one of l2_lambda, lpips_lambda and id_lambda must be above 0"
    if model.delta_norm_lambda and model.progressive is None and model.encoder.code != "e4e":
        yield "model.delta_norm_lambda: requires encoder.code: e4e"


def _encoder_problems(model: Pixel2Style2PixelOptions) -> Iterator[str]:
    if model.progressive is not None and model.encoder.code != "e4e":
        yield "model.progressive: requires encoder.code: e4e, whose rows are offsets from the first"
    if model.encoder.pretrained and not model.has_file:
        yield "model.encoder.pretrained: no file contains the encoder; set model.generator_weight, or use --load"
    generator = model.generator
    if generator is None:
        return
    if isinstance(model.encoder, LightEncoderBlock) and generator.size < _SMALLEST_LIGHT:
        yield f"model.encoder: LightEncoder needs at least {_SMALLEST_LIGHT} pixels, the generator has {generator.size}"
    if isinstance(model.encoder, PSPEncoderBlock) and generator.style_dim % _WIDTH_STEP:
        yield f"model.generator.style_dim: must be a multiple of {_WIDTH_STEP} for PSPEncoder, is {generator.style_dim}"
