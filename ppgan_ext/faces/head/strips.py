"""Maps from a reduced copy, enlarged a strip of rows at a time, so that a photo of any size needs little memory."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.types import FloatArray

_PIXELS = 1 << 19


def strips(shape: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Cut a picture (H, W) or (H, W, C) into strips of about half a megapixel; yields first and end of the rows."""
    height, width = shape[:2]
    step = max(1, _PIXELS // max(width, 1))
    for start in range(0, height, step):
        yield start, min(height, start + step)


def enlarge(values: FloatArray, shape: tuple[int, ...], rows: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Enlarge some rows of a map to a picture of ``shape``, edges to edges."""
    height, width = shape[:2]
    start, stop = rows
    x, y = values.shape[1] / width, values.shape[0] / height
    matrix = np.array([[x, 0.0, 0.5 * x - 0.5], [0.0, y, (start + 0.5) * y - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (width, stop - start)
    return cv2.warpAffine(np.asarray(values, np.float32), matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)


def cut(values: FloatArray, shape: tuple[int, ...], box: tuple[int, int, int, int]) -> npt.NDArray[np.float32]:
    """Cut from a map (h, w) of a picture of ``shape`` what lies over a box of the picture, as coarse as the map.

    Args:
        values: (h, w), edges to edges.
        shape: (H, W) or (H, W, C).
        box: (left, top, right, bottom), right and bottom outside.
    """
    x, y = values.shape[1] / shape[1], values.shape[0] / shape[0]
    left, top, right, bottom = box
    size = (max(2, round((right - left) * x)), max(2, round((bottom - top) * y)))
    across, down = (right - left) * x / size[0], (bottom - top) * y / size[1]
    matrix = np.array([[across, 0.0, left * x + 0.5 * across - 0.5], [0.0, down, top * y + 0.5 * down - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(np.asarray(values, np.float32), matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
