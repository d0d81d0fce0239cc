"""Find the skin of a face by its place and its colour, and tell it from what covers it."""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.color import to_lab
from ppgan_ext.faces.landmarks import BROWS, LEFT_EYE, LIPS, RIGHT_EYE
from ppgan_ext.faces.light import luminance, to_linear, to_srgb
from ppgan_ext.faces.mask import draw_part, face_mask
from ppgan_ext.types import FloatArray, Image

_OUTLIER = 2.5  # robust deviations from the median of the skin's colours
_EDGE = 0.02  # width of the face's edge where foreign colours are looked for
_MIN_PIXELS = 24
_LEAST_LEVEL = 2e-4  # luminance of skin in a photo that is nearly black
_MOST_SPREAD = (12.0, 4.0, 4.0)  # of the Lab colours of skin
_LIKE = 0.2  # luminance at which colours are compared, whatever the exposure


def face_size(landmarks: FloatArray) -> float:
    """Return the size of a face in pixels: the square root of the area of the hull of its landmarks (68, 2)."""
    hull = cv2.convexHull(np.asarray(landmarks, np.float32))
    return math.sqrt(max(float(cv2.contourArea(hull)), 1.0))


def face_copy(shape: tuple[int, ...], landmarks: FloatArray, face_pixels: float) -> tuple[tuple[int, int], FloatArray]:
    """Return the size (width, height) of a copy on which a face is at most so large, and its landmarks there.

    Args:
        shape: of the picture, (H, W, ...).
        landmarks: (68, 2) in it.
        face_pixels: largest `face_size` on the copy, which is never larger than the picture.
    """
    height, width = shape[:2]
    scale = min(1.0, face_pixels / face_size(landmarks))
    size = max(4, round(width * scale)), max(4, round(height * scale))
    return size, (np.asarray(landmarks) + 0.5) * (np.array(size) / (width, height)) - 0.5


class SkinWeights(NamedTuple):
    """Weights of skin and of objects that cover it, (H, W) float32 in [0, 1] each.

    Attributes:
        skin: within the face, outside eyes, brows and mouth, and with the skin's colour.
        foreign: anything else on the bare parts of the face: hair, a hand's shadow, a frame.
    """

    skin: npt.NDArray[np.float32]
    foreign: npt.NDArray[np.float32]


def find_skin(landmarks: FloatArray, image: Image | FloatArray) -> SkinWeights:
    """Separate skin from objects that cover it.

    Args:
        landmarks: (68, 2), pixels of the picture.
        image: (H, W, 3) RGB, 0 to 255.
    """
    expected = bare_skin(landmarks, image.shape)
    foreign = _foreign_color(image, expected)
    whole = bare_skin(landmarks, image.shape, feather=_EDGE)
    return SkinWeights(expected * (1.0 - foreign), (whole > 0.5) * foreign)


def bare_skin(landmarks: FloatArray, shape: tuple[int, ...], feather: float = 0.1) -> npt.NDArray[np.float32]:
    """Draw the parts of a face where skin is expected, (H, W) in [0, 1]; ``feather`` as for `face_mask`."""
    size = face_size(landmarks)
    weight = face_mask(landmarks, shape, feather)
    for part, width in ((RIGHT_EYE, 0.06), (LEFT_EYE, 0.06), (LIPS, 0.03), *((brow, 0.05) for brow in BROWS)):
        weight = np.minimum(weight, 1.0 - draw_part(landmarks[part], shape, width * size))
    return weight.astype(np.float32)


def _foreign_color(image: Image | FloatArray, expected: FloatArray) -> npt.NDArray[np.float32]:
    """Return how far each pixel's colour is from the colours where skin is expected, (H, W) in [0, 1]."""
    inside = expected > 0.5
    if np.count_nonzero(inside) < _MIN_PIXELS:
        return np.zeros(image.shape[:2], np.float32)
    lab = even_lab(image, expected)
    colors = lab[inside]
    middle = np.median(colors, axis=0)
    # A beard or a hat within the face must not make everything pass for skin.
    spread = np.minimum(1.4826 * np.median(np.abs(colors - middle), axis=0) + 1.0, _MOST_SPREAD)
    # Light changes L much more than it changes the colour of skin.
    spread *= np.array([1.3, 1.0, 1.0], spread.dtype)
    distance = functools.reduce(np.maximum, (np.abs(lab[..., i] - middle[i]) / spread[i] for i in range(3)))
    return np.clip(distance - np.float32(_OUTLIER), 0.0, 1.0)


def even_lab(image: Image | FloatArray, expected: FloatArray) -> npt.NDArray[np.float32]:
    """Return CIE Lab colours, (H, W, 3), in an exposure in which all skin is equally bright.

    Args:
        image: (H, W, 3) RGB, 0 to 255.
        expected: (H, W), where skin is expected; at least one pixel above 0.5.
    """
    light = to_linear(np.asarray(image, np.float32))
    level = max(float(np.median(luminance(light)[expected > 0.5])), _LEAST_LEVEL)
    return np.asarray(to_lab(to_srgb(light * np.float32(_LIKE / level))), np.float32)
