"""Gradient penalties: of the score with respect to the image, and of the image with respect to the code (path length).

They differentiate a gradient again, so networks must be called in a form that allows it (`nn.forms.twice_form`). The
returned penalties are differentiable.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import paddle

from ppgan_ext.nn import gradient_of

Score = Callable[[paddle.Tensor], paddle.Tensor]


def squared_gradient(score: Score, images: paddle.Tensor) -> paddle.Tensor:
    """Return the mean squared norm of the score's gradient, E |grad D(x)|^2, ().

    It is R1 on real images and R2 on generated images (Mescheder et al., arXiv 1801.04406, Eq. 9 and 10, where its
    weight is gamma / 2).

    Args:
        score: maps images, or codes, to scores (N, 1).
        images: (N, 3, H, W), or codes (N, D); treated as constants.
    """
    x = images.detach()
    x.stop_gradient = False
    gradient = gradient_of(score(x).sum(), x)
    return (gradient * gradient).sum(axis=list(range(1, x.ndim))).mean()


def gradient_penalty(
    score: Score, real: paddle.Tensor, fake: paddle.Tensor, shares: paddle.Tensor, target: float = 1.0
) -> paddle.Tensor:
    """Return E (|grad D(x)| - target)^2 / target^2 at points between real and generated samples, ().

    Gulrajani et al., arXiv 1704.00028, Eq. 3 (target 1); Karras et al., 1710.10196, A.1 (target 1, also 750).

    Args:
        score: maps images, or codes, to scores (N, 1).
        real: real images (N, 3, H, W), or codes (N, D).
        fake: generated samples of the same shape.
        shares: weight of the real sample at each point, in [0, 1], one per sample: (N, 1, 1, 1), or (N, 1).
        target: target of the gradient's norm.
    """
    x = (fake + (real - fake) * shares).detach()
    x.stop_gradient = False
    gradient = gradient_of(score(x).sum(), x)
    # The root has an infinite slope at 0, and a gradient can be exactly zero.
    norm = ((gradient * gradient).sum(axis=list(range(1, x.ndim))) + 1e-12).sqrt()
    return ((norm - target) * (norm - target)).mean() / target**2


def path_lengths(images: paddle.Tensor, w_plus: paddle.Tensor, noise: paddle.Tensor) -> paddle.Tensor:
    """Return the path length |J^T y| of every code, (N,).

    StyleGAN2, arXiv 1912.04958, section 3.2, Eq. 4: J is the Jacobian of the image in the code, y are random images. As
    in the authors' code, the squares are averaged over the layers of w_plus.

    Args:
        images: (N, 3, H, W), rendered from ``w_plus``.
        w_plus: codes (N, n_latent, style_dim); not a parameter of a network.
        noise: y, standard normal, (N, 3, H, W).
    """
    height, width = images.shape[2:]
    gradient = gradient_of((images * noise).sum() / math.sqrt(height * width), w_plus)
    return (gradient * gradient).sum(axis=2).mean(axis=1).sqrt()


def path_length_penalty(lengths: paddle.Tensor, target: float) -> paddle.Tensor:
    """Return E (|J^T y| - a)^2, (), for path lengths (N,) and their running mean a (arXiv 1912.04958, Eq. 4)."""
    return ((lengths - target) * (lengths - target)).mean()
