"""How far a face is from its own mirror image, when its head is turned.

After the symmetry loss of TP-GAN (arXiv 1704.04086, Eq. 6), which is for frontal faces. Departs from it: the mirror
image is drawn where it belongs on a head that is turned by a known yaw, only what both halves show counts, and light is
left out, since it may come from one side: pictures are compared without their smooth part.

The head is a cylinder upright in the crop. At angle t from the middle of the face its surface lies at
x = c + R (sin(t + yaw) - k sin(yaw)), in shares of the crop's side; k is there because the crop moves with the eyes.
Its mirror image lies at -t. R and k were fitted to 15 pairs of landmarks of 500 faces ("ffhq" follows from "tight" by
the size of the square). On faces turned by 16 to 40 degrees the mirrored landmarks lie 0.067 of the side from their
partners (root mean square), by a plain flip 0.111; up to 8 degrees 0.014 against 0.026.
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


class Cylinder(NamedTuple):
    """The head in a crop, in shares of the crop's side.

    Attributes:
        radius: R.
        follows: k, the share of the turn that the crop follows.
    """

    radius: float
    follows: float


CYLINDERS = {"tight": Cylinder(0.379, 0.693), "ffhq": Cylinder(0.220, 0.693)}

_BLUR_SHARE = 8  # what is smoother than this part of the side counts as light
_FACING = 0.2  # cosine of the angle to the camera below which a place on the cylinder is hardly seen


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
        if template not in CYLINDERS:
            cure = nearest(template, CYLINDERS)
            raise ConfigError(f"there is no crop template '{template}'", where="template", cure=cure)
        if not abs(yaw_degrees) < 90:
            raise ConfigError(f"a face is not to be seen at a yaw of {yaw_degrees} degrees", where="yaw")
        if mask is not None and np.shape(mask) != (size, size):
            raise InputError(f"expected a mask ({size}, {size}), got {np.shape(mask)}", where="mask")
        partners, weights, is_left = mirror_columns(size, yaw_degrees, CYLINDERS[template])
        matrix = _interpolation(partners, size)
        both = np.broadcast_to(weights, (size, size)).astype(np.float32)
        if mask is not None:
            both = both * np.asarray(mask, np.float32) * (np.asarray(mask, np.float32) @ matrix.T)
        if known is not None:
            both = both * (is_left != (known == "image left"))
        self._mirror = paddle.to_tensor(matrix)
        self._weights = paddle.to_tensor(np.ascontiguousarray(both, np.float32)[None, None])
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
        detail = pixels - _blur(pixels)
        other = detail.detach() if self._one_way else detail
        mirrored = paddle.matmul(other, self._mirror, transpose_y=True)  # (N, 3, H, W): along the rows
        return ((detail - mirrored).abs() * self._weights).sum(axis=[1, 2, 3]) / self._total


def mirror_columns(
    size: int, yaw_degrees: float, cylinder: Cylinder
) -> tuple[FloatArray, FloatArray, npt.NDArray[np.bool_]]:
    """Find for each column of pixels where its mirror image lies, and how well both are seen.

    Returns:
        partners: (size,) columns, pixel centres at integers; within the picture.
        weights: (size,) the smaller cosine of the two angles to the camera, 0 where one is hardly seen, off the
            cylinder or off the picture.
        is_left: (size,) whether the column lies on the half of the face that is at image left, its middle line's side.
    """
    yaw = math.radians(yaw_degrees)
    x = (np.arange(size) + 0.5) / size
    sine = (x - 0.5) / cylinder.radius + cylinder.follows * math.sin(yaw)
    angle = np.arcsin(np.clip(sine, -1.0, 1.0)) - yaw  # t, from the middle of the face
    partner = 0.5 + cylinder.radius * (np.sin(yaw - angle) - cylinder.follows * math.sin(yaw))
    facing = np.minimum(np.cos(angle + yaw), np.cos(yaw - angle))
    seen = (np.abs(sine) <= 1) & (facing > _FACING) & (partner >= 0) & (partner <= 1)
    columns = np.clip(partner * size - 0.5, 0, size - 1)
    return columns, np.where(seen, facing, 0.0), angle < 0


def _interpolation(columns: FloatArray, size: int) -> FloatArray:
    """Weights of a picture's columns in others between them, (len(columns), size) float32."""
    first = np.minimum(np.floor(columns).astype(int), size - 2)
    matrix = np.zeros((len(columns), size), np.float32)
    rows = np.arange(len(columns))
    matrix[rows, first] = 1 - (columns - first)
    matrix[rows, first + 1] = columns - first
    return matrix


def _blur(pixels: paddle.Tensor) -> paddle.Tensor:
    radius = max(pixels.shape[-1] // (2 * _BLUR_SHARE), 1)
    padded = F.pad(pixels, [radius] * 4, mode="replicate")
    return F.avg_pool2d(padded, 2 * radius + 1, stride=1)
