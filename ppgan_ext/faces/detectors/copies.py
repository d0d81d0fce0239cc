"""Copies of a photo that a detector sees, resized, mirrored or turned, and where in the photo its detections are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ppgan_ext.faces.warp import invert, resize_matrix, scale_of, transform_points
from ppgan_ext.types import Box, Face, FloatArray, Image

MAX_OVERLAP = 0.4  # intersection over union
_MAX_NESTING = 0.7  # intersection over the smaller box


@dataclass(frozen=True, eq=False)
class Detection:
    """A detection in a copy of the photo, with the matrix that made the copy."""

    box_in_copy: Box
    matrix_photo_to_copy: FloatArray

    @property
    def score(self) -> float:
        """The detector's confidence."""
        return self.box_in_copy.score

    @property
    def box(self) -> Box:
        """The box in photo pixels: same centre, same area, upright."""
        box = self.box_in_copy
        centre = np.array([(box.left + box.right - 1) / 2, (box.top + box.bottom - 1) / 2])
        x, y = transform_points(centre, invert(self.matrix_photo_to_copy))
        scale = scale_of(self.matrix_photo_to_copy)
        half_width, half_height = box.width / scale / 2, box.height / scale / 2
        x, y = float(x) + 0.5, float(y) + 0.5
        return Box(x - half_width, y - half_height, x + half_width, y + half_height, box.score)


def resized(image: Image, scale: float) -> tuple[Image, FloatArray]:
    """Resize a photo to whole pixels; return the copy and its matrix."""
    height, width = image.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, size, interpolation=interpolation), resize_matrix((width, height), size)


def resized_to(image: Image, num_pixels: float, max_enlargement: float) -> tuple[Image, FloatArray]:
    """Resize a photo to about ``num_pixels``, but by no more than ``max_enlargement``; return it with its matrix."""
    height, width = image.shape[:2]
    return resized(image, min(math.sqrt(num_pixels / (width * height)), max_enlargement))


def turn_matrix(degrees: float, size: tuple[int, int]) -> tuple[FloatArray, tuple[int, int]]:
    """Return the matrix that rotates a picture counter-clockwise, and the (width, height) of a canvas that fits it."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    width, height = size
    # Round first: cos(90 degrees) is 6e-17, which must not add a row.
    new_width = math.ceil(round(abs(width * cosine) + abs(height * sine), 6))
    new_height = math.ceil(round(abs(width * sine) + abs(height * cosine), 6))
    linear = np.array([[cosine, sine], [-sine, cosine]])
    old_centre, new_centre = np.array([width - 1, height - 1]) / 2, np.array([new_width - 1, new_height - 1]) / 2
    return np.hstack([linear, (new_centre - linear @ old_centre)[:, None]]), (new_width, new_height)


def largest_first(faces: Sequence[Face]) -> list[Face]:
    """Sort faces by area."""
    return sorted(faces, key=lambda face: (-face.box.area, face.box.left, face.box.top))


def same_face(a: Box, b: Box, max_overlap: float = MAX_OVERLAP) -> bool:
    """Return whether two boxes overlap so much that they show one face."""
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    shared = max(width, 0.0) * max(height, 0.0)
    return shared > max_overlap * (a.area + b.area - shared) or shared > _MAX_NESTING * min(a.area, b.area)
