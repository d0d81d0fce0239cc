"""The adversarial losses against their formulas in NumPy, and the signs of their gradients."""

import numpy as np
import paddle
import pytest

from ppgan_ext.errors import ConfigError
from ppgan_ext.losses import adversarial

REAL = np.array([[0.3], [-1.4], [2.0]])
FAKE = np.array([[0.7], [-0.2]])


def softplus(x):
    return np.log1p(np.exp(x))


FORMULAS = {
    "logistic": (lambda r, f: softplus(f).mean() + softplus(-r).mean(), lambda f: softplus(-f).mean()),
    "vanilla": (
        lambda r, f: -np.log(1 / (1 + np.exp(-r))).mean() - np.log(1 - 1 / (1 + np.exp(-f))).mean(),
        lambda f: -np.log(1 / (1 + np.exp(-f))).mean(),
    ),
    "logistic_saturating": (
        lambda r, f: softplus(f).mean() + softplus(-r).mean(),
        lambda f: np.log(1 - 1 / (1 + np.exp(-f))).mean(),
    ),
    "lsgan": (lambda r, f: (f**2).mean() + ((r - 1) ** 2).mean(), lambda f: ((f - 1) ** 2).mean()),
    "wgan": (lambda r, f: f.mean() - r.mean(), lambda f: -f.mean()),
    "wgangp": (lambda r, f: f.mean() - r.mean(), lambda f: -f.mean()),
    "hinge": (lambda r, f: np.maximum(1 + f, 0).mean() + np.maximum(1 - r, 0).mean(), lambda f: -f.mean()),
    "hinge_gp": (lambda r, f: np.maximum(1 + f, 0).mean() + np.maximum(1 - r, 0).mean(), lambda f: -f.mean()),
}


@pytest.mark.parametrize("name", adversarial.LOSSES)
def test_losses_match_their_formulas(name):
    loss = adversarial.find(name)
    of_discriminator, of_generator = FORMULAS[name]
    real, fake = paddle.to_tensor(REAL), paddle.to_tensor(FAKE)
    assert loss.of_discriminator(real, fake).item() == pytest.approx(of_discriminator(REAL, FAKE))
    assert loss.of_generator(fake).item() == pytest.approx(of_generator(FAKE))


@pytest.mark.parametrize("name", adversarial.LOSSES)
def test_both_losses_have_opposite_gradients_in_a_generated_score(name):
    loss = adversarial.find(name)
    real = paddle.to_tensor([[0.1]], stop_gradient=False)
    fake = paddle.to_tensor([[0.2]], stop_gradient=False)
    loss.of_discriminator(real, fake).backward()
    assert fake.grad.item() > 0 > real.grad.item()
    fake.clear_grad()
    loss.of_generator(fake).backward()
    assert fake.grad.item() < 0


def test_penalties_and_clipping_of_the_wgan_family():
    extras = {name: (x.gradient_penalty, x.drift, x.clip) for name, x in adversarial.LOSSES.items()}
    assert extras["wgan"] == (0, 0, 0.01)
    assert extras["wgangp"] == (10, 0.001, 0)
    assert extras["hinge_gp"] == (10, 0, 0)
    assert extras["logistic"] == extras["hinge"] == (0, 0, 0)


def test_an_unknown_name_is_rejected_with_the_nearest_name():
    with pytest.raises(ConfigError, match=r"unknown adversarial loss 'logistik'.*logistic"):
        adversarial.find("logistik")
