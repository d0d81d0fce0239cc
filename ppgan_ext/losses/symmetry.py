"""How far a face is from its own mirror image, when its head is turned.

After the symmetry loss of TP-GAN (arXiv 1704.04086, Eq. 6), which is for frontal faces. Departs from it: the mirror
image is drawn where it belongs on a head that is turned by a known yaw, only what both halves show counts, and light is
left out, since it may come from one side: the smooth part of the difference does not count.

At each height the head is a circle. At angle t from the middle of the face its surface lies at
x = 1/2 + R sin(t + yaw) - S sin(yaw), in shares of the crop's side; S is there because the crop follows the eyes.
The mirror image of t lies at -t. S and R, largest at the tip of the nose, were fitted to 15 landmarks and pairs of 640
faces turned by more than 14 degrees: mirrored landmarks lie half as far from their partners as by a plain flip.
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
    """Where the head lies in a crop, in shares of the crop's side.

    Attributes:
        follows: S, how far the crop follows a turn.
        heights: at which the radii are known, from the top down; in between they are interpolated.
        radii: R.
    """

    follows: float
    heights: tuple[float, ...]
    radii: tuple[float, ...]


# Brows, eyes, bridge of the nose, its tip, its base, mouth, chin.
_TIGHT = Head(0.292, (0.21, 0.33, 0.44, 0.56, 0.63, 0.79, 1.05), (0.416, 0.397, 0.515, 0.59, 0.478, 0.403, 0.32))
# The wider square is 1 / 0.58 as large, and its middle 0.13 of the smaller one's side higher: 0.3 of the distance from
# eyes to mouth, which is 0.502 of half its own side.
_FFHQ = Head(
    0.58 * _TIGHT.follows,
    tuple(0.5 + 0.58 * (height - 0.5) + 0.3 * 0.502 / 2 for height in _TIGHT.heights),
    tuple(0.58 * radius for radius in _TIGHT.radii),
)
HEADS = {"tight": _TIGHT, "ffhq": _FFHQ}

_FRONTAL_DEGREES = 8.0  # a photo turned by less shows both halves
_BLUR_SHARE = 8  # what is smoother than this part of the side counts as light
_FACING = 0.2  # cosine of the angle to the camera below which a place on the head is hardly seen


class MirrorSymmetry:
    """Mean absolute difference between a face and its mirror image, seen at a yaw.

    Args:
        size: side of the pictures.
        yaw_degrees: of the head in them; positive turns it to image right.
        template: how they are aligned, "tight" or "ffhq".
        mask: (size, size) in [0, 1], 1 where the picture counts; None counts all.
        known: the half that is right, towards which alone the other one is drawn: the near half of a person whose
            photo shows little of the far one. None draws both towards each other.

    Raises:
        ConfigError: no such template, or a yaw beyond 90 degrees.
        InputError: a mask of another shape.
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
            raise ConfigError(f"a face is not to be seen at a yaw of {yaw_degrees} degrees", where="yaw")
        if mask is not None and np.shape(mask) != (size, size):
            raise InputError(f"expected a mask ({size}, {size}), got {np.shape(mask)}", where="mask")
        columns, weights, is_left = mirror_columns(size, yaw_degrees, HEADS[template])
        rows = np.broadcast_to(np.arange(size)[:, None], (size, size))
        # Grid sampling counts the picture's outer edges as -1 and 1.
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
        """Compare faces with their mirror images, (N, 3, size, size) in [-1, 1] to (N,), differentiable.

        Raises:
            InputError: another shape.
        """
        if pixels.ndim != 4 or tuple(pixels.shape[1:]) != (3, self.size, self.size):
            raise InputError(f"expected (N, 3, {self.size}, {self.size}), got {tuple(pixels.shape)}", where="pixels")
        other = pixels.detach() if self._one_way else pixels
        difference = (pixels - self._mirrored(other)) * self._weights
        # What is smooth in the difference is light, not shape; only what counts is averaged.
        smooth = _blur(difference) / self._blurred_weights
        return (difference - smooth * self._weights).abs().sum(axis=[1, 2, 3]) / self._total

    def _mirrored(self, pixels: paddle.Tensor) -> paddle.Tensor:
        grid = self._grid.expand([pixels.shape[0], -1, -1, -1])
        return F.grid_sample(pixels, grid, padding_mode="border", align_corners=False)


def known_half(yaw_degrees: float) -> Half | None:
    """Say which half of a face a photo shows: at positive yaw, turned to image right, that at image left."""
    if abs(yaw_degrees) < _FRONTAL_DEGREES:
        return None
    return "image left" if yaw_degrees > 0 else "image right"


def mirror_columns(size: int, yaw_degrees: float, head: Head) -> tuple[FloatArray, FloatArray, npt.NDArray[np.bool_]]:
    """Find for each pixel the column where its mirror image lies, in the same row, and how well both are seen.

    Returns:
        columns: (size, size), pixel centres at integers; within the picture.
        weights: (size, size), the smaller cosine of the two angles to the camera, 0 where one is hardly seen, off the
            head or off the picture.
        is_left: (size, size), whether the pixel lies on the half of the face that is at image left.
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
