"""The adversarial losses of the StyleGAN papers and of PaddleGAN's `GANLoss`, under names for YAML files.

A score is a discriminator's output before any sigmoid: positive for images that it considers real. It may be one number
per image, (N, 1), or a map, (N, 1, H, W). All losses are means over the batch (and the map). Importing this module does
not import Paddle, so that options can check names.

| name | discriminator minimises | generator minimises | source |
|---|---|---|---|
| logistic, vanilla | softplus(f) + softplus(-r) | softplus(-f) | arXiv 1406.2661, non-saturating (section 3) |
| logistic_saturating | the same | -softplus(f) | arXiv 1406.2661, Eq. 1 |
| lsgan | f^2 + (r - 1)^2 | (f - 1)^2 | arXiv 1611.04076, Eq. 9 with a = 0, b = c = 1 |
| wgan | f - r | -f | arXiv 1701.07875, Eq. 2; the critic's weights are clipped |
| wgangp | f - r, gradient penalty, drift 0.001 r^2 | -f | arXiv 1704.00028, Eq. 3; drift: 1710.10196, A.1 |
| hinge | relu(1 + f) + relu(1 - r) | -f | arXiv 1705.02894, Eq. 3; 1802.05957, Eq. 17 |
| hinge_gp | hinge with the gradient penalty of wgangp | -f | as both |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ppgan_ext.errors import ConfigError, nearest

if TYPE_CHECKING:
    import paddle


@dataclass(frozen=True)
class AdversarialLoss:
    """The losses of a discriminator and of the network that is trained against it.

    Attributes:
        name: name in YAML files (`gan_mode`).
        of_discriminator: (scores of real images (N, 1), scores of generated images (M, 1)) -> loss ().
        of_generator: scores of generated images (N, 1) -> loss ().
        gradient_penalty: weight of `regularizers.gradient_penalty` in the discriminator's loss.
        drift: weight of the mean squared score of real images, which keeps the scores near 0.
        clip: after each step the discriminator's trainable weights are clipped to [-clip, clip]; 0: no clipping.
    """

    name: str
    of_discriminator: Callable[[paddle.Tensor, paddle.Tensor], paddle.Tensor]
    of_generator: Callable[[paddle.Tensor], paddle.Tensor]
    gradient_penalty: float = 0.0
    drift: float = 0.0
    clip: float = 0.0


def _logistic(real: paddle.Tensor, fake: paddle.Tensor) -> paddle.Tensor:
    from paddle.nn import functional as F

    return F.softplus(fake).mean() + F.softplus(-real).mean()


def _non_saturating(fake: paddle.Tensor) -> paddle.Tensor:
    from paddle.nn import functional as F

    return F.softplus(-fake).mean()


def _saturating(fake: paddle.Tensor) -> paddle.Tensor:
    from paddle.nn import functional as F

    return -F.softplus(fake).mean()


def _least_squares(real: paddle.Tensor, fake: paddle.Tensor) -> paddle.Tensor:
    return (fake * fake).mean() + ((real - 1) * (real - 1)).mean()


def _least_squares_generator(fake: paddle.Tensor) -> paddle.Tensor:
    return ((fake - 1) * (fake - 1)).mean()


def _wasserstein(real: paddle.Tensor, fake: paddle.Tensor) -> paddle.Tensor:
    return fake.mean() - real.mean()


def _hinge(real: paddle.Tensor, fake: paddle.Tensor) -> paddle.Tensor:
    from paddle.nn import functional as F

    return F.relu(1 + fake).mean() + F.relu(1 - real).mean()


def _negative_mean(fake: paddle.Tensor) -> paddle.Tensor:
    return -fake.mean()


# The weights of the penalties are those of the papers: 10 (arXiv 1704.00028, algorithm 1), 0.001 (1710.10196, A.1), and
# 0.01 for clipping (1701.07875, algorithm 1).
LOSSES: dict[str, AdversarialLoss] = {
    loss.name: loss
    for loss in (
        AdversarialLoss("logistic", _logistic, _non_saturating),
        AdversarialLoss("vanilla", _logistic, _non_saturating),
        AdversarialLoss("logistic_saturating", _logistic, _saturating),
        AdversarialLoss("lsgan", _least_squares, _least_squares_generator),
        AdversarialLoss("wgan", _wasserstein, _negative_mean, clip=0.01),
        AdversarialLoss("wgangp", _wasserstein, _negative_mean, gradient_penalty=10.0, drift=0.001),
        AdversarialLoss("hinge", _hinge, _negative_mean),
        AdversarialLoss("hinge_gp", _hinge, _negative_mean, gradient_penalty=10.0),
    )
}


def find(name: str) -> AdversarialLoss:
    """Return the loss with a name.

    Raises:
        ConfigError: the name is unknown; the message contains the nearest name.
    """
    if name not in LOSSES:
        raise ConfigError(f"unknown adversarial loss '{name}'", where="gan_mode", cure=nearest(name, LOSSES))
    return LOSSES[name]
