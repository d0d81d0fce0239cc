"""Modulated convolution (StyleGAN2, arXiv 1912.04958, section 2.2, Eq. 1 and 3).

The paper scales the filters by the style, one set per image. Convolution is linear, so scaling the *input* channels by
the style and the *output* channels by the demodulation is equivalent, and all images share the filters. For a single
image, filters scaled by the style would save two passes over the features, but they must not be used: Paddle's oneDNN
convolution keeps the reordered filters of a program's first run for all later runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import paddle
import paddle.nn.functional as F
from paddle import nn

from ppgan_ext.errors import ConfigError
from ppgan_ext.nn.cpu_conv import apply_route, supports
from ppgan_ext.nn.cpu_route import Route
from ppgan_ext.nn.equalized import EqualLinear
from ppgan_ext.nn.forms import Form, may_fuse
from ppgan_ext.nn.resample import Blur, polyphase_matrix, up_conv_padding

EPSILON = 1e-8


class ModulatedConv2D(nn.Layer):
    """Convolve each sample with its own style-scaled filters.

    Args:
        num_in: input channels I.
        num_out: output channels O.
        kernel_size: 3, or 1 without demodulation and up-sampling (the to-RGB layer).
        style_dim: length of a w vector, input of the affine layer ``modulation``.
        demodulate: rescale every output filter to unit norm (Eq. 3).
        upsample: double both sides: transposed convolution of stride 2, then a blur of gain 4.
        blur_kernel: taps of that blur.

    Raises:
        ConfigError: StyleGAN2 does not use this combination of arguments.
    """

    def __init__(
        self,
        num_in: int,
        num_out: int,
        kernel_size: int,
        style_dim: int,
        demodulate: bool = True,
        upsample: bool = False,
        blur_kernel: Sequence[float] = (1, 3, 3, 1),
    ) -> None:
        super().__init__()
        if kernel_size not in (1, 3) or (kernel_size == 1) == demodulate or (kernel_size == 1 and upsample):
            raise ConfigError(
                f"size {kernel_size}, demodulate={demodulate}, upsample={upsample} is not supported",
                where="ModulatedConv2D",
                cure="Use size 3 with demodulation, or size 1 without it and without up-sampling",
            )
        self.weight = self.create_parameter(
            [1, num_out, num_in, kernel_size, kernel_size], default_initializer=nn.initializer.Normal(0.0, 1.0)
        )
        self.modulation = EqualLinear(style_dim, num_in, bias_init=1.0)
        self.scale = 1.0 / math.sqrt(num_in * kernel_size**2)
        self.num_in = num_in
        self.num_out = num_out
        self.kernel_size = kernel_size
        self.upsample = upsample
        self.route = Route(padding=kernel_size // 2)
        if upsample:
            self.blur = Blur(blur_kernel, up_conv_padding(len(blur_kernel)), gain=4.0)
            self.route = Route(2, 0, True, tuple(self.blur.taps), *self.blur.padding[:2])
            phases, self.phase_padding = polyphase_matrix(blur_kernel)
            self.register_buffer("phases", paddle.to_tensor(phases.astype("float32")), persistable=False)

    def forward(self, x: paddle.Tensor, style: paddle.Tensor, form: Form = "fast", gain: float = 1.0) -> paddle.Tensor:
        """Convolve.

        Args:
            x: features, (N, I, H, W); N may be 1 if all samples share them.
            style: one gain per input channel, (N, I): the output of ``modulation``.
            form: "fast", "smooth" or "fused"; all compute the same numbers.
            gain: constant factor of the result.

        Returns:
            (N, O, H, W), or (N, O, 2 H, 2 W) with up-sampling.
        """
        if self.kernel_size == 1:
            return self._mix_channels(x, style * (self.scale * gain))
        y, demodulation = self.convolve(x, style, form, gain)
        return y * demodulation.unsqueeze(-1).unsqueeze(-1)

    def convolve(
        self, x: paddle.Tensor, style: paddle.Tensor, form: Form = "fast", gain: float = 1.0
    ) -> tuple[paddle.Tensor, paddle.Tensor]:
        """Convolve 3x3 without the demodulation, so that the caller can combine it with other factors.

        Args:
            x: features, (N, I, H, W) or (1, I, H, W).
            style: (N, I).
            form: as of :meth:`forward`.
            gain: constant factor of the demodulation.

        Returns:
            The result of :meth:`forward` before the demodulation, and the demodulation's factors (N, O).
        """
        x = x * (style * self.scale).unsqueeze(-1).unsqueeze(-1)
        return self._convolve(x, self.filters(), form), self.demodulation(style, gain)

    def filters(self) -> paddle.Tensor:
        """Return the filters (O, I, 3, 3), unscaled."""
        return self.weight.reshape([self.num_out, self.num_in, 3, 3])

    def demodulation(self, style: paddle.Tensor, gain: float = 1.0) -> paddle.Tensor:
        """Return the factors (N, O) that scale every output channel to variance ``gain**2``, given the style (N, I)."""
        weight = self.filters()
        # Eq. 3: 1 / sqrt(sum over I, k, k of (style * scale * weight)^2), the sum over k, k shared by all samples.
        # The scale is applied to the weights: squared together with the style, it would leave float16's range.
        power = (weight * weight).sum(axis=[2, 3]).transpose([1, 0]) * self.scale**2
        return paddle.rsqrt(paddle.matmul(style * style, power) + EPSILON) * gain

    def _mix_channels(self, x: paddle.Tensor, style: paddle.Tensor) -> paddle.Tensor:
        """Convolve 1x1 as one batched matrix product: (N, O, I) @ (N, I, H W)."""
        height, width = x.shape[2:]
        weight = self.weight.reshape([1, self.num_out, self.num_in]) * style.unsqueeze(1)
        # reshape rather than flatten, because Paddle's flatten has no second derivative
        x = x.reshape([-1, self.num_in, height * width])
        return paddle.matmul(weight, x).reshape([-1, self.num_out, height, width])

    def _convolve(self, x: paddle.Tensor, weight: paddle.Tensor, form: Form) -> paddle.Tensor:
        if may_fuse(form) and supports(x, weight):
            return apply_route(self.route, x, weight)
        if not self.upsample:
            return F.conv2d(x, weight, padding=1)
        if form != "smooth":
            return self.blur(F.conv2d_transpose(x, weight.transpose([1, 0, 2, 3]), stride=2))
        height, width = x.shape[2:]
        num_taps = 2 * self.phase_padding + 1
        kernel = paddle.matmul(weight.reshape([-1, 9]), self.phases)
        kernel = kernel.reshape([self.num_out, self.num_in, 4, num_taps, num_taps]).transpose([0, 2, 1, 3, 4])
        kernel = kernel.reshape([self.num_out * 4, self.num_in, num_taps, num_taps])
        y = F.conv2d(x, kernel, padding=self.phase_padding)
        y = y.reshape([-1, self.num_out, 2, 2, height, width]).transpose([0, 1, 4, 2, 5, 3])
        return y.reshape([-1, self.num_out, 2 * height, 2 * width])
