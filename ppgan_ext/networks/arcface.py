"""ArcFace, arXiv 1801.07698: 512 numbers that tell people apart, by an IR-SE-50.

State-dict names are those of PaddleGAN's ``model_ir_se50.pdparams``, which PaddleGAN and pixel2style2pixel have for
their identity loss; the network and the numbers come from TreB1eN/InsightFace_Pytorch.
"""

from __future__ import annotations

import paddle
from paddle import nn

from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.networks.ir_se import body, input_layer

INPUT_SIZE = 112
_LAST_SIDE = INPUT_SIZE // 16
# Only training sees it. InsightFace_Pytorch's value.
_DROP_RATIO = 0.6
# Added to a squared length, so that a zero vector, which no direction fits, stays zero.
_EPSILON = 1e-24


class ArcFaceBackbone(nn.Layer):
    """Map aligned faces to unit vectors; the cosine between two of them tells how alike the faces are.

    Args:
        width: channels of the first layer, a multiple of 16; the published network has 64.

    Attributes:
        input_size: 112.
        num_features: length of a vector, 8 times the width: 512.

    Raises:
        ConfigError: another width.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        if width < 16 or width % 16:
            raise ConfigError(f"must be a multiple of 16, got {width}", where="width", cure="ArcFace has 64")
        self.input_size = INPUT_SIZE
        self.num_features = 8 * width
        self.input_layer = input_layer(3, width)
        self.body = body(width)
        self.output_layer = nn.Sequential(
            nn.BatchNorm2D(self.num_features),
            nn.Dropout(_DROP_RATIO),
            nn.Flatten(),
            nn.Linear(self.num_features * _LAST_SIDE**2, self.num_features),
            nn.BatchNorm1D(self.num_features),
        )

    def forward(self, pixels: paddle.Tensor) -> paddle.Tensor:
        """Describe faces.

        Args:
            pixels: (N, 3, 112, 112), [-1, 1], RGB.

        Returns:
            (N, num_features), of length 1.

        Raises:
            InputError: another shape.
        """
        if pixels.ndim != 4 or tuple(pixels.shape[1:]) != (3, INPUT_SIZE, INPUT_SIZE):
            expected = f"(N, 3, {INPUT_SIZE}, {INPUT_SIZE})"
            raise InputError(f"expected {expected}, got {tuple(pixels.shape)}", where="pixels")
        vectors = self.output_layer(self.body(self.input_layer(pixels)))
        return vectors * paddle.rsqrt((vectors * vectors).sum(axis=1, keepdim=True) + _EPSILON)
