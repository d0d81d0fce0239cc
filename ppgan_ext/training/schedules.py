"""Learning rates as functions of the iteration alone, under PaddleGAN's names: nothing to save, nothing to restore.

Formulas as in PaddleGAN's `ppgan/solver/lr_scheduler.py`, with t the number of finished iterations.
"""

from __future__ import annotations

import bisect
import itertools
import math
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from ppgan_ext.option_types import Block, Count, CountOrZero, NotNegative, Positive


class Schedule(Block):
    """What all schedules have.

    Attributes:
        learning_rate: the rate to begin with.
    """

    learning_rate: Positive

    def rate(self, num_done: int, iters_per_epoch: int = 1) -> float:
        """Return the rate of the next iteration.

        Args:
            num_done: finished iterations, 0 in front of the first one.
            iters_per_epoch: how many iterations go once through the data.
        """
        raise NotImplementedError


class MultiStepDecay(Schedule):
    """rate = learning_rate * gamma^k, k the number of milestones passed."""

    name: Literal["MultiStepDecay"]
    milestones: list[Count]
    gamma: Positive = 0.1

    @model_validator(mode="after")
    def _rising(self) -> MultiStepDecay:
        if self.milestones != sorted(set(self.milestones)):
            raise ValueError("milestones must rise")
        return self

    def rate(self, num_done: int, iters_per_epoch: int = 1) -> float:
        """See `Schedule.rate`."""
        return self.learning_rate * self.gamma ** bisect.bisect_right(self.milestones, num_done)


class NonLinearDecay(Schedule):
    """rate = learning_rate / (1 + lr_decay * t)."""

    name: Literal["NonLinearDecay"]
    lr_decay: NotNegative

    def rate(self, num_done: int, iters_per_epoch: int = 1) -> float:
        """See `Schedule.rate`."""
        return self.learning_rate / (1.0 + self.lr_decay * num_done)


class LinearDecay(Schedule):
    """rate = learning_rate * (1 - max(0, epoch + 1 - start_epoch) / (decay_epochs + 1)), never below 0.

    Attributes:
        start_epoch: epochs at the full rate.
        decay_epochs: epochs in which it falls towards 0.
        iters_per_epoch: stands in PaddleGAN's files; as there, the number of the data set is taken instead.
    """

    name: Literal["LinearDecay"]
    start_epoch: CountOrZero
    decay_epochs: CountOrZero
    iters_per_epoch: Count | None = None

    def rate(self, num_done: int, iters_per_epoch: int = 1) -> float:
        """See `Schedule.rate`."""
        epoch = num_done // iters_per_epoch
        return self.learning_rate * max(0.0, 1.0 - max(0, epoch + 1 - self.start_epoch) / (self.decay_epochs + 1))


class CosineAnnealingRestartLR(Schedule):
    """rate = eta_min + weight / 2 * (learning_rate - eta_min) * (1 + cos(pi * t / period)), t counted in each period.

    After the last period the rate stays where it ended.

    Attributes:
        periods: iterations of each period.
        restart_weights: one weight per period.
        eta_min: the lowest rate.
    """

    name: Literal["CosineAnnealingRestartLR"]
    periods: Annotated[list[Count], Field(min_length=1)]
    restart_weights: list[NotNegative] = Field(default_factory=lambda: [1.0])
    eta_min: NotNegative = 0.0

    @model_validator(mode="after")
    def _one_weight_each(self) -> CosineAnnealingRestartLR:
        if len(self.periods) != len(self.restart_weights):
            raise ValueError(f"{len(self.periods)} periods but {len(self.restart_weights)} restart_weights")
        return self

    def rate(self, num_done: int, iters_per_epoch: int = 1) -> float:
        """See `Schedule.rate`."""
        ends = list(itertools.accumulate(self.periods))
        done = min(num_done, ends[-1])
        index = bisect.bisect_left(ends, done)
        phase = (done - ends[index] + self.periods[index]) / self.periods[index]
        height = self.restart_weights[index] * 0.5 * (self.learning_rate - self.eta_min)
        return self.eta_min + height * (1.0 + math.cos(math.pi * phase))


AnySchedule: TypeAlias = Annotated[
    MultiStepDecay | NonLinearDecay | LinearDecay | CosineAnnealingRestartLR, Field(discriminator="name")
]
