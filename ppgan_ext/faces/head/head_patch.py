"""The head's surroundings on a small upright copy: the frame in which hair is looked for.

Convention: the patch is `SHAPE` pixels (height, width) with `EYES` pixels between the centres of the eyes, which lie
level; the point between them is at `CENTRE`. What lies outside the photo is marked, not invented.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.axes import eye_centres, eye_distance, levelling
from ppgan_ext.faces.warp import compose, invert, rectangle_around, transform_points
from ppgan_ext.types import FloatArray

EYES = 32.0
SHAPE = (240, 192)
CENTRE = (95.5, 92.0)
_BRIGHT = 210.0  # the brightest twentieth of a photo that is not dark


class HeadPatch(NamedTuple):
    """A small upright copy of a head and its surroundings.

    Attributes:
        picture: (240, 192, 3) float32 RGB, 0 to 255, in a dark photo brightened; the border is repeated outside the
            photo.
        inside: (240, 192) float32, 1 where the photo is.
        landmarks: (68, 2) in the patch.
        matrix_photo_to_patch: (2, 3) float64.
    """

    picture: npt.NDArray[np.float32]
    inside: npt.NDArray[np.float32]
    landmarks: FloatArray
    matrix_photo_to_patch: FloatArray


def patch_matrix(landmarks: FloatArray) -> FloatArray:
    """Return the (2, 3) similarity from the photo to the patch."""
    points = np.asarray(landmarks, np.float64)
    right, left = eye_centres(points)
    across = left - right
    scale = EYES / float(across @ across)
    turn = scale * levelling(across)
    return np.column_stack([turn, np.array(CENTRE) - turn @ ((right + left) / 2)])


def region_of(landmarks: FloatArray, shape: tuple[int, ...], below: int = 0) -> tuple[int, int, int, int]:
    """Return the rectangle (left, top, right, bottom) of the photo that the patch covers, right and bottom outside.

    ``below`` is a number of rows that are added to the patch there.
    """
    rows, columns = SHAPE[0] + below, SHAPE[1]
    corners = np.array([[-0.5, -0.5], [columns - 0.5, -0.5], [-0.5, rows - 0.5], [columns - 0.5, rows - 0.5]])
    return rectangle_around(transform_points(corners, invert(patch_matrix(landmarks))), shape)


def head_patch(photo: npt.NDArray, landmarks: FloatArray) -> HeadPatch:
    """Draw the patch of a face.

    Args:
        photo: (H, W, 3) RGB, 0 to 255.
        landmarks: (68, 2), photo pixels.
    """
    matrix = patch_matrix(landmarks)
    left, top, right, bottom = region_of(landmarks, photo.shape)
    part = photo[top:bottom, left:right]
    # Shrunk by areas first, so that no strand is skipped; the rest is a factor between 1 and 2.
    shrink = max(1.0, eye_distance(landmarks) / EYES)
    size = (max(1, round((right - left) / shrink)), max(1, round((bottom - top) / shrink)))
    small = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.float32)
    factor = np.array([size[0] / (right - left), size[1] / (bottom - top)])
    # Photo pixel x is (x - left + 0.5) * factor - 0.5 of the small copy.
    to_small = np.array(
        [[factor[0], 0.0, (0.5 - left) * factor[0] - 0.5], [0.0, factor[1], (0.5 - top) * factor[1] - 0.5]]
    )
    to_patch = compose(matrix, invert(to_small))
    size_of_patch = SHAPE[::-1]
    picture = cv2.warpAffine(small, to_patch, size_of_patch, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    ones = np.ones(small.shape[:2], np.float32)
    inside = cv2.warpAffine(ones, to_patch, size_of_patch, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    points = transform_points(landmarks, matrix)
    # What is seen must not depend on how bright the photo is.
    bright = float(np.percentile(small, 95))
    picture = np.clip(picture * np.float32(max(1.0, _BRIGHT / max(bright, 1.0))), 0.0, 255.0)
    return HeadPatch(picture, inside, points, matrix)


def patch_to_picture(values: FloatArray, landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw a map of the patch (240, 192) over the photo (H, W); 0 outside the patch."""
    size = (shape[1], shape[0])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    matrix = patch_matrix(landmarks)
    return np.asarray(cv2.warpAffine(np.asarray(values, np.float32), matrix, size, flags=flags), np.float32)
