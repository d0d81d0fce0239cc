"""CycleGAN's generator (arXiv 1703.10593, appendix 7.2): residual blocks between down- and up-sampling.

After Johnson et al., arXiv 1603.08155. State-dict names are PaddleGAN's, hence junyanz's.
"""

from __future__ import annotations

import paddle
from paddle import nn

from ppgan_ext.nn.convolution import Chain, Convolution, Upsampling, up_convolution
from ppgan_ext.nn.dropout import Dropout, TestMode
from ppgan_ext.nn.forms import Form
from ppgan_ext.nn.initial_weights import init_normal
from ppgan_ext.nn.normalization import NormType, norm_layer
from ppgan_ext.nn.normalized_residual import NormalizedResidual
from ppgan_ext.nn.reflection import Pad, Padding


class ResnetGenerator(nn.Layer):
    """Translate images by residual blocks at a quarter of the size.

    Args:
        input_nc: channels of the input.
        output_nc: channels of the output.
        ngf: channels after the first layer.
        norm_type: normalisation.
        use_dropout: drop half of the features within each residual block.
        n_blocks: number of residual blocks; the paper has 6 for 128 pixels and 9 for 256.
        padding_type: how residual blocks pad the border.
        upsample: "transposed" convolutions, or "resize" and convolve, which leaves no checkerboard pattern.
        test_mode: whether dropout is on and batch normalisation uses the image's own statistics in evaluation
            ("train"), or not ("eval").
    """

    def __init__(
        self,
        input_nc: int,
        output_nc: int,
        ngf: int = 64,
        norm_type: NormType = "instance",
        use_dropout: bool = False,
        n_blocks: int = 6,
        padding_type: Padding = "reflect",
        *,
        upsample: Upsampling = "transposed",
        test_mode: TestMode = "train",
    ) -> None:
        super().__init__()
        bias = norm_type == "instance"
        layers: list[nn.Layer] = [Pad(3), Convolution(input_nc, ngf, 7, bias=bias)]
        layers += [norm_layer(norm_type, ngf, test_mode), nn.ReLU()]
        for factor in (1, 2):
            layers.append(Convolution(factor * ngf, 2 * factor * ngf, 3, 2, 1, bias))
            layers += [norm_layer(norm_type, 2 * factor * ngf, test_mode), nn.ReLU()]
        for _ in range(n_blocks):
            dropout = [Dropout(0.5, test_mode)] if use_dropout else []
            norms = [norm_layer(norm_type, 4 * ngf, test_mode) for _ in range(2)]
            layers.append(NormalizedResidual(4 * ngf, norms, bias, padding_type, dropout))
        for factor in (4, 2):
            layers.append(up_convolution(factor * ngf, factor * ngf // 2, 3, bias, upsample))
            layers += [norm_layer(norm_type, factor * ngf // 2, test_mode), nn.ReLU()]
        layers += [Pad(3), Convolution(ngf, output_nc, 7), nn.Tanh()]
        self.model = Chain(*layers)
        init_normal(self)

    def forward(self, x: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Map images (N, input_nc, H, W) in [-1, 1] to (N, output_nc, H, W) in [-1, 1]; H and W multiples of 4."""
        return self.model(x, form)
