"""Crop faces from photos, upright and at one size, with the square of StyleGAN2's training faces.

The template "ffhq" is that of the FFHQ data set (Karras et al., arXiv 1812.04948, appendix A) and of PaddleGAN; "tight"
is the same construction, closer and lower: from above the brows to below the lip.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ppgan_ext.errors import ConfigError, nearest
from ppgan_ext.faces.axes import eye_centres
from ppgan_ext.faces.landmarks import (
    LEFT_MOUTH_CORNER,
    RIGHT_MOUTH_CORNER,
    check_landmarks,
)
from ppgan_ext.faces.warp import warp
from ppgan_ext.types import Crop, Face, FloatArray, Image


@dataclass(frozen=True)
class CropTemplate:
    """The construction of a crop's square from the landmarks.

    Attributes:
        scale: half the side, as a share of the larger of 2.0 eye distances and 1.8 eye-to-mouth distances.
        shift: distance of the centre below the eyes, as a share of the eye-to-mouth distance.
    """

    scale: float
    shift: float


TEMPLATES = {"ffhq": CropTemplate(scale=1.0, shift=0.1), "tight": CropTemplate(scale=0.58, shift=0.4)}

_EYE_FACTOR = 2.0
_MOUTH_FACTOR = 1.8


def crop_face(image: Image, face: Face, template: str = "ffhq", size: int = 256) -> Crop:
    """Crop the aligned square around a face from a photo.

    The photo is area-averaged if the crop is smaller than the face and interpolated cubically if it is larger. Beyond
    its border it is reflected.

    Args:
        image: the photo, (H, W, 3).
        face: the face, in the photo's pixels.
        template: "ffhq" or "tight", as the network's record states.
        size: side of the crop in pixels.

    Raises:
        ConfigError: unknown template.
    """
    matrix = crop_matrix(face.landmarks, template, size)
    return Crop(warp(image, matrix, (size, size)), matrix, template)


def crop_matrix(landmarks: FloatArray, template: str, size: int) -> FloatArray:
    """Return the matrix from photo pixels to crop pixels, pixel centres at integers in both.

    Convention: the square is `crop_quad`, whose numbers are edge coordinates (0 is the outer edge of the first pixel),
    as in PIL's Image.QUAD, which FFHQ and PaddleGAN use. A landmark, which is the index of a pixel, therefore maps to
    ``(landmark + 0.5 - corner) * scale - 0.5``.

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
    """Return the corners of the crop's square in the photo.

    Args:
        landmarks: (68, 2), photo pixels.
        template: "ffhq" or "tight".

    Returns:
        (4, 2) float64, edge coordinates: top left, bottom left, bottom right, top right (the order of PIL's QUAD).

    Raises:
        ConfigError: unknown template.
    """
    if template not in TEMPLATES:
        raise ConfigError(f"there is no crop template '{template}'", cure=nearest(template, TEMPLATES))
    points = check_landmarks(landmarks)
    construction = TEMPLATES[template]
    right_eye, left_eye = eye_centres(points)
    eyes = (right_eye + left_eye) / 2
    across = left_eye - right_eye
    down = (points[RIGHT_MOUTH_CORNER] + points[LEFT_MOUTH_CORNER]) / 2 - eyes
    # The sum of two directions: the line of the eyes, and the perpendicular of the line from eyes to mouth.
    x = across - np.array([-down[1], down[0]])
    half_side = max(_EYE_FACTOR * np.hypot(*across), _MOUTH_FACTOR * np.hypot(*down)) * construction.scale
    x *= half_side / np.hypot(*x)
    y = np.array([-x[1], x[0]])
    centre = eyes + construction.shift * down
    return np.stack([centre - x - y, centre - x + y, centre + x + y, centre + x - y])
