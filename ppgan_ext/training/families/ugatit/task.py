"""Training of U-GAT-IT (arXiv 1907.10830), under PaddleGAN's `model:` block.

Departs from PaddleGAN: the discriminators' step does not differentiate the generators; translations are made once for
both steps; all terms are logged; sheets show cycles, identities and attention.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import paddle
import paddle.nn.functional as F

from ppgan_ext.losses.adversary import Adversary
from ppgan_ext.nn.layer_instance_norm import clip_shares
from ppgan_ext.training.shared.critic import Critic, MakeSamples, Samples, make_adversary
from ppgan_ext.training.shared.direction import Ends
from ppgan_ext.training.shared.face_id import FaceIdLoss
from ppgan_ext.training.shared.phases import Phase, Shard, join_phases, with_statistics
from ppgan_ext.training.shared.translation_task import TranslationTask, heat_pictures, rgb_images
from ppgan_ext.training.tensors import from_array
from ppgan_ext.types import Image

if TYPE_CHECKING:
    from paddle import nn

    from ppgan_ext.networks.network_options import NetworkOptions

_GENERATORS = ("genA2B", "genB2A")
_CRITICS = ("disGA", "disGB", "disLA", "disLB")


class UGATITTask(TranslationTask):
    """Training of two generators and of a global and a local discriminator for each domain.

    ``genA2B`` translates domain A to B, judged by ``disGB`` and ``disLB``. With the direction b2a, A is the data's B.
    """

    passes: ClassVar[Mapping[str, int]] = {"genA2B": 3, "genB2A": 3, "disGA": 1, "disGB": 1, "disLA": 1, "disLB": 1}

    def make_networks(self) -> dict[str, nn.Layer]:
        """Create the networks, after a check that they fit the images."""
        self.check_data()
        self._face_id = None if self.options.face_id is None else FaceIdLoss(self.options.face_id)
        return {name: self.options_of(name).build() for name in self.passes}

    @property
    def generators(self) -> dict[str, Ends]:
        """Both generators."""
        return {"genA2B": self.ends, "genB2A": self.ends.back}

    def options_of(self, name: str) -> NetworkOptions:
        """Return the options of a network."""
        if name in _GENERATORS:
            return self.options.generator
        return self.options.discriminator_g if name.startswith("disG") else self.options.discriminator_l

    def notes(self) -> list[str]:
        """Estimate the memory; of full generators, name the cure."""
        estimate, *hints = super().notes()
        return [estimate if self.options.generator.light else f"{estimate}; 'light: True' needs far less", *hints]

    def make_phases(self) -> list[Phase]:
        """Return the phases: the discriminators, then the generators."""
        self._adversaries: dict[str, Adversary] = {}
        critics = []
        for name in _CRITICS:
            adversary = make_adversary(self, name, "lsgan", network=_Heads(self.networks[name]))
            self._adversaries[name] = adversary
            critics += Critic(name, adversary, self._samples_of(name[-1]), log_prefix=f"D_{name[3:]}").phases()
        learn = Phase(
            "generators", _GENERATORS, self._generators_shard, _CRITICS, normalised=_GENERATORS, after=self._clip
        )
        return [with_statistics(join_phases("discriminators", critics), *_CRITICS), learn]

    def _clip(self, numbers: Mapping[str, float]) -> None:
        for name in _GENERATORS:
            clip_shares(self.networks[name])

    # ---- one iteration

    def _samples_of(self, letter: str) -> MakeSamples:
        """Return the samples of the discriminators of a domain."""

        def samples(shard: Shard) -> Samples:
            return Samples(self._real(shard, letter), self._translation_to(shard, letter).images.detach())

        return samples

    def _real(self, shard: Shard, letter: str) -> paddle.Tensor:
        return shard.tensor(self.ends.source if letter == "A" else self.ends.target)

    def _translation_to(self, shard: Shard, letter: str) -> Any:
        """Return the shard's translations to a domain, made once, since generators do not change between the phases."""
        name, other = ("genA2B", "A") if letter == "B" else ("genB2A", "B")
        return shard.once(name, lambda: self._apply(name, self._real(shard, other)))

    def _apply(self, name: str, pixels: paddle.Tensor) -> Any:
        """Translate (N, C, H, W); returns images, logits and heatmap, float32."""
        with self.autocast():
            result = self.networks[name](pixels, form=self._form)
        return type(result)(*(tensor.astype("float32") for tensor in result))

    def _generators_shard(self, shard: Shard) -> dict[str, float]:
        """Compute the gradients of both generators on one shard (arXiv 1907.10830, section 2.2)."""
        options, numbers, total = self.options, {}, paddle.zeros([])
        for letter, other in (("A", "B"), ("B", "A")):
            there, back = f"gen{letter}2{other}", f"gen{other}2{letter}"
            real, fake = self._real(shard, letter), self._translation_to(shard, other)
            judges = [self._adversaries[f"dis{kind}{other}"].generator_loss(fake.images) for kind in "GL"]
            losses = {
                "adv": options.adv_weight * (judges[0] + judges[1]),
                "cycle": options.cycle_weight * (self._apply(back, fake.images).images - real).abs().mean(),
            }
            cam = _cross_entropy(fake.logits, 1.0)
            if options.identity_weight:
                same = self._apply(back, real)
                losses["idt"] = options.identity_weight * (same.images - real).abs().mean()
                numbers[f"G_{back[3:]}_idt_loss"] = losses["idt"].item()
                # The classifiers tell images to translate from images that are in their domain already.
                losses["cam of identity"] = options.cam_weight * _cross_entropy(same.logits, 0.0)
            losses["cam"] = options.cam_weight * cam
            if self._face_id is not None:
                losses["id"] = self._face_id.of(real, fake.images)
            for kind in losses.keys() - {"idt", "cam of identity"}:
                numbers[f"G_{there[3:]}_{kind}_loss"] = losses[kind].item()
            if "cam of identity" in losses:
                numbers[f"G_{back[3:]}_cam_idt_loss"] = losses["cam of identity"].item()
            total = total + paddle.add_n(list(losses.values()))
        total.backward()
        return {"generator_loss": total.item(), **dict(sorted(numbers.items()))}

    def after_iteration(self, numbers: Mapping[str, float], num_images: int, iteration: int) -> dict[str, float]:
        """Add PaddleGAN's sum of the discriminators' losses."""
        return {"discriminator_loss": sum(numbers[f"D_{name[3:]}_loss"] for name in _CRITICS)}

    # ---- pictures

    def columns(self, ends: Ends, photos: paddle.Tensor) -> dict[str, list[Image]]:
        """Return photo, translation, reconstruction, photo through the other generator, and attention."""
        there, back = _GENERATORS if ends == self.ends else _GENERATORS[::-1]
        fakes, _, heatmaps = self.translated(there, photos)
        columns = {
            f"real_{ends.source}": photos.numpy(),
            f"fake_{ends.target}": fakes,
            f"rec_{ends.source}": self.translated(back, from_array(fakes))[0],
            f"idt_{ends.source}": self.translated(back, photos)[0],
        }
        pictures = {label: rgb_images(pixels) for label, pixels in columns.items()}
        return {**pictures, "attention": heat_pictures(heatmaps, tuple(photos.shape[2:]))}


class _Heads:
    """A discriminator without its heatmap: the scores of patches, and the logits of the attention's classifiers."""

    def __init__(self, network: nn.Layer) -> None:
        self._network = network

    def __call__(self, images: paddle.Tensor, **form: Any) -> tuple[paddle.Tensor, ...]:
        judgement = self._network(images, **form)
        return judgement.scores, judgement.logits

    def parameters(self) -> list[paddle.Tensor]:
        return self._network.parameters()


def _cross_entropy(logits: paddle.Tensor, label: float) -> paddle.Tensor:
    """Return the mean binary cross entropy of logits and one label, ()."""
    return F.binary_cross_entropy_with_logits(logits, paddle.full_like(logits, label))
