"""The surroundings of a face, cut out of its photo: what a fusion works on, whatever the photo's size is.

A face of up to about 1100 pixels is worked on at the photo's own resolution. A larger one is worked on in a smaller
copy, so that memory and time are bounded, and the result is enlarged where it replaces the photo.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ppgan_ext.faces.align import crop_quad
from ppgan_ext.faces.mask import face_outline
from ppgan_ext.faces.swap.composite import Fusion
from ppgan_ext.picture_decoding import strips
from ppgan_ext.types import Box, Face, FloatArray, Image

MAX_PIXELS = 8.0e6
"""Pixels of a window that is not made smaller."""

_REACH = 1.7  # scale of the outline about its centre within which a fusion moves or replaces pixels
_MARGIN = 16  # pixels, for filters


@dataclass(frozen=True, eq=False)
class FaceWindow:
    """A face with its surroundings.

    Attributes:
        left, top: place of the window in the photo, in pixels.
        size: (width, height) of the window in the photo.
        image: its pixels, (h, w, 3) RGB uint8, perhaps fewer.
        face: the face in ``image``.
    """

    left: int
    top: int
    size: tuple[int, int]
    image: Image
    face: Face

    @property
    def factors(self) -> FloatArray:
        """Pixels of ``image`` for each pixel of the photo, along x and y."""
        return np.array([self.image.shape[1] / self.size[0], self.image.shape[0] / self.size[1]])

    def to_photo(self, points: FloatArray) -> FloatArray:
        """Map points (N, 2) of ``image`` to the photo; edges map to edges."""
        return (points + 0.5) / self.factors - 0.5 + (self.left, self.top)

    def put_back(self, fusion: Fusion, photo: Image, mask: FloatArray) -> Fusion:
        """Write a fusion of ``image`` into the photo.

        Args:
            fusion: of this window.
            photo: (H, W, 3) RGB uint8; changed in place.
            mask: (H, W) float32, raised in place to the fusion's.

        Returns:
            The fusion in the photo, with these two arrays.
        """
        width, height = self.size
        rows, columns = slice(self.top, self.top + height), slice(self.left, self.left + width)
        below, mask_below = photo[rows, columns], mask[rows, columns]
        is_whole = self.image.shape[:2] == (height, width)
        image = fusion.image if is_whole else cv2.resize(fusion.image, self.size, interpolation=cv2.INTER_CUBIC)
        share = fusion.mask if is_whole else cv2.resize(fusion.mask, self.size, interpolation=cv2.INTER_LINEAR)
        for band in strips(height, width):
            np.maximum(mask_below[band], share[band], out=mask_below[band])
            if is_whole:
                below[band] = image[band]
                continue
            weight = share[band][..., None]
            mixed = below[band] * (1.0 - weight) + image[band] * weight
            np.copyto(below[band], np.rint(mixed).astype(np.uint8), where=weight > 0)
        found = None if fusion.found is None else self.to_photo(fusion.found)
        return replace(fusion, image=photo, mask=mask, landmarks=self.to_photo(fusion.landmarks), found=found)


def open_window(photo: Image, face: Face) -> FaceWindow:
    """Cut a face out of its photo, with all that its crops and a fusion need around it.

    Args:
        photo: (H, W, 3) RGB uint8.
        face: one face of it.
    """
    outline = face_outline(face.landmarks)
    middle = outline.mean(axis=0)
    box = face.box
    patch = np.array([[box.left - box.width, box.top - box.height], [box.right + box.width, box.bottom + box.height]])
    points = np.vstack([crop_quad(face.landmarks, "ffhq"), middle + _REACH * (outline - middle), patch])
    height, width = photo.shape[:2]
    low = np.clip(np.floor(points.min(axis=0)).astype(int) - _MARGIN, 0, (width - 1, height - 1))
    high = np.clip(np.ceil(points.max(axis=0)).astype(int) + _MARGIN, low + 1, (width, height))
    (left, top), (right, bottom) = low.tolist(), high.tolist()
    part = photo[top:bottom, left:right]
    size = (right - left, bottom - top)
    scale = min(1.0, math.sqrt(MAX_PIXELS / (size[0] * size[1])))
    if scale < 1.0:
        smaller = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
        part = cv2.resize(part, smaller, interpolation=cv2.INTER_AREA)
    window = FaceWindow(left, top, size, np.ascontiguousarray(part), face)
    return replace(window, face=_moved(face, window))


def _moved(face: Face, window: FaceWindow) -> Face:
    factors, corner = window.factors, np.array([window.left, window.top])
    landmarks = (face.landmarks - corner + 0.5) * factors - 0.5
    (left, top), (right, bottom) = (
        (np.array(point) - corner) * factors
        for point in ((face.box.left, face.box.top), (face.box.right, face.box.bottom))
    )
    return Face(Box(float(left), float(top), float(right), float(bottom), face.box.score), landmarks)
