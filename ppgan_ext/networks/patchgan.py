"""PatchGAN, the discriminator of pix2pix and CycleGAN (arXiv 1611.07004, section 3.2.2), with PaddleGAN's names."""

from __future__ import annotations

from typing import Literal, TypeAlias

import paddle
import paddle.nn.functional as F
from paddle import nn

from ppgan_ext.networks.deep_conv import one_hot
from ppgan_ext.nn.convolution import Chain, Convolution
from ppgan_ext.nn.dropout import TestMode
from ppgan_ext.nn.forms import Form
from ppgan_ext.nn.initial_weights import init_normal
from ppgan_ext.nn.normalization import norm_layer
from ppgan_ext.nn.spectral import SpectralConvolution

CriticNorm: TypeAlias = Literal["batch", "instance", "spectral", "none"]


class NLayerDiscriminator(nn.Layer):
    """Score overlapping patches of images; with 3 layers they have 70x70 pixels.

    Args:
        input_nc: channels of the images.
        ndf: channels after the first layer.
        n_layers: number of layers that halve the sides, at least 1.
        norm_type: normalisation; "spectral" also lowers the slope of the leaky ReLU to 0.01, as in PaddleGAN.
        use_sigmoid: return probabilities instead of logits.
        first_bias: give the first convolution a bias whatever the normalisation, as junyanz's code does.
        test_mode: whether batch normalisation uses the batch's statistics in evaluation ("train", as in PaddleGAN), or
            the running ones ("eval").
    """

    def __init__(
        self,
        input_nc: int,
        ndf: int = 64,
        n_layers: int = 3,
        norm_type: CriticNorm = "instance",
        use_sigmoid: bool = False,
        *,
        first_bias: bool = False,
        test_mode: TestMode = "train",
    ) -> None:
        super().__init__()
        self.use_sigmoid = use_sigmoid
        spectral, bias = norm_type == "spectral", norm_type in ("instance", "spectral")
        slope = 0.01 if spectral else 0.2

        def convolution(num_in: int, num_out: int, stride: int, has_bias: bool) -> nn.Layer:
            if spectral:
                return SpectralConvolution(num_in, num_out, 4, stride, 1, has_bias, wrapped=True)
            return Convolution(num_in, num_out, 4, stride, 1, has_bias)

        layers = [convolution(input_nc, ndf, 2, bias or first_bias), nn.LeakyReLU(slope)]
        width = ndf
        for depth in range(1, n_layers + 1):
            num_in, width = width, min(2**depth, 8) * ndf
            layers.append(convolution(num_in, width, 2 if depth < n_layers else 1, bias))
            if norm_type != "spectral":
                layers.append(norm_layer(norm_type, width, test_mode))
            layers.append(nn.LeakyReLU(slope))
        layers.append(convolution(width, 1, 1, not spectral))
        self.model = Chain(*layers)
        init_normal(self)

    def forward(self, x: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Map images (N, input_nc, H, W) in [-1, 1] to scores of patches, (N, 1, H', W')."""
        scores = self.model(x, form)
        return F.sigmoid(scores) if self.use_sigmoid else scores


class NLayerDiscriminatorWithClassification(NLayerDiscriminator):
    """Score patches of images of a given class, which is joined to the image as planes (arXiv 1411.1784).

    Args:
        input_nc: channels of the images.
        n_class: number of classes.
        ndf: see `NLayerDiscriminator`, as all that follow.
        n_layers: number of layers that halve the sides.
        norm_type: normalisation.
        use_sigmoid: return probabilities instead of logits.
        first_bias: give the first convolution a bias whatever the normalisation.
        test_mode: what batch normalisation does in evaluation.
    """

    def __init__(
        self,
        input_nc: int,
        n_class: int = 10,
        ndf: int = 64,
        n_layers: int = 3,
        norm_type: CriticNorm = "instance",
        use_sigmoid: bool = False,
        *,
        first_bias: bool = False,
        test_mode: TestMode = "train",
    ) -> None:
        super().__init__(
            input_nc + n_class, ndf, n_layers, norm_type, use_sigmoid, first_bias=first_bias, test_mode=test_mode
        )
        self.n_class = n_class

    def forward(  # type: ignore[override]
        self, x: paddle.Tensor, class_id: paddle.Tensor, form: Form = "fast"
    ) -> paddle.Tensor:
        """Map images (N, input_nc, H, W) in [-1, 1] and classes, (N,) integers, to scores (N, 1, H', W').

        Raises:
            InputError: a class is not in [0, n_class).
        """
        planes = one_hot(class_id, self.n_class).unsqueeze([2, 3]).expand([-1, -1, x.shape[2], x.shape[3]])
        if not x.stop_gradient:
            # Paddle cannot differentiate a join twice if one of its parts has no gradient.
            planes = planes + 0.0 * x[:, :1]
        return super().forward(paddle.concat([x, planes], axis=1), form)
