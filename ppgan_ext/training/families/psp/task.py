"""Training of encoders for a StyleGAN2 generator: pSp (arXiv 2008.00951) and encoder4editing (arXiv 2102.02766).

The generator is frozen, or trained along with the encoder. Departs from the papers' code in three ways: heads start at
0, so that codes start at the mean latent; the discriminator of codes sees the codes of the current iteration instead of
a pool of earlier ones; and the weights used after training are averages over iterations.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import paddle

from ppgan_ext import images
from ppgan_ext.errors import ConfigError
from ppgan_ext.losses.adversary import Penalty
from ppgan_ext.networks.latent_options import LatentDiscriminatorOptions
from ppgan_ext.nn.forms import once_form
from ppgan_ext.nn.inference import freeze
from ppgan_ext.nn.resize import fit_to
from ppgan_ext.training.families.psp.losses import ReconstructionLoss, delta_norm, w_norm
from ppgan_ext.training.families.psp.networks import (
    LatentMetadata,
    make_encoder,
    make_generator,
    make_metadata,
    open_file,
)
from ppgan_ext.training.families.stylegan2.random_images import draw_noise, random_images
from ppgan_ext.training.shared.averaged_weights import Averaged, copy_weights
from ppgan_ext.training.shared.critic import Critic, Samples, make_adversary
from ppgan_ext.training.shared.image_discriminator import make_discriminator
from ppgan_ext.training.shared.lazy_penalties import lazy_ratio, with_raised_betas
from ppgan_ext.training.shared.phases import Phase, Shard
from ppgan_ext.training.task import Task
from ppgan_ext.training.tensors import from_array
from ppgan_ext.types import FloatArray, Image

if TYPE_CHECKING:
    from paddle import nn

    from ppgan_ext.losses.adversary import Adversary
    from ppgan_ext.metrics import ModelOutputs
    from ppgan_ext.training.optimizers import OptimizerOptions

_NUM_PAIRS = 12
_PAIRS_PER_ROW = 4
_RENDER_BATCH = 8  # images rendered together for pictures


class Pixel2Style2PixelTask(Task):
    """Training of an encoder for the generator that renders its codes.

    Networks: ``encoder`` and its average ``encoder_ema``; ``gen_ema``, the generator to use, and ``gen`` if it is
    trained; ``latent_disc`` and ``disc`` if there are adversarial losses; ``latent``, the metadata of the codes.
    """

    load_names: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "gen_ema": ("g_ema", "gen", "generator"),
        "gen": ("generator",),
        "encoder_ema": ("encoder",),
        "disc": ("discriminator",),
    }

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._form = once_form(self.processes.device == "cpu")
        self._adversaries: dict[str, Adversary] = {}

    # ---- networks, optimisers, phases

    def make_networks(self) -> dict[str, nn.Layer]:
        """Create the networks that the options require; averages start as copies, and what does not learn is frozen.

        Raises:
            ConfigError: the networks do not fit each other or the file.
            WeightsError: a file cannot be found, downloaded or read.
        """
        options, networks = self.options, {}
        model = open_file(options)
        networks["gen_ema"] = generator = make_generator(options, model)
        networks["encoder"] = encoder = make_encoder(options, generator, model)
        networks["encoder_ema"] = averaged = make_encoder(options, generator, model)
        networks["latent"] = make_metadata(options, encoder)
        copy_weights(encoder, averaged)
        frozen = [generator, averaged]
        if options.train_decoder:
            networks["gen"] = make_generator(options, model)
        if options.needs_disc:
            networks["disc"] = make_discriminator(options.discriminator, model)
            frozen += [] if options.trains_disc else [networks["disc"]]
        if options.w_discriminator_lambda:
            latent_disc = LatentDiscriminatorOptions(num_layers=options.w_discriminator_layers)
            networks["latent_disc"] = latent_disc.build(generator.style_dim)
        for network in frozen:
            freeze(network)
        self._initial_constant = generator.input.input.numpy()
        self._file_mean = None if model is None else model.latent_avg
        return networks

    def make_averages(self) -> Averaged:
        """Average the networks that learn."""
        pairs = {"encoder_ema": "encoder", "gen_ema": "gen"}
        return Averaged(self.networks, pairs, self.options.ema_images, self.options.ema_rampup)

    def adjust(self, name: str, options: OptimizerOptions) -> OptimizerOptions:
        """Scale learning rate and betas of the discriminators' optimisers for the additional steps of lazy R1."""
        weights = {"disc": self.options.r1_reg_weight, "latent_disc": self.options.w_r1_weight}
        lazy = any(weights.get(network) for network in options.net_names)
        self.rate_scales[name] = ratio = lazy_ratio(self.options.d_reg_every) if lazy else 1.0
        return with_raised_betas(options, ratio)

    def make_phases(self) -> list[Phase]:
        """Return the phases: encoder and generator, then the discriminator of codes, then that of images."""
        options, every = self.options, self.options.d_reg_every
        mode, critics = options.gan_criterion.gan_mode, []
        if "latent_disc" in self.networks:
            r1 = Penalty("r1", options.w_r1_weight, every)
            adversary = make_adversary(self, "latent_disc", mode, [r1], has_forms=False)
            self._adversaries["latent_disc"] = adversary
            critics.append(Critic("latent_disc", adversary, self._code_samples))
        if options.trains_disc:
            adversary = make_adversary(self, "disc", mode, [Penalty("r1", options.r1_reg_weight, every)])
            self._adversaries["disc"] = adversary
            critics.append(Critic("disc", adversary, self._image_samples))
        self._loss = ReconstructionLoss(options, self._form, self.networks.get("disc"))
        discriminators = tuple(name for name in ("disc", "latent_disc") if name in self.networks)
        learning = ("encoder", "gen")
        first = Phase("encoder", learning, self._encoder_shard, frozen=discriminators, normalised=("encoder",))
        return [first, *(phase for critic in critics for phase in critic.phases())]

    def after_load(self) -> None:
        """Set the mean latent of the generator, unless the loaded file contained it.

        Raises:
            ConfigError: the loaded weights belong to other settings, or a frozen generator is untrained.
        """
        metadata, generator = self.networks["latent"], self.networks["gen_ema"]
        self._check_metadata(metadata)
        if metadata.settled.item():
            return
        is_fresh = np.array_equal(self._initial_constant, generator.input.input.numpy())
        if is_fresh and not self.options.has_file and not self.options.train_decoder:
            cure = "Set model.generator_weight or model.model_type, use --load, or train it with train_decoder: true"
            what = "the generator is untrained and would remain untrained"
            raise ConfigError(what, where="model.generator_weight", cure=cure)
        if "gen" in self.networks:
            copy_weights(generator, self.networks["gen"])
        mean = self._file_mean
        if not self.options.start_from_latent_avg:
            mean = np.zeros(generator.style_dim, np.float32)
        elif mean is None or not is_fresh:
            mean = generator.ensure_w_avg().numpy()
        metadata.set_mean(mean)

    def _check_metadata(self, metadata: LatentMetadata) -> None:
        """Reject loaded weights whose metadata differs from the options."""
        loaded = metadata.read_options()
        expected = make_metadata(self.options, self.networks["encoder"]).read_options()
        other = [f"{key} {loaded.get(key)}, not {value}" for key, value in expected.items() if loaded.get(key) != value]
        if other:
            cure = "Set model.crop, model.encoder and start_from_latent_avg as in the run that wrote the weights"
            raise ConfigError(f"the loaded weights belong to {', '.join(other)}", where="model", cure=cure)

    # ---- one iteration

    def _encoder_shard(self, shard: Shard) -> dict[str, float]:
        """Compute the gradients of one shard; store its images and codes for the discriminators."""
        options, real = self.options, shard.tensor()
        num_active = self._num_active(shard.iteration)
        with self.autocast():
            w_plus = self._encode(self.networks["encoder"], real, num_active)
            noise = self._noise(shard)
            rendered = self._generator.render(w_plus, noise, self._form).astype("float32")
        rows = w_plus[:, : 1 + num_active].reshape([-1, w_plus.shape[2]])
        total, parts = self._loss(rendered, real)
        losses = self._code_losses(w_plus, rows, num_active)
        fakes = [rendered]
        if options.adv_lambda:
            losses.append((options.adv_lambda, "loss_adv", self._adversarial_loss(rendered)))
        if options.sample_lambda:
            fakes.append(self._render_samples(shard))
            losses.append((options.sample_lambda, "loss_sample", self._adversarial_loss(fakes[1])))
        for weight, name, loss in losses:
            total, parts[name] = total + weight * loss, loss
        total.backward()
        shard.results["codes"] = rows.detach()
        shard.results["fakes"] = paddle.concat(fakes).detach()
        numbers = {"loss": total.item(), **{name: loss.item() for name, loss in parts.items()}}
        return numbers if options.progressive is None else {**numbers, "offsets": float(num_active)}

    def _code_losses(
        self, w_plus: paddle.Tensor, rows: paddle.Tensor, num_active: int
    ) -> list[tuple[float, str, paddle.Tensor]]:
        """Return the losses on codes as (weight, name in the log, loss)."""
        options, losses = self.options, []
        if options.w_norm_lambda:
            losses.append((options.w_norm_lambda, "loss_w_norm", w_norm(w_plus, self.networks["latent"].latent_avg)))
        if options.delta_norm_lambda:
            losses.append((options.delta_norm_lambda, "loss_delta", delta_norm(w_plus, num_active)))
        if options.w_discriminator_lambda:
            adversarial = self._adversaries["latent_disc"].generator_loss(rows)
            losses.append((options.w_discriminator_lambda, "loss_w_adv", adversarial))
        return losses

    def _adversarial_loss(self, rendered: paddle.Tensor) -> paddle.Tensor:
        """Return the generator's adversarial loss on images (N, 3, S, S), ()."""
        return self._adversaries["disc"].generator_loss(fit_to(rendered, self.networks["disc"].size))

    def _code_samples(self, shard: Shard) -> Samples:
        """Return the shard's encoded rows as fake, and as many rows from the mapping network as real samples."""
        rows = shard.results["codes"]
        with paddle.no_grad():
            mapped = self.networks["gen_ema"].mapping(shard.normal("mapped codes", tuple(rows.shape)))
        return Samples(mapped, rows)

    def _image_samples(self, shard: Shard) -> Samples:
        """Return the photos and the images rendered in this iteration, at the discriminator's size."""
        side = self.networks["disc"].size
        return Samples(fit_to(shard.tensor(), side), fit_to(shard.results["fakes"], side))

    # ---- parts of an iteration

    @property
    def _generator(self) -> Any:
        """The generator that renders the codes in training."""
        return self.networks.get("gen", self.networks["gen_ema"])

    def _num_active(self, iteration: int) -> int:
        """Return how many rows after the first learn in an iteration."""
        n_latent = self.networks["gen_ema"].n_latent
        progressive = self.options.progressive
        return n_latent - 1 if progressive is None else progressive.num_active(iteration, n_latent)

    def _encode(self, encoder: Any, pixels: paddle.Tensor, num_active: int | None = None) -> paddle.Tensor:
        """Encode images (N, 3, H, H) of any size into w_plus (N, n_latent, style_dim) float32.

        Only the first ``1 + num_active`` rows learn: the heads of the others contribute their output, but get no
        gradients. None: all rows learn.
        """
        offsets = encoder(fit_to(pixels, encoder.input_size), form=self._form).astype("float32")
        if num_active is not None and 1 + num_active < offsets.shape[1]:
            first, inactive = offsets[:, :1], offsets[:, 1 + num_active :]
            offsets = paddle.concat([offsets[:, : 1 + num_active], (inactive - first).detach() + first], axis=1)
        return offsets + self.networks["latent"].latent_avg

    def _noise(self, shard: Shard) -> Any:
        if not self.options.randomize_noise:
            return "fixed"
        return list(draw_noise(self._generator, len(shard), shard.generator("noise")))

    def _render_samples(self, shard: Shard) -> paddle.Tensor:
        """Render random z with the generator in training, as many as the shard has photos: (N, 3, S, S)."""
        generator, count = self._generator, len(shard)
        z = shard.normal("samples", (count, generator.style_dim))
        noise = list(draw_noise(generator, count, shard.generator("sample noise")))
        with self.autocast():
            rendered = generator.render(generator.mapping(z), noise, self._form)
        return rendered.astype("float32")

    # ---- pictures and metrics

    def pictures(self, iteration: int) -> dict[str, Image]:
        """Return photos beside their reconstructions, from the test set if there is one, else from the training set."""
        reconstructions = [self._reconstruct(photo[None])[0] for photo in self._shown]
        pairs = [pixels for pair in zip(self._shown, reconstructions, strict=True) for pixels in pair]
        columns = 2 * min(_PAIRS_PER_ROW, len(reconstructions))
        return {"reconstructions": images.grid([images.to_image(pixels) for pixels in pairs], columns)}

    @functools.cached_property
    def _shown(self) -> list[FloatArray]:
        """The photos in the pictures, (3, H, H) in [-1, 1]."""
        return self.samples.first(max((self.settings.image_num or 2 * _NUM_PAIRS) // 2, 1))

    @paddle.no_grad()
    def _reconstruct(self, pixels: FloatArray) -> FloatArray:
        """Reconstruct photos (N, 3, H, H) in [-1, 1], as the apps do, at their own size."""
        generator, encoder = self.networks["gen_ema"], self.networks["encoder_ema"]
        parts = []
        for first in range(0, len(pixels), _RENDER_BATCH):
            w_plus = self._encode(encoder, from_array(np.ascontiguousarray(pixels[first : first + _RENDER_BATCH])))
            parts.append(fit_to(generator.render(w_plus, "fixed", self._form), pixels.shape[3]).numpy())
        return np.concatenate(parts)

    def outputs(self) -> ModelOutputs:
        """Return the reconstructions of the averaged encoder and random images of the generator, for the metrics."""
        from ppgan_ext.metrics import ModelOutputs

        generator, side = self.networks["gen_ema"], self._shown[0].shape[2]

        def generate(first: int, count: int) -> paddle.Tensor:
            with paddle.no_grad():
                return fit_to(random_images(generator, self.random, first, count, self._form), side)

        return ModelOutputs(
            real=self.samples.test, generate=generate, reconstruct=self._reconstruct, generator=generator, size=side
        )
