"""Networks that are used but not trained."""

from __future__ import annotations

from typing import TypeVar

from paddle import nn

Network = TypeVar("Network", bound=nn.Layer)


def freeze(network: Network) -> Network:
    """Put a network into evaluation mode, stop gradients at its parameters (not through it), and return it."""
    network.eval()
    for parameter in network.parameters():
        parameter.stop_gradient = True
    return network
