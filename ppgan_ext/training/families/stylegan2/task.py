"""Training of StyleGAN2 (arXiv 1912.04958) with ADA (arXiv 2006.06676), under PaddleGAN's `model:` block.

Departs from PaddleGAN's StyleGAN2Model: the path-length penalty has correct second derivatives; the running averages
are part of the checkpoint; the betas for lazy regularisation are computed; the batch may have any size.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import paddle

from ppgan_ext import images as pictures
from ppgan_ext.losses import adversarial, regularizers
from ppgan_ext.networks import StyleGANv2Discriminator, StyleGANv2Generator
from ppgan_ext.nn.forms import once_form, twice_form
from ppgan_ext.option_types import Block
from ppgan_ext.training.families.stylegan2.options import StyleGAN2Options
from ppgan_ext.training.optimizers import AdamOptions, OptimizerOptions
from ppgan_ext.training.shared import phases
from ppgan_ext.training.shared.augmentation import AdaptiveProbability, augment
from ppgan_ext.training.shared.averaged_weights import average_weights, share_kept
from ppgan_ext.training.task import Batch, Task
from ppgan_ext.training.tensors import from_array
from ppgan_ext.types import FloatArray, Image

if TYPE_CHECKING:
    from paddle import nn

    from ppgan_ext.metrics import Subject
    from ppgan_ext.training.schema import Settings

_PATH_DECAY = 0.01  # arXiv 1912.04958, appendix B, "Path length regularization"
_AT_ONCE = 8  # images rendered together for pictures and metrics
_PICTURE_PSI = 0.7
# PaddleGAN's files multiply Adam's beta2 = 0.99 by the ratio of lazy regularisation where the paper raises it to it.
_PADDLEGAN_BETA2 = 0.99


class StyleGAN2Task(Task):
    """Generator and discriminator against each other, with an averaged generator beside."""

    Options: ClassVar[type[Block]] = StyleGAN2Options
    load_names: ClassVar[Mapping[str, tuple[str, ...]]] = {"gen": ("gen_ema",), "gen_ema": ("gen",)}

    networks: dict[str, Any]
    options: Any

    def __init__(self, settings: Settings, world: Any, draws: Any) -> None:
        self.options = settings.model
        super().__init__(settings, world, draws)
        self._loss = adversarial.find(self.options.gan_criterion.gan_mode)
        on_cpu = world.device == "cpu"
        self._once, self._twice = once_form(on_cpu), twice_form(on_cpu)
        chosen = self.options.augment
        self._ada = None
        if chosen is not None:
            steering = (chosen.target, chosen.num_images_to_one, chosen.interval, chosen.limit)
            self._ada = AdaptiveProbability(*steering, p=chosen.p)
        self.path_mean = 0.0

    @classmethod
    def check(cls, settings: Settings) -> list[str]:
        """The two networks have one size, and the optimisers are those of the networks."""
        model: Any = settings.model
        problems = []
        if model.generator.size != model.discriminator.size:
            problems.append(
                f"model.discriminator.size: is {model.discriminator.size}, but the generator's is "
                f"{model.generator.size}; they must be equal"
            )
        for network in ("gen", "disc"):
            owners = [name for name, options in settings.optimizer.items() if network in options.net_names]
            if len(owners) != 1:
                problems.append(f"optimizer: network '{network}' needs one optimiser, {len(owners)} name it")
        return problems

    # ---- networks and optimisers

    def make_networks(self) -> dict[str, nn.Layer]:
        """Make gen, disc and gen_ema, which starts as a copy of gen."""
        generator, averaged = (
            StyleGANv2Generator(**self.options.generator.model_dump(exclude={"name"})) for _ in range(2)
        )
        averaged.set_state_dict(generator.state_dict())
        averaged.eval()
        for parameter in averaged.parameters():
            parameter.stop_gradient = True
        discriminator = StyleGANv2Discriminator(**self.options.discriminator.model_dump(exclude={"name"}))
        return {"gen": generator, "disc": discriminator, "gen_ema": averaged}

    def adjust(self, name: str, options: OptimizerOptions) -> OptimizerOptions:
        """Scale learning rate and betas for the steps that lazy regularisation adds.

        arXiv 1912.04958, appendix B: with a penalty every k-th step Adam makes k + 1 steps where it made k, so the rate
        is multiplied by c = k / (k + 1) and the betas are raised to the power c.
        """
        ratio = 1.0
        if "gen" in options.net_names and self.options.path_reg_weight:
            ratio = phases.lazy_ratio(self.options.params.gen_iters)
        elif "disc" in options.net_names and self._has_penalty:
            ratio = phases.lazy_ratio(self.options.params.disc_iters)
        self.rate_scales[name] = ratio
        if isinstance(options, AdamOptions) and math.isclose(options.beta2, _PADDLEGAN_BETA2 * ratio, rel_tol=1e-9):
            options = options.model_copy(update={"beta2": _PADDLEGAN_BETA2})
        return phases.with_raised_betas(options, ratio)

    @property
    def _has_penalty(self) -> bool:
        return bool(self.options.r1_reg_weight or self.options.r2_reg_weight)

    # ---- one iteration

    def step(self, batches: list[Batch], iteration: int) -> dict[str, float]:
        """Train the discriminator, its penalty if due, the generator, its penalty if due, and average."""
        reals = [from_array(batch["A"]) for batch in batches]
        lazy = self.options.params
        numbers = self._discriminator_step(reals, iteration)
        if self._has_penalty and (iteration - 1) % lazy.disc_iters == 0:
            numbers |= self._discriminator_penalty(reals, iteration)
        numbers |= self._generator_step(reals, iteration)
        if self.options.path_reg_weight and (iteration - 1) % lazy.gen_iters == 0:
            numbers |= self._path_penalty(reals, iteration)
        num_images = sum(len(real) for real in reals) * self.world.size
        self._average(num_images, iteration)
        if self._ada is not None:
            if not self.options.augment.fixed:
                self._ada.update(numbers["real_sign"], num_images)
            numbers["ada_p"] = self._ada.p
        return numbers

    def _discriminator_step(self, reals: list[paddle.Tensor], iteration: int) -> dict[str, float]:
        shards = []
        for shard, real in self.numbered(reals):
            with paddle.no_grad():
                fake = self._fakes("disc", len(real), iteration, shard)
            real, fake = self._augmented("disc", [real, fake], iteration, shard)
            real_score, fake_score = self._score(real), self._score(fake)
            loss = self._loss.discriminator(real_score, fake_score)
            if self._loss.gradient_penalty:
                rng = self.draws.generator("penalty", iteration, shard)
                shares = from_array(rng.random((len(real), 1, 1, 1), np.float32))
                penalty = regularizers.gradient_penalty(self._score_twice, real, fake, shares)
                loss = loss + self._loss.gradient_penalty * penalty
            (loss * self.options.gan_criterion.loss_weight).backward()
            shards.append(
                {
                    "loss_disc": loss.item(),
                    "real_score": real_score.mean().item(),
                    "fake_score": fake_score.mean().item(),
                    "real_sign": real_score.sign().mean().item(),
                }
            )
        self.move("disc")
        if self._loss.clip:
            with paddle.no_grad():
                for parameter in self.networks["disc"].parameters():
                    parameter.clip_(-self._loss.clip, self._loss.clip)
        return self.world.mean(shards)

    def _discriminator_penalty(self, reals: list[paddle.Tensor], iteration: int) -> dict[str, float]:
        options, shards = self.options, []
        for shard, real in self.numbered(reals):
            numbers, loss = {}, paddle.zeros([])
            real = real[: max(int(len(real) / options.r1_batch_shrink), 1)]
            if options.r1_reg_weight:
                (shown,) = self._augmented("r1", [real], iteration, shard)
                r1 = regularizers.squared_gradient(self._score_twice, shown)
                loss, numbers["loss_r1"] = loss + options.r1_reg_weight / 2 * r1, r1.item()
            if options.r2_reg_weight:
                with paddle.no_grad():
                    fake = self._fakes("r2", len(real), iteration, shard)
                (shown,) = self._augmented("r2", [fake], iteration, shard)
                r2 = regularizers.squared_gradient(self._score_twice, shown)
                loss, numbers["loss_r2"] = loss + options.r2_reg_weight / 2 * r2, r2.item()
            (loss * options.params.disc_iters).backward()
            shards.append(numbers)
        self.move("disc")
        return self.world.mean(shards)

    def _generator_step(self, reals: list[paddle.Tensor], iteration: int) -> dict[str, float]:
        shards = []
        with phases.frozen(self.networks["disc"]):
            for shard, real in self.numbered(reals):
                fake = self._fakes("gen", len(real), iteration, shard)
                (fake,) = self._augmented("gen", [fake], iteration, shard)
                loss = self._loss.generator(self._score(fake))
                (loss * self.options.gan_criterion.loss_weight).backward()
                shards.append({"loss_gen": loss.item()})
        self.move("gen")
        return self.world.mean(shards)

    def _path_penalty(self, reals: list[paddle.Tensor], iteration: int) -> dict[str, float]:
        options, shards = self.options, []
        generator = self.networks["gen"]
        for shard, real in self.numbered(reals):
            num_images = max(int(len(real) / options.path_batch_shrink), 1)
            w_plus = self._codes("path", num_images, iteration, shard)
            images = generator.render(w_plus, self._noise("path", num_images, iteration, shard), self._twice)
            towards = self.draws.normal("path direction", iteration, shard, tuple(images.shape))
            lengths = regularizers.path_lengths(images, w_plus, from_array(towards))
            # The mean of the iterations before, which all shards know.
            penalty = regularizers.path_length_penalty(lengths, self.path_mean)
            (penalty * (options.path_reg_weight * options.params.gen_iters)).backward()
            shards.append({"loss_path": penalty.item(), "path_length": lengths.mean().item()})
        self.move("gen")
        numbers = self.world.mean(shards)
        self.path_mean += _PATH_DECAY * (numbers["path_length"] - self.path_mean)
        return numbers

    def _average(self, num_images: int, iteration: int) -> None:
        """Move gen_ema towards gen; the half-life in images ramps up with training."""
        keep = share_kept(num_images, iteration, self.options.ema_images, self.options.ema_rampup)
        average_weights(self.networks["gen_ema"], self.networks["gen"], keep)

    # ---- parts of an iteration

    def _codes(self, stream: str, num_images: int, iteration: int, shard: int) -> paddle.Tensor:
        """Draw w_plus (N, n_latent, style_dim), a share of them mixed from two codes at a random layer."""
        generator = self.networks["gen"]
        rng = self.draws.generator(f"{stream} codes", iteration, shard)
        z = rng.standard_normal((2, num_images, generator.style_dim), np.float32)
        first_of_second = rng.integers(1, generator.n_latent, num_images)
        mixed = rng.random(num_images) < self.options.style_mixing
        first_of_second[~mixed] = generator.n_latent
        w = generator.mapping(from_array(z[0])).unsqueeze(1)
        w_plus = w.expand([num_images, generator.n_latent, generator.style_dim])
        if not mixed.any():
            return w_plus
        other = generator.mapping(from_array(z[1])).unsqueeze(1)
        later = np.arange(generator.n_latent)[None, :, None] >= first_of_second[:, None, None]
        share = from_array(later.astype(np.float32))
        return w_plus * (1 - share) + other * share

    def _noise(self, stream: str, num_images: int, iteration: int, shard: int) -> list[paddle.Tensor | None]:
        rng = self.draws.generator(f"{stream} noise", iteration, shard)
        return list(draw_noise(self.networks["gen"], num_images, rng))

    def _fakes(self, stream: str, num_images: int, iteration: int, shard: int) -> paddle.Tensor:
        noise = self._noise(stream, num_images, iteration, shard)
        with self.autocast():
            w_plus = self._codes(stream, num_images, iteration, shard)
            return self.networks["gen"].render(w_plus, noise, self._once).astype("float32")

    def _augmented(self, stream: str, batches: list[paddle.Tensor], iteration: int, shard: int) -> list[paddle.Tensor]:
        if self._ada is None:
            return batches
        rng = self.draws.generator(f"{stream} augment", iteration, shard)
        return [augment(images, self._ada.p, rng, self.options.augment.groups) for images in batches]

    def _score(self, images: paddle.Tensor) -> paddle.Tensor:
        with self.autocast():
            return self.networks["disc"](images, form=self._once).astype("float32")

    def _score_twice(self, images: paddle.Tensor) -> paddle.Tensor:
        return self.networks["disc"](images, form=self._twice)

    # ---- what is shown, kept and measured

    def extra_state(self) -> dict[str, Any]:
        """Return the running mean of the path lengths and the state of the augmentation."""
        return {"path_mean": self.path_mean, **({} if self._ada is None else self._ada.state())}

    def load_extra_state(self, state: Mapping[str, Any]) -> None:
        """Take back what `extra_state` gave; a run that now has augmentation may not have had it."""
        own = dict(state)
        self.path_mean = float(own.pop("path_mean", 0.0))
        if "ada_p" in own:
            ada = {name: own.pop(name) for name in ("ada_p", "ada_signs", "ada_iterations")}
            if self._ada is not None:
                self._ada.load_state(ada)
        super().load_extra_state(own)

    def pictures(self, iteration: int) -> dict[str, Image]:
        """Draw the same codes every time with the averaged generator: as they come, and truncated."""
        generator = self.networks["gen_ema"]
        num_images = self.settings.image_num or 24
        z = self.draws.normal("pictures", 0, 0, (num_images, generator.style_dim))
        with paddle.no_grad():
            w = generator.mapping(from_array(z))
            centre = generator.mean_latent(4096, seed=0)
            grids = {"samples": w, "samples_truncated": centre + _PICTURE_PSI * (w - centre)}
        return {name: _grid(self._render(codes)) for name, codes in grids.items()}

    def _render(self, codes: paddle.Tensor) -> FloatArray:
        generator = self.networks["gen_ema"]
        with paddle.no_grad():
            parts = [codes[first : first + _AT_ONCE] for first in range(0, len(codes), _AT_ONCE)]
            return np.concatenate([generator.render(part, "fixed", self._once).numpy() for part in parts])

    def subject(self, real: Any) -> Subject:
        """Measure the averaged generator, with random noise and without truncation."""
        from ppgan_ext.metrics import Subject

        generator = self.networks["gen_ema"]

        @paddle.no_grad()
        def generate(first: int, count: int) -> paddle.Tensor:
            rngs = [self.draws.generator("metrics", 0, first + index) for index in range(count)]
            z = np.stack([rng.standard_normal(generator.style_dim, np.float32) for rng in rngs])
            noises = [list(draw_noise(generator, 1, rng)) for rng in rngs]
            noise = [paddle.concat(list(layer)) for layer in zip(*noises, strict=True)]
            return generator.render(generator.mapping(from_array(z)), noise, self._once)

        return Subject(real=real, generate=generate, generator=generator, size=generator.size)


def draw_noise(generator: StyleGANv2Generator, num_images: int, rng: np.random.Generator) -> Iterator[paddle.Tensor]:
    """Draw one noise image per layer and sample, (N, 1, r, r), from a generator of one's own."""
    for side in generator.noise_sides():
        yield from_array(rng.standard_normal((num_images, 1, side, side), np.float32))


def _grid(pixels: FloatArray) -> Image:
    columns = max(math.isqrt(3 * len(pixels) // 2), 1)
    return pictures.grid([pictures.to_image(one) for one in pixels], columns)
