"""Cut faces out of photos, upright and of one size: the square that StyleGAN2's training faces were cut with.

The square "ffhq" is that of the FFHQ data set (Karras et al., arXiv 1812.04948, appendix A) and of PaddleGAN; "tight"
is the same construction, drawn closer and lower: from above the brows to below the lip.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ppgan_ext.errors import ConfigError, nearest
from ppgan_ext.faces.landmarks import LEFT_EYE, LEFT_MOUTH_CORNER, NUM_LANDMARKS, RIGHT_EYE, RIGHT_MOUTH_CORNER
from ppgan_ext.faces.warp import warp
from ppgan_ext.types import Crop, Face, FloatArray, Image


@dataclass(frozen=True)
class CropTemplate:
    """How a crop's square follows from the landmarks.

    Attributes:
        scale: half the side, as a share of the larger of 2.0 eye distances and 1.8 eye-to-mouth distances.
        shift: how far the centre lies below the eyes, as a share of the eye-to-mouth distance.
    """

    scale: float
    shift: float


TEMPLATES = {"ffhq": CropTemplate(scale=1.0, shift=0.1), "tight": CropTemplate(scale=0.58, shift=0.4)}

_EYE_FACTOR = 2.0
_MOUTH_FACTOR = 1.8


def crop_face(image: Image, face: Face, template: str = "ffhq", size: int = 256) -> Crop:
    """Cut the aligned square around a face out of a photo.

    The photo is area-averaged where the crop is smaller than the face, cubic where it is larger, and goes on as its own
    reflection beyond the border.

    Args:
        image: the photo, (H, W, 3).
        face: the face, in the photo's pixels.
        template: "ffhq" or "tight", as the network's record says.
        size: side of the crop in pixels.

    Raises:
        ConfigError: no such template.
    """
    matrix = crop_matrix(face.landmarks, template, size)
    return Crop(warp(image, matrix, (size, size)), matrix, template)


def crop_matrix(landmarks: FloatArray, template: str, size: int) -> FloatArray:
    """Give the map from photo pixels to crop pixels, pixel centres at integers on both sides.

    Convention: the square is `crop_quad`, whose numbers are edge coordinates (0 is the outer edge of the first pixel),
    as in PIL's Image.QUAD, with which FFHQ and PaddleGAN cut it. So a landmark, which is the index of a pixel, comes
    to lie at ``(landmark + 0.5 - corner) * scale - 0.5``.

    Args:
        landmarks: (68, 2), photo pixels.
        template: "ffhq" or "tight".
        size: side of the crop in pixels.

    Returns:
        (2, 3) float64: a similarity, without mirroring.
    """
    corner, bottom_left, _, _ = crop_quad(landmarks, template)
    down = bottom_left - corner
    right = np.array([down[1], -down[0]])
    linear = np.stack([right, down]) * (size / float(down @ down))
    return np.hstack([linear, (linear @ (0.5 - corner) - 0.5)[:, None]])


def crop_quad(landmarks: FloatArray, template: str) -> FloatArray:
    """Give the corners of the crop's square in the photo.

    Args:
        landmarks: (68, 2), photo pixels.
        template: "ffhq" or "tight".

    Returns:
        (4, 2) float64, edge coordinates: top left, bottom left, bottom right, top right (the order of PIL's QUAD).

    Raises:
        ConfigError: no such template.
    """
    if template not in TEMPLATES:
        raise ConfigError(f"there is no crop template '{template}'", cure=nearest(template, TEMPLATES))
    points = np.asarray(landmarks, np.float64)
    if points.shape != (NUM_LANDMARKS, 2):
        raise ValueError(f"landmarks must be ({NUM_LANDMARKS}, 2), got {points.shape}")
    shape = TEMPLATES[template]
    right_eye, left_eye = points[RIGHT_EYE].mean(axis=0), points[LEFT_EYE].mean(axis=0)
    eyes = (right_eye + left_eye) / 2
    across = left_eye - right_eye
    down = (points[RIGHT_MOUTH_CORNER] + points[LEFT_MOUTH_CORNER]) / 2 - eyes
    # Both directions vote: the line of the eyes, and the perpendicular of the line from eyes to mouth.
    x = across - np.array([-down[1], down[0]])
    half_side = max(_EYE_FACTOR * np.hypot(*across), _MOUTH_FACTOR * np.hypot(*down)) * shape.scale
    x *= half_side / np.hypot(*x)
    y = np.array([-x[1], x[0]])
    centre = eyes + shape.shift * down
    return np.stack([centre - x - y, centre - x + y, centre + x + y, centre + x - y])
