"""Pictures of any shape as squares of one size."""

from __future__ import annotations

import cv2
import numpy as np

from ppgan_ext.types import Image


def square(image: Image, size: int) -> Image:
    """Cut out the largest centred square of a picture and resize it.

    If the margin is odd, the square lies half a pixel to the left or to the top.

    Args:
        image: (H, W, 3) uint8.
        size: side of the result in pixels.

    Returns:
        (size, size, 3) uint8: area-averaged when it shrinks, bicubic when it grows.
    """
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    cut = image[top : top + side, left : left + side]
    if side == size:
        return np.ascontiguousarray(cut)
    interpolation = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(cut, (size, size), interpolation=interpolation))
