"""dlib's face recognition network, differentiable: a ResNet of 29 convolutions that gives 128 numbers.

The network is that of dlib's dnn_face_recognition_ex.cpp: a thinner ResNet-34 (arXiv 1512.03385) trained by D. King
with a metric loss, so that two photos of one person lie within 0.6 of each other. It departs from the paper in that
convolutions of stride 2 have no border, short cuts are averaged instead of convolved, and a sum takes terms of
different sizes: the smaller one is continued by zeros, in channels and in space.

The affine layer behind each convolution, in which its batch normalisation ended, is multiplied into it: filters and
biases here are those of dlib's file times and plus its affine layer's.
"""

from __future__ import annotations

import paddle
import paddle.nn.functional as F
from paddle import nn

from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.nn.cpu_conv import convolve
from ppgan_ext.nn.cpu_layer import convolve_activated

CHIP_SIZE = 150
"""Side of the network's input, an aligned face such as ``dlib.get_face_chip`` cuts with its padding of 0.25."""
MEAN = (122.782, 117.001, 104.298)
"""What dlib subtracts from red, green and blue, of 0 to 255, before it divides by 256."""
STAGES = ((1, 3, False), (2, 4, True), (4, 3, True), (8, 3, True), (8, 1, True))
"""Per stage: width in units of the first, number of blocks, whether its first block halves the sides."""
_LENGTH = 4  # of a descriptor, in units of the first width


class DlibBlock(nn.Layer):
    """Two 3x3 convolutions and a short cut.

    Args:
        num_in: input channels.
        num_out: output channels, at least ``num_in``.
        halves: the first convolution has stride 2, and the short cut is averaged over 2x2 pixels.
    """

    def __init__(self, num_in: int, num_out: int, halves: bool) -> None:
        super().__init__()
        self.halves = halves
        self.conv1 = nn.Conv2D(num_in, num_out, 3, 2 if halves else 1, 0 if halves else 1)
        self.conv2 = nn.Conv2D(num_out, num_out, 3, 1, 1)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Map (N, num_in, H, W) to (N, num_out, H, W), or to half the sides, rounded down."""
        short = F.avg_pool2d(x, 2, 2) if self.halves else x
        stride, padding = (2, 0) if self.halves else (1, 1)
        x = convolve_activated(x, self.conv1.weight, self.conv1.bias, 0, stride, padding)
        x = convolve(x, self.conv2.weight, padding=1) + self.conv2.bias.reshape([1, -1, 1, 1])
        return F.relu(add_extended(x, short))


def add_extended(one: paddle.Tensor, other: paddle.Tensor) -> paddle.Tensor:
    """Add tensors of different channels and sides, each continued by zeros: dlib's add_prev.

    Args:
        one: (N, C, H, W).
        other: (N, C', H', W').

    Returns:
        (N, max(C, C'), max(H, H'), max(W, W')).
    """
    shape = [max(pair) for pair in zip(one.shape[1:], other.shape[1:], strict=True)]
    return _extended(one, shape) + _extended(other, shape)


def _extended(x: paddle.Tensor, shape: list[int]) -> paddle.Tensor:
    missing = [wanted - length for wanted, length in zip(shape, x.shape[1:], strict=True)]
    if not any(missing):
        return x
    return F.pad(x, [0, 0, *(count for length in missing for count in (0, length))])


class DlibFaceNet(nn.Layer):
    """Map aligned faces to descriptors; two of one person lie less than 0.6 apart (Euclidean distance).

    Args:
        width: channels of the first layer; dlib's network has 32.

    Attributes:
        input_size: 150.
        num_features: length of a descriptor, 4 times the width: 128.

    Raises:
        ConfigError: a width below 1.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        if width < 1:
            raise ConfigError(f"must be at least 1, got {width}", where="width", cure="dlib's network has 32")
        self.input_size = CHIP_SIZE
        self.num_features = _LENGTH * width
        self.stem = nn.Conv2D(3, width, 7, 2)
        blocks = []
        num_in = width
        for factor, count, halves in STAGES:
            for index in range(count):
                blocks.append(DlibBlock(num_in, factor * width, halves and index == 0))
                num_in = factor * width
        self.blocks = nn.LayerList(blocks)
        self.fc = nn.Linear(num_in, self.num_features, bias_attr=False)
        # Pixels in [-1, 1] are brought to 0 to 255 and then to dlib's scale, in one step.
        shift = paddle.to_tensor([(127.5 - mean) / 256 for mean in MEAN]).reshape([1, 3, 1, 1])
        self.register_buffer("shift", shift, persistable=False)

    def forward(self, pixels: paddle.Tensor) -> paddle.Tensor:
        """Describe faces.

        Args:
            pixels: (N, 3, 150, 150), [-1, 1], RGB.

        Returns:
            (N, num_features), of no particular length.

        Raises:
            InputError: another shape.
        """
        if pixels.ndim != 4 or tuple(pixels.shape[1:]) != (3, CHIP_SIZE, CHIP_SIZE):
            expected = f"(N, 3, {CHIP_SIZE}, {CHIP_SIZE})"
            raise InputError(f"expected {expected}, got {tuple(pixels.shape)}", where="pixels")
        x = pixels * (127.5 / 256) + self.shift
        x = F.max_pool2d(convolve_activated(x, self.stem.weight, self.stem.bias, 0, stride=2), 3, 2)
        for block in self.blocks:
            x = block(x)
        return self.fc(x.mean(axis=[2, 3]))
