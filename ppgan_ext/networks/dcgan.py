"""DCGAN's generator and discriminator for 64x64 images (arXiv 1511.06434), with PaddleGAN's state-dict names."""

from __future__ import annotations

import paddle
from paddle import nn

from ppgan_ext.nn.convolution import Chain, Convolution, TransposedConvolution
from ppgan_ext.nn.dropout import TestMode
from ppgan_ext.nn.forms import Form
from ppgan_ext.nn.initial_weights import init_normal
from ppgan_ext.nn.normalization import NormType, norm_layer

SIZE = 64
_SLOPE = 0.2


class DCGenerator(nn.Layer):
    """Make images from random numbers by transposed convolutions.

    Args:
        input_nz: length of z.
        input_nc: not used; PaddleGAN's configurations name it.
        output_nc: channels of the images.
        ngf: channels before the last layer.
        norm_type: normalisation.
        padding_type: not used; PaddleGAN's configurations name it.
        test_mode: whether batch normalisation uses the batch's statistics in evaluation ("train", as in PaddleGAN), or
            the running ones ("eval"). With "train", an image depends on the others of its batch.
    """

    def __init__(
        self,
        input_nz: int,
        input_nc: int,
        output_nc: int,
        ngf: int = 64,
        norm_type: NormType = "batch",
        padding_type: str = "reflect",
        *,
        test_mode: TestMode = "train",
    ) -> None:
        super().__init__()
        self.latent_dim = input_nz
        layers: list[nn.Layer] = []
        num_in = input_nz
        for index, num_out in enumerate((8 * ngf, 4 * ngf, 2 * ngf, ngf)):
            stride, padding = (2, 1) if index else (1, 0)
            layers.append(TransposedConvolution(num_in, num_out, 4, stride, padding, bias=False))
            layers += [norm_layer(norm_type, num_out, test_mode), nn.ReLU()]
            num_in = num_out
        layers += [TransposedConvolution(ngf, output_nc, 4, 2, 1, bias=False), nn.Tanh()]
        self.model = Chain(*layers)
        init_normal(self)

    def forward(self, z: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Map z, (N, input_nz) or (N, input_nz, 1, 1), to images (N, output_nc, 64, 64) in [-1, 1]."""
        return self.model(z.reshape([z.shape[0], -1, 1, 1]), form)


class DCDiscriminator(nn.Layer):
    """Score 64x64 images with one number.

    Args:
        input_nc: channels of the images.
        ndf: channels after the first layer.
        norm_type: normalisation.
        test_mode: see `DCGenerator`.
    """

    def __init__(
        self, input_nc: int, ndf: int = 64, norm_type: NormType = "instance", *, test_mode: TestMode = "train"
    ) -> None:
        super().__init__()
        layers: list[nn.Layer] = [Convolution(input_nc, ndf, 4, 2, 1, bias=False), nn.LeakyReLU(_SLOPE)]
        for factor in (1, 2, 4):
            layers.append(Convolution(factor * ndf, 2 * factor * ndf, 4, 2, 1, bias=norm_type == "batch"))
            layers += [norm_layer(norm_type, 2 * factor * ndf, test_mode), nn.LeakyReLU(_SLOPE)]
        layers.append(Convolution(8 * ndf, 1, 4))
        self.model = Chain(*layers)
        init_normal(self)

    def forward(self, x: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Map images (N, input_nc, 64, 64) in [-1, 1] to scores (N, 1, 1, 1)."""
        return self.model(x, form)
