"""Landmarks and pose of a picture that is an aligned crop already, such as what a generator draws.

Where the face lies is known, so no detector looks for it: one landmark prediction, a twentieth of the time, also where
the crop is too close for a detector.
"""

from __future__ import annotations

from ppgan_ext.errors import ConfigError, nearest
from ppgan_ext.faces.landmarks import sure_landmarks
from ppgan_ext.faces.pose import PoseEstimate, estimate_pose
from ppgan_ext.types import Box, FloatArray, Image

# The detector's rectangle in a crop (left, top, right, bottom; shares of its side): means over 60 faces of the bundled
# model's data in "tight", symmetric across; "ffhq" is where that lies in the wider square, the mouth being 0.50 units
# of the square below the eyes.
_BOXES = {"tight": (0.014, 0.046, 0.986, 0.987), "ffhq": (0.218, 0.312, 0.782, 0.858)}


def aligned_landmarks(image: Image, template: str = "tight") -> FloatArray | None:
    """Place 68 landmarks on the face of an aligned crop.

    Args:
        image: the crop, (S, S, 3).
        template: how it was aligned, "tight" or "ffhq".

    Returns:
        (68, 2) float64, crop pixels; None where the predictor's answers disagree as they do without a face.

    Raises:
        ConfigError: no such template.
    """
    if template not in _BOXES:
        raise ConfigError(f"unknown crop template '{template}'", where="template", cure=nearest(template, _BOXES))
    height, width = image.shape[:2]
    left, top, right, bottom = _BOXES[template]
    return sure_landmarks(image, Box(left * width, top * height, right * width, bottom * height))


def aligned_pose(image: Image, template: str = "tight") -> PoseEstimate | None:
    """Estimate the pose of the face in an aligned crop; None where there is no face to be seen. See both parts."""
    landmarks = aligned_landmarks(image, template)
    return None if landmarks is None else estimate_pose(landmarks, (image.shape[1], image.shape[0]))
