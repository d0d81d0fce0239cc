"""Layer-instance normalisation and its adaptive forms (U-GAT-IT, arXiv 1907.10830, section 2.1.1, Eq. 1)."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import nn

_EPSILON = 1e-5


def normalize(x: paddle.Tensor, rho: paddle.Tensor, gamma: paddle.Tensor, beta: paddle.Tensor) -> paddle.Tensor:
    """Mix instance and layer normalisation: gamma (rho x_I + (1 - rho) x_L) + beta.

    Both are linear in x for given means and variances, so the features are read once for these and once for the sum.
    The variances are divided by the number of values less one, as in the authors' PyTorch code and in PaddleGAN.

    Args:
        x: features, (N, C, H, W).
        rho: share of instance normalisation, (1, C, 1, 1).
        gamma: gain, (N or 1, C, 1, 1).
        beta: bias, (N or 1, C, 1, 1).

    Returns:
        (N, C, H, W).
    """
    mean = x.mean(axis=[2, 3], keepdim=True)
    centred = x - mean
    square = (centred * centred).mean(axis=[2, 3], keepdim=True)
    layer_mean = mean.mean(axis=1, keepdim=True)
    offset = mean - layer_mean
    layer_square = (square + offset * offset).mean(axis=1, keepdim=True)
    num_pixels = x.shape[2] * x.shape[3] if min(x.shape[2:]) > 0 else _num_pixels_of_open_size(x)
    of_instance = rho * paddle.rsqrt(square * _correction(num_pixels) + _EPSILON)
    of_layer = (1 - rho) * paddle.rsqrt(layer_square * _correction(x.shape[1] * num_pixels) + _EPSILON)
    # x - mean is centred, and x - layer_mean is centred + offset
    return centred * (gamma * (of_instance + of_layer)) + (gamma * of_layer * offset + beta)


def _num_pixels_of_open_size(x: paddle.Tensor) -> paddle.Tensor:
    """Return the number of pixels where a program's shape says -1, as a tensor."""
    return paddle.shape(x)[2:].prod().astype(x.dtype)


def _correction(count: Any) -> Any:
    """Return n / (n - 1), or 1 for a single value: a number for a number, a tensor for a tensor."""
    return count / (max(count - 1, 1) if isinstance(count, int) else (count - 1).clip(min=1.0))


class LIN(nn.Layer):
    """Layer-instance normalisation with a learnt share, gain and bias; rho starts at 0.

    Args:
        num_channels: number of channels.
    """

    def __init__(self, num_channels: int) -> None:
        super().__init__()
        for name, start in (("rho", 0.0), ("gamma", 1.0), ("beta", 0.0)):
            setattr(self, name, _constant(self, [1, num_channels, 1, 1], start))

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Map (N, C, H, W) to the same shape."""
        return normalize(x, self.rho, self.gamma, self.beta)


class AdaLIN(nn.Layer):
    """Adaptive layer-instance normalisation: gain and bias are given, the share rho is learnt and starts at 0.9.

    Args:
        num_channels: number of channels.
    """

    def __init__(self, num_channels: int) -> None:
        super().__init__()
        self.rho = _constant(self, [1, num_channels, 1, 1], 0.9)

    def forward(self, x: paddle.Tensor, gamma: paddle.Tensor, beta: paddle.Tensor) -> paddle.Tensor:
        """Map (N, C, H, W) with gain and bias, both (N, C), to the same shape."""
        return normalize(x, self.rho, gamma.unsqueeze([2, 3]), beta.unsqueeze([2, 3]))


class SoftAdaLIN(nn.Layer):
    """AdaLIN whose gain and bias mix those of the style with those of the content (Photo2Cartoon).

    gamma = (1 - w) style + w content, with w learnt from 0; the same for beta.

    Args:
        num_channels: number of channels.
        linear_bias: whether the fully connected layers have biases, as in minivision's code; PaddleGAN's have none.
    """

    def __init__(self, num_channels: int, linear_bias: bool = False) -> None:
        super().__init__()
        bias = None if linear_bias else False

        def linear() -> nn.Linear:
            return nn.Linear(num_channels, num_channels, bias_attr=bias)

        self.norm = AdaLIN(num_channels)
        self.w_gamma = _constant(self, [1, num_channels], 0.0)
        self.w_beta = _constant(self, [1, num_channels], 0.0)
        self.c_gamma = nn.Sequential(linear(), nn.ReLU(), linear())
        self.c_beta = nn.Sequential(linear(), nn.ReLU(), linear())
        self.s_gamma, self.s_beta = linear(), linear()

    def forward(self, x: paddle.Tensor, content: paddle.Tensor, style: paddle.Tensor) -> paddle.Tensor:
        """Map (N, C, H, W) with content and style vectors, both (N, C), to the same shape."""
        gamma = (1 - self.w_gamma) * self.s_gamma(style) + self.w_gamma * self.c_gamma(content)
        beta = (1 - self.w_beta) * self.s_beta(style) + self.w_beta * self.c_beta(content)
        return self.norm(x, gamma, beta)


@paddle.no_grad()
def clip_shares(network: nn.Layer) -> None:
    """Clip all learnt shares of a network, rho and the weights of soft-AdaLIN, to [0, 1] (arXiv 1907.10830, Eq. 1)."""
    for layer in network.sublayers(include_self=True):
        for name in ("rho", "w_gamma", "w_beta"):
            if isinstance(layer, LIN | AdaLIN | SoftAdaLIN) and hasattr(layer, name):
                getattr(layer, name).clip_(0.0, 1.0)


def _constant(layer: nn.Layer, shape: list[int], value: float) -> paddle.Tensor:
    return layer.create_parameter(shape, default_initializer=nn.initializer.Constant(value))
