"""Training of CycleGAN (arXiv 1703.10593), under PaddleGAN's `model:` block.

Departs from PaddleGAN: the discriminators are frozen before the generators' backward pass instead of after it; the
identity loss may be absent; the pools of earlier images are in the checkpoints.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import paddle

from ppgan_ext.losses.adversary import Adversary, Penalty
from ppgan_ext.training.shared.critic import Critic, MakeSamples, Samples, make_adversary
from ppgan_ext.training.shared.direction import Ends
from ppgan_ext.training.shared.face_id import FaceIdLoss
from ppgan_ext.training.shared.image_pool import ImagePools
from ppgan_ext.training.shared.phases import Phase, Shard, join_phases, with_statistics
from ppgan_ext.training.shared.translation_task import TranslationTask, rgb_images
from ppgan_ext.training.tensors import from_array
from ppgan_ext.types import Image

if TYPE_CHECKING:
    from paddle import nn

    from ppgan_ext.networks.network_options import NetworkOptions

_GENERATORS, _CRITICS = ("netG_A", "netG_B"), ("netD_A", "netD_B")


class CycleGANTask(TranslationTask):
    """Training of two generators and two discriminators.

    ``netG_A`` translates domain A to B, judged by ``netD_A``; ``netG_B`` and ``netD_B`` the other way. With the
    direction b2a, A is the data's B.
    """

    passes: ClassVar[Mapping[str, int]] = {"netG_A": 3, "netG_B": 3, "netD_A": 1, "netD_B": 1}

    def make_networks(self) -> dict[str, nn.Layer]:
        """Create the networks, after a check that they fit the images."""
        self.check_data()
        self._pools = ImagePools(self.options.pool_size)
        self._face_id = None if self.options.face_id is None else FaceIdLoss(self.options.face_id)
        return {name: self.options_of(name).build() for name in self.passes}

    @property
    def generators(self) -> dict[str, Ends]:
        """Both generators."""
        return {"netG_A": self.ends, "netG_B": self.ends.back}

    def options_of(self, name: str) -> NetworkOptions:
        """Return the options of a network."""
        return self.options.generator if name in _GENERATORS else self.options.discriminator

    def make_phases(self) -> list[Phase]:
        """Return the phases: the generators, then the discriminators."""
        options = self.options
        penalties = [Penalty("r1", options.r1_reg_weight)]
        self._adversaries: dict[str, Adversary] = {}
        critics = []
        for name, letter in zip(_CRITICS, "AB", strict=True):
            self._adversaries[letter] = make_adversary(self, name, options.gan_criterion.gan_mode, penalties)
            critic = Critic(
                name, self._adversaries[letter], self._samples_of(letter), weight=0.5, log_prefix=f"D_{letter}"
            )
            critics += critic.phases()
        learn = Phase("generators", _GENERATORS, self._generators_shard, _CRITICS, normalised=_GENERATORS + _CRITICS)
        return [learn, with_statistics(join_phases("discriminators", critics), *_CRITICS)]

    def _samples_of(self, letter: str) -> MakeSamples:
        """Return the samples of a discriminator: netD_A judges translations to B."""

        def samples(shard: Shard) -> Samples:
            domain = self.ends.target if letter == "A" else self.ends.source
            fake = shard.results[f"fake of G_{letter}"]
            return Samples(shard.tensor(domain), self._pools.exchange(shard, f"G_{letter}", fake))

        return samples

    def _generators_shard(self, shard: Shard) -> dict[str, float]:
        """Compute the gradients of both generators on one shard; store the translations for the discriminators."""
        options, numbers = self.options, {}
        total = paddle.zeros([])
        lambdas = {"A": options.lambda_a, "B": options.lambda_b}
        with self.seeded_masks(shard, *_GENERATORS):
            for letter, other in (("A", "B"), ("B", "A")):
                real = shard.tensor(self.ends.source if letter == "A" else self.ends.target)
                fake = self._apply(f"netG_{letter}", real)
                shard.results[f"fake of G_{letter}"] = fake.detach()
                losses = {
                    "adv": options.gan_criterion.loss_weight * self._adversaries[letter].generator_loss(fake),
                    "cycle": lambdas[letter]
                    * options.cycle_criterion.loss_weight
                    * options.cycle_criterion.distance(self._apply(f"netG_{other}", fake), real),
                }
                if options.identity_weight and lambdas[letter]:
                    # The generator that leads to this domain should leave its images as they are.
                    same = options.idt_criterion.distance(self._apply(f"netG_{other}", real), real)
                    losses["idt"] = lambdas[letter] * options.identity_weight * same
                if self._face_id is not None:
                    losses["id"] = self._face_id.of(real, fake)
                for name, loss in losses.items():
                    # As in PaddleGAN, an identity loss has the letter of the generator that it trains.
                    numbers[_LOG[name].format(other if name == "idt" else letter)] = loss.item()
                    total = total + loss
        total.backward()
        return numbers

    def _apply(self, name: str, pixels: paddle.Tensor) -> paddle.Tensor:
        with self.autocast():
            return self.networks[name](pixels, form=self._form).astype("float32")

    # ---- state and pictures

    def shard_state(self, shard: int) -> dict[str, np.ndarray]:
        """Return the pools of a shard."""
        return self._pools.state(shard)

    def load_shard_state(self, shard: int, state: Mapping[str, np.ndarray]) -> None:
        """Restore the pools of a shard."""
        self._pools.load_state(shard, state)

    def columns(self, ends: Ends, photos: paddle.Tensor) -> dict[str, list[Image]]:
        """Return photo, translation, reconstruction, and the photo through the generator that leads to its domain."""
        there, back = _GENERATORS if ends == self.ends else _GENERATORS[::-1]
        fakes = self.translated(there, photos)[0]
        columns: dict[str, Any] = {
            f"real_{ends.source}": photos.numpy(),
            f"fake_{ends.target}": fakes,
            f"rec_{ends.source}": self.translated(back, from_array(fakes))[0],
        }
        if self.options.identity_weight:
            columns[f"idt_{ends.source}"] = self.translated(back, photos)[0]
        return {label: rgb_images(pixels) for label, pixels in columns.items()}


_LOG = {"adv": "G_{}_adv_loss", "cycle": "G_{}_cycle_loss", "idt": "G_idt_{}_loss", "id": "G_{}_id_loss"}
