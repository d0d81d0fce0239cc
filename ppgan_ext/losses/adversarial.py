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
        of_real: scores of real images (N, 1) -> the discriminator's loss on them ().
        of_fake: scores of generated images (M, 1) -> the discriminator's loss on them ().
        of_generator: scores of generated images (N, 1) -> loss ().
        gradient_penalty: weight of `regularizers.gradient_penalty` in the discriminator's loss.
        drift: weight of the mean squared score of real images, which keeps the scores near 0.
        clip: after each step the discriminator's trainable weights are clipped to [-clip, clip]; 0: no clipping.
        middle: the score at which real and generated are equally likely; None: scores have no absolute meaning.
    """

    name: str
    of_real: Callable[[paddle.Tensor], paddle.Tensor]
    of_fake: Callable[[paddle.Tensor], paddle.Tensor]
    of_generator: Callable[[paddle.Tensor], paddle.Tensor]
    gradient_penalty: float = 0.0
    drift: float = 0.0
    clip: float = 0.0
    middle: float | None = 0.0

    def of_discriminator(self, real: paddle.Tensor, fake: paddle.Tensor) -> paddle.Tensor:
        """Return the discriminator's loss on scores of real images (N, 1) and of generated images (M, 1), ()."""
        return self.of_fake(fake) + self.of_real(real)

    def accuracy(self, real: paddle.Tensor, fake: paddle.Tensor) -> float | None:
        """Return the share of scores on the right side, each kind of image counting half; None without a middle."""
        if self.middle is None:
            return None
        of_real = (real > self.middle).astype("float32").mean().item()
        of_fake = (fake < self.middle).astype("float32").mean().item()
        return 0.5 * of_real + 0.5 * of_fake


def _logistic_real(real: paddle.Tensor) -> paddle.Tensor:
    from paddle.nn import functional as F

    return F.softplus(-real).mean()


def _logistic_fake(fake: paddle.Tensor) -> paddle.Tensor:
    from paddle.nn import functional as F

    return F.softplus(fake).mean()


def _saturating(fake: paddle.Tensor) -> paddle.Tensor:
    return -_logistic_fake(fake)


def _square(scores: paddle.Tensor) -> paddle.Tensor:
    return (scores * scores).mean()


def _square_from_one(scores: paddle.Tensor) -> paddle.Tensor:
    return ((scores - 1) * (scores - 1)).mean()


def _hinge_real(real: paddle.Tensor) -> paddle.Tensor:
    from paddle.nn import functional as F

    return F.relu(1 - real).mean()


def _hinge_fake(fake: paddle.Tensor) -> paddle.Tensor:
    from paddle.nn import functional as F

    return F.relu(1 + fake).mean()


def _mean(scores: paddle.Tensor) -> paddle.Tensor:
    return scores.mean()


def _negative_mean(scores: paddle.Tensor) -> paddle.Tensor:
    return -scores.mean()


_LOGISTIC = (_logistic_real, _logistic_fake)
_WASSERSTEIN = (_negative_mean, _mean, _negative_mean)
_HINGE = (_hinge_real, _hinge_fake, _negative_mean)

# The weights of the penalties are those of the papers: 10 (arXiv 1704.00028, algorithm 1), 0.001 (1710.10196, A.1), and
# 0.01 for clipping (1701.07875, algorithm 1).
LOSSES: dict[str, AdversarialLoss] = {
    loss.name: loss
    for loss in (
        # The generator's non-saturating loss is the discriminator's loss on real images.
        AdversarialLoss("logistic", *_LOGISTIC, _logistic_real),
        AdversarialLoss("vanilla", *_LOGISTIC, _logistic_real),
        AdversarialLoss("logistic_saturating", *_LOGISTIC, _saturating),
        AdversarialLoss("lsgan", _square_from_one, _square, _square_from_one, middle=0.5),
        AdversarialLoss("wgan", *_WASSERSTEIN, clip=0.01, middle=None),
        AdversarialLoss("wgangp", *_WASSERSTEIN, gradient_penalty=10.0, drift=0.001, middle=None),
        AdversarialLoss("hinge", *_HINGE),
        AdversarialLoss("hinge_gp", *_HINGE, gradient_penalty=10.0),
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
