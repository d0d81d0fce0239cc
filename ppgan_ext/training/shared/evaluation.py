"""Applying networks between training steps, without a trace in their state."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
import paddle
from paddle import nn

from ppgan_ext.nn.dropout import has_masks, masks_from
from ppgan_ext.nn.normalization import BatchNorm

_BATCH = 8


@contextlib.contextmanager
def evaluating(*networks: nn.Layer) -> Iterator[None]:
    """Return a context with the networks in evaluation mode; afterwards each is in the mode it was in."""
    modes = [(network, network.training) for network in networks]
    for network in networks:
        network.eval()
    try:
        yield
    finally:
        for network, training in modes:
            if training:
                network.train()


def depends_on_batch(network: nn.Layer) -> bool:
    """Return whether a network's result for an image, in evaluation, depends on the other images of its batch."""
    norms = (layer for layer in network.sublayers() if isinstance(layer, BatchNorm))
    return has_masks(network) or any(norm.test_mode == "train" for norm in norms)


@paddle.no_grad()
def apply_alone(network: nn.Layer, pixels: paddle.Tensor, seed: int) -> list[tuple[paddle.Tensor, ...]]:
    """Apply a network to images as if each were alone, so that a result depends on its own image only.

    Args:
        network: maps images to images, or to a tuple that begins with them.
        pixels: (N, C, H, W).
        seed: of dropout's masks, the same for every image.

    Returns:
        A tuple for each batch, of the network's results.
    """
    results = []
    with evaluating(network):
        # On a CPU several at once take memory, and programs of their own, but no less time.
        size = 1 if depends_on_batch(network) or pixels.place.is_cpu_place() else _BATCH
        for first in range(0, len(pixels), size):
            with masks_from(np.random.default_rng(seed), network):
                result = network(pixels[first : first + size])
            results.append(tuple(result) if isinstance(result, tuple | list) else (result,))
    return results
