"""Training of pix2pix (arXiv 1611.07004), under PaddleGAN's `model:` block.

Departs from PaddleGAN, where the input is always B: the direction is obeyed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import paddle

from ppgan_ext.errors import InputError
from ppgan_ext.losses.adversary import Penalty
from ppgan_ext.training.shared.averaged_weights import unchanged_statistics
from ppgan_ext.training.shared.critic import Critic, Samples, make_adversary
from ppgan_ext.training.shared.direction import Ends
from ppgan_ext.training.shared.phases import Phase, Shard, with_statistics
from ppgan_ext.training.shared.translation_task import TranslationTask, rgb_images
from ppgan_ext.types import Image

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paddle import nn

    from ppgan_ext.networks.network_options import NetworkOptions


class Pix2PixTask(TranslationTask):
    """Training of a generator ``netG`` of targets from inputs against ``netD``, which sees both."""

    passes: ClassVar[Mapping[str, int]] = {"netG": 1, "netD": 2}
    paired: ClassVar[bool] = True

    def make_networks(self) -> dict[str, nn.Layer]:
        """Create the networks, after a check that they fit the images."""
        self.check_data()
        return {name: self.options_of(name).build() for name in self.passes}

    def notes(self) -> list[str]:
        """Estimate the memory, and doubt a first picture whose halves are at least twice as high as wide."""
        notes, source = super().notes(), self.samples.train.source
        try:
            height, width = source.read(0).shape[:2]
        except InputError:  # unreadable pictures are named and passed over when their turn comes
            return notes
        if width <= height:
            cut = f"{source.name(0)} is {width}x{height} and is cut into halves of {width // 2}x{height}"
            notes.append(f"{cut}. If it shows one side only, join it with the other: tools/prepare_pairs.py")
        return notes

    @property
    def generators(self) -> dict[str, Ends]:
        """The only generator."""
        return {"netG": self.ends}

    def options_of(self, name: str) -> NetworkOptions:
        """Return the options of a network."""
        return self.options.generator if name == "netG" else self.options.discriminator

    def make_phases(self) -> list[Phase]:
        """Return the phases: the discriminator, then the generator."""
        options = self.options
        penalties = [Penalty("r1", options.r1_reg_weight)]
        self._adversary = make_adversary(self, "netD", options.gan_criterion.gan_mode, penalties)
        (learn,) = Critic("netD", self._adversary, self._critic_samples, weight=0.5, log_prefix="D").phases()
        return [
            with_statistics(learn, "netD"),
            Phase("generator", ("netG",), self._generator_shard, ("netD",), normalised=("netG", "netD")),
        ]

    def _fake(self, shard: Shard) -> paddle.Tensor:
        """Return the shard's outputs (N, C, H, W), with the same dropout in both phases."""
        with self.seeded_masks(shard, "netG"), self.autocast():
            return self.networks["netG"](shard.tensor(self.ends.source), form=self._form).astype("float32")

    def _critic_samples(self, shard: Shard) -> Samples:
        source, target = (shard.tensor(key) for key in self.ends)
        # Batch statistics, which the generator's phase changes, belong to a graph; so no graph is kept until then.
        with paddle.no_grad(), unchanged_statistics(self.networks["netG"]):
            fake = self._fake(shard)
        return Samples(paddle.concat([source, target], axis=1), paddle.concat([source, fake], axis=1))

    def _generator_shard(self, shard: Shard) -> dict[str, float]:
        """Compute the gradients of the generator on one shard."""
        options, fake = self.options, self._fake(shard)
        source, target = (shard.tensor(key) for key in self.ends)
        adversarial = self._adversary.generator_loss(paddle.concat([source, fake], axis=1))
        distance = options.pixel_criterion.distance(fake, target)
        weight = options.pixel_criterion.loss_weight
        (options.gan_criterion.loss_weight * adversarial + weight * distance).backward()
        return {"G_adv_loss": adversarial.item(), "G_L1_loss": weight * distance.item()}

    def columns(self, ends: Ends, photos: paddle.Tensor) -> dict[str, list[Image]]:
        """Return input, output and target."""
        fakes = self.translated("netG", photos)[0]
        targets: Any = self.samples.first(len(photos), key=ends.target)
        return {
            f"real_{ends.source}": rgb_images(photos.numpy()),
            f"fake_{ends.target}": rgb_images(fakes),
            f"real_{ends.target}": rgb_images(targets),
        }
