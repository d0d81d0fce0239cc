"""An adversary against formulas: the gradients of a linear critic are its weights, so the penalties are known."""

from __future__ import annotations

import numpy as np
import paddle
import pytest
from paddle import nn

from ppgan_ext.errors import ConfigError
from ppgan_ext.losses.adversary import Adversary, Penalty

WEIGHT = np.array([[2.0], [-1.0], [0.5]], np.float32)
LENGTH = float(np.linalg.norm(WEIGHT))
REAL = np.array([[0.3, 0.1, -0.2], [1.0, -0.7, 0.4]], np.float32)
FAKE = np.array([[0.9, 0.2, 0.0], [-0.5, 0.3, 0.8], [0.1, 0.1, 0.1]], np.float32)


def linear():
    network = nn.Linear(3, 1, bias_attr=False)
    network.weight.set_value(WEIGHT)
    return network


def tensors(*arrays):
    return [paddle.to_tensor(array) for array in arrays]


def halves(count):
    return paddle.full([count], 0.5)


def test_the_loss_is_computed_on_the_networks_scores():
    real, fake = tensors(REAL, FAKE)
    loss = Adversary(linear(), "lsgan").critic_loss(real, fake)
    expected = (FAKE @ WEIGHT) ** 2, (REAL @ WEIGHT - 1) ** 2
    assert loss.total.item() == pytest.approx(sum(part.mean() for part in expected), rel=1e-6)
    np.testing.assert_allclose(loss.real_score.numpy(), REAL @ WEIGHT, rtol=1e-6)
    np.testing.assert_allclose(loss.fake_score.numpy(), FAKE @ WEIGHT, rtol=1e-6)
    assert Adversary(linear(), "wgan").generator_loss(fake).item() == pytest.approx(-(FAKE @ WEIGHT).mean(), rel=1e-6)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("r1", LENGTH**2),
        ("r2", LENGTH**2),
        ("gradient", (LENGTH - 1) ** 2),
        ("drift", float(((REAL @ WEIGHT) ** 2).mean())),
    ],
)
def test_penalties_of_a_linear_critic(kind, expected):
    """The gradient penalty is (|w| - 1)^2 exactly: the norm is taken over a whole sample, not over a pixel."""
    real, fake = tensors(REAL, FAKE)
    adversary = Adversary(linear(), "logistic")
    assert adversary.penalty(Penalty(kind, 1.0), real, fake, halves).item() == pytest.approx(expected, rel=1e-5)
    images = [tensor.reshape([-1, 3, 1, 1]) for tensor in (real, fake)]
    flattened = Adversary(nn.Sequential(nn.Flatten(), linear()), "logistic")
    if kind == "drift":  # the only penalty that needs no second derivative, which Paddle's flatten lacks
        assert flattened.penalty(Penalty(kind, 1.0), *images, halves).item() == pytest.approx(expected, rel=1e-5)


def test_the_points_of_the_gradient_penalty_have_one_share_per_sample():
    points = []

    class Watching(nn.Layer):
        def forward(self, x):
            points.append(x.numpy().copy())
            return (x * x).sum(axis=1, keepdim=True)

    real, fake = tensors(REAL, FAKE)
    shares = np.array([0.25, 1.0], np.float32)
    Adversary(Watching(), "logistic").penalty(
        Penalty("gradient", 1.0), real, fake, lambda count: paddle.to_tensor(shares[:count])
    )
    np.testing.assert_allclose(points[-1], FAKE[:2] + (REAL - FAKE[:2]) * shares[:, None], rtol=1e-6)


def test_penalties_have_the_factors_of_their_papers():
    assert [Penalty(kind, 8.0).factor for kind in ("r1", "r2", "gradient", "drift")] == [4.0, 4.0, 8.0, 8.0]


def test_penalties_that_are_not_lazy_are_part_of_the_loss():
    real, fake = tensors(REAL, FAKE)
    plain = Adversary(linear(), "hinge").critic_loss(real, fake).total.item()
    adversary = Adversary(linear(), "hinge", [Penalty("r1", 3.0), Penalty("r2", 5.0, every=4)])
    assert [penalty.kind for penalty in adversary.lazy] == ["r2"]
    assert adversary.critic_loss(real, fake, halves).total.item() == pytest.approx(plain + 1.5 * LENGTH**2, rel=1e-5)


def test_the_wgan_family_has_its_own_penalties():
    real, fake = tensors(REAL, FAKE)
    loss = Adversary(linear(), "wgangp").critic_loss(real, fake, halves).total.item()
    scores = REAL @ WEIGHT, FAKE @ WEIGHT
    expected = scores[1].mean() - scores[0].mean() + 0.001 * (scores[0] ** 2).mean() + 10 * (LENGTH - 1) ** 2
    assert loss == pytest.approx(expected, rel=1e-5)
    assert Adversary(linear(), "wgan").penalties == ()


def test_penalties_of_weight_zero_are_left_out():
    assert Adversary(linear(), "hinge", [Penalty("r1", 0.0, every=2), Penalty("r2", 0.0)]).penalties == ()


def test_clipping_changes_only_trainable_weights():
    network = nn.Sequential(linear(), nn.Linear(1, 1))
    frozen = network[1].weight
    frozen.set_value(np.ones([1, 1], np.float32))
    frozen.stop_gradient = True
    Adversary(network, "wgan").clip()
    np.testing.assert_allclose(network[0].weight.numpy(), np.clip(WEIGHT, -0.01, 0.01))
    assert frozen.item() == 1.0
    Adversary(network, "hinge").clip()  # without effect, like wgangp below
    network[0].weight.set_value(WEIGHT)
    Adversary(network, "wgangp").clip()
    np.testing.assert_array_equal(network[0].weight.numpy(), WEIGHT)


def test_maps_of_scores_are_averaged():
    network = nn.Conv2D(3, 1, 1, bias_attr=False)
    network.weight.set_value(WEIGHT.reshape(1, 3, 1, 1))
    image = np.stack([REAL.T] * 4, axis=-1)[None]  # (1, 3, 2, 4)
    loss = Adversary(network, "lsgan").generator_loss(paddle.to_tensor(image))
    assert loss.item() == pytest.approx(((REAL @ WEIGHT - 1) ** 2).mean(), rel=1e-5)


def test_an_unknown_loss_is_rejected():
    with pytest.raises(ConfigError, match="logistic"):
        Adversary(linear(), "logistik")
