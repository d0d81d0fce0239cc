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
        real_score: scores of the real samples, (N, ...); the first of several.
        fake_score: scores of the generated samples, (N, ...); the first of several.
        of_real: the part of the real samples, ().
        of_fake: the part of the generated samples, ().
        penalties: the penalties in it, those that are not lazy -> their values without factors, ().
    """

    total: paddle.Tensor
    real_score: paddle.Tensor
    fake_score: paddle.Tensor
    of_real: paddle.Tensor
    of_fake: paddle.Tensor
    penalties: dict[Penalty, paddle.Tensor]


class Adversary:
    """A discriminator in training.

    Args:
        network: maps samples to scores (N, 1), or to maps of scores (N, 1, H, W); or to a tuple of both, each of which
            is judged alone and added, as U-GAT-IT's discriminators do.
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

    def score(self, samples: paddle.Tensor, *condition: paddle.Tensor) -> paddle.Tensor:
        """Return the scores of samples (N, ...) in float32, differentiable once; the first of several.

        Args:
            samples: (N, ...).
            *condition: further inputs of the network, such as the classes of the samples, (N,).
        """
        return self._scores(samples, condition)[0]

    def score_twice(self, samples: paddle.Tensor, *condition: paddle.Tensor) -> paddle.Tensor:
        """Return the scores of samples (N, ...), differentiable twice; the first of several."""
        return _as_tuple(self.network(samples, *condition, **self._twice))[0]

    def generator_loss(self, fake: paddle.Tensor, *condition: paddle.Tensor) -> paddle.Tensor:
        """Return the generator's adversarial loss on samples (N, ...) that it made, ()."""
        return _sum([self.loss.of_generator(score) for score in self._scores(fake, condition)])

    def critic_loss(
        self,
        real: paddle.Tensor,
        fake: paddle.Tensor,
        shares: Callable[[int], paddle.Tensor] | None = None,
        condition: tuple[paddle.Tensor, ...] = (),
    ) -> CriticLoss:
        """Return the discriminator's loss with all penalties that are not lazy.

        Args:
            real: real samples, (N, ...).
            fake: generated samples, (M, ...), detached from the network that made them.
            shares: number of samples n -> random numbers in [0, 1], (n,), which place the points of the gradient
                penalty between real and generated samples; only called if there is such a penalty.
            condition: further inputs of the network for real and generated samples alike, (N, ...) each; N is M then.
        """
        real_scores, fake_scores = self._scores(real, condition), self._scores(fake, condition)
        of_fake = _sum([self.loss.of_fake(score) for score in fake_scores])
        of_real = _sum([self.loss.of_real(score) for score in real_scores])
        total, penalties = of_fake + of_real, {}
        for penalty in self.penalties:
            if penalty.every:
                continue
            if penalty.kind == "drift":
                value = _sum([(score * score).mean() for score in real_scores])
            else:
                value = self.penalty(penalty, real, fake, shares, condition)
            penalties[penalty] = value
            total = total + penalty.factor * value
        return CriticLoss(total, real_scores[0], fake_scores[0], of_real, of_fake, penalties)

    def penalty(
        self,
        penalty: Penalty,
        real: paddle.Tensor | None,
        fake: paddle.Tensor | None,
        shares: Callable[[int], paddle.Tensor] | None = None,
        condition: tuple[paddle.Tensor, ...] = (),
    ) -> paddle.Tensor:
        """Return a penalty without its factor, ().

        Args:
            penalty: the penalty to compute.
            real: real samples, (N, ...); not needed for R2.
            fake: generated samples, (M, ...); needed only for R2 and for the gradient penalty, which uses the first
                min(N, M) samples of both.
            shares: see `critic_loss`; needed only for the gradient penalty.
            condition: see `critic_loss`.
        """

        def score(samples: paddle.Tensor) -> paddle.Tensor:
            return self.score_twice(samples, *(item[: len(samples)] for item in condition))

        if penalty.kind == "r2":
            assert fake is not None, "R2 needs generated samples"
            return gradient_penalties.squared_gradient(score, fake)
        assert real is not None, f"{penalty.kind} needs real samples"
        if penalty.kind == "r1":
            return gradient_penalties.squared_gradient(score, real)
        if penalty.kind == "drift":
            return _sum([(item * item).mean() for item in self._scores(real, condition)])
        assert fake is not None, "the gradient penalty needs real and generated samples"
        assert shares is not None, "the gradient penalty needs random points"
        count = min(len(real), len(fake))
        points = shares(count).reshape([-1] + [1] * (real.ndim - 1))
        return gradient_penalties.gradient_penalty(score, real[:count], fake[:count], points)

    def clip(self) -> None:
        """Clip the trainable weights if the loss requires it (WGAN, arXiv 1701.07875, algorithm 1)."""
        if not self.loss.clip:
            return
        with paddle.no_grad():
            for parameter in self.network.parameters():
                if not parameter.stop_gradient:
                    parameter.clip_(-self.loss.clip, self.loss.clip)

    def _scores(self, samples: paddle.Tensor, condition: tuple[paddle.Tensor, ...]) -> tuple[paddle.Tensor, ...]:
        with self._autocast():
            scores = self.network(samples, *condition, **self._once)
        return tuple(score.astype("float32") for score in _as_tuple(scores))


def _as_tuple(scores: Any) -> tuple[paddle.Tensor, ...]:
    return tuple(scores) if isinstance(scores, tuple | list) else (scores,)


def _sum(values: Sequence[paddle.Tensor]) -> paddle.Tensor:
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total
