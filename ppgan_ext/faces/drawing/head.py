"""A head cut out of a photo, with all that the rules of drawing look at."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.drawing.strokes import Mask
from ppgan_ext.faces.head.head_matte import HeadParts
from ppgan_ext.faces.warp import transform_points, warp
from ppgan_ext.types import FloatArray, Image

_OUTSIDE = 255.0  # what the photo does not reach is white


@dataclass(frozen=True, eq=False)
class Head:
    """A head cut out of a photo.

    Attributes:
        image: (S, S, 3) RGB uint8.
        person: (S, S) in [0, 1], what belongs to the person.
        hair: (S, S) in [0, 1].
        beard: (S, S) in [0, 1].
        inside: (S, S) in [0, 1], where the photo is.
        landmarks: (68, 2), pixels of the square.
    """

    image: Image
    person: Mask
    hair: Mask
    beard: Mask
    inside: Mask
    landmarks: FloatArray

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.image.shape[0], self.image.shape[1]

    @property
    def eyes(self) -> float:
        """Distance between the centres of the eyes, in pixels."""
        return eye_distance(self.landmarks)

    @property
    def unit(self) -> float:
        """A hundredth of the distance between the eyes, in which all widths are told."""
        return self.eyes / 100.0


def cut_head(photo: Image, landmarks: FloatArray, parts: HeadParts, matrix: FloatArray, size: int) -> Head:
    """Cut a head out of a photo.

    Args:
        photo: (H, W, 3) RGB uint8.
        landmarks: (68, 2), photo pixels.
        parts: of this face.
        matrix: (2, 3), from photo pixels to the square's.
        size: side of the square.
    """
    square = (size, size)

    def cut(mask: FloatArray) -> Mask:
        return np.asarray(np.clip(warp(mask, matrix, square, 0.0), 0.0, 1.0), np.float32)

    return Head(
        image=warp(photo, matrix, square, _OUTSIDE),
        person=cut(parts.person),
        hair=cut(parts.hair),
        beard=cut(parts.beard),
        inside=cut(np.ones(photo.shape[:2], np.float32)),
        landmarks=transform_points(landmarks, matrix),
    )


def clean(mask: FloatArray, sigma: float) -> Mask:
    """Return a mask with a smooth and sharp outline, where it is a half after a Gaussian blur."""
    soft = cv2.GaussianBlur(np.asarray(mask, np.float32), (0, 0), sigma)
    return np.asarray(np.clip((soft - 0.5) * 2.2 * sigma + 0.5, 0.0, 1.0), np.float32)
