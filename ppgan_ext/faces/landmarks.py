"""68 facial landmarks: an ensemble of regression trees (Kazemi and Sullivan, CVPR 2014), dlib's trained model.

Order of iBUG 300-W; "right" and "left" are the subject's: 0-16 jaw from the right ear to the left, 17-21
right brow, 22-26 left brow, 27-30 nose bridge downwards, 31-35 nostrils, 36-41 right eye, 42-47 left eye, 48-59 outer
lip, 60-67 inner lip. The subject's right is image left in an upright, unmirrored photo.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ppgan_ext.errors import InputError
from ppgan_ext.faces import models
from ppgan_ext.faces.light import brightened
from ppgan_ext.faces.regression_trees import to_grey
from ppgan_ext.faces.warp import compose, invert, transform_points, warp
from ppgan_ext.types import Box, FloatArray, Image

NUM_LANDMARKS = 68
# Indices of parts of the face.
JAW = slice(0, 17)
RIGHT_BROW, LEFT_BROW = BROWS = slice(17, 22), slice(22, 27)
BOTH_BROWS = slice(17, 27)
JAW_AND_BROWS = slice(0, 27)
INNER_FACE = slice(17, 68)
NOSE = slice(27, 36)
NOSE_BRIDGE = slice(27, 31)
NOSTRILS = slice(31, 36)
RIGHT_EYE = slice(36, 42)
LEFT_EYE = slice(42, 48)
BOTH_EYES = slice(36, 48)
MOUTH = slice(48, 68)
LIPS, INNER_LIPS = slice(48, 60), slice(60, 68)
_BROWS_AND_EYES, _NOSE_AND_MOUTH = np.r_[17:27, 36:48], np.r_[27:36, 48:68]
RIGHT_MOUTH_CORNER = 48
LEFT_MOUTH_CORNER = 54

# The predictor reads single pixels and returns whole ones. In a patch where every face has the same large size, its
# result is finer than a pixel of a small photo, and averaging reduces the noise of a large one.
_FACE_IN_PATCH = 256
_PATCH = 2 * _FACE_IN_PATCH
# Boxes that are shifted by a twentieth of the face, and larger and smaller by as much: right, down, larger, in pixels.
# With the mirrored patch they reduce what landmarks differ by between two sizes of one photo from 0.0064 to 0.0042
# eye distances, on 61 portraits.
_JITTERS = ((0, 0, 0), (13, 0, 0), (-13, 0, 0), (0, 13, 0), (0, -13, 0), (0, 0, 10), (0, 0, -10))
_UPRIGHT_DEGREES = 5.0
# Spread of the predictions, in box widths: below 0.01 for 99% of portraits, from 0.04 on where there is no face.
MAX_SPREAD = 0.03
# Of single points, at which half of them are wrong by a tenth of the eye distance: 31 portraits with masks, sunglasses
# and hands painted onto them, 10,540 points.
_HALF_CERTAIN = 0.025

_FLAT = 1e-9  # width over length, or over the coordinates, of points on a line
_CURE = "Give the 68 points of a face, (x, y) in pixels of the photo"

# MIRROR[i] is the index, in a mirrored picture, of landmark i of the original.
MIRROR = np.array(
    [
        *range(16, -1, -1),
        *range(26, 16, -1),
        *range(27, 31),
        *range(35, 30, -1),
        *(45, 44, 43, 42, 47, 46),
        *(39, 38, 37, 36, 41, 40),
        *range(54, 47, -1),
        *range(59, 54, -1),
        *range(64, 59, -1),
        *range(67, 64, -1),
    ]
)


class PredictedLandmarks(NamedTuple):
    """Landmarks, and how sure they are.

    Attributes:
        points: (68, 2) float64, (x, y).
        spread: distance between the predictions, median over the points of the root mean square, in box widths; below
            0.01 for nearly all faces.
        certainty: (68,) in [0, 1], chance that a point is right to a tenth of the distance between the eyes. It is low
            where something covers the face, where the head hides a point, and everywhere on what is no face.
    """

    points: FloatArray
    spread: float
    certainty: FloatArray


def predict_landmarks(image: Image, box: Box, matrix_photo_to_copy: FloatArray | None = None) -> PredictedLandmarks:
    """Predict the 68 landmarks of the face in a box.

    The predictor runs on seven slightly different boxes, in the picture and in its mirror image, and again after a
    tilted head is rotated upright: it was trained on upright heads, and at a tilt of 30 degrees its error is 2.5 times
    as large. The result is the median; without a face, the predictions disagree.

    Convention: the landmarks are in photo pixels with centres at integers, with the photo's own left and right,
    whatever copy the face was detected in.

    Args:
        image: the photo, (H, W, 3).
        box: the detector's rectangle, in pixels of the copy.
        matrix_photo_to_copy: (2, 3), matrix of the copy in which the face was detected: rotated, mirrored or resized so
            that the face is roughly upright. None for the photo itself.
    """
    to_copy = np.eye(2, 3) if matrix_photo_to_copy is None else matrix_photo_to_copy
    to_patch = compose(_copy_to_patch(box), to_copy)
    in_patch = _predict_in_patch(brightened(warp(image, to_patch, (_PATCH, _PATCH))))
    tilt = _tilt_degrees(np.median(in_patch, axis=0))
    if abs(tilt) > _UPRIGHT_DEGREES:
        to_patch = compose(_turn_patch(-tilt), to_patch)
        in_patch = _predict_in_patch(brightened(warp(image, to_patch, (_PATCH, _PATCH))))
    middle = np.median(in_patch, axis=0)
    spreads = np.sqrt(np.square(in_patch - middle).sum(axis=2).mean(axis=0)) / _FACE_IN_PATCH
    points = transform_points(middle, invert(to_patch))
    if np.linalg.det(to_copy[:, :2]) < 0:
        points, spreads = points[MIRROR], spreads[MIRROR]
    certainty = 1.0 / (1.0 + np.square(spreads / _HALF_CERTAIN))
    return PredictedLandmarks(points, float(np.median(spreads)), certainty)


def sure_landmarks(image: Image, box: Box) -> FloatArray | None:
    """Predict the 68 landmarks of the face in a box, (68, 2) float64; None if the predictions disagree.

    They do so without a face. See `predict_landmarks` for the arguments.
    """
    predicted = predict_landmarks(image, box)
    return predicted.points if predicted.spread <= MAX_SPREAD else None


def features_seen(certainty: FloatArray) -> float:
    """Return how sure it is, 0 to 1, that a face's features are where its landmarks say.

    That is the mean certainty of brows and eyes or of nose and mouth, whichever is surer: sunglasses cover the ones, a
    mask the others, a head in profile shows neither.

    Args:
        certainty: (68,) in [0, 1], see `PredictedLandmarks`.
    """
    return float(max(certainty[_BROWS_AND_EYES].mean(), certainty[_NOSE_AND_MOUTH].mean()))


def check_landmarks(landmarks: FloatArray) -> FloatArray:
    """Return landmarks (68, 2) as float64.

    Raises:
        ValueError: another shape.
        InputError: they are not finite, or all on one line or at one point.
    """
    points = np.asarray(landmarks, np.float64)
    if points.shape != (NUM_LANDMARKS, 2):
        raise ValueError(f"landmarks must be ({NUM_LANDMARKS}, 2), got {points.shape}")
    if not np.isfinite(points).all():
        raise InputError("are not finite", where="landmarks", cure=_CURE)
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    if spread[1] <= _FLAT * max(spread[0], np.abs(points).max()):
        raise InputError("lie on one line or at one point, so they have no area", where="landmarks", cure=_CURE)
    return points


def _predict_in_patch(patch: Image) -> FloatArray:
    """Return the predictions for all boxes, plain and mirrored, (14, 68, 2) in patch pixels."""
    first, last = (_PATCH - _FACE_IN_PATCH) // 2, (_PATCH + _FACE_IN_PATCH) // 2 - 1
    corners = np.array(
        [(first + x - more, first + y - more, last + x + more, last + y + more) for x, y, more in _JITTERS], np.float64
    )
    grey = to_grey(patch)
    both = np.repeat(np.stack([grey, grey[:, ::-1]]), len(corners), axis=0)
    plain, mirrored = np.split(models.predictor().predict(both, np.tile(corners, (2, 1))), 2)
    return np.concatenate([plain, mirrored[:, MIRROR] * (-1, 1) + (_PATCH - 1, 0)])


def _tilt_degrees(landmarks: FloatArray) -> float:
    """Return the angle of the line between the eyes, counter-clockwise positive; 0 when upright."""
    x, y = landmarks[LEFT_EYE].mean(axis=0) - landmarks[RIGHT_EYE].mean(axis=0)
    return math.degrees(math.atan2(-y, x))


def _turn_patch(degrees: float) -> FloatArray:
    """Return the matrix (2, 3) that rotates the patch counter-clockwise about its centre."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    linear = np.array([[cosine, sine], [-sine, cosine]])
    centre = np.full((2, 1), (_PATCH - 1) / 2)
    return np.hstack([linear, centre - linear @ centre])


def _copy_to_patch(box: Box) -> FloatArray:
    """Return the matrix (2, 3) that maps the box's edges to the middle half of the patch."""
    scale = _FACE_IN_PATCH / max(box.width, box.height)
    centre_x, centre_y = (box.left + box.right - 1) / 2, (box.top + box.bottom - 1) / 2
    middle = (_PATCH - 1) / 2
    return np.array([[scale, 0.0, middle - scale * centre_x], [0.0, scale, middle - scale * centre_y]])
