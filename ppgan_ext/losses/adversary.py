"""A discriminator, the loss that sets it against another network, and the penalties that keep it smooth.

Every family that trains one network against another uses this class. Which samples it sees, and when it makes a step,
is the family's business (`training.shared.critic`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import paddle

from ppgan_ext.losses import adversarial, regularizers
from ppgan_ext.nn import Form

PenaltyKind: TypeAlias = Literal["r1", "r2", "gradient", "drift"]


@dataclass(frozen=True)
class Penalty:
    """One penalty on a discriminator.

    Attributes:
        kind: "r1": squared gradient at real samples; "r2": at generated ones (arXiv 1801.04406, Eq. 9 and 10);
            "gradient": squared distance of the gradient's norm from 1 between both (arXiv 1704.00028, Eq. 3);
            "drift": mean squared score of real samples (arXiv 1710.10196, A.1).
        weight: factor; for R1 and R2 it is gamma, so that gamma / 2 multiplies the squared gradient, as in the paper.
        every: 0 adds the penalty to the loss of every step. k > 0 makes it lazy (arXiv 1912.04958, appendix B): it is
            minimised in a step of its own in every k-th iteration, k times as strong.
    """

    kind: PenaltyKind
    weight: float
    every: int = 0

    @property
    def factor(self) -> float:
        """The factor that multiplies what `Adversary` computes for this kind."""
        return self.weight / 2 if self.kind in ("r1", "r2") else self.weight


class CriticLoss(NamedTuple):
    """A discriminator's loss on one shard.

    Attributes:
        total: what it minimises, ().
        real_score: scores of the real samples, (N, ...).
        fake_score: scores of the generated samples, (N, ...).
    """

    total: paddle.Tensor
    real_score: paddle.Tensor
    fake_score: paddle.Tensor


class Adversary:
    """A discriminator in training.

    Args:
        network: maps samples to scores (N, 1), or to maps of scores (N, 1, H, W).
        loss: the losses of both sides, or their name in YAML files (`adversarial.LOSSES`). Its gradient penalty and
            drift term are added to ``penalties``.
        penalties: further penalties.
        forms: the network's ``form`` arguments for one and for two differentiations; None: it takes no such argument.
        autocast: context in which the network computes scores for the losses; penalties are computed in float32.

    Raises:
        ConfigError: no such loss.
    """

    def __init__(
        self,
        network: Any,
        loss: adversarial.AdversarialLoss | str,
        penalties: Sequence[Penalty] = (),
        *,
        forms: tuple[Form, Form] | None = None,
        autocast: Callable[[], contextlib.AbstractContextManager[Any]] = contextlib.nullcontext,
    ) -> None:
        self.network = network
        self.loss = adversarial.find(loss) if isinstance(loss, str) else loss
        own = (Penalty("drift", self.loss.drift), Penalty("gradient", self.loss.gradient_penalty))
        self.penalties = (*(penalty for penalty in own if penalty.weight), *penalties)
        self._once: dict[str, Any] = {} if forms is None else {"form": forms[0]}
        self._twice: dict[str, Any] = {} if forms is None else {"form": forms[1]}
        self._autocast = autocast

    @property
    def lazy(self) -> tuple[Penalty, ...]:
        """The penalties that have steps of their own."""
        return tuple(penalty for penalty in self.penalties if penalty.every)

    def score(self, samples: paddle.Tensor) -> paddle.Tensor:
        """Score samples, float32; differentiable once."""
        with self._autocast():
            scores = self.network(samples, **self._once)
        return scores.astype("float32")

    def score_twice(self, samples: paddle.Tensor) -> paddle.Tensor:
        """Score samples; differentiable twice."""
        return self.network(samples, **self._twice)

    def generator_loss(self, fake: paddle.Tensor) -> paddle.Tensor:
        """Return the loss of the network that made these samples, ()."""
        return self.loss.generator(self.score(fake))

    def critic_loss(
        self, real: paddle.Tensor, fake: paddle.Tensor, shares: Callable[[int], paddle.Tensor] | None = None
    ) -> CriticLoss:
        """Return the discriminator's loss with all penalties that are not lazy.

        Args:
            real: (N, ...).
            fake: (M, ...), detached from the network that made them.
            shares: number of samples -> random numbers in [0, 1], (N,), that place the points of the gradient penalty
                between real and generated samples; only called where there is such a penalty.
        """
        real_score, fake_score = self.score(real), self.score(fake)
        total = self.loss.of_discriminator(real_score, fake_score)
        for penalty in self.penalties:
            if penalty.every:
                continue
            if penalty.kind == "drift":
                value = (real_score * real_score).mean()
            else:
                value = self.penalty(penalty, real, fake, shares)
            total = total + penalty.factor * value
        return CriticLoss(total, real_score, fake_score)

    def penalty(
        self,
        penalty: Penalty,
        real: paddle.Tensor | None,
        fake: paddle.Tensor | None,
        shares: Callable[[int], paddle.Tensor] | None = None,
    ) -> paddle.Tensor:
        """Compute a penalty without its factor, ().

        Args:
            penalty: which one.
            real: (N, ...); not needed for R2.
            fake: (M, ...); only needed for R2 and the gradient penalty, whose points lie between the first samples.
            shares: as for `critic_loss`.
        """
        if penalty.kind == "r2":
            assert fake is not None, "R2 needs generated samples"
            return regularizers.squared_gradient(self.score_twice, fake)
        assert real is not None, f"{penalty.kind} needs real samples"
        if penalty.kind == "r1":
            return regularizers.squared_gradient(self.score_twice, real)
        if penalty.kind == "drift":
            scores = self.score(real)
            return (scores * scores).mean()
        assert fake is not None, "the gradient penalty needs real and generated samples"
        assert shares is not None, "the gradient penalty needs random points"
        count = min(len(real), len(fake))
        points = shares(count).reshape([-1] + [1] * (real.ndim - 1))
        return regularizers.gradient_penalty(self.score_twice, real[:count], fake[:count], points)

    def clip(self) -> None:
        """Clip the trainable weights where the loss asks for it (WGAN, arXiv 1701.07875, algorithm 1)."""
        if not self.loss.clip:
            return
        with paddle.no_grad():
            for parameter in self.network.parameters():
                if not parameter.stop_gradient:
                    parameter.clip_(-self.loss.clip, self.loss.clip)
