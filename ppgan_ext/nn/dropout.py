"""Dropout whose masks can be drawn from a generator of the caller's, so that they obey its seed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Literal, TypeAlias

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn

from ppgan_ext.nn.cpu_planes import to_tensor

# What batch normalisation and dropout do in evaluation mode: the same as in training (pix2pix, arXiv 1611.07004,
# section 3.2), or what evaluation otherwise means: running statistics and no dropout.
TestMode: TypeAlias = Literal["train", "eval"]


class Dropout(nn.Layer):
    """Set random features to 0 and divide the others by the share that is kept.

    Args:
        share: probability of each feature to be dropped, in [0, 1).
        test_mode: whether features are dropped in evaluation mode too.

    Attributes:
        source: generator of the masks (see `masks_from`); None: Paddle's global generator.
    """

    def __init__(self, share: float = 0.5, test_mode: TestMode = "eval") -> None:
        super().__init__()
        self.share, self.test_mode = share, test_mode
        self.source: np.random.Generator | None = None

    @property
    def drops(self) -> bool:
        """Whether features are dropped now."""
        return self.training or self.test_mode == "train"

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Map any shape to itself."""
        if not self.drops:
            return x
        if self.source is None:
            return F.dropout(x, self.share, training=True)
        kept = self.source.random(x.shape, np.float32) >= self.share
        return x * to_tensor(kept.astype(np.float32) / np.float32(1 - self.share), x)


@contextlib.contextmanager
def masks_from(source: np.random.Generator, *networks: nn.Layer) -> Iterator[None]:
    """Return a context in which all `Dropout` layers of networks draw from a generator, in the order of their calls."""
    layers = [layer for network in networks for layer in network.sublayers() if isinstance(layer, Dropout)]
    for layer in layers:
        layer.source = source
    try:
        yield
    finally:
        for layer in layers:
            layer.source = None


def has_masks(network: nn.Layer) -> bool:
    """Return whether a network would drop features now, so that its result is random."""
    return any(isinstance(layer, Dropout) and layer.drops for layer in network.sublayers())
