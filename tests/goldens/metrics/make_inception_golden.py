"""Write inception.npz: what a PyTorch network written from pytorch-fid's description makes of fixed numbers.

Run with PyTorch and NumPy alone, from the root: ``python tests/goldens/metrics/make_inception_golden.py``. Written with
PyTorch 2.13.0. The network has no table in common with the package's: each layer is one call, in the order of
torchvision's Inception with the changes that pytorch-fid's ``inception.py`` describes, which PaddleGAN has too. The
test is tests/metrics/test_metrics_features.py.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from tests.reference.inception_twin import twin_array, twin_images  # noqa: E402

SHAPES: dict[str, tuple[int, ...]] = {}


def number(name: str, *shape: int) -> torch.Tensor:
    SHAPES[name] = shape
    return torch.from_numpy(twin_array(name, shape))


def conv(x, name, out, kh=1, kw=None, stride=1, pad=(0, 0)):
    kw = kh if kw is None else kw
    y = F.conv2d(x, number(f"{name}.conv.weight", out, x.shape[1], kh, kw), stride=stride, padding=pad)
    mean, variance = number(f"{name}.bn._mean", out), number(f"{name}.bn._variance", out)
    scale, shift = number(f"{name}.bn.weight", out), number(f"{name}.bn.bias", out)
    return F.relu(F.batch_norm(y, mean, variance, scale, shift, training=False, eps=0.001))


def mean3(x):
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def block_a(x, name, pool):
    one = conv(x, f"{name}.branch1x1", 64)
    five = conv(conv(x, f"{name}.branch5x5_1", 48), f"{name}.branch5x5_2", 64, 5, pad=(2, 2))
    three = conv(x, f"{name}.branch3x3dbl_1", 64)
    three = conv(three, f"{name}.branch3x3dbl_2", 96, 3, pad=(1, 1))
    three = conv(three, f"{name}.branch3x3dbl_3", 96, 3, pad=(1, 1))
    return torch.cat([one, five, three, conv(mean3(x), f"{name}.branch_pool", pool)], 1)


def block_b(x, name):
    three = conv(x, f"{name}.branch3x3", 384, 3, stride=2)
    double = conv(x, f"{name}.branch3x3dbl_1", 64)
    double = conv(double, f"{name}.branch3x3dbl_2", 96, 3, pad=(1, 1))
    double = conv(double, f"{name}.branch3x3dbl_3", 96, 3, stride=2)
    return torch.cat([three, double, F.max_pool2d(x, 3, 2)], 1)


def block_c(x, name, c7):
    one = conv(x, f"{name}.branch1x1", 192)
    seven = conv(x, f"{name}.branch7x7_1", c7)
    seven = conv(seven, f"{name}.branch7x7_2", c7, 1, 7, pad=(0, 3))
    seven = conv(seven, f"{name}.branch7x7_3", 192, 7, 1, pad=(3, 0))
    double = conv(x, f"{name}.branch7x7dbl_1", c7)
    double = conv(double, f"{name}.branch7x7dbl_2", c7, 7, 1, pad=(3, 0))
    double = conv(double, f"{name}.branch7x7dbl_3", c7, 1, 7, pad=(0, 3))
    double = conv(double, f"{name}.branch7x7dbl_4", c7, 7, 1, pad=(3, 0))
    double = conv(double, f"{name}.branch7x7dbl_5", 192, 1, 7, pad=(0, 3))
    return torch.cat([one, seven, double, conv(mean3(x), f"{name}.branch_pool", 192)], 1)


def block_d(x, name):
    three = conv(conv(x, f"{name}.branch3x3_1", 192), f"{name}.branch3x3_2", 320, 3, stride=2)
    seven = conv(x, f"{name}.branch7x7x3_1", 192)
    seven = conv(seven, f"{name}.branch7x7x3_2", 192, 1, 7, pad=(0, 3))
    seven = conv(seven, f"{name}.branch7x7x3_3", 192, 7, 1, pad=(3, 0))
    seven = conv(seven, f"{name}.branch7x7x3_4", 192, 3, stride=2)
    return torch.cat([three, seven, F.max_pool2d(x, 3, 2)], 1)


def block_e(x, name, pooled):
    one = conv(x, f"{name}.branch1x1", 320)
    three = conv(x, f"{name}.branch3x3_1", 384)
    three_a = conv(three, f"{name}.branch3x3_2a", 384, 1, 3, pad=(0, 1))
    three_b = conv(three, f"{name}.branch3x3_2b", 384, 3, 1, pad=(1, 0))
    double = conv(x, f"{name}.branch3x3dbl_1", 448)
    double = conv(double, f"{name}.branch3x3dbl_2", 384, 3, pad=(1, 1))
    double_a = conv(double, f"{name}.branch3x3dbl_3a", 384, 1, 3, pad=(0, 1))
    double_b = conv(double, f"{name}.branch3x3dbl_3b", 384, 3, 1, pad=(1, 0))
    last = conv(pooled, f"{name}.branch_pool", 192)
    return torch.cat([one, three_a, three_b, double_a, double_b, last], 1)


def features(images: np.ndarray) -> torch.Tensor:
    x = torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32) / 255)
    x = 2 * F.interpolate(x, size=(299, 299), mode="bilinear", align_corners=False) - 1
    x = conv(x, "Conv2d_1a_3x3", 32, 3, stride=2)
    x = conv(x, "Conv2d_2a_3x3", 32, 3)
    x = conv(x, "Conv2d_2b_3x3", 64, 3, pad=(1, 1))
    x = F.max_pool2d(x, 3, 2)
    x = conv(conv(x, "Conv2d_3b_1x1", 80), "Conv2d_4a_3x3", 192, 3)
    x = F.max_pool2d(x, 3, 2)
    x = block_a(block_a(block_a(x, "Mixed_5b", 32), "Mixed_5c", 64), "Mixed_5d", 64)
    x = block_b(x, "Mixed_6a")
    for name, c7 in (("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)):
        x = block_c(x, name, c7)
    x = block_d(x, "Mixed_7a")
    x = block_e(x, "Mixed_7b", mean3(x))
    x = block_e(x, "Mixed_7c", F.max_pool2d(x, 3, 1, 1))
    return F.adaptive_avg_pool2d(x, 1)[:, :, 0, 0]


if __name__ == "__main__":
    with torch.no_grad():
        found = features(twin_images()).numpy()
    shapes = np.array([[*shape, *[0] * (4 - len(shape))] for shape in SHAPES.values()], np.int32)
    np.savez_compressed(
        Path(__file__).with_name("inception.npz"), features=found, names=np.array(list(SHAPES)), shapes=shapes
    )
    print(found.shape, found.mean(), found.std(), len(SHAPES))
