"""Attention by class activation maps (U-GAT-IT, arXiv 1907.10830, section 2.1.1)."""

from __future__ import annotations

from typing import NamedTuple

import paddle
import paddle.nn.functional as F
from paddle import nn

from ppgan_ext.nn.convolution import Convolution
from ppgan_ext.nn.cpu_conv import convolve
from ppgan_ext.nn.forms import Form
from ppgan_ext.nn.spectral import plain_weight

_FEW_PIXELS = 100


class ClassActivation(NamedTuple):
    """What the attention computes.

    Attributes:
        features: (N, C, H, W), weighted and activated.
        logits: of the two classifiers, by mean and by maximum, (N, 2).
        heatmap: sum of the features over the channels, (N, 1, H, W).
    """

    features: paddle.Tensor
    logits: paddle.Tensor
    heatmap: paddle.Tensor


def class_activation(
    x: paddle.Tensor,
    gap_fc: nn.Layer,
    gmp_fc: nn.Layer,
    conv1x1: Convolution,
    slope: float = 0.0,
    form: Form = "fast",
) -> ClassActivation:
    """Classify pooled features and weight the features with the classifiers' weights.

    The weighted features of both classifiers are joined and mixed by a 1x1 convolution. That is one convolution of the
    features themselves, with the classifiers' weights multiplied into its filters, at half the cost; where there are
    few pixels and many channels, as in a discriminator, the features are the smaller of the two to multiply.

    Args:
        x: features, (N, C, H, W).
        gap_fc: classifier of the channels' means, C to 1.
        gmp_fc: classifier of the channels' maxima, C to 1.
        conv1x1: 2 C to C channels.
        slope: of the leaky ReLU that follows; 0 for ReLU.
        form: see `ppgan_ext.nn`.
    """
    planes = x.flatten(2)
    highest = paddle.take_along_axis(planes, planes.detach().argmax(-1, keepdim=True), -1).squeeze(-1)
    logits = paddle.concat([gap_fc(planes.mean(-1)), gmp_fc(highest)], axis=1)
    of_mean, of_highest = (plain_weight(layer).reshape([1, -1, 1, 1]) for layer in (gap_fc, gmp_fc))
    filters = conv1x1.weight
    if x.shape[0] * planes.shape[2] > _FEW_PIXELS:
        num_channels = x.shape[1]
        filters = filters[:, :num_channels] * of_mean + filters[:, num_channels:] * of_highest
    else:
        x = paddle.concat([x * of_mean, x * of_highest], axis=1)
    mixed = convolve(x, filters) if form == "fused" else F.conv2d(x, filters)
    features = F.leaky_relu(mixed + conv1x1.bias.reshape([1, -1, 1, 1]), slope)
    return ClassActivation(features, logits, features.sum(axis=1, keepdim=True))
