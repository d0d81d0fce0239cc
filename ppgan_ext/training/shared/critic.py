"""The phases in which a task trains a discriminator: one for its loss, and one for each interval of lazy penalties."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import paddle

from ppgan_ext.losses.adversarial import AdversarialLoss
from ppgan_ext.losses.adversary import Adversary, CriticLoss, Penalty
from ppgan_ext.nn.forms import once_form, twice_form
from ppgan_ext.training.shared.phases import Phase, Shard
from ppgan_ext.training.tensors import from_array

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ppgan_ext.training.task import Task


class Samples(NamedTuple):
    """The samples of one shard that a discriminator is trained on.

    Attributes:
        real: real samples, (N, ...); None: the penalty does not need them.
        fake: generated samples, (N, ...), detached; None: the penalty does not need them.
        condition: further inputs of the discriminator for both, such as classes, (N,).
    """

    real: paddle.Tensor | None
    fake: paddle.Tensor | None
    condition: tuple[paddle.Tensor, ...] = ()


MakeSamples: TypeAlias = Callable[[Shard], Samples]
MakePenaltySamples: TypeAlias = Callable[[Shard, Penalty], Samples]


def make_adversary(
    task: Task,
    name: str,
    gan_mode: str | AdversarialLoss,
    penalties: Sequence[Penalty] = (),
    *,
    has_forms: bool = True,
    network: Any = None,
) -> Adversary:
    """Create the adversary of a task's discriminator, with the forms and the precision of the task.

    Args:
        task: the task that the network belongs to.
        name: name of the network.
        gan_mode: the adversarial loss, or its name.
        penalties: penalties beside those of the loss; those of weight 0 are left out.
        has_forms: whether the network takes a ``form`` argument.
        network: what computes the scores, if that is more than the network itself.
    """
    on_cpu = task.processes.device == "cpu"
    forms: Any = (once_form(on_cpu), twice_form(on_cpu)) if has_forms else None
    return Adversary(
        task.networks[name] if network is None else network, gan_mode, penalties, forms=forms, autocast=task.autocast
    )


class Critic:
    """Trains the discriminator of an `Adversary`.

    Args:
        name: name of the network in a checkpoint; its loss is logged as ``loss_<name>``.
        adversary: the discriminator with its loss and penalties.
        samples: returns the real and generated samples of a shard.
        penalty_samples: returns the samples of a lazy penalty on a shard; None: those of ``samples``.
        weight: factor of the adversarial loss.
        log_scores: also log the mean scores, and the mean sign of the real scores.
        log_prefix: log the loss, its parts and the accuracy as ``<prefix>_loss``, ``<prefix>_real_loss``,
            ``<prefix>_fake_loss`` and ``<prefix>_accuracy``, which are PaddleGAN's names, and its penalties with their
            factors as ``<prefix>_<kind>_loss``; None: as ``loss_<name>`` and, without factors, as lazy penalties.
        penalty_prefix: prefix of the names of lazy penalties in the log; None: ``loss_<name>_``.
        stream: name of the random stream that places the points of the gradient penalty; None: ``<name> penalty``.
    """

    def __init__(
        self,
        name: str,
        adversary: Adversary,
        samples: MakeSamples,
        penalty_samples: MakePenaltySamples | None = None,
        *,
        weight: float = 1.0,
        log_scores: bool = False,
        log_prefix: str | None = None,
        penalty_prefix: str | None = None,
        stream: str | None = None,
    ) -> None:
        self.name, self.adversary = name, adversary
        self._make_samples, self._make_penalty_samples = samples, penalty_samples
        self._weight, self._log_scores, self._log_prefix = weight, log_scores, log_prefix
        self._prefix = f"loss_{name}_" if penalty_prefix is None else penalty_prefix
        self._stream = stream or f"{name} penalty"

    def phases(self) -> list[Phase]:
        """Return the phase of the loss and those of the lazy penalties; penalties of one interval share a phase."""
        loss = Phase(self.name, (self.name,), self._learn, after=self._clip)
        lazy = sorted(self.adversary.lazy, key=lambda penalty: penalty.every)
        return [loss, *(self._penalty_phase(every, list(group)) for every, group in groupby(lazy, _interval))]

    def _penalty_phase(self, every: int, penalties: Sequence[Penalty]) -> Phase:
        def work(shard: Shard) -> dict[str, float]:
            return self._penalise(shard, every, penalties)

        return Phase(f"{self.name} penalties", (self.name,), work, every=every, after=self._clip)

    def _clip(self, numbers: dict[str, float]) -> None:
        self.adversary.clip()

    def _samples(self, shard: Shard) -> Samples:
        if self._make_penalty_samples is not None or not self.adversary.lazy:
            return self._make_samples(shard)  # no other phase needs them, so they are not stored
        return shard.once(f"samples of {self.name}", lambda: self._make_samples(shard))

    def _learn(self, shard: Shard) -> dict[str, float]:
        real, fake, condition = self._samples(shard)
        assert real is not None
        assert fake is not None
        loss = self.adversary.critic_loss(real, fake, self._shares(shard), condition)
        (loss.total * self._weight).backward()
        numbers = self._parts(loss)
        if self._log_scores:
            numbers |= {
                "real_score": loss.real_score.mean().item(),
                "fake_score": loss.fake_score.mean().item(),
                "real_sign": loss.real_score.sign().mean().item(),
            }
        return numbers

    def _parts(self, loss: CriticLoss) -> dict[str, float]:
        prefix = self._log_prefix
        if prefix is None:
            penalties = {f"{self._prefix}{penalty.kind}": value.item() for penalty, value in loss.penalties.items()}
            return {f"loss_{self.name}": loss.total.item(), **penalties}
        numbers = {
            f"{prefix}_loss": self._weight * loss.total.item(),
            f"{prefix}_real_loss": loss.of_real.item(),
            f"{prefix}_fake_loss": loss.of_fake.item(),
            **{f"{prefix}_{item.kind}_loss": item.factor * value.item() for item, value in loss.penalties.items()},
        }
        accuracy = self.adversary.loss.accuracy(loss.real_score, loss.fake_score)
        return numbers if accuracy is None else {**numbers, f"{prefix}_accuracy": accuracy}

    def _penalise(self, shard: Shard, every: int, penalties: Sequence[Penalty]) -> dict[str, float]:
        total, numbers = paddle.zeros([]), {}
        for penalty, samples in self._penalty_samples(shard, penalties):
            shares = self._shares(shard)
            value = self.adversary.penalty(penalty, samples.real, samples.fake, shares, samples.condition)
            total = total + penalty.factor * value
            numbers[f"{self._prefix}{penalty.kind}"] = value.item()
        (total * every).backward()
        return numbers

    def _penalty_samples(self, shard: Shard, penalties: Sequence[Penalty]) -> Iterator[tuple[Penalty, Samples]]:
        for penalty in penalties:
            if self._make_penalty_samples is None:
                yield penalty, self._samples(shard)
            else:
                yield penalty, self._make_penalty_samples(shard, penalty)

    def _shares(self, shard: Shard) -> Callable[[int], paddle.Tensor]:
        return lambda count: from_array(shard.generator(self._stream).random(count, np.float32))


def _interval(penalty: Penalty) -> int:
    return penalty.every
