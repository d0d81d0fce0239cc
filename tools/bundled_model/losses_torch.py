"""What the stages minimise."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

_LEVELS = 4  # of the pyramid: the image, a half, a quarter, an eighth
_FACE_CENTER, _FACE_RADIUS = (0.5, 0.52), 0.42  # of a "tight" crop: brows, eyes, nose and mouth lie within


def discriminator_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Return the logistic loss of the discriminator, ()."""
    return F.softplus(fake_scores).mean() + F.softplus(-real_scores).mean()


def generator_loss(fake_scores: Tensor) -> Tensor:
    """Return the non-saturating logistic loss of the generator, ()."""
    return F.softplus(-fake_scores).mean()


def r1_penalty(score: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Return E |grad D(x)|^2 at images (N, 3, S, S), () (arXiv 1801.04406, Eq. 9, without gamma / 2)."""
    x = images.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(score(x).sum(), x, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean()


def path_lengths(images: Tensor, w_plus: Tensor) -> Tensor:
    """Return |J^T y|, (N,), of images drawn from w_plus (N, n_latent, w_dim) (arXiv 1912.04958, Eq. 4)."""
    noise = torch.randn_like(images) / math.sqrt(images.shape[2] * images.shape[3])
    (gradient,) = torch.autograd.grad((images * noise).sum(), w_plus, create_graph=True)
    return gradient.square().sum(2).mean(1).sqrt()


def face_window(size: int, focus: float) -> Tensor:
    """Weigh the pixels of a "tight" crop, (1, 1, size, size) of mean 1; ``focus`` is what the inner face has more."""
    at = (torch.arange(size) + 0.5) / size
    x, y = (at - _FACE_CENTER[0]) / _FACE_RADIUS, (at[:, None] - _FACE_CENTER[1]) / _FACE_RADIUS
    window = 1 + focus * torch.exp(-(x.square() + y.square()).square())
    return (window / window.mean())[None, None]


def pyramid_l1(a: Tensor, b: Tensor, window: Tensor) -> Tensor:
    """Return the sum of mean absolute differences at four scales, (), each weighed by a ``window`` of mean 1."""
    loss = ((a - b).abs() * window).mean()
    for _ in range(_LEVELS - 1):
        a, b, window = (F.avg_pool2d(image, 2) for image in (a, b, window))
        loss = loss + ((a - b).abs() * window).mean()
    return loss


def edge_l1(a: Tensor, b: Tensor, window: Tensor) -> Tensor:
    """Return the mean absolute difference of the steps from pixel to pixel, across and down, ()."""
    off = a - b
    across, down = off[..., :, 1:] - off[..., :, :-1], off[..., 1:, :] - off[..., :-1, :]
    return (across.abs() * window[..., :, 1:]).mean() + (down.abs() * window[..., 1:, :]).mean()


def feature_matching(ours: list[Tensor], theirs: list[Tensor]) -> Tensor:
    """Return the sum over layers of the mean absolute difference of features, ()."""
    return torch.stack([(a.float() - b.float()).abs().mean() for a, b in zip(ours, theirs, strict=True)]).sum()


def psnr(image: Tensor, reference: Tensor) -> Tensor:
    """Return the signal-to-noise ratio of each image in dB, (N,), clipped to [-1, 1] as it would be stored."""
    error = ((image.clamp(-1, 1) - reference) / 2).square().mean((1, 2, 3))
    return -10 * torch.log10(error.clamp(min=1e-10))
