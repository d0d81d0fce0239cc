"""Training of encoders for a StyleGAN2 generator: pSp (arXiv 2008.00951) and encoder4editing (arXiv 2102.02766).

The generator stands still, or is tuned along. Departs from the papers' code in that heads start at 0 and so at the
mean latent, in that the codes' discriminator sees this iteration's codes and not a pool of earlier ones, and in that
the weights that are used are averages over iterations.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import paddle

from ppgan_ext import images as pictures
from ppgan_ext.errors import ConfigError
from ppgan_ext.losses import adversarial
from ppgan_ext.nn.forms import once_form
from ppgan_ext.nn.resize import fit_to
from ppgan_ext.option_types import Block
from ppgan_ext.training.families.psp import networks as psp_networks
from ppgan_ext.training.families.psp import options as psp_options
from ppgan_ext.training.families.psp.losses import ReconstructionLoss, delta_norm, w_norm
from ppgan_ext.training.families.psp.options import Pixel2Style2PixelOptions
from ppgan_ext.training.families.stylegan2.task import draw_noise
from ppgan_ext.training.optimizers import OptimizerOptions
from ppgan_ext.training.samples import read_samples
from ppgan_ext.training.shared import phases
from ppgan_ext.training.shared.averaged_weights import ShardStatistics, average_weights, share_kept
from ppgan_ext.training.shared.judge import ImageJudge, Judge
from ppgan_ext.training.task import Batch, Task
from ppgan_ext.training.tensors import from_array
from ppgan_ext.types import FloatArray, Image

if TYPE_CHECKING:
    from paddle import nn

    from ppgan_ext.metrics import Subject
    from ppgan_ext.training.schema import Settings

_NUM_PAIRS = 12
_PAIRS_PER_ROW = 4
_AT_ONCE = 8  # images rendered together for pictures


class Pixel2Style2PixelTask(Task):
    """An encoder, and the generator that draws its codes.

    Networks: ``encoder`` and ``encoder_ema``; ``gen_ema``, the generator that is used, and ``gen`` where it is tuned;
    ``latent_disc`` and ``disc`` where there are adversarial losses; ``latent``, what goes with the codes.
    """

    Options: ClassVar[type[Block]] = Pixel2Style2PixelOptions
    load_names: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "gen_ema": ("g_ema", "gen", "generator"),
        "gen": ("generator",),
        "encoder_ema": ("encoder",),
        "disc": ("discriminator",),
    }

    networks: dict[str, Any]
    options: Any

    def __init__(self, settings: Settings, world: Any, draws: Any) -> None:
        self.options = settings.model
        self._once = once_form(world.device == "cpu")
        super().__init__(settings, world, draws)
        self._judges = self._make_judges()
        self._loss = ReconstructionLoss(self.options, self._once, self.networks.get("disc"))
        self._statistics = ShardStatistics(self.networks["encoder"], world)
        self._is_settled = False

    @classmethod
    def check(cls, settings: Settings) -> list[str]:
        """Losses have the networks they need, and each trained network its optimiser."""
        return psp_options.problems(settings)

    # ---- networks and optimisers

    def make_networks(self) -> dict[str, nn.Layer]:
        """Make the networks that the options ask for; averages start as copies, what is not trained is frozen."""
        options, networks = self.options, {}
        model = psp_networks.open_file(options)
        networks["gen_ema"] = generator = psp_networks.make_generator(options, model)
        networks["encoder"] = encoder = psp_networks.make_encoder(options, generator, model)
        networks["encoder_ema"] = averaged = psp_networks.make_encoder(options, generator, model)
        networks["latent"] = psp_networks.make_notes(options, encoder)
        _copy(encoder, averaged)
        still = [generator, averaged]
        if options.train_decoder:
            networks["gen"] = psp_networks.make_generator(options, model)
        if options.needs_disc:
            networks["disc"] = psp_networks.make_discriminator(options, model)
            still += [] if options.trains_disc else [networks["disc"]]
        if options.w_discriminator_lambda:
            networks["latent_disc"] = psp_networks.make_latent_discriminator(options, generator.style_dim)
        for network in still:
            network.eval()
            for parameter in network.parameters():
                parameter.stop_gradient = True
        self._at_first = generator.input.input.numpy()
        self._mean_of_file = None if model is None else model.latent_avg
        return networks

    def adjust(self, name: str, options: OptimizerOptions) -> OptimizerOptions:
        """Scale rate and betas of the discriminators' optimisers for the steps that their lazy R1 adds."""
        weights = {"disc": self.options.r1_reg_weight, "latent_disc": self.options.w_r1_weight}
        lazy = any(weights.get(network) for network in options.net_names)
        self.rate_scales[name] = ratio = phases.lazy_ratio(self.options.d_reg_every) if lazy else 1.0
        return phases.with_raised_betas(options, ratio)

    def _make_judges(self) -> dict[str, Judge]:
        """Make the judges there are, of codes and of images."""
        options, judges = self.options, {}
        loss, every = adversarial.find(options.gan_criterion.gan_mode), options.d_reg_every
        if "latent_disc" in self.networks:
            judges["latent_disc"] = Judge(self, "latent_disc", loss, options.w_r1_weight, every)
        if options.trains_disc:
            judges["disc"] = ImageJudge(self, "disc", loss, options.r1_reg_weight, every)
        return judges

    def _settle(self) -> None:
        """Find the mean latent of the generator that was loaded, before it is first used; a checkpoint holds it."""
        if self._is_settled:
            return
        notes, generator = self.networks["latent"], self.networks["gen_ema"]
        self._check_notes(notes)
        self._is_settled = True
        if notes.settled.item():
            return
        as_made = np.array_equal(self._at_first, generator.input.input.numpy())
        if as_made and not self.options.has_file and not self.options.train_decoder:
            cure = "Give --load, model.generator_weight or model.model_type; or set train_decoder: true to start afresh"
            raise ConfigError("the generator is untrained and would stay so", where="model.generator_weight", cure=cure)
        if "gen" in self.networks:
            _copy(generator, self.networks["gen"])
        mean = self._mean_of_file
        if not self.options.start_from_latent_avg:
            mean = np.zeros(generator.style_dim, np.float32)
        elif mean is None or not as_made:
            mean = generator.ensure_w_avg().numpy()
        notes.settle(mean)

    def _check_notes(self, notes: psp_networks.LatentNotes) -> None:
        """Refuse weights that were loaded and say of themselves that they mean something else."""
        told = notes.told()
        expected = psp_networks.make_notes(self.options, self.networks["encoder"]).told()
        other = [f"{key} {told.get(key)}, not {value}" for key, value in expected.items() if told.get(key) != value]
        if other:
            cure = "Set model.crop, model.encoder and start_from_latent_avg as they were"
            raise ConfigError(f"the loaded weights are of {', '.join(other)}", where="model", cure=cure)

    # ---- one iteration

    def step(self, batches: list[Batch], iteration: int) -> dict[str, float]:
        """Train the encoder, and the generator with it; then the discriminators; then average."""
        self._settle()
        reals = [from_array(batch["A"]) for batch in batches]
        numbers, fakes, codes = self._encoder_step(reals, iteration)
        if "latent_disc" in self.networks:
            numbers |= self._judges["latent_disc"].teach(self._mapped(codes, iteration), codes, iteration)
        if self.options.trains_disc:
            numbers |= self._judges["disc"].teach(reals, fakes, iteration)
        self._average(sum(len(real) for real in reals) * self.world.size, iteration)
        return numbers

    def _encoder_step(
        self, reals: list[paddle.Tensor], iteration: int
    ) -> tuple[dict[str, float], list[paddle.Tensor], list[paddle.Tensor]]:
        """Move encoder and generator; return also the shards' images and the rows of their codes that learn."""
        numbers, fakes, codes = [], [], []
        judges = [self.networks[name] for name in ("disc", "latent_disc") if name in self.networks]
        num_active = self._num_active(iteration)
        with phases.frozen(*judges):
            for shard, real in self.numbered(reals):
                with self._statistics.shard():
                    told, images, rows = self._encoder_shard(real, num_active, iteration, shard)
                numbers.append(told)
                fakes.append(images)
                codes.append(rows)
        self._statistics.settle()
        self.move("encoder", "gen")
        return self._with_stage(self.world.mean(numbers), num_active), fakes, codes

    def _encoder_shard(
        self, real: paddle.Tensor, num_active: int, iteration: int, shard: int
    ) -> tuple[dict[str, float], paddle.Tensor, paddle.Tensor]:
        """Compute the gradients of one shard; return its numbers, its images, and the rows that learn."""
        options = self.options
        with self.autocast():
            w_plus = self._encode(self.networks["encoder"], real, num_active)
            noise = self._noise("noise", len(real), iteration, shard)
            images = self._generator.render(w_plus, noise, self._once).astype("float32")
        rows = w_plus[:, : 1 + num_active].reshape([-1, w_plus.shape[2]])
        total, parts = self._loss(images, real)
        losses = self._code_losses(w_plus, rows, num_active)
        shown = [images]
        if options.adv_lambda:
            losses.append((options.adv_lambda, "loss_adv", self._judges["disc"].fooled(images)))
        if options.sample_lambda:
            shown.append(self._samples(len(real), iteration, shard))
            losses.append((options.sample_lambda, "loss_sample", self._judges["disc"].fooled(shown[1])))
        for weight, name, loss in losses:
            total, parts[name] = total + weight * loss, loss
        total.backward()
        numbers = {"loss": total.item(), **{name: loss.item() for name, loss in parts.items()}}
        return numbers, paddle.concat(shown).detach(), rows.detach()

    def _code_losses(
        self, w_plus: paddle.Tensor, rows: paddle.Tensor, num_active: int
    ) -> list[tuple[float, str, paddle.Tensor]]:
        """List the losses of the codes with their weights."""
        options, losses = self.options, []
        if options.w_norm_lambda:
            losses.append((options.w_norm_lambda, "loss_w_norm", w_norm(w_plus, self.networks["latent"].latent_avg)))
        if options.delta_norm_lambda:
            losses.append((options.delta_norm_lambda, "loss_delta", delta_norm(w_plus, num_active)))
        if options.w_discriminator_lambda:
            losses.append((options.w_discriminator_lambda, "loss_w_adv", self._judges["latent_disc"].fooled(rows)))
        return losses

    def _mapped(self, fakes: Sequence[paddle.Tensor], iteration: int) -> list[paddle.Tensor]:
        """Map random z to as many codes as there are rows in each shard."""
        mapped = []
        for shard, fake in self.numbered(fakes):
            z = self.draws.normal("mapped codes", iteration, shard, tuple(fake.shape))
            with paddle.no_grad():
                mapped.append(self.networks["gen_ema"].mapping(from_array(z)))
        return mapped

    def _average(self, num_images: int, iteration: int) -> None:
        keep = share_kept(num_images, iteration, self.options.ema_images, self.options.ema_rampup)
        for averaged, network in (("encoder_ema", "encoder"), ("gen_ema", "gen")):
            if network in self.networks:
                average_weights(self.networks[averaged], self.networks[network], keep)

    # ---- parts of an iteration

    @property
    def _generator(self) -> Any:
        """The generator that the encoder is trained with."""
        return self.networks.get("gen", self.networks["gen_ema"])

    def _num_active(self, iteration: int) -> int:
        """Count the rows after the first that learn in an iteration."""
        n_latent = self.networks["gen_ema"].n_latent
        progressive = self.options.progressive
        return n_latent - 1 if progressive is None else progressive.num_active(iteration, n_latent)

    def _with_stage(self, numbers: dict[str, float], num_active: int) -> dict[str, float]:
        return numbers if self.options.progressive is None else {**numbers, "offsets": float(num_active)}

    def _encode(self, encoder: Any, pixels: paddle.Tensor, num_active: int | None = None) -> paddle.Tensor:
        """Encode images of any size into w_plus (N, n_latent, style_dim) float32.

        Rows after the first ``num_active`` keep what their own heads add, but these do not learn.
        """
        offsets = encoder(fit_to(pixels, encoder.input_size), form=self._once).astype("float32")
        if num_active is not None and 1 + num_active < offsets.shape[1]:
            first, waiting = offsets[:, :1], offsets[:, 1 + num_active :]
            offsets = paddle.concat([offsets[:, : 1 + num_active], (waiting - first).detach() + first], axis=1)
        return offsets + self.networks["latent"].latent_avg

    def _noise(self, stream: str, num_images: int, iteration: int, shard: int) -> Any:
        if not self.options.randomize_noise:
            return "fixed"
        rng = self.draws.generator(stream, iteration, shard)
        return list(draw_noise(self._generator, num_images, rng))

    def _samples(self, num_images: int, iteration: int, shard: int) -> paddle.Tensor:
        """Draw images of random z with the generator that is tuned."""
        generator = self._generator
        z = from_array(self.draws.normal("samples", iteration, shard, (num_images, generator.style_dim)))
        rng = self.draws.generator("sample noise", iteration, shard)
        with self.autocast():
            images = generator.render(generator.mapping(z), list(draw_noise(generator, num_images, rng)), self._once)
        return images.astype("float32")

    # ---- what is shown and measured

    def pictures(self, iteration: int) -> dict[str, Image]:
        """Draw photos beside their reconstructions: held-out ones where there is a test set, else training images."""
        self._settle()
        made = [self._reconstruct(one[None])[0] for one in self._shown]
        pairs = [picture for pair in zip(self._shown, made, strict=True) for picture in pair]
        columns = 2 * min(_PAIRS_PER_ROW, len(made))
        return {"reconstructions": pictures.grid([pictures.to_image(one) for one in pairs], columns)}

    @functools.cached_property
    def _shown(self) -> list[FloatArray]:
        """The photos of the pictures, (3, H, H) in [-1, 1]."""
        wanted = max((self.settings.image_num or 2 * _NUM_PAIRS) // 2, 1)
        return read_samples(self.settings, self.draws, wanted)

    @paddle.no_grad()
    def _reconstruct(self, pixels: FloatArray) -> FloatArray:
        """Reconstruct photos (N, 3, H, H) in [-1, 1] as the editor does, at their own size."""
        generator, encoder = self.networks["gen_ema"], self.networks["encoder_ema"]
        parts = []
        for first in range(0, len(pixels), _AT_ONCE):
            w_plus = self._encode(encoder, from_array(np.ascontiguousarray(pixels[first : first + _AT_ONCE])))
            parts.append(fit_to(generator.render(w_plus, "fixed", self._once), pixels.shape[3]).numpy())
        return np.concatenate(parts)

    def subject(self, real: Any) -> Subject:
        """Measure reconstructions of the averaged encoder, and what the generator draws by itself."""
        from ppgan_ext.metrics import Subject

        self._settle()
        generator, side = self.networks["gen_ema"], self._shown[0].shape[2]

        @paddle.no_grad()
        def generate(first: int, count: int) -> paddle.Tensor:
            rngs = [self.draws.generator("metrics", 0, first + index) for index in range(count)]
            z = np.stack([rng.standard_normal(generator.style_dim, np.float32) for rng in rngs])
            noises = zip(*(draw_noise(generator, 1, rng) for rng in rngs), strict=True)
            noise = [paddle.concat(list(layer)) for layer in noises]
            return fit_to(generator.render(generator.mapping(from_array(z)), noise, self._once), side)

        return Subject(real=real, generate=generate, reconstruct=self._reconstruct, generator=generator, size=side)


@paddle.no_grad()
def _copy(source: nn.Layer, target: nn.Layer) -> None:
    """Give a network another's weights."""
    for own, other in zip(target.state_dict().values(), source.state_dict().values(), strict=True):
        paddle.assign(other, own)
