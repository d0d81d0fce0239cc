"""The random weights with which the networks of DCGAN, pix2pix, CycleGAN and U-GAT-IT start."""

from __future__ import annotations

import paddle
from paddle import nn

from ppgan_ext.nn.spectral import SPECTRAL_LAYERS, plain_weight

_WEIGHTED = (nn.Conv2D, nn.Conv2DTranspose, nn.Linear, *SPECTRAL_LAYERS)


@paddle.no_grad()
def init_normal(network: nn.Layer, deviation: float = 0.02) -> None:
    """Draw the weights of a network as DCGAN does (arXiv 1511.06434, section 4), from Paddle's global generator.

    Weights of convolutions and fully connected layers are normal around 0, those of batch normalisation around 1, and
    all biases are 0. Spectral layers are among them, as in U-GAT-IT's paper; PaddleGAN leaves theirs as Paddle starts
    them.

    Args:
        network: changed in place.
        deviation: standard deviation of the weights.
    """
    for layer in network.sublayers(include_self=True):
        if isinstance(layer, _WEIGHTED):
            weight, mean = plain_weight(layer), 0.0
        elif isinstance(layer, nn.BatchNorm2D):
            weight, mean = layer.weight, 1.0
        else:
            continue
        if not weight._is_initialized():  # built lazily, to be filled from a file
            continue
        paddle.assign(paddle.normal(mean, deviation, weight.shape), weight)
        if getattr(layer, "bias", None) is not None:
            paddle.assign(paddle.zeros_like(layer.bias), layer.bias)
