"""Learning-rate schedules against Paddle's, and against PaddleGAN's formulas if Paddle has no such schedule."""

import math

import paddle
import pydantic
import pytest

from ppgan_ext.training.schedules import CosineAnnealingRestartLR, LinearDecay, MultiStepDecay, NonLinearDecay


def paddles_rates(scheduler, count):
    rates = []
    for _ in range(count):
        rates.append(scheduler.get_lr())
        scheduler.step()
    return rates


def test_multi_step_decay_equals_paddles():
    ours = MultiStepDecay(name="MultiStepDecay", learning_rate=0.3, milestones=[2, 5, 6], gamma=0.5)
    theirs = paddle.optimizer.lr.MultiStepDecay(0.3, milestones=[2, 5, 6], gamma=0.5)
    assert [ours.rate(t) for t in range(9)] == pytest.approx(paddles_rates(theirs, 9), rel=1e-12)


def test_linear_decay_equals_paddlegans_lambda_and_ends_at_zero():
    ours = LinearDecay(name="LinearDecay", learning_rate=0.4, start_epoch=2, decay_epochs=3, iters_per_epoch=1)
    theirs = paddle.optimizer.lr.LambdaDecay(0.4, lambda t: 1.0 - max(0, t // 3 + 1 - 2) / float(3 + 1))
    # The file states one iteration per epoch, but the number of the data set is used.
    assert [ours.rate(t, iters_per_epoch=3) for t in range(15)] == pytest.approx(paddles_rates(theirs, 15), rel=1e-12)
    assert ours.rate(0, 3) == 0.4
    assert ours.rate(3 * 50, 3) == 0.0


def test_non_linear_decay_against_its_formula():
    ours = NonLinearDecay(name="NonLinearDecay", learning_rate=1.0, lr_decay=0.5)
    assert [ours.rate(t) for t in range(3)] == pytest.approx([1, 1 / 1.5, 1 / 2])


def test_cosine_with_restarts_against_its_formula():
    ours = CosineAnnealingRestartLR(
        name="CosineAnnealingRestartLR", learning_rate=1.0, periods=[4, 2], restart_weights=[1, 0.5], eta_min=0.2
    )
    first = [0.2 + 0.4 * (1 + math.cos(math.pi * t / 4)) for t in range(5)]  # the end belongs to the first period
    second = [0.2 + 0.2 * (1 + math.cos(math.pi * t / 2)) for t in (1, 2)]
    assert [ours.rate(t) for t in range(7)] == pytest.approx(first + second)
    assert ours.rate(100) == pytest.approx(0.2)  # PaddleGAN's schedule fails here


@pytest.mark.parametrize(
    "make",
    [
        lambda: MultiStepDecay(name="MultiStepDecay", learning_rate=1, milestones=[3, 2]),
        lambda: CosineAnnealingRestartLR(name="CosineAnnealingRestartLR", learning_rate=1, periods=[1, 2]),
        lambda: NonLinearDecay(name="NonLinearDecay", learning_rate=0, lr_decay=1),
        lambda: MultiStepDecay(name="MultiStepDecay", learning_rate=True, milestones=[3]),
    ],
)
def test_invalid_arguments_are_rejected(make):
    with pytest.raises(pydantic.ValidationError):
        make()
