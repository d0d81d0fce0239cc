"""The symmetry loss: the distance between a face and its mirror image if the head is turned.

It extends the symmetry loss of TP-GAN (arXiv 1704.04086, Eq. 6), which is for frontal faces, in three ways: the mirror
image is placed as on a head that is turned by a known yaw; only surfaces that are visible in both halves are compared;
and the smooth part of the difference is ignored, because light may come from one side.

At each height the head is modelled as a circle. Its surface at angle t from the middle of the face has the position
x = 1/2 + R sin(t + yaw) - S sin(yaw), in fractions of the crop's side; S accounts for the crop, which follows the eyes.
The mirror image of t is -t. S and R, which is largest at the tip of the nose, were fitted to 15 landmarks and pairs in
640 faces turned by more than 14 degrees: mirrored landmarks are half as far from their partners as by a plain flip.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import paddle
import paddle.nn.functional as F

from ppgan_ext.errors import ConfigError, InputError, nearest
from ppgan_ext.types import FloatArray

Half: TypeAlias = Literal["image left", "image right"]


class Head(NamedTuple):
    """Shape and position of a head in a crop, in fractions of the crop's side.

    Attributes:
        follows: S, how far the crop follows a turn.
        heights: heights of the radii, from the top down; the radii in between are interpolated.
        radii: R at these heights.
    """

    follows: float
    heights: tuple[float, ...]
    radii: tuple[float, ...]


# Heights of the brows, eyes, bridge, tip and base of the nose, mouth, and chin.
_TIGHT = Head(0.292, (0.21, 0.33, 0.44, 0.56, 0.63, 0.79, 1.05), (0.416, 0.397, 0.515, 0.59, 0.478, 0.403, 0.32))
# The FFHQ square is 1 / 0.58 times as large, and its centre is higher by 0.13 of the tight one's side: by 0.3 of the
# distance from eyes to mouth, which is 0.502 of half its own side.
_FFHQ = Head(
    0.58 * _TIGHT.follows,
    tuple(0.5 + 0.58 * (height - 0.5) + 0.3 * 0.502 / 2 for height in _TIGHT.heights),
    tuple(0.58 * radius for radius in _TIGHT.radii),
)
HEADS = {"tight": _TIGHT, "ffhq": _FFHQ}

_FRONTAL_DEGREES = 8.0  # faces turned by less show both halves
_BLUR_SHARE = 8  # differences that are smooth over a side / 8 are attributed to light
_FACING = 0.2  # cosine of the angle to the camera below which a surface is hardly visible


class MirrorSymmetry:
    """Mean absolute difference between faces at a yaw and their mirror images.

    Args:
        size: side of the pictures in pixels.
        yaw_degrees: yaw of the heads; positive is towards image right.
        template: how the pictures are aligned, "tight" or "ffhq".
        mask: (size, size) in [0, 1], weight of the pixels; None: all have weight 1.
        known: the half that is known to be correct, such as the near half if the photo shows little of the far one; it
            gets no gradient, so only the other half is changed. None: both halves get gradients.

    Raises:
        ConfigError: the template is unknown, or the yaw is not between -90 and 90 degrees.
        InputError: the shape of the mask is wrong.
    """

    def __init__(
        self,
        size: int,
        yaw_degrees: float,
        template: str = "tight",
        mask: FloatArray | None = None,
        known: Half | None = None,
    ) -> None:
        if template not in HEADS:
            cure = nearest(template, HEADS)
            raise ConfigError(f"there is no crop template '{template}'", where="template", cure=cure)
        if not abs(yaw_degrees) < 90:
            cure = "Use a yaw between -90 and 90 degrees"
            raise ConfigError(f"a face cannot be seen at a yaw of {yaw_degrees} degrees", where="yaw", cure=cure)
        if mask is not None and np.shape(mask) != (size, size):
            raise InputError(f"expected a mask ({size}, {size}), got {np.shape(mask)}", where="mask")
        columns, weights, is_left = mirror_columns(size, yaw_degrees, HEADS[template])
        rows = np.broadcast_to(np.arange(size)[:, None], (size, size))
        # In grid sampling, the picture's outer edges are -1 and 1.
        grid = (2 * np.stack([columns, rows], axis=-1) + 1) / size - 1
        self._grid = paddle.to_tensor(grid[None].astype(np.float32))
        both = weights.astype(np.float32)
        if mask is not None:
            inside = np.asarray(mask, np.float32)
            both = both * inside * self._mirrored(paddle.to_tensor(inside[None, None]))[0, 0].numpy()
        if known is not None:
            both = both * (is_left != (known == "image left"))
        self._weights = paddle.to_tensor(np.ascontiguousarray(both, np.float32)[None, None])
        self._blurred_weights = _blur(self._weights) + 1e-6
        self._total = max(float(both.sum()) * 3, 1e-6)
        self._one_way = known is not None
        self.size = size

    def distance(self, pixels: paddle.Tensor) -> paddle.Tensor:
        """Return the distance of faces (N, 3, size, size) in [-1, 1] from their mirror images, (N,), differentiable.

        Raises:
            InputError: the shape is wrong.
        """
        if pixels.ndim != 4 or tuple(pixels.shape[1:]) != (3, self.size, self.size):
            raise InputError(f"expected (N, 3, {self.size}, {self.size}), got {tuple(pixels.shape)}", where="pixels")
        other = pixels.detach() if self._one_way else pixels
        difference = (pixels - self._mirrored(other)) * self._weights
        # The smooth part of the difference, its weighted local mean, comes from light and not from shape.
        smooth = _blur(difference) / self._blurred_weights
        return (difference - smooth * self._weights).abs().sum(axis=[1, 2, 3]) / self._total

    def _mirrored(self, pixels: paddle.Tensor) -> paddle.Tensor:
        grid = self._grid.expand([pixels.shape[0], -1, -1, -1])
        return F.grid_sample(pixels, grid, padding_mode="border", align_corners=False)


def known_half(yaw_degrees: float) -> Half | None:
    """Return the half of a face that a photo shows well, at positive yaw (towards image right) that at image left.

    Returns:
        None if the face is nearly frontal, so that both halves are visible.
    """
    if abs(yaw_degrees) < _FRONTAL_DEGREES:
        return None
    return "image left" if yaw_degrees > 0 else "image right"


def mirror_columns(size: int, yaw_degrees: float, head: Head) -> tuple[FloatArray, FloatArray, npt.NDArray[np.bool_]]:
    """Compute for each pixel the column of its mirror image in the same row, and how well both are visible.

    Args:
        size: side of the picture in pixels.
        yaw_degrees: yaw of the head; positive is towards image right.
        head: shape and position of the head.

    Returns:
        columns: (size, size), column of the mirror image, within the picture; pixel centres are integers.
        weights: (size, size), the smaller cosine of both angles to the camera; 0 if one of both is hardly visible, off
            the head or outside the picture.
        is_left: (size, size), whether the pixel is on the half of the face at image left.
    """
    sine = math.sin(math.radians(yaw_degrees))
    x = (np.arange(size) + 0.5) / size
    radius = np.interp(x, head.heights, head.radii)[:, None]  # (size, 1): one for each row
    across = (x[None] - 0.5 + head.follows * sine) / radius
    angle = np.arcsin(np.clip(across, -1.0, 1.0)) - math.radians(yaw_degrees)  # t, from the middle of the face
    partner = 0.5 + radius * np.sin(math.radians(yaw_degrees) - angle) - head.follows * sine
    facing = np.minimum(np.cos(math.radians(yaw_degrees) + angle), np.cos(math.radians(yaw_degrees) - angle))
    seen = (np.abs(across) <= 1) & (facing > _FACING) & (partner >= 0) & (partner <= 1)
    return np.clip(partner * size - 0.5, 0, size - 1), np.where(seen, facing, 0.0), angle < 0


def _blur(pixels: paddle.Tensor) -> paddle.Tensor:
    radius = max(pixels.shape[-1] // (2 * _BLUR_SHARE), 1)
    padded = F.pad(pixels, [radius] * 4, mode="replicate")
    return F.avg_pool2d(padded, 2 * radius + 1, stride=1)
