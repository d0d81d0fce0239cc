"""Muon: momentum whose matrices are made orthogonal before they are applied (K. Jordan 2024; arXiv 2502.16982)."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

_QUINTIC = (3.4445, -4.7750, 2.0315)  # drives every singular value to about 1; Jordan's coefficients
_ITERATIONS = 5
_SMALLEST_SIDE = 16  # a matrix below that is no matrix worth the trouble


def matrices(*networks: nn.Module) -> list[nn.Parameter]:
    """Return the filters and linear maps of networks; not the mapping network, whose rates are its own."""
    return [
        parameter
        for network in networks
        for name, parameter in network.named_parameters()
        if name.endswith("weight") and not name.startswith("mapping") and min(_flat(parameter).shape) >= _SMALLEST_SIDE
    ]


class Muon(torch.optim.Optimizer):
    """Step along the orthogonalised momentum, scaled to a root mean square of ``lr``: Adam's rates stay usable.

    It takes what it steps along: a parameter's gradient is None afterwards, so another optimiser that holds the
    parameter too leaves it alone.

    Args:
        parameters: of two dimensions or more; filters count as matrices (c_out, c_in k k).
        lr: root mean square of a step.
        momentum: of the gradient's mean.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float, momentum: float = 0.95) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:
        """Take one step."""
        for group in self.param_groups:
            for parameter in group["params"]:
                gradient = parameter.grad
                if gradient is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["mean"] = torch.zeros_like(parameter)
                mean = state["mean"].lerp_(gradient, 1 - group["momentum"])
                ahead = gradient.lerp(mean, group["momentum"])  # Nesterov's
                way = orthogonal(_flat(ahead)).reshape(ahead.shape)
                parameter.sub_(way * (group["lr"] / way.square().mean().sqrt().clamp(min=1e-9)))
                parameter.grad = None


def orthogonal(matrix: Tensor) -> Tensor:
    """Return about U V^T of a matrix U S V^T, float32, by a Newton-Schulz iteration in bfloat16."""
    a, b, c = _QUINTIC
    is_tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.t() if is_tall else matrix).bfloat16()
    x = x / (x.norm() + 1e-7)
    for _ in range(_ITERATIONS):
        gram = x @ x.t()
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return (x.t() if is_tall else x).float()


def _flat(parameter: Tensor) -> Tensor:
    return parameter.reshape(len(parameter), -1)
