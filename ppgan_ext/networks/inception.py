"""Inception v3 (arXiv 1512.00567) as used for the Frechet inception distance: it maps images to 2048 features.

Layers and names are those of PaddleGAN's ``ppgan/metrics/inception.py``, hence of its ``InceptionV3.pdparams``, and of
pytorch-fid, where the weights come from (TensorFlow's graph of 2015-12-05). Unlike torchvision's network, 3x3 averages
do not include the padding, and the last block pools by maximum. The network is built from tables, so that each block
corresponds to a figure of the paper, 5 to 7; it has no classifier.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import paddle
import paddle.nn.functional as F
from paddle import nn

from ppgan_ext.errors import InputError

INPUT_SIZE = 299
NUM_FEATURES = 2048


class Conv(NamedTuple):
    """A convolution in the tables.

    Attributes:
        name: name of the layer in its block.
        channels: output channels.
        kernel: (height, width).
        stride: step in both directions.
        padding: (height, width).
    """

    name: str
    channels: int
    kernel: tuple[int, int]
    stride: int
    padding: tuple[int, int]


# A branch of a block: a chain of convolutions, which may end in several parallel ones.
Branch: TypeAlias = tuple[list[Conv], list[Conv]]


def _conv(name: str, channels: int, kernel: int | tuple[int, int] = 1, stride: int = 1, same: bool = True) -> Conv:
    height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
    return Conv(name, channels, (height, width), stride, (height // 2, width // 2) if same else (0, 0))


class ConvNormReLU(nn.Layer):
    """Convolution without bias, batch normalisation, ReLU.

    Args:
        num_in: input channels.
        table: all other arguments.
    """

    def __init__(self, num_in: int, table: Conv) -> None:
        super().__init__()
        self.conv = nn.Conv2D(num_in, table.channels, table.kernel, table.stride, table.padding, bias_attr=False)
        self.bn = nn.BatchNorm2D(table.channels, epsilon=0.001)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Map (N, num_in, H, W) to (N, channels, H', W')."""
        return F.relu(self.bn(self.conv(x)))


class InceptionBlock(nn.Layer):
    """Parallel branches whose outputs are concatenated; the pooling branch comes last.

    Args:
        num_in: input channels.
        branches: the branches without the pooling branch.
        pool: "average" (3x3, same size, padding excluded), "maximum" (3x3, same size), or "halve" (maximum, 3x3, stride
            2).
        pool_channels: channels of the 1x1 convolution after the pooling; 0: no such convolution.

    Attributes:
        num_out: output channels.
    """

    def __init__(self, num_in: int, branches: Sequence[Branch], pool: str, pool_channels: int) -> None:
        super().__init__()
        self._pool = pool
        self._branches = [([conv.name for conv in chain], [conv.name for conv in fan]) for chain, fan in branches]
        self.num_out = pool_channels or num_in
        for chain, fan in branches:
            channels = num_in
            for conv in chain:
                self.add_sublayer(conv.name, ConvNormReLU(channels, conv))
                channels = conv.channels
            for conv in fan:
                self.add_sublayer(conv.name, ConvNormReLU(channels, conv))
            self.num_out += sum(conv.channels for conv in fan) if fan else channels
        self.branch_pool = ConvNormReLU(num_in, _conv("", pool_channels)) if pool_channels else None

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Map (N, num_in, H, W) to (N, num_out, H', W')."""
        layers, parts = self._sub_layers, []
        for chain, fan in self._branches:
            y = x
            for name in chain:
                y = layers[name](y)
            parts += [layers[name](y) for name in fan] if fan else [y]
        pooled = _pool(x, self._pool)
        parts.append(pooled if self.branch_pool is None else self.branch_pool(pooled))
        return paddle.concat(parts, axis=1)


def _pool(x: paddle.Tensor, kind: str) -> paddle.Tensor:
    if kind == "average":
        return F.avg_pool2d(x, 3, stride=1, padding=1, exclusive=True)
    return F.max_pool2d(x, 3, stride=1, padding=1) if kind == "maximum" else F.max_pool2d(x, 3, stride=2)


class InceptionV3(nn.Layer):
    """Map images to the means of the last 2048 channels, PaddleGAN's ``dims=2048``.

    Example:
        >>> network = InceptionV3().eval()
        >>> list(network(paddle.zeros([1, 3, 64, 48])).shape)
        [1, 2048]
    """

    def __init__(self) -> None:
        super().__init__()
        channels = 3
        self._order: list[str] = []
        for conv in _STEM:
            self._append(conv.name, ConvNormReLU(channels, conv))
            channels = conv.channels
        for name, branches, pool, pool_channels in _BLOCKS:
            block = InceptionBlock(channels, branches, pool, pool_channels)
            self._append(name, block)
            channels = block.num_out

    def _append(self, name: str, layer: nn.Layer) -> None:
        self.add_sublayer(name, layer)
        self._order.append(name)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Extract features.

        Args:
            x: (N, 3, H, W), [-1, 1], RGB; resized to 299 px by bilinear interpolation without a low-pass filter, as in
                PaddleGAN and pytorch-fid.

        Returns:
            (N, 2048), at least 0.

        Raises:
            InputError: the shape is wrong.
        """
        if x.ndim != 4 or x.shape[1] != 3:
            raise InputError(f"expected (N, 3, H, W), got {tuple(x.shape)}", where="images")
        if tuple(x.shape[2:]) != (INPUT_SIZE, INPUT_SIZE):
            x = F.interpolate(x, size=[INPUT_SIZE, INPUT_SIZE], mode="bilinear", align_corners=False, align_mode=0)
        for name in self._order:
            x = self._sub_layers[name](x)
            if name in _HALVED_AFTER:
                x = _pool(x, "halve")
        return x.mean(axis=[2, 3])


