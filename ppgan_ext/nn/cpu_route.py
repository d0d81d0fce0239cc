"""The linear maps of StyleGAN2's convolutions and their gradients, written for oneDNN programs.

A blur and the adjacent convolution form one map here, so that the features between them stay in oneDNN's memory layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import paddle
import paddle.nn.functional as F


@dataclass(frozen=True)
class Route:
    """A map that is linear in the features and in the filters; all methods are for use within a program.

    It is a blur followed by a convolution or, with ``up``, a transposed convolution of stride 2 followed by a blur.

    Attributes:
        stride: of the convolution; 2 with ``up``.
        padding: zeros on all four sides for the convolution, fewer than k; 0 with ``up``.
        up: see above.
        taps: the blur correlates with the outer product of these numbers with themselves; empty for no blur.
        before: zeros that the blur adds before rows and columns, fewer than there are taps.
        after: zeros that it adds after them.
    """

    stride: int = 1
    padding: int = 0
    up: bool = False
    taps: tuple[float, ...] = ()
    before: int = 0
    after: int = 0

    def output(self, x: paddle.Tensor, weight: paddle.Tensor) -> paddle.Tensor:
        """Map features (N, I, H, W) with filters (O, I, k, k) to (N, O, H', W')."""
        if self.up:
            sides = [2 * side - 2 + weight.shape[2] for side in x.shape[2:]]
            wide = paddle.empty([x.shape[0], weight.shape[0], *sides], x.dtype)
            return self._blur(self._conv_gradients(wide, weight.transpose([1, 0, 2, 3]), x, "x")[0])
        return F.conv2d(self._blurred(x, weight), weight, stride=self._step(weight), padding=self.padding)

    def of_features(self, gradient: paddle.Tensor, weight: paddle.Tensor, sides: tuple[int, int]) -> paddle.Tensor:
        """Return the gradient of the features, (N, I, H, W).

        Args:
            gradient: of the output, (N, O, H', W').
            weight: filters, (O, I, k, k).
            sides: (H, W).
        """
        if self.up:
            return F.conv2d(self._blur(gradient, adjoint=True), weight.transpose([1, 0, 2, 3]), stride=2)
        if self._is_thin(weight):
            return self._blur_back(F.conv2d(gradient, weight.transpose([1, 0, 2, 3])), sides)
        excess = self.before + self.after - len(self.taps) + 1 if self.taps else 0
        wide = paddle.empty([gradient.shape[0], weight.shape[1], *(side + excess for side in sides)], gradient.dtype)
        return self._blur(self._conv_gradients(wide, weight, gradient, "x")[0], adjoint=True)

    def of_filters(self, x: paddle.Tensor, gradient: paddle.Tensor, size: int) -> paddle.Tensor:
        """Return the gradient of the filters, (O, I, k, k).

        Args:
            x: features, (N, I, H, W).
            gradient: of the output, (N, O, H', W').
            size: k.
        """
        weight = paddle.empty([gradient.shape[1], x.shape[1], size, size], x.dtype)
        if self.up:
            return self._of_filters_up(x, self._blur(gradient, adjoint=True), weight)
        return self._conv_gradients(self._blurred(x, weight), weight, gradient, "weight", step=self._step(weight))[0]

    def gradients(
        self, x: paddle.Tensor, gradient: paddle.Tensor, weight: paddle.Tensor, of_x: bool, of_weight: bool
    ) -> tuple[paddle.Tensor | None, paddle.Tensor | None]:
        """Return the gradients of features and filters; both together cost less than one after the other.

        Args:
            x: features, (N, I, H, W).
            gradient: of the output, (N, O, H', W').
            weight: filters, (O, I, k, k).
            of_x: whether to compute the gradient of the features.
            of_weight: whether to compute the gradient of the filters.

        Returns:
            (N, I, H, W) and (O, I, k, k), None for those not requested.
        """
        if not (of_x and of_weight) or self._is_thin(weight):
            return (
                self.of_features(gradient, weight, (x.shape[2], x.shape[3])) if of_x else None,
                self.of_filters(x, gradient, weight.shape[2]) if of_weight else None,
            )
        if self.up:
            blurred = self._blur(gradient, adjoint=True)
            of_features = F.conv2d(blurred, weight.transpose([1, 0, 2, 3]), stride=2)
            return of_features, self._of_filters_up(x, blurred, weight)
        of_blurred, of_filters = self._conv_gradients(self._blur(x), weight, gradient, "x", "weight")
        return self._blur(of_blurred, adjoint=True), of_filters

    def _is_thin(self, weight: paddle.Tensor) -> bool:
        """Return whether a 1x1 filter follows a blur; the blur can then take over the stride."""
        return bool(self.taps) and weight.shape[2] == 1

    def _step(self, weight: paddle.Tensor) -> int:
        return 1 if self._is_thin(weight) else self.stride

    def _blurred(self, x: paddle.Tensor, weight: paddle.Tensor) -> paddle.Tensor:
        return self._blur(x, stride=self.stride if self._is_thin(weight) else 1)

    def _of_filters_up(self, x: paddle.Tensor, blurred: paddle.Tensor, weight: paddle.Tensor) -> paddle.Tensor:
        """Return the gradient of transposed filters: features and gradient swap roles.

        Of ``weight``, only the shape matters.
        """
        (of_weight,) = self._conv_gradients(blurred, weight.transpose([1, 0, 2, 3]), x, "weight")
        return of_weight.transpose([1, 0, 2, 3])

    def _blur(self, x: paddle.Tensor, adjoint: bool = False, stride: int = 1) -> paddle.Tensor:
        if not self.taps:
            return x
        last = len(self.taps) - 1
        taps = self.taps[::-1] if adjoint else self.taps
        before, after = (last - self.before, last - self.after) if adjoint else (self.before, self.after)
        zeros = [before, after, before, after]
        return F.conv2d(x, _depthwise_kernel(taps, x.shape[1]), stride=stride, padding=zeros, groups=x.shape[1])

    def _blur_back(self, gradient: paddle.Tensor, sides: tuple[int, int]) -> paddle.Tensor:
        """Apply the adjoint of a blur with the convolution's stride: (N, I, H', W') to (N, I, *sides)."""
        channels = gradient.shape[1]
        x = paddle.empty([gradient.shape[0], channels, *sides], gradient.dtype)
        x.stop_gradient = False
        return _gradients(self._blur(x, stride=self.stride), [x], gradient)[0]

    def _conv_gradients(
        self,
        x: paddle.Tensor,
        weight: paddle.Tensor,
        gradient: paddle.Tensor,
        *of: Literal["x", "weight"],
        step: int | None = None,
    ) -> list[paddle.Tensor]:
        """Return gradients of the convolution of ``x``, already blurred, with ``weight``.

        If the gradient of only one of them is requested, its own values do not matter, only its shape.
        """
        x.stop_gradient, weight.stop_gradient = "x" not in of, "weight" not in of
        y = F.conv2d(x, weight, stride=step or self.stride, padding=self.padding)
        tensors = {"x": x, "weight": weight}
        return _gradients(y, [tensors[name] for name in of], gradient)


def _depthwise_kernel(taps: tuple[float, ...], channels: int) -> paddle.Tensor:
    """Return the outer product of the taps with themselves for every channel, (C, 1, T, T), as a constant."""
    kernel = np.outer(taps, taps).astype(np.float32)
    return paddle.to_tensor(np.tile(kernel, (channels, 1, 1, 1)))


def _gradients(y: paddle.Tensor, of: Sequence[paddle.Tensor], gradient: paddle.Tensor) -> list[paddle.Tensor]:
    """Return gradients of a convolution and remove the convolution itself, whose output is not needed."""
    results = paddle.static.gradients([y], list(of), [gradient])
    paddle.static.default_main_program().global_block().remove_op(y.get_defining_op())
    return list(results)
