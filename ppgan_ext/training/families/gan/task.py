"""Training of GANs of random numbers and classes, under PaddleGAN's `model:` blocks of DCGANModel and GANModel.

Departs from PaddleGAN: z is standard normal everywhere; only trainable weights are clipped; `wgangp` has its penalty;
a sigmoid before a loss of logits is left out; every step of the critic has a batch of its own.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import paddle

from ppgan_ext import images
from ppgan_ext.data.common_vision_dataset import LABEL_KEY
from ppgan_ext.errors import ConfigError
from ppgan_ext.losses import adversarial
from ppgan_ext.losses.adversary import Penalty
from ppgan_ext.nn.forms import once_form
from ppgan_ext.training.shared.averaged_weights import unchanged_statistics
from ppgan_ext.training.shared.critic import Critic, Samples, make_adversary
from ppgan_ext.training.shared.evaluation import evaluating
from ppgan_ext.training.shared.image_checks import check_images
from ppgan_ext.training.shared.phases import Phase, Shard, with_statistics
from ppgan_ext.training.shared.sheets import to_rgb
from ppgan_ext.training.task import Task
from ppgan_ext.training.tensors import from_array
from ppgan_ext.types import FloatArray, Image

if TYPE_CHECKING:
    from paddle import nn

    from ppgan_ext.metrics import ModelOutputs
    from ppgan_ext.networks.network_options import NetworkOptions

_NUM_SHOWN = 64
# Metrics draw images in blocks of this size, whatever their own batch: statistics of a batch belong to the image then.
_BLOCK = 64
# In these modes PaddleGAN halves the discriminator's loss.
_HALVED = ("vanilla", "lsgan")
# Gradients of a critic with weights below 0.01 start at 2e-6, of the generator behind it at 2e-7 (wgan_mnist.yaml).
_SMALL_EPSILON = 1e-12


class GANTask(Task):
    """Training of a generator ``netG`` of images from random numbers against ``netD``."""

    def make_networks(self) -> dict[str, nn.Layer]:
        """Create the networks.

        Raises:
            ConfigError: they do not fit the images.
        """
        options = self.options
        self._form = once_form(self.processes.device == "cpu")
        self._check_data([options.generator, options.discriminator])
        self._last_block: tuple[int, FloatArray] | None = None
        return {"netG": options.generator.build(), "netD": self._judging(options.discriminator).build()}

    def make_phases(self) -> list[Phase]:
        """Return the phases: the discriminator in every iteration, the generator in every ``disc_iters``-th."""
        options, params = self.options, self.options.params
        mode = options.gan_criterion.gan_mode
        loss = adversarial.find(mode)
        if loss.clip:
            loss = dataclasses.replace(loss, clip=params.clip_value)
        self._adversary = make_adversary(self, "netD", loss, [Penalty("r1", options.r1_reg_weight)])
        weight = 0.5 if mode in _HALVED else 1.0
        critic = Critic("netD", self._adversary, self._critic_samples, weight=weight, log_prefix="D")
        (learn,) = critic.phases()
        # The first multiple of disc_iters beyond disc_start_iters.
        first = (params.disc_start_iters // params.disc_iters + 1) * params.disc_iters
        self._generator_phase = Phase(
            "generator",
            ("netG",),
            self._generator_shard,
            ("netD",),
            params.disc_iters,
            normalised=("netG", "netD"),
            first=first,
        )
        return [with_statistics(learn, "netD"), self._generator_phase]

    def notes(self) -> list[str]:
        """Say which key of PaddleGAN's file has no effect, and which optimiser would not move clipped weights."""
        return [*self._sigmoid_note(), *self._epsilon_notes()]

    def _sigmoid_note(self) -> list[str]:
        sigmoid = getattr(self.options.discriminator, "use_sigmoid", False)
        ignored = sigmoid and not self._judging(self.options.discriminator).use_sigmoid  # type: ignore[attr-defined]
        mode = self.options.gan_criterion.gan_mode
        return [f"use_sigmoid has no effect: gan_mode {mode} takes scores before the sigmoid"] if ignored else []

    def _epsilon_notes(self) -> list[str]:
        """Return notes on RMSProp beside clipped weights: Paddle adds epsilon under the root, to squared gradients."""
        if not adversarial.find(self.options.gan_criterion.gan_mode).clip:
            return []
        return [
            f"optimizer.{name}: RMSProp's epsilon {optimizer.epsilon:g} exceeds the squared gradients of clipped "
            f"weights, so training hardly moves. Set epsilon: {_SMALL_EPSILON:.1e}"
            for name, optimizer in self.settings.optimizer.items()
            if optimizer.name == "RMSProp" and optimizer.epsilon > _SMALL_EPSILON
        ]

    # ---- one iteration

    def _critic_samples(self, shard: Shard) -> Samples:
        with paddle.no_grad(), unchanged_statistics(self.networks["netG"]):
            fake = self._fake(shard)
        return Samples(shard.tensor(), fake, self._condition(shard))

    def _generator_shard(self, shard: Shard) -> dict[str, float]:
        """Compute the gradients of the generator's adversarial loss on one shard."""
        loss = self._adversary.generator_loss(self._fake(shard), *self._condition(shard))
        (loss * self.options.gan_criterion.loss_weight).backward()
        return {"G_adv_loss": loss.item()}

    def _fake(self, shard: Shard) -> paddle.Tensor:
        """Return generated images, (N, C, H, W), of the shard's random numbers, the same in both phases."""
        z = shard.normal("z", (len(shard), self.networks["netG"].latent_dim))
        with self.autocast():
            fake = self.networks["netG"](z, *self._condition(shard), form=self._form)
        return fake.astype("float32")

    def _condition(self, shard: Shard) -> tuple[paddle.Tensor, ...]:
        """Return the classes of the shard's real images, which the generated ones get too; nothing without classes."""
        return (shard.tensor(LABEL_KEY),) if self.options.num_classes else ()

    # ---- pictures and metrics

    def pictures(self, iteration: int) -> dict[str, Image]:
        """Return images of fixed random numbers, with one class in each row, and real images."""
        num_columns, num_classes = self.options.params.samples_every_row, self.options.num_classes
        num_images = self.settings.image_num or (num_columns * num_classes or _NUM_SHOWN)
        z = self.random.normal("pictures", 0, 0, (num_images, self.networks["netG"].latent_dim))
        classes = np.arange(num_images) // num_columns % num_classes if num_classes else None
        grids = {"fixed_generated_imgs": self._render(z, classes), "real_imgs": self.samples.first(num_images)}
        return {name: images.grid([to_rgb(item) for item in grid], num_columns) for name, grid in grids.items()}

    def outputs(self) -> ModelOutputs:
        """Return images of numbered random numbers, for the metrics; sample i has class i modulo their number."""
        from ppgan_ext.metrics import ModelOutputs

        num_classes = self.options.num_classes
        self._last_block = None
        (photo,) = self.samples.first(1)
        class_of = (lambda index: index % num_classes) if num_classes else None
        return ModelOutputs(real=self.samples.test, generate=self._generate, size=photo.shape[2], class_of=class_of)

    def _generate(self, first: int, count: int) -> FloatArray:
        parts = []
        for index in range(first, first + count):
            number = index // _BLOCK
            if self._last_block is None or self._last_block[0] != number:
                self._last_block = number, self._block(number)
            parts.append(self._last_block[1][index % _BLOCK])
        made = np.stack(parts)
        return np.repeat(made, 3, axis=1) if made.shape[1] == 1 else made

    def _block(self, number: int) -> FloatArray:
        indices = range(number * _BLOCK, (number + 1) * _BLOCK)
        dim, num_classes = self.networks["netG"].latent_dim, self.options.num_classes
        rngs = [self.random.generator("metrics", 0, index) for index in indices]
        z = np.stack([rng.standard_normal(dim, np.float32) for rng in rngs])
        return self._render(z, np.array(indices) % num_classes if num_classes else None)

    @paddle.no_grad()
    def _render(self, z: FloatArray, classes: Any) -> FloatArray:
        condition = () if classes is None else (from_array(classes.astype(np.int64)),)
        generator = self.networks["netG"]
        with evaluating(generator):
            return generator(from_array(z), *condition, form=self._form).numpy()

    # ---- helpers

    def _judging(self, options: NetworkOptions) -> NetworkOptions:
        """Return the discriminator's options without a sigmoid, if the loss takes scores before it."""
        takes_scores = self.options.gan_criterion.gan_mode != "lsgan"
        if getattr(options, "use_sigmoid", False) and takes_scores:
            return options.model_copy(update={"use_sigmoid": False})
        return options

    def _check_data(self, networks: list[NetworkOptions]) -> None:
        if self._samples is None:
            return
        check_images(self._samples, {"A": self.options.generator.output_nc}, {"A": networks})
        num_classes, labels = self.options.num_classes, getattr(self._samples.train, "labels", None)
        if not num_classes:
            return
        if labels is None:
            cure = "Name its labels (params.label_path), or a folder of classes"
            raise ConfigError("has no classes, which the generator needs", where="dataset.train", cure=cure)
        if int(labels.max()) >= num_classes:
            what = f"has classes up to {int(labels.max())}, but n_class is {num_classes}"
            cure = f"Set n_class to {int(labels.max()) + 1} in both networks"
            raise ConfigError(what, where="dataset.train", cure=cure)