_STEM = [
    _conv("Conv2d_1a_3x3", 32, 3, stride=2, same=False),
    _conv("Conv2d_2a_3x3", 32, 3, same=False),
    _conv("Conv2d_2b_3x3", 64, 3),
    _conv("Conv2d_3b_1x1", 80),
    _conv("Conv2d_4a_3x3", 192, 3, same=False),
]
_HALVED_AFTER = ("Conv2d_2b_3x3", "Conv2d_4a_3x3")


def _block_35(name: str, pool_channels: int) -> tuple[str, list[Branch], str, int]:
    """Return a block of figure 5, on a 35x35 grid: a 5x5 branch beside a branch of two 3x3 convolutions."""
    branches: list[Branch] = [
        ([_conv("branch1x1", 64)], []),
        ([_conv("branch5x5_1", 48), _conv("branch5x5_2", 64, 5)], []),
        ([_conv("branch3x3dbl_1", 64), _conv("branch3x3dbl_2", 96, 3), _conv("branch3x3dbl_3", 96, 3)], []),
    ]
    return name, branches, "average", pool_channels


def _block_17(name: str, width: int) -> tuple[str, list[Branch], str, int]:
    """Return a block of figure 6, on a 17x17 grid: 7x7 convolutions factorised into 1x7 and 7x1."""
    flat, tall = (1, 7), (7, 1)
    double = [_conv("branch7x7dbl_1", width)]
    double += [_conv(f"branch7x7dbl_{i}", width, tall if i % 2 == 0 else flat) for i in (2, 3, 4)]
    branches: list[Branch] = [
        ([_conv("branch1x1", 192)], []),
        ([_conv("branch7x7_1", width), _conv("branch7x7_2", width, flat), _conv("branch7x7_3", 192, tall)], []),
        ([*double, _conv("branch7x7dbl_5", 192, flat)], []),
    ]
    return name, branches, "average", 192


def _block_8(name: str, pool: str) -> tuple[str, list[Branch], str, int]:
    """Return a block of figure 7, on an 8x8 grid: 1x3 and 3x1 convolutions in parallel."""

    def fan(prefix: str) -> list[Conv]:
        return [_conv(f"{prefix}a", 384, (1, 3)), _conv(f"{prefix}b", 384, (3, 1))]

    branches: list[Branch] = [
        ([_conv("branch1x1", 320)], []),
        ([_conv("branch3x3_1", 384)], fan("branch3x3_2")),
        ([_conv("branch3x3dbl_1", 448), _conv("branch3x3dbl_2", 384, 3)], fan("branch3x3dbl_3")),
    ]
    return name, branches, pool, 192


_TO_17: list[Branch] = [
    ([_conv("branch3x3", 384, 3, stride=2, same=False)], []),
    (
        [
            _conv("branch3x3dbl_1", 64),
            _conv("branch3x3dbl_2", 96, 3),
            _conv("branch3x3dbl_3", 96, 3, stride=2, same=False),
        ],
        [],
    ),
]
_TO_8: list[Branch] = [
    ([_conv("branch3x3_1", 192), _conv("branch3x3_2", 320, 3, stride=2, same=False)], []),
    (
        [
            _conv("branch7x7x3_1", 192),
            _conv("branch7x7x3_2", 192, (1, 7)),
            _conv("branch7x7x3_3", 192, (7, 1)),
            _conv("branch7x7x3_4", 192, 3, stride=2, same=False),
        ],
        [],
    ),
]
_BLOCKS: list[tuple[str, list[Branch], str, int]] = [
    _block_35("Mixed_5b", 32),
    _block_35("Mixed_5c", 64),
    _block_35("Mixed_5d", 64),
    ("Mixed_6a", _TO_17, "halve", 0),
    _block_17("Mixed_6b", 128),
    _block_17("Mixed_6c", 160),
    _block_17("Mixed_6d", 160),
    _block_17("Mixed_6e", 192),
    ("Mixed_7a", _TO_8, "halve", 0),
    _block_8("Mixed_7b", "average"),
    _block_8("Mixed_7c", "maximum"),
]
