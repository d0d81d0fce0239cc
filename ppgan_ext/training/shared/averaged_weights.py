"""What is averaged in training: weights over iterations, and the statistics of batch normalisation over shards."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import paddle
from paddle import nn

from ppgan_ext.training.tensors import from_array

if TYPE_CHECKING:
    from ppgan_ext.training.processes import World

_BATCH_NORMS = (nn.BatchNorm1D, nn.BatchNorm2D)


def share_kept(num_images: int, iteration: int, half_life: float, rampup: float) -> float:
    """Return the share of an average that stays in an iteration.

    Args:
        num_images: of an iteration, over all processes.
        iteration: from 1.
        half_life: in images.
        rampup: the half-life is at most this share of the images seen so far; 0: no ramp.
    """
    if rampup:
        half_life = min(half_life, rampup * num_images * iteration)
    return 0.5 ** (num_images / max(half_life, 1e-8))


@paddle.no_grad()
def average_weights(averaged: nn.Layer, network: nn.Layer, keep: float) -> None:
    """Move a network's averaged weights towards its weights; statistics of batch normalisation are copied."""
    share = from_array(np.full([1], 1 - keep, np.float32))  # a number would leave a little behind per parameter
    for mean, parameter in zip(averaged.parameters(), network.parameters(), strict=True):
        mean.lerp_(parameter, share.astype(parameter.dtype))
    for mean, buffer in zip(batch_statistics(averaged), batch_statistics(network), strict=True):
        paddle.assign(buffer, mean)


def batch_statistics(network: nn.Layer) -> list[paddle.Tensor]:
    """List the running means and variances of a network's batch normalisation."""
    layers = [layer for layer in network.sublayers() if isinstance(layer, _BATCH_NORMS)]
    return [statistic for layer in layers for statistic in (layer._mean, layer._variance)]


class ShardStatistics:
    """Lets every shard of an iteration update batch statistics from the same start, and takes the mean of them.

    So they do not depend on which process has computed a shard, and stay equal in all processes.

    Args:
        network: its batch statistics.
        world: the processes.
    """

    def __init__(self, network: nn.Layer, world: World) -> None:
        self._buffers = batch_statistics(network)
        self._world = world
        self._sums: list[paddle.Tensor] = []

    @contextlib.contextmanager
    def shard(self) -> Iterator[None]:
        """Compute a shard within the block, backward pass included."""
        start = [buffer.clone() for buffer in self._buffers]
        with warnings.catch_warnings():
            # Paddle warns of what batch normalisation does in training by definition.
            warnings.filterwarnings("ignore", "When training, we now always track", UserWarning)
            yield
        with paddle.no_grad():
            after = [buffer.clone() for buffer in self._buffers]
            self._sums = [a + b for a, b in zip(self._sums, after, strict=True)] if self._sums else after
            for buffer, before in zip(self._buffers, start, strict=True):
                paddle.assign(before, buffer)

    def settle(self) -> None:
        """Give the network the mean over all shards."""
        carriers = [SimpleNamespace(grad=total) for total in self._sums]
        self._world.average_gradients(carriers)
        with paddle.no_grad():
            for buffer, carrier in zip(self._buffers, carriers, strict=True):
                paddle.assign(carrier.grad, buffer)
        self._sums = []
