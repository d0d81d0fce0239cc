"""Adaptive discriminator augmentation (arXiv 2006.06676) on the device, without ever waiting for it.

The transforms, their order and strengths are those of appendix B for the set "bgc", as in
`ppgan_ext.training.shared.augmentation`;
with some 16,000 faces a discriminator without them knows the faces by heart after a few hundred thousand images.
Everything here, p included, is a tensor, so that no step has to copy a number back from the GPU.
"""

from __future__ import annotations

import functools
import math

import torch
import torch.nn.functional as F
from torch import Tensor

_LUMA = 1 / math.sqrt(3)  # each component of the axis of the colours without hue


class AdaptiveProbability:
    """Steers p by how sure the discriminator is of real images: r_t, the mean sign of their scores (Eq. 1).

    Args:
        device: where p lives.
        target: of r_t.
        num_images_to_one: real images over which p can go from 0 to 1.
        interval: steps between changes.
        limit: p stays below it; from about 0.8 on transforms leak into the generated images (section 2.2).
    """

    def __init__(
        self,
        device: torch.device,
        target: float = 0.6,
        num_images_to_one: float = 300_000,
        interval: int = 4,
        limit: float = 0.75,
    ) -> None:
        self.target, self.num_images_to_one, self.interval, self.limit = target, num_images_to_one, interval, limit
        self.p = torch.zeros([], device=device)
        self._signs = torch.zeros([], device=device)
        self._num_steps = 0

    def update(self, real_scores: Tensor) -> None:
        """Take note of the scores of one batch of real images, (N, 1)."""
        self._signs += real_scores.detach().float().sign().mean()
        self._num_steps += 1
        if self._num_steps < self.interval:
            return
        step = len(real_scores) * self._num_steps / self.num_images_to_one
        surplus = self._signs / self._num_steps - self.target
        self.p = (self.p + surplus.sign() * step).clamp(0, self.limit)
        self._signs, self._num_steps = torch.zeros_like(self._signs), 0

    def state_dict(self) -> dict[str, object]:
        """Return what a checkpoint must hold."""
        return {"p": self.p, "signs": self._signs, "num_steps": self._num_steps}

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Take back what `state_dict` gave."""
        self.p, self._signs = (state[name].to(self.p.device) for name in ("p", "signs"))
        self._num_steps = int(state["num_steps"])


def augment(images: Tensor, p: Tensor) -> Tensor:
    """Transform each image by its own random choice; differentiable once.

    Args:
        images: (N, 3, S, S) float32 in [-1, 1].
        p: probability of each transform, ().

    Returns:
        (N, 3, S, S), no longer bound to [-1, 1]. What lies beyond the border is the image's own reflection.
    """
    num_images, size = images.shape[0], images.shape[-1]
    with torch.autocast(images.device.type, enabled=False):
        theta = _geometry(num_images, size, p)[:, :2]
        grid = F.affine_grid(theta, list(images.shape), align_corners=False)
        warped = F.grid_sample(images.float(), grid, padding_mode="reflection", align_corners=False)
        mix, offset = _colours(num_images, p)
        return torch.einsum("nij,njhw->nihw", mix, warped) + offset[:, :, None, None]


def _chosen(strength: Tensor, p: Tensor, otherwise: float) -> Tensor:
    """Keep a strength (N,) with probability p."""
    return torch.where(torch.rand_like(strength) < p, strength, torch.full_like(strength, otherwise))


def _uniform(num_images: int, p: Tensor, low: float, high: float) -> Tensor:
    return torch.rand(num_images, device=p.device) * (high - low) + low


def _normal(num_images: int, p: Tensor, deviation: float) -> Tensor:
    return torch.randn(num_images, device=p.device) * deviation


def _geometry(n: int, size: int, p: Tensor) -> Tensor:
    """Draw matrices (N, 3, 3) from output to input coordinates, both in [-1, 1]: pixel blitting, then geometry."""
    flip = _chosen((torch.rand(n, device=p.device) < 0.5) * -2.0 + 1.0, p, 1.0)
    quarter = _chosen(torch.randint(4, (n,), device=p.device) * (math.pi / 2), p, 0.0)
    blit = _chosen_pair(_uniform(n, p, -0.125, 0.125), _uniform(n, p, -0.125, 0.125), p)
    both = _chosen(torch.exp2(_normal(n, p, 0.2)), p, 1.0)
    # Two rotations around the stretching, so that one at least happens with probability p.
    share = 1 - torch.sqrt(1 - p)
    first = _chosen(_uniform(n, p, -math.pi, math.pi), share, 0.0)
    stretch = _chosen(torch.exp2(_normal(n, p, 0.2)), p, 1.0)
    second = _chosen(_uniform(n, p, -math.pi, math.pi), share, 0.0)
    shift = _chosen_pair(_normal(n, p, 0.125), _normal(n, p, 0.125), p)
    matrix = _scale(flip, torch.ones_like(flip)) @ _rotation(quarter)
    matrix = matrix @ _translation(*(torch.round(blit * size) / size * 2))
    matrix = matrix @ _scale(both, both) @ _rotation(first) @ _scale(stretch, 1 / stretch) @ _rotation(second)
    return matrix @ _translation(*(shift * 2))


def _chosen_pair(x: Tensor, y: Tensor, p: Tensor) -> Tensor:
    """Keep two strengths together with probability p, (2, N)."""
    return torch.where(torch.rand_like(x) < p, torch.stack([x, y]), torch.zeros_like(x))


def _colours(n: int, p: Tensor) -> tuple[Tensor, Tensor]:
    """Draw colour matrices (N, 3, 3) and offsets (N, 3): brightness, contrast, luma flip, hue, saturation."""
    brightness = _chosen(_normal(n, p, 0.2), p, 0.0)
    contrast = _chosen(torch.exp2(_normal(n, p, 0.5)), p, 1.0)
    flip = _chosen((torch.rand(n, device=p.device) < 0.5).float(), p, 0.0)
    hue = _chosen(_uniform(n, p, -math.pi, math.pi), p, 0.0)
    saturation = _chosen(torch.exp2(_normal(n, p, 1.0)), p, 1.0)
    eye = torch.eye(3, device=p.device)
    grey = torch.full((3, 3), _LUMA**2, device=p.device)
    luma_flip = eye - 2 * grey * flip[:, None, None]
    colourful = grey + (eye - grey) * saturation[:, None, None]
    after = colourful @ _hue_rotation(hue, eye, grey) @ luma_flip  # what acts after contrast
    offset = after @ (brightness * contrast)[:, None, None].expand(-1, 3, 1)
    return after * contrast[:, None, None], offset[:, :, 0]


def _hue_rotation(angle: Tensor, eye: Tensor, grey: Tensor) -> Tensor:
    """Rotate about the grey axis (Rodrigues' formula), (N, 3, 3)."""
    sine, cosine = angle.sin()[:, None, None], angle.cos()[:, None, None]
    return cosine * eye + sine * _cross_product(angle.device) + (1 - cosine) * grey


@functools.cache
def _cross_product(device: torch.device) -> Tensor:
    """Return the matrix of the cross product with the grey axis, copied to the device once."""
    a = _LUMA
    return torch.tensor([[0.0, -a, a], [a, 0.0, -a], [-a, a, 0.0]], device=device)


def _matrix(rows: list[list[Tensor]]) -> Tensor:
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def _scale(x: Tensor, y: Tensor) -> Tensor:
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    return _matrix([[x, zero, zero], [zero, y, zero], [zero, zero, one]])


def _rotation(angle: Tensor) -> Tensor:
    zero, one = torch.zeros_like(angle), torch.ones_like(angle)
    sine, cosine = angle.sin(), angle.cos()
    return _matrix([[cosine, -sine, zero], [sine, cosine, zero], [zero, zero, one]])


def _translation(x: Tensor, y: Tensor) -> Tensor:
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    return _matrix([[one, zero, x], [zero, one, y], [zero, zero, one]])
