"""Learning-rate schedules under PaddleGAN's names: functions of the iteration alone, so they have no state to save.

The formulas are those of PaddleGAN's `ppgan/solver/lr_scheduler.py`, with t the number of finished iterations.
"""

from __future__ import annotations

import bisect
import itertools
import math
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from ppgan_ext.option_types import Block, Count, CountOrZero, NotNegative, Positive


class Schedule(Block):
    """Base class of the schedules.

    Attributes:
        learning_rate: the initial rate.
    """

    learning_rate: Positive

    def rate(self, num_done: int, iters_per_epoch: int = 1) -> float:
        """Return the learning rate of the next iteration, at least 0.

        Args:
            num_done: number of finished iterations, 0 before the first one.
            iters_per_epoch: iterations in one pass through the data.
        """
        raise NotImplementedError


class MultiStepDecay(Schedule):
    """rate = learning_rate * gamma^k, with k the number of milestones passed.

    Attributes:
        milestones: iterations after which the rate is multiplied by ``gamma``, in ascending order.
        gamma: factor at each milestone.
    """

    name: Literal["MultiStepDecay"]
    milestones: list[Count]
    gamma: Positive = 0.1

    @model_validator(mode="after")
    def _is_ascending(self) -> MultiStepDecay:
        if self.milestones != sorted(set(self.milestones)):
            raise ValueError("milestones must be in ascending order")
        return self

    def rate(self, num_done: int, iters_per_epoch: int = 1) -> float:
        """See `Schedule.rate`."""
        return self.learning_rate * self.gamma ** bisect.bisect_right(self.milestones, num_done)


class NonLinearDecay(Schedule):
    """rate = learning_rate / (1 + lr_decay * t).

    Attributes:
        lr_decay: decay per iteration.
    """

    name: Literal["NonLinearDecay"]
    lr_decay: NotNegative

    def rate(self, num_done: int, iters_per_epoch: int = 1) -> float:
        """See `Schedule.rate`."""
        return self.learning_rate / (1.0 + self.lr_decay * num_done)


class LinearDecay(Schedule):
    """rate = learning_rate * (1 - max(0, epoch + 1 - start_epoch) / (decay_epochs + 1)), never below 0.

    Attributes:
        start_epoch: number of epochs at the full rate.
        decay_epochs: number of epochs over which the rate falls towards 0.
        iters_per_epoch: key of PaddleGAN's files without effect; as in PaddleGAN, the data set determines the number.
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
    """rate = eta_min + weight / 2 * (learning_rate - eta_min) * (1 + cos(pi * t / period)), t from 0 in each period.

    After the last period the rate stays at its final value.

    Attributes:
        periods: number of iterations of each period.
        restart_weights: one weight per period.
        eta_min: the lowest rate.
    """

    name: Literal["CosineAnnealingRestartLR"]
    periods: Annotated[list[Count], Field(min_length=1)]
    restart_weights: list[NotNegative] = Field(default_factory=lambda: [1.0])
    eta_min: NotNegative = 0.0

    @model_validator(mode="after")
    def _has_a_weight_per_period(self) -> CosineAnnealingRestartLR:
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
