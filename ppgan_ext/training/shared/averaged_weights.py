"""Averages in training: of weights over iterations, and of batch-normalisation statistics over shards."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import paddle
from paddle import nn

from ppgan_ext.nn.spectral import spectral_vectors
from ppgan_ext.training.tensors import from_array

if TYPE_CHECKING:
    from ppgan_ext.training.processes import Processes

_BATCH_NORMS = (nn.BatchNorm1D, nn.BatchNorm2D)


class Averaged:
    """Networks whose weights are running averages of other networks' weights.

    Args:
        networks: the networks of a task, by name; looked up at every update.
        pairs: averaged network -> trained network, by name; pairs without a trained network are ignored.
        half_life: half-life of the average, in images.
        rampup: the half-life is at most this share of the images seen so far; 0: no ramp.
    """

    def __init__(
        self, networks: Mapping[str, nn.Layer], pairs: Mapping[str, str], half_life: float, rampup: float
    ) -> None:
        self._networks, self._half_life, self._rampup = networks, half_life, rampup
        self._pairs = {averaged: name for averaged, name in pairs.items() if name in networks}

    def update(self, num_images: int, iteration: int) -> None:
        """Update the averages after an iteration.

        Args:
            num_images: number of images in the iteration, over all processes.
            iteration: number of the iteration, from 1.
        """
        keep = share_kept(num_images, iteration, self._half_life, self._rampup)
        for averaged, name in self._pairs.items():
            average_weights(self._networks[averaged], self._networks[name], keep)


def share_kept(num_images: int, iteration: int, half_life: float, rampup: float) -> float:
    """Return the weight of the old average in an update, in [0, 1].

    Args:
        num_images: number of images in an iteration, over all processes.
        iteration: number of the iteration, from 1.
        half_life: half-life of the average, in images.
        rampup: the half-life is at most this share of the images seen so far; 0: no ramp.
    """
    if rampup:
        half_life = min(half_life, rampup * num_images * iteration)
    return 0.5 ** (num_images / max(half_life, 1e-8))


@paddle.no_grad()
def average_weights(averaged: nn.Layer, network: nn.Layer, keep: float) -> None:
    """Update averaged weights in place: average = keep * average + (1 - keep) * weights.

    Statistics of batch normalisation are copied.

    Args:
        averaged: the averaged network.
        network: the trained network, of the same architecture.
        keep: weight of the old average.
    """
    share = from_array(np.full([1], 1 - keep, np.float32))  # a Python number would leak memory at every parameter
    for mean, parameter in zip(averaged.parameters(), network.parameters(), strict=True):
        mean.lerp_(parameter, share.astype(parameter.dtype))
    for mean, buffer in zip(batch_statistics(averaged), batch_statistics(network), strict=True):
        paddle.assign(buffer, mean)


@paddle.no_grad()
def copy_weights(source: nn.Layer, target: nn.Layer) -> None:
    """Copy all parameters and buffers of a network into another of the same architecture."""
    for copy, original in zip(target.state_dict().values(), source.state_dict().values(), strict=True):
        paddle.assign(original, copy)


def batch_statistics(network: nn.Layer) -> list[paddle.Tensor]:
    """Return what forward passes of training change: statistics of batch normalisation, vectors of spectral layers."""
    statistics = []
    for layer in network.sublayers():
        statistics += [layer._mean, layer._variance] if isinstance(layer, _BATCH_NORMS) else spectral_vectors(layer)
    return statistics


@contextlib.contextmanager
def unchanged_statistics(network: nn.Layer) -> Iterator[None]:
    """Return a context in which a network may run in training mode without a trace in its statistics."""
    buffers = batch_statistics(network)
    before = [buffer.clone() for buffer in buffers]
    with _untold():
        yield
    with paddle.no_grad():
        for buffer, value in zip(buffers, before, strict=True):
            paddle.assign(value, buffer)


@contextlib.contextmanager
def _untold() -> Iterator[None]:
    with warnings.catch_warnings():
        # Paddle warns that batch normalisation tracks its statistics in training, as it does by definition.
        warnings.filterwarnings("ignore", "When training, we now always track", UserWarning)
        yield


class ShardStatistics:
    """Updates batch-normalisation statistics in every shard from the same initial values, and averages the results.

    The statistics therefore do not depend on which process computes a shard, and stay equal in all processes.

    Args:
        processes: the processes of the run.
        *networks: the networks whose statistics are updated.
    """

    def __init__(self, processes: Processes, *networks: nn.Layer) -> None:
        self._buffers = [buffer for network in networks for buffer in batch_statistics(network)]
        self._processes = processes
        self._sums: list[paddle.Tensor] = []

    @contextlib.contextmanager
    def shard(self) -> Iterator[None]:
        """Return a context for the forward and backward passes of one shard."""
        start = [buffer.clone() for buffer in self._buffers]
        with _untold():
            yield
        with paddle.no_grad():
            after = [buffer.clone() for buffer in self._buffers]
            self._sums = [a + b for a, b in zip(self._sums, after, strict=True)] if self._sums else after
            for buffer, before in zip(self._buffers, start, strict=True):
                paddle.assign(before, buffer)

    def average(self) -> None:
        """Set the statistics to their means over all shards of all processes."""
        carriers = [SimpleNamespace(grad=total) for total in self._sums]
        self._processes.average_gradients(carriers)
        with paddle.no_grad():
            for buffer, carrier in zip(self._buffers, carriers, strict=True):
                paddle.assign(carrier.grad, buffer)
        self._sums = []
