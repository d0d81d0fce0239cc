"""ArcFace (arXiv 1801.07698), an IR-SE-50 that maps faces to 512 numbers by which people can be distinguished.

State-dict names are those of PaddleGAN's ``model_ir_se50.pdparams``, which PaddleGAN and pixel2style2pixel use for
their identity loss; network and weights come from TreB1eN/InsightFace_Pytorch.
"""

from __future__ import annotations

import paddle
from paddle import nn

from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.networks.ir_se import body, input_layer

INPUT_SIZE = 112
_LAST_SIDE = INPUT_SIZE // 16
_DROP_RATIO = 0.6  # as in InsightFace_Pytorch; used only in training mode
# Added to a squared length, so that a zero vector, which has no direction, stays zero.
_EPSILON = 1e-24


class ArcFaceBackbone(nn.Layer):
    """Map aligned faces to unit vectors; the cosine of two vectors measures the similarity of the faces.

    Args:
        width: channels of the first layer, a multiple of 16; the published network has 64.

    Attributes:
        input_size: side of the input in pixels, 112.
        num_features: length of a vector, 8 times the width: 512.

    Raises:
        ConfigError: the width is not a positive multiple of 16.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        if width < 16 or width % 16:
            cure = "Use 64 for the published network"
            raise ConfigError(f"must be a multiple of 16, got {width}", where="width", cure=cure)
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
        """Compute the descriptors of faces.

        Args:
            pixels: (N, 3, 112, 112), [-1, 1], RGB.

        Returns:
            Vectors of length 1, (N, num_features).

        Raises:
            InputError: the shape is wrong.
        """
        if pixels.ndim != 4 or tuple(pixels.shape[1:]) != (3, INPUT_SIZE, INPUT_SIZE):
            expected = f"(N, 3, {INPUT_SIZE}, {INPUT_SIZE})"
            raise InputError(f"expected {expected}, got {tuple(pixels.shape)}", where="pixels")
        vectors = self.output_layer(self.body(self.input_layer(pixels)))
        return vectors * paddle.rsqrt((vectors * vectors).sum(axis=1, keepdim=True) + _EPSILON)
