"""Training of StyleGAN2 (arXiv 1912.04958) with ADA (arXiv 2006.06676), under PaddleGAN's `model:` block.

Departs from PaddleGAN's StyleGAN2Model: the path-length penalty has correct second derivatives; running averages are
saved in checkpoints; the betas for lazy regularisation are computed; the batch may have any size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import paddle

from ppgan_ext import images
from ppgan_ext.losses import gradient_penalties
from ppgan_ext.losses.adversary import Penalty
from ppgan_ext.nn.forms import once_form, twice_form
from ppgan_ext.nn.inference import freeze
from ppgan_ext.training.families.stylegan2.random_images import draw_noise, random_images
from ppgan_ext.training.shared.augmentation import AdaptiveProbability, augment
from ppgan_ext.training.shared.averaged_weights import Averaged
from ppgan_ext.training.shared.critic import Critic, Samples, make_adversary
from ppgan_ext.training.shared.lazy_penalties import lazy_ratio, with_raised_betas
from ppgan_ext.training.shared.phases import Phase, Shard
from ppgan_ext.training.task import Task
from ppgan_ext.training.tensors import from_array
from ppgan_ext.types import FloatArray, Image

if TYPE_CHECKING:
    from paddle import nn

    from ppgan_ext.metrics import ModelOutputs
    from ppgan_ext.training.optimizers import OptimizerOptions

_PATH_DECAY = 0.01  # arXiv 1912.04958, appendix B, "Path length regularization"
_RENDER_BATCH = 8  # images rendered together for pictures
_PICTURE_PSI = 0.7
# PaddleGAN's files multiply Adam's beta2 = 0.99 by the ratio of lazy regularisation; the paper raises it to this power.
_PADDLEGAN_BETA2 = 0.99


class StyleGAN2Task(Task):
    """Training of StyleGAN2. Networks: ``gen``, ``disc``, and ``gen_ema``, the running average of ``gen``."""

    load_names: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "gen": ("gen_ema", "generator"),
        "gen_ema": ("gen", "generator"),
        "disc": ("discriminator",),
    }

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        on_cpu = self.processes.device == "cpu"
        self._once, self._twice = once_form(on_cpu), twice_form(on_cpu)
        ada = self.options.augment
        self._ada = None
        if ada is not None:
            self._ada = AdaptiveProbability(ada.target, ada.num_images_to_one, ada.interval, ada.limit, p=ada.p)
        self.path_mean = 0.0

    # ---- networks, optimisers, phases

    def make_networks(self) -> dict[str, nn.Layer]:
        """Create gen, disc and gen_ema, which starts as a copy of gen."""
        generator, averaged = (self.options.generator.build() for _ in range(2))
        averaged.set_state_dict(generator.state_dict())
        return {"gen": generator, "disc": self.options.discriminator.build(), "gen_ema": freeze(averaged)}

    def make_averages(self) -> Averaged:
        """Average gen in gen_ema, with a half-life that ramps up."""
        return Averaged(self.networks, {"gen_ema": "gen"}, self.options.ema_images, self.options.ema_rampup)

    def adjust(self, name: str, options: OptimizerOptions) -> OptimizerOptions:
        """Scale learning rate and betas for the additional steps of lazy regularisation."""
        ratio = 1.0
        if "gen" in options.net_names and self.options.path_reg_weight:
            ratio = lazy_ratio(self.options.params.gen_iters)
        elif "disc" in options.net_names and self.options.has_disc_penalty:
            ratio = lazy_ratio(self.options.params.disc_iters)
        self.rate_scales[name] = ratio
        beta2 = getattr(options, "beta2", None) if options.name == "Adam" else None  # type: ignore[attr-defined]
        if beta2 is not None and math.isclose(beta2, _PADDLEGAN_BETA2 * ratio, rel_tol=1e-9):
            options = options.model_copy(update={"beta2": _PADDLEGAN_BETA2})
        return with_raised_betas(options, ratio)

    def make_phases(self) -> list[Phase]:
        """Return the phases: discriminator, its lazy penalties, generator, its lazy path-length penalty."""
        options, lazy = self.options, self.options.params
        penalties = [
            Penalty("r1", options.r1_reg_weight, lazy.disc_iters),
            Penalty("r2", options.r2_reg_weight, lazy.disc_iters),
        ]
        self._adversary = make_adversary(self, "disc", options.gan_criterion.gan_mode, penalties)
        critic = Critic(
            "disc",
            self._adversary,
            self._critic_samples,
            self._penalty_samples,
            weight=options.gan_criterion.loss_weight,
            log_scores=True,
            penalty_prefix="loss_",
            stream="penalty",
        )
        phases = [*critic.phases(), Phase("generator", ("gen",), self._generator_shard, frozen=("disc",))]
        if options.path_reg_weight:
            path = Phase("path lengths", ("gen",), self._path_shard, every=lazy.gen_iters, after=self._update_path_mean)
            phases.append(path)
        return phases

    # ---- one iteration

    def _critic_samples(self, shard: Shard) -> Samples:
        """Return real and generated images, augmented with transforms of one random stream."""
        real = shard.tensor()
        with paddle.no_grad():
            fake = self._fakes(shard, "disc", len(real))
        return Samples(*self._augmented(shard, "disc", real, fake))

    def _penalty_samples(self, shard: Shard, penalty: Penalty) -> Samples:
        """Return the augmented images of a penalty, a batch smaller by ``r1_batch_shrink``."""
        count = max(int(len(shard) / self.options.r1_batch_shrink), 1)
        if penalty.kind == "r1":
            (real,) = self._augmented(shard, "r1", shard.tensor()[:count])
            return Samples(real, None)
        with paddle.no_grad():
            fake = self._fakes(shard, "r2", count)
        (fake,) = self._augmented(shard, "r2", fake)
        return Samples(None, fake)

    def _generator_shard(self, shard: Shard) -> dict[str, float]:
        """Compute the gradients of the generator's adversarial loss on one shard."""
        (fake,) = self._augmented(shard, "gen", self._fakes(shard, "gen", len(shard)))
        loss = self._adversary.generator_loss(fake)
        (loss * self.options.gan_criterion.loss_weight).backward()
        return {"loss_gen": loss.item()}

    def _path_shard(self, shard: Shard) -> dict[str, float]:
        """Compute the gradients of the path-length penalty on one shard.

        The target is the running mean of the path lengths in earlier iterations (arXiv 1912.04958, Eq. 4).
        """
        options = self.options
        num_images = max(int(len(shard) / options.path_batch_shrink), 1)
        w_plus = self._codes(shard, "path", num_images)
        rendered = self.networks["gen"].render(w_plus, self._noise(shard, "path", num_images), self._twice)
        lengths = gradient_penalties.path_lengths(
            rendered, w_plus, shard.normal("path direction", tuple(rendered.shape))
        )
        penalty = gradient_penalties.path_length_penalty(lengths, self.path_mean)
        (penalty * (options.path_reg_weight * options.params.gen_iters)).backward()
        return {"loss_path": penalty.item(), "path_length": lengths.mean().item()}

    def _update_path_mean(self, numbers: Mapping[str, float]) -> None:
        self.path_mean += _PATH_DECAY * (numbers["path_length"] - self.path_mean)

    def after_iteration(self, numbers: Mapping[str, float], num_images: int, iteration: int) -> dict[str, float]:
        """Adapt the probability of the augmentation."""
        if self._ada is None:
            return {}
        if not self.options.augment.fixed:
            self._ada.update(numbers["real_sign"], num_images)
        return {"ada_p": self._ada.p}

    # ---- parts of an iteration

    def _codes(self, shard: Shard, stream: str, num_images: int) -> paddle.Tensor:
        """Draw w_plus (N, n_latent, style_dim); a share of them mixes two codes at a random layer (style mixing)."""
        generator = self.networks["gen"]
        rng = shard.generator(f"{stream} codes")
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

    def _noise(self, shard: Shard, stream: str, num_images: int) -> list[paddle.Tensor]:
        return list(draw_noise(self.networks["gen"], num_images, shard.generator(f"{stream} noise")))

    def _fakes(self, shard: Shard, stream: str, num_images: int) -> paddle.Tensor:
        """Render random codes, (N, 3, S, S) float32, about [-1, 1]."""
        noise = self._noise(shard, stream, num_images)
        with self.autocast():
            w_plus = self._codes(shard, stream, num_images)
            return self.networks["gen"].render(w_plus, noise, self._once).astype("float32")

    def _augmented(self, shard: Shard, stream: str, *batches: paddle.Tensor) -> list[paddle.Tensor]:
        """Augment batches one after another, each (N, 3, S, S)."""
        if self._ada is None:
            return list(batches)
        rng = shard.generator(f"{stream} augment")
        return [augment(batch, self._ada.p, rng, self.options.augment.groups) for batch in batches]

    # ---- state, pictures and metrics

    def extra_state(self) -> dict[str, Any]:
        """Return the running mean of the path lengths and the state of the augmentation."""
        return {"path_mean": self.path_mean, **({} if self._ada is None else self._ada.state())}

    def load_extra_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `extra_state` returned; the augmentation may have been off when the state was saved."""
        rest = dict(state)
        self.path_mean = float(rest.pop("path_mean", 0.0))
        if "ada_p" in rest:
            ada = {name: rest.pop(name) for name in ("ada_p", "ada_signs", "ada_iterations")}
            if self._ada is not None:
                self._ada.load_state(ada)
        super().load_extra_state(rest)

    def pictures(self, iteration: int) -> dict[str, Image]:
        """Return images of fixed random codes by the averaged generator, without and with truncation."""
        generator = self.networks["gen_ema"]
        num_images = self.settings.image_num or 24
        z = self.random.normal("pictures", 0, 0, (num_images, generator.style_dim))
        with paddle.no_grad():
            w = generator.mapping(from_array(z))
            centre = generator.mean_latent(4096, seed=0)
            grids = {"samples": w, "samples_truncated": centre + _PICTURE_PSI * (w - centre)}
        return {name: _grid(self._render(codes)) for name, codes in grids.items()}

    def _render(self, codes: paddle.Tensor) -> FloatArray:
        generator = self.networks["gen_ema"]
        with paddle.no_grad():
            parts = [codes[first : first + _RENDER_BATCH] for first in range(0, len(codes), _RENDER_BATCH)]
            return np.concatenate([generator.render(part, "fixed", self._once).numpy() for part in parts])

    def outputs(self) -> ModelOutputs:
        """Return images of the averaged generator with random noise and without truncation, for the metrics."""
        from ppgan_ext.metrics import ModelOutputs

        generator = self.networks["gen_ema"]

        def generate(first: int, count: int) -> paddle.Tensor:
            return random_images(generator, self.random, first, count, self._once)

        return ModelOutputs(real=self.samples.test, generate=generate, generator=generator, size=generator.size)


def _grid(pixels: FloatArray) -> Image:
    columns = max(math.isqrt(3 * len(pixels) // 2), 1)
    return images.grid([images.to_image(item) for item in pixels], columns)
