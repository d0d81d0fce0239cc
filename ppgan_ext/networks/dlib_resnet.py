"""dlib's face recognition network in a differentiable form: a ResNet of 29 convolutions with 128 outputs.

The network is that of dlib's dnn_face_recognition_ex.cpp: a thinner ResNet-34 (arXiv 1512.03385), trained by D. King
with a metric loss so that the distance between two photos of one person is below 0.6. It departs from the paper in
three ways: convolutions of stride 2 are not padded, shortcuts are averaged instead of convolved, and the terms of a sum
may differ in size, in which case the smaller one is padded with zeros, in channels and in space.

The affine layer after each convolution, which replaces its batch normalisation, is folded into the filters and biases
of the convolution.
"""

from __future__ import annotations

import paddle
import paddle.nn.functional as F
from paddle import nn

from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.nn.cpu_conv import convolve
from ppgan_ext.nn.cpu_layer import convolve_activated

CHIP_SIZE = 150
"""Side in pixels of the network's input, an aligned face as ``dlib.get_face_chip`` cuts it with its padding of 0.25."""
MEAN = (122.782, 117.001, 104.298)
"""Means of red, green and blue on the scale 0 to 255, which dlib subtracts before dividing by 256."""
STAGES = ((1, 3, False), (2, 4, True), (4, 3, True), (8, 3, True), (8, 1, True))
"""Per stage: width as a multiple of the first width, number of blocks, whether the first block halves the sides."""
_LENGTH = 4  # length of a descriptor as a multiple of the first width


class DlibBlock(nn.Layer):
    """Two 3x3 convolutions and a shortcut.

    Args:
        num_in: input channels.
        num_out: output channels, at least ``num_in``.
        halves: the first convolution has stride 2, and the shortcut is averaged over 2x2 pixels.
    """

    def __init__(self, num_in: int, num_out: int, halves: bool) -> None:
        super().__init__()
        self.halves = halves
        self.conv1 = nn.Conv2D(num_in, num_out, 3, 2 if halves else 1, 0 if halves else 1)
        self.conv2 = nn.Conv2D(num_out, num_out, 3, 1, 1)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Map (N, num_in, H, W) to (N, num_out, H, W), or to half these sides, rounded down."""
        shortcut = F.avg_pool2d(x, 2, 2) if self.halves else x
        stride, padding = (2, 0) if self.halves else (1, 1)
        x = convolve_activated(x, self.conv1.weight, self.conv1.bias, 0, stride, padding)
        x = convolve(x, self.conv2.weight, padding=1) + self.conv2.bias.reshape([1, -1, 1, 1])
        return F.relu(add_padded(x, shortcut))


def add_padded(one: paddle.Tensor, other: paddle.Tensor) -> paddle.Tensor:
    """Add tensors that differ in channels and sides, each padded with zeros: dlib's add_prev.

    Args:
        one: (N, C, H, W).
        other: (N, C', H', W').

    Returns:
        (N, max(C, C'), max(H, H'), max(W, W')).
    """
    shape = [max(pair) for pair in zip(one.shape[1:], other.shape[1:], strict=True)]
    return _padded(one, shape) + _padded(other, shape)


def _padded(x: paddle.Tensor, shape: list[int]) -> paddle.Tensor:
    missing = [target - length for target, length in zip(shape, x.shape[1:], strict=True)]
    if not any(missing):
        return x
    return F.pad(x, [0, 0, *(count for length in missing for count in (0, length))])


class DlibFaceNet(nn.Layer):
    """Map aligned faces to descriptors; the Euclidean distance of two descriptors of one person is below 0.6.

    Args:
        width: channels of the first layer; dlib's network has 32.

    Attributes:
        input_size: side of the input in pixels, 150.
        num_features: length of a descriptor, 4 times the width: 128.

    Raises:
        ConfigError: the width is below 1.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        if width < 1:
            raise ConfigError(f"must be at least 1, got {width}", where="width", cure="Use 32 for dlib's network")
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
        # Converts pixels from [-1, 1] to 0 to 255 and then to dlib's scale in one step.
        shift = paddle.to_tensor([(127.5 - mean) / 256 for mean in MEAN]).reshape([1, 3, 1, 1])
        self.register_buffer("shift", shift, persistable=False)

    def forward(self, pixels: paddle.Tensor) -> paddle.Tensor:
        """Compute the descriptors of faces.

        Args:
            pixels: (N, 3, 150, 150), [-1, 1], RGB.

        Returns:
            (N, num_features), not normalised.

        Raises:
            InputError: the shape is wrong.
        """
        if pixels.ndim != 4 or tuple(pixels.shape[1:]) != (3, CHIP_SIZE, CHIP_SIZE):
            expected = f"(N, 3, {CHIP_SIZE}, {CHIP_SIZE})"
            raise InputError(f"expected {expected}, got {tuple(pixels.shape)}", where="pixels")
        x = pixels * (127.5 / 256) + self.shift
        x = F.max_pool2d(convolve_activated(x, self.stem.weight, self.stem.bias, 0, stride=2), 3, 2)
        for block in self.blocks:
            x = block(x)
        return self.fc(x.mean(axis=[2, 3]))
