"""How the convolutions of StyleGAN2 lead from features to features, written for programs of oneDNN's.

A blur and the convolution beside it are one linear map here, so that no features are brought into Paddle's memory
layout and back between them.
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

    Either a blur and a convolution behind it; or, ``up``, a convolution transposed with stride 2 and a blur behind it.

    Attributes:
        stride: of the convolution; 2 with ``up``.
        padding: zeros on all four sides for the convolution, below k; 0 with ``up``.
        up: see above.
        taps: the blur is a correlation with the outer product of these with itself; empty: no blur.
        before: zeros for the blur in front of rows and columns, below the number of taps.
        after: zeros behind them.
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
            return self._blur(self._slopes(wide, weight.transpose([1, 0, 2, 3]), x, "x")[0])
        return F.conv2d(self._blurred(x, weight), weight, stride=self._step(weight), padding=self.padding)

    def of_features(self, gradient: paddle.Tensor, weight: paddle.Tensor, sides: tuple[int, int]) -> paddle.Tensor:
        """Map the gradient of the output to that of the features, whose height and width are ``sides``."""
        if self.up:
            return F.conv2d(self._blur(gradient, adjoint=True), weight.transpose([1, 0, 2, 3]), stride=2)
        if self._is_thin(weight):
            return self._blur_back(F.conv2d(gradient, weight.transpose([1, 0, 2, 3])), sides)
        more = self.before + self.after - len(self.taps) + 1 if self.taps else 0
        wide = paddle.empty([gradient.shape[0], weight.shape[1], *(side + more for side in sides)], gradient.dtype)
        return self._blur(self._slopes(wide, weight, gradient, "x")[0], adjoint=True)

    def of_filters(self, x: paddle.Tensor, gradient: paddle.Tensor, size: int) -> paddle.Tensor:
        """Map the gradient of the output to that of the filters, whose height and width are ``size``."""
        weight = paddle.empty([gradient.shape[1], x.shape[1], size, size], x.dtype)
        if self.up:
            return self._of_filters_up(x, self._blur(gradient, adjoint=True), weight)
        return self._slopes(self._blurred(x, weight), weight, gradient, "weight", step=self._step(weight))[0]

    def slopes(
        self, x: paddle.Tensor, gradient: paddle.Tensor, weight: paddle.Tensor, of_x: bool, of_weight: bool
    ) -> tuple[paddle.Tensor | None, paddle.Tensor | None]:
        """Return the gradients of features and filters, those that are asked for; both cost less than one by one."""
        if not (of_x and of_weight) or self._is_thin(weight):
            return (
                self.of_features(gradient, weight, (x.shape[2], x.shape[3])) if of_x else None,
                self.of_filters(x, gradient, weight.shape[2]) if of_weight else None,
            )
        if self.up:
            blurred = self._blur(gradient, adjoint=True)
            of_features = F.conv2d(blurred, weight.transpose([1, 0, 2, 3]), stride=2)
            return of_features, self._of_filters_up(x, blurred, weight)
        of_blurred, of_filters = self._slopes(self._blur(x), weight, gradient, "x", "weight")
        return self._blur(of_blurred, adjoint=True), of_filters

    def _is_thin(self, weight: paddle.Tensor) -> bool:
        """Say whether the filter sees single pixels only; then the blur may take the convolution's steps."""
        return bool(self.taps) and weight.shape[2] == 1

    def _step(self, weight: paddle.Tensor) -> int:
        return 1 if self._is_thin(weight) else self.stride

    def _blurred(self, x: paddle.Tensor, weight: paddle.Tensor) -> paddle.Tensor:
        return self._blur(x, stride=self.stride if self._is_thin(weight) else 1)

    def _of_filters_up(self, x: paddle.Tensor, blurred: paddle.Tensor, weight: paddle.Tensor) -> paddle.Tensor:
        """Transposed, features and gradient change places; of ``weight`` only the shape matters."""
        (slope,) = self._slopes(blurred, weight.transpose([1, 0, 2, 3]), x, "weight")
        return slope.transpose([1, 0, 2, 3])

    def _blur(self, x: paddle.Tensor, adjoint: bool = False, stride: int = 1) -> paddle.Tensor:
        if not self.taps:
            return x
        last = len(self.taps) - 1
        taps = self.taps[::-1] if adjoint else self.taps
        before, after = (last - self.before, last - self.after) if adjoint else (self.before, self.after)
        zeros = [before, after, before, after]
        return F.conv2d(x, _one_each(taps, x.shape[1]), stride=stride, padding=zeros, groups=x.shape[1])

    def _blur_back(self, gradient: paddle.Tensor, sides: tuple[int, int]) -> paddle.Tensor:
        """The adjoint of a blur that takes the convolution's steps, to features of these sides."""
        channels = gradient.shape[1]
        x = paddle.empty([gradient.shape[0], channels, *sides], gradient.dtype)
        x.stop_gradient = False
        return _gradients(self._blur(x, stride=self.stride), [x], gradient)[0]

    def _slopes(
        self,
        x: paddle.Tensor,
        weight: paddle.Tensor,
        gradient: paddle.Tensor,
        *of: Literal["x", "weight"],
        step: int | None = None,
    ) -> list[paddle.Tensor]:
        """Return gradients of the convolution of ``x``, blurred already, with ``weight``.

        Of a tensor whose own gradient alone is asked for, the shape matters and not the numbers.
        """
        x.stop_gradient, weight.stop_gradient = "x" not in of, "weight" not in of
        y = F.conv2d(x, weight, stride=step or self.stride, padding=self.padding)
        asked = {"x": x, "weight": weight}
        return _gradients(y, [asked[name] for name in of], gradient)


def _one_each(taps: tuple[float, ...], channels: int) -> paddle.Tensor:
    """Return the outer product of the taps with themselves for every channel, (C, 1, T, T), a constant."""
    kernel = np.outer(taps, taps).astype(np.float32)
    return paddle.to_tensor(np.tile(kernel, (channels, 1, 1, 1)))


def _gradients(y: paddle.Tensor, of: Sequence[paddle.Tensor], gradient: paddle.Tensor) -> list[paddle.Tensor]:
    """Return the gradients of a convolution, whose output nothing needs: Paddle would compute it."""
    results = paddle.static.gradients([y], list(of), [gradient])
    paddle.static.default_main_program().global_block().remove_op(y.get_defining_op())
    return list(results)
