"""Spectral normalisation (arXiv 1802.05957): layers whose weight is divided by its largest singular value.

The singular value is estimated by one power iteration in every forward pass of training (algorithm 1 of the paper); its
two vectors are buffers. They change only while the layer learns: in evaluation mode, and while the weight is frozen, a
forward pass leaves them as they are.
"""

from __future__ import annotations

from typing import Any, ClassVar

import paddle
import paddle.nn.functional as F
from paddle import nn
from paddle.autograd import PyLayer

from ppgan_ext.nn.cpu_conv import convolve
from ppgan_ext.nn.forms import Form

_EPSILON = 1e-12


class SpectralConvolution(nn.Layer):
    """A convolution with spectral normalisation.

    Its arrays are weight_orig, weight_u, weight_v and bias, as those of PyTorch's and Paddle's hooks.

    Args:
        num_in: input channels.
        num_out: output channels.
        side: side of the square filter.
        stride: step of the filter.
        padding: number of zeros on each side.
        bias: whether there is a bias.
        wrapped: name the arrays as PaddleGAN's ``norm_type: spectral`` does: weight_orig, spectral_norm.weight_u,
            spectral_norm.weight_v and layer.bias.
    """

    takes_form: ClassVar[bool] = True

    def __init__(
        self,
        num_in: int,
        num_out: int,
        side: int,
        stride: int = 1,
        padding: int = 0,
        bias: bool = True,
        wrapped: bool = False,
    ) -> None:
        super().__init__()
        self.stride, self.padding, self.wrapped = stride, padding, wrapped
        self.weight_orig = self.create_parameter([num_out, num_in, side, side])
        if wrapped:
            self.spectral_norm, self.layer = nn.Layer(), nn.Layer()
        holder = self.layer if wrapped else self
        holder.bias = self.create_parameter([num_out], is_bias=True) if bias else None
        _add_vectors(self.spectral_norm if wrapped else self, num_out, num_in * side * side)

    def forward(self, x: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Map (N, num_in, H, W) to (N, num_out, H', W')."""
        # The output is divided instead of the weight, which is larger in deep layers.
        if form == "fused":
            y = convolve(x, self.weight_orig, self.stride, self.padding)
        else:
            y = F.conv2d(x, self.weight_orig, stride=self.stride, padding=self.padding)
        y = y / _norm(self, self.weight_orig.flatten(1))
        bias = self.layer.bias if self.wrapped else self.bias
        return y if bias is None else y + bias.reshape([1, -1, 1, 1])


class SpectralLinear(nn.Layer):
    """A fully connected layer with spectral normalisation; its arrays are weight_orig, weight_u, weight_v and bias.

    Args:
        num_in: input features.
        num_out: output features.
        bias: whether there is a bias.
    """

    def __init__(self, num_in: int, num_out: int, bias: bool = True) -> None:
        super().__init__()
        self.weight_orig = self.create_parameter([num_in, num_out])
        self.bias = self.create_parameter([num_out], is_bias=True) if bias else None
        _add_vectors(self, num_out, num_in)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Map (N, num_in) to (N, num_out)."""
        y = paddle.matmul(x, self.weight_orig) / _norm(self, self.weight_orig.t())
        return y if self.bias is None else y + self.bias


SPECTRAL_LAYERS = (SpectralConvolution, SpectralLinear)


def spectral_vectors(layer: nn.Layer) -> list[paddle.Tensor]:
    """Return the two buffers of a spectral layer, an empty list for any other layer."""
    if not isinstance(layer, SPECTRAL_LAYERS):
        return []
    holder: Any = layer.spectral_norm if getattr(layer, "wrapped", False) else layer
    return [holder.weight_u, holder.weight_v]


def plain_weight(layer: nn.Layer) -> paddle.Tensor:
    """Return the weight of a layer as it is stored: that of a spectral layer before its division."""
    return layer.weight_orig if isinstance(layer, SPECTRAL_LAYERS) else layer.weight


def _add_vectors(layer: nn.Layer, num_rows: int, num_columns: int) -> None:
    """Add the singular vectors, started as random unit vectors from Paddle's global generator."""
    for name, length in (("weight_u", num_rows), ("weight_v", num_columns)):
        layer.register_buffer(name, _unit(paddle.randn([length])))


def _norm(layer: nn.Layer, matrix: paddle.Tensor) -> paddle.Tensor:
    """Return the estimated largest singular value of a matrix (R, C), after a power iteration if the layer learns."""
    left, right = spectral_vectors(layer)
    if layer.training and not layer.weight_orig.stop_gradient:
        with paddle.no_grad():
            constant = matrix.detach()
            # a row times the matrix: Paddle's transposed matrix would be a copy of all weights
            paddle.assign(_unit(paddle.matmul(left.unsqueeze(0), constant)[0]), right)
            paddle.assign(_unit(paddle.mv(constant, right)), left)
    # Copies, because a later forward pass overwrites the buffers that this pass's backward needs.
    return _Bilinear.apply(matrix, left.clone(), right.clone())


def _unit(vector: paddle.Tensor) -> paddle.Tensor:
    return F.normalize(vector, axis=0, epsilon=_EPSILON)


class _Bilinear(PyLayer):
    """u W v for constant vectors: its gradient is the outer product of u and v, which Paddle computes with copies."""

    @staticmethod
    def forward(ctx: Any, matrix: paddle.Tensor, left: paddle.Tensor, right: paddle.Tensor) -> paddle.Tensor:
        ctx.save_for_backward(left, right)
        ctx.needs_gradient = not matrix.stop_gradient
        return (left * paddle.mv(matrix, right)).sum()

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> tuple[paddle.Tensor | None, None, None]:
        left, right = ctx.saved_tensor()
        if not ctx.needs_gradient:
            return None, None, None
        return (left * gradient).unsqueeze(1) * right, None, None
