"""Cutting the input of a face network out of an aligned crop, differentiably.

Face networks align faces by landmarks, which have no gradient. In an aligned crop, however, the landmarks are at nearly
the same positions in every face, so one fixed square suffices. The squares below are means over 1,000 faces of the
bundled model's data (evenly spaced over both packs, without a seed), computed from their 68 landmarks:

* dlib: the square that ``dlib.get_face_chip`` (150 px, padding 0.25) cuts, measured by cutting a picture of
  coordinates. Standard deviations over the faces, "tight" and "ffhq": horizontal centre 0.018 and 0.010 of the crop's
  side, vertical centre 0.013 and 0.009, side 5%, tilt 1.4 degrees. The horizontal centre is 0.5 by symmetry (mean
  0.498).
* ArcFace: "ffhq" is the square of pixel2style2pixel and PaddleGAN, rows 35 to 223 and columns 32 to 220 of 256; "tight"
  is the mean position of that square.

A square may extend beyond the crop, which is continued by its own reflection.

On 300 other faces of that data, the distance between dlib's descriptors of the fixed square and of dlib's own chip is
0.14 on average, below 0.24 for 95% and at most 0.39, with both templates, and 0.17 to 0.19 if the head is turned by
more than 20 degrees. The median distance between two people is 0.83 with either crop.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import paddle

from ppgan_ext.errors import InputError
from ppgan_ext.types import FloatArray


class ChipBox(NamedTuple):
    """A square in a crop, in fractions of the crop's side; 0 and 1 are the crop's outer edges.

    Attributes:
        x: horizontal position of the centre, to the right.
        y: vertical position of the centre, downwards.
        side: length of a side.
    """

    x: float
    y: float
    side: float


WHOLE = ChipBox(0.5, 0.5, 1.0)
DLIB_BOXES = {"ffhq": ChipBox(0.5, 0.599, 0.687), "tight": ChipBox(0.5, 0.541, 1.184)}
ARCFACE_BOXES = {"ffhq": ChipBox(126 / 256, 129 / 256, 188 / 256), "tight": ChipBox(0.486, 0.377, 1.266)}


def cut_chip(pixels: paddle.Tensor, box: ChipBox, side: int) -> paddle.Tensor:
    """Cut a square out of crops and resample it to a network's size: linear, without aliasing, differentiable twice.

    Args:
        pixels: square crops (N, C, S, S).
        box: the square to cut out.
        side: side of the result in pixels.

    Returns:
        (N, C, side, side), in the range of ``pixels``.

    Raises:
        InputError: the crops are not square.
    """
    if pixels.ndim != 4 or pixels.shape[2] != pixels.shape[3] or pixels.shape[2] < 1:
        raise InputError(f"expected square crops (N, C, S, S), got {tuple(pixels.shape)}", where="pixels")
    batch, channels, size, _ = pixels.shape
    rows, columns = (
        paddle.to_tensor(resampling_matrix(size, centre - box.side / 2, centre + box.side / 2, side), pixels.dtype)
        for centre in (box.y, box.x)
    )
    # As matrix products: interpolation has no second derivative in Paddle 3, and grid sampling would alias.
    planes = paddle.matmul(rows, pixels.reshape([-1, size, size]))
    return paddle.matmul(planes, columns, transpose_y=True).reshape([batch, channels, side, side])


def resampling_matrix(num_from: int, first: float, last: float, num_to: int) -> FloatArray:
    """Return the weights that resample a line of samples.

    If the new samples are denser than the old ones, they are interpolated linearly; if they are sparser, the triangular
    filter is as wide as their distance, so that every old sample contributes.

    Args:
        num_from: number of old samples, each in the middle of its part of the line from 0 to 1.
        first: outer edge of the first new sample on that line; beyond the ends the old samples are reflected.
        last: outer edge of the last new sample.
        num_to: number of new samples.

    Returns:
        (num_to, num_from) float32; each row adds up to 1.
    """
    distance = (last - first) * num_from / num_to
    at = first * num_from + (np.arange(num_to) + 0.5) * distance - 0.5
    radius = max(distance, 1.0)
    taps = np.arange(math.floor(at[0] - radius), math.ceil(at[-1] + radius) + 1)
    weights = np.maximum(0, 1 - np.abs(taps[None] - at[:, None]) / radius)
    # Reflection at the outer edges has a period of twice the length: ... 1 0 | 0 1 ... n-1 | n-1 ...
    folded = taps % (2 * num_from)
    folded = np.minimum(folded, 2 * num_from - 1 - folded)
    matrix = np.zeros((num_to, num_from))
    np.add.at(matrix.T, folded, weights.T)
    return (matrix / matrix.sum(axis=1, keepdims=True)).astype(np.float32)
