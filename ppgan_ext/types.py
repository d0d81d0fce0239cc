"""Frozen records shared by all layers. Conventions: docs/conventions.md."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Image: TypeAlias = npt.NDArray[np.uint8]  # (H, W, 3) RGB
FloatArray: TypeAlias = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Box:
    """A rectangle in photo pixels; right and bottom are exclusive. ``score`` is the detector's confidence."""

    left: float
    top: float
    right: float
    bottom: float
    score: float = 0.0

    @property
    def width(self) -> float:
        """Width in pixels."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Height in pixels."""
        return self.bottom - self.top

    @property
    def area(self) -> float:
        """Area in square pixels."""
        return max(self.width, 0.0) * max(self.height, 0.0)


@dataclass(frozen=True)
class Pose:
    """Head pose in degrees.

    Convention: positive yaw turns the subject to their own left (towards image right), positive pitch looks up,
    positive roll is counter-clockwise in the image.
    """

    yaw_degrees: float
    pitch_degrees: float
    roll_degrees: float


@dataclass(frozen=True, eq=False)
class Face:
    """One face found in a photo.

    Attributes:
        box: the detector's rectangle.
        landmarks: (68, 2) float64, (x, y) in photo pixels, iBUG order, pixel centres at integers.
        certainty: (68,) in [0, 1], how sure each landmark is: low where it is covered or turned away.
        number: its place among the faces of its photo by size; 1 is the largest.
    """

    box: Box
    landmarks: FloatArray
    certainty: FloatArray = field(default_factory=lambda: np.ones(68))
    number: int = 1


@dataclass(frozen=True, eq=False)
class Crop:
    """An aligned square crop of a photo, with the transform that made it.

    Attributes:
        image: (S, S, 3) RGB uint8.
        matrix_photo_to_crop: (2, 3) float64 affine matrix, maps (x, y, 1) in photo pixels to (x, y) in crop pixels.
        template: name of the crop template, "ffhq" or "tight".
    """

    image: Image
    matrix_photo_to_crop: FloatArray
    template: str

    @property
    def size(self) -> int:
        """Side of the square in pixels."""
        return int(self.image.shape[0])
