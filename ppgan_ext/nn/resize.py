"""Resizing of image tensors for networks with a fixed input size."""

from __future__ import annotations

import paddle
import paddle.nn.functional as F


def fit_to(images: paddle.Tensor, side: int) -> paddle.Tensor:
    """Resize (N, C, H, W) to (N, C, side, side): average whole boxes of pixels, then interpolate bilinearly."""
    box = [max(length // side, 1) for length in images.shape[2:]]
    if box != [1, 1]:
        images = F.avg_pool2d(images, box)
    if tuple(images.shape[2:]) != (side, side):
        images = F.interpolate(images, size=[side, side], mode="bilinear", align_corners=False)
    return images
