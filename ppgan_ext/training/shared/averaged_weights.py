"""Averages in training: weights over iterations, and the statistics of batch normalisation over shards."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import paddle
from paddle import nn

from ppgan_ext.training.tensors import from_array

if TYPE_CHECKING:
    from ppgan_ext.training.processes import Processes

_BATCH_NORMS = (nn.BatchNorm1D, nn.BatchNorm2D)


class Averaged:
    """Networks whose weights are the running averages of others' weights.

    Args:
        networks: of a task, by name; read anew at every update.
        pairs: name of the averaged network -> name of the network that learns.
        half_life: of the average, in images.
        rampup: the half-life is at most this share of the images seen so far; 0: no ramp.
    """

    def __init__(
        self, networks: Mapping[str, nn.Layer], pairs: Mapping[str, str], half_life: float, rampup: float
    ) -> None:
        self._networks, self._half_life, self._rampup = networks, half_life, rampup
        self._pairs = {averaged: name for averaged, name in pairs.items() if name in networks}

    def update(self, num_images: int, iteration: int) -> None:
        """Move the averages towards the weights.

        Args:
            num_images: of an iteration, over all processes.
            iteration: from 1.
        """
        keep = share_kept(num_images, iteration, self._half_life, self._rampup)
        for averaged, name in self._pairs.items():
            average_weights(self._networks[averaged], self._networks[name], keep)


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
    share = from_array(np.full([1], 1 - keep, np.float32))  # a Python number would leak some memory per parameter
    for mean, parameter in zip(averaged.parameters(), network.parameters(), strict=True):
        mean.lerp_(parameter, share.astype(parameter.dtype))
    for mean, buffer in zip(batch_statistics(averaged), batch_statistics(network), strict=True):
        paddle.assign(buffer, mean)


@paddle.no_grad()
def copy_weights(source: nn.Layer, target: nn.Layer) -> None:
    """Copy all parameters and buffers of a network into another of the same architecture."""
    for own, other in zip(target.state_dict().values(), source.state_dict().values(), strict=True):
        paddle.assign(other, own)


def batch_statistics(network: nn.Layer) -> list[paddle.Tensor]:
    """List the running means and variances of a network's batch normalisation."""
    layers = [layer for layer in network.sublayers() if isinstance(layer, _BATCH_NORMS)]
    return [statistic for layer in layers for statistic in (layer._mean, layer._variance)]


class ShardStatistics:
    """Lets every shard of an iteration update batch statistics from the same start, and averages the results.

    So the statistics do not depend on which process computed a shard, and stay equal in all processes.

    Args:
        processes: of the run.
        *networks: whose batch statistics are updated.
    """

    def __init__(self, processes: Processes, *networks: nn.Layer) -> None:
        self._buffers = [buffer for network in networks for buffer in batch_statistics(network)]
        self._processes = processes
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
        """Set the buffers to the mean over all shards."""
        carriers = [SimpleNamespace(grad=total) for total in self._sums]
        self._processes.average_gradients(carriers)
        with paddle.no_grad():
            for buffer, carrier in zip(self._buffers, carriers, strict=True):
                paddle.assign(carrier.grad, buffer)
        self._sums = []
