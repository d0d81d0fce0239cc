"""A discriminator with its adversarial loss and the penalties on its gradients.

All families with adversarial training use this class. When the discriminator makes its steps, and on which samples, is
decided by the family (`training.shared.critic`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import paddle

from ppgan_ext.losses import adversarial, gradient_penalties
from ppgan_ext.nn import Form

PenaltyKind: TypeAlias = Literal["r1", "r2", "gradient", "drift"]


@dataclass(frozen=True)
class Penalty:
    """One penalty on a discriminator.

    Attributes:
        kind: "r1": squared gradient at real samples; "r2": at generated ones (arXiv 1801.04406, Eq. 9 and 10);
            "gradient": squared distance of the gradient's norm from 1 between both (arXiv 1704.00028, Eq. 3);
            "drift": mean squared score of real samples (arXiv 1710.10196, A.1).
        weight: factor; for R1 and R2 it is gamma, so the squared gradient is multiplied by gamma / 2, as in the paper.
        every: 0: the penalty is part of the loss in every step. k > 0: the penalty is lazy (arXiv 1912.04958, appendix
            B), that is, it is minimised in a separate step in every k-th iteration, multiplied by k.
    """

    kind: PenaltyKind
    weight: float
    every: int = 0

    @property
    def factor(self) -> float:
        """The factor of `Adversary.penalty`."""
        return self.weight / 2 if self.kind in ("r1", "r2") else self.weight


class CriticLoss(NamedTuple):
    """A discriminator's loss on one shard.

    Attributes:
        total: the loss with its penalties, ().
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
        loss: the losses of discriminator and generator, or their name in YAML files (`adversarial.LOSSES`). Its
            gradient penalty and drift term are added to ``penalties``.
        penalties: further penalties; those of weight 0 are left out.
        forms: the network's ``form`` argument for one and for two differentiations; None: it has no such argument.
        autocast: context in which the network computes scores for the losses; penalties are computed in float32.

    Attributes:
        network: the discriminator.
        loss: the losses of discriminator and generator.
        penalties: all penalties.

    Raises:
        ConfigError: the name of the loss is unknown.
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
        self.penalties = tuple(penalty for penalty in (*own, *penalties) if penalty.weight)
        self._once: dict[str, Any] = {} if forms is None else {"form": forms[0]}
        self._twice: dict[str, Any] = {} if forms is None else {"form": forms[1]}
        self._autocast = autocast

    @property
    def lazy(self) -> tuple[Penalty, ...]:
        """The penalties that are minimised in separate steps."""
        return tuple(penalty for penalty in self.penalties if penalty.every)

    def score(self, samples: paddle.Tensor) -> paddle.Tensor:
        """Return the scores of samples (N, ...) in float32, differentiable once."""
        with self._autocast():
            scores = self.network(samples, **self._once)
        return scores.astype("float32")

    def score_twice(self, samples: paddle.Tensor) -> paddle.Tensor:
        """Return the scores of samples (N, ...), differentiable twice."""
        return self.network(samples, **self._twice)

    def generator_loss(self, fake: paddle.Tensor) -> paddle.Tensor:
        """Return the generator's adversarial loss on samples (N, ...) that it made, ()."""
        return self.loss.of_generator(self.score(fake))

    def critic_loss(
        self, real: paddle.Tensor, fake: paddle.Tensor, shares: Callable[[int], paddle.Tensor] | None = None
    ) -> CriticLoss:
        """Return the discriminator's loss with all penalties that are not lazy.

        Args:
            real: real samples, (N, ...).
            fake: generated samples, (M, ...), detached from the network that made them.
            shares: number of samples n -> random numbers in [0, 1], (n,), which place the points of the gradient
                penalty between real and generated samples; only called if there is such a penalty.
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
        """Return a penalty without its factor, ().

        Args:
            penalty: the penalty to compute.
            real: real samples, (N, ...); not needed for R2.
            fake: generated samples, (M, ...); needed only for R2 and for the gradient penalty, which uses the first
                min(N, M) samples of both.
            shares: see `critic_loss`; needed only for the gradient penalty.
        """
        if penalty.kind == "r2":
            assert fake is not None, "R2 needs generated samples"
            return gradient_penalties.squared_gradient(self.score_twice, fake)
        assert real is not None, f"{penalty.kind} needs real samples"
        if penalty.kind == "r1":
            return gradient_penalties.squared_gradient(self.score_twice, real)
        if penalty.kind == "drift":
            scores = self.score(real)
            return (scores * scores).mean()
        assert fake is not None, "the gradient penalty needs real and generated samples"
        assert shares is not None, "the gradient penalty needs random points"
        count = min(len(real), len(fake))
        points = shares(count).reshape([-1] + [1] * (real.ndim - 1))
        return gradient_penalties.gradient_penalty(self.score_twice, real[:count], fake[:count], points)

    def clip(self) -> None:
        """Clip the trainable weights if the loss requires it (WGAN, arXiv 1701.07875, algorithm 1)."""
        if not self.loss.clip:
            return
        with paddle.no_grad():
            for parameter in self.network.parameters():
                if not parameter.stop_gradient:
                    parameter.clip_(-self.loss.clip, self.loss.clip)
