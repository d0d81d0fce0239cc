"""U-Net, the generator of pix2pix (arXiv 1611.07004, section 3.2.1 and appendix 6.1), with PaddleGAN's names."""

from __future__ import annotations

from typing import ClassVar

import paddle
from paddle import nn

from ppgan_ext.nn.convolution import Chain, Convolution, Upsampling, up_convolution
from ppgan_ext.nn.dropout import Dropout, TestMode
from ppgan_ext.nn.forms import Form
from ppgan_ext.nn.initial_weights import init_normal
from ppgan_ext.nn.normalization import NormType, norm_layer


class UnetGenerator(nn.Layer):
    """Translate images by an encoder and a decoder with connections between layers of equal size.

    Args:
        input_nc: channels of the input.
        output_nc: channels of the output.
        num_downs: how often the sides are halved, at least 5.
        ngf: channels after the first layer.
        norm_type: normalisation.
        use_dropout: drop half of the features in the layers next to the middle.
        upsample: "transposed" convolutions, or "resize" and convolve, which leaves no checkerboard pattern.
        test_mode: whether dropout is on and batch normalisation uses the image's own statistics in evaluation
            ("train", as in the paper), or not ("eval").
    """

    def __init__(
        self,
        input_nc: int,
        output_nc: int,
        num_downs: int,
        ngf: int = 64,
        norm_type: NormType = "batch",
        use_dropout: bool = False,
        *,
        upsample: Upsampling = "transposed",
        test_mode: TestMode = "train",
    ) -> None:
        super().__init__()
        self.num_downs = num_downs

        def block(outer: int, inner: int, inside: _SkipBlock | None = None, dropout: bool = False) -> _SkipBlock:
            return _SkipBlock(outer, inner, inside, norm_type, upsample, test_mode, use_dropout and dropout)

        inside = block(8 * ngf, 8 * ngf)
        for _ in range(num_downs - 5):
            inside = block(8 * ngf, 8 * ngf, inside, dropout=True)
        for factor in (4, 2, 1):
            inside = block(factor * ngf, 2 * factor * ngf, inside)
        self.model = _OuterBlock(input_nc, output_nc, ngf, inside, norm_type == "instance", upsample)
        init_normal(self)

    def forward(self, x: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Map images (N, input_nc, H, W) in [-1, 1] to (N, output_nc, H, W) in [-1, 1].

        H and W must be multiples of 2**num_downs.
        """
        return self.model(x, form)


class _SkipBlock(nn.Layer):
    """Halve the sides, apply the block inside, double them, and join the result to the input.

    Args:
        outer: channels of input and result.
        inner: channels between.
        inside: the next smaller block, inner to 2 inner channels; None: this is the innermost.
        norm_type: normalisation.
        upsample: how the sides are doubled.
        test_mode: see `UnetGenerator`.
        dropout: whether to drop features of the result.
    """

    takes_form: ClassVar[bool] = True

    def __init__(
        self,
        outer: int,
        inner: int,
        inside: _SkipBlock | None,
        norm_type: NormType,
        upsample: Upsampling,
        test_mode: TestMode,
        dropout: bool,
    ) -> None:
        super().__init__()
        bias = norm_type == "instance"
        layers = [nn.LeakyReLU(0.2), Convolution(outer, inner, 4, 2, 1, bias)]
        if inside is not None:
            layers += [norm_layer(norm_type, inner, test_mode), inside]
        wide = inner if inside is None else 2 * inner
        layers += [nn.ReLU(), up_convolution(wide, outer, 4, bias, upsample), norm_layer(norm_type, outer, test_mode)]
        if dropout:
            layers.append(Dropout(0.5, test_mode))
        self.model = Chain(*layers)

    def forward(self, x: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Map (N, outer, H, W) to (N, 2 outer, H, W)."""
        return paddle.concat([x, self.model(x, form)], axis=1)


class _OuterBlock(nn.Layer):
    """The first and the last layer, without normalisation, around the other blocks."""

    def __init__(
        self, input_nc: int, output_nc: int, ngf: int, inside: _SkipBlock, bias: bool, upsample: Upsampling
    ) -> None:
        super().__init__()
        up = up_convolution(2 * ngf, output_nc, 4, True, upsample)
        self.model = Chain(Convolution(input_nc, ngf, 4, 2, 1, bias), inside, nn.ReLU(), up, nn.Tanh())

    def forward(self, x: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        return self.model(x, form)
