"""The geometric face attributes of PaddleGAN's direction file, computed from 68 landmarks.

Convention: landmarks are (68, 2), (x, y) in pixels, y down, iBUG order: jaw 0-16, brows 17-21 and 22-26, nose 27-35,
eyes 36-41 and 42-47 (image left first), outer lips 48-59, inner lips 60-67. They are first transformed to the face's
own frame: u along the line between the eye centres (image left to right), v perpendicular to it, downwards, both
divided by the size of the face. An eye's centre is the middle of its two corners; the size is sqrt(width * height) of
the jaw: width between its ends 0 and 16, height from their middle to the chin 8. So every attribute below is
independent of position, scale and (except `roll`) roll, and depends only on the points named.

PaddleGAN's file contains no definitions; these are the package's own:

    eye_distance          u between the eye centres
    eyes_open             mean gap between upper and lower lids, v of 41-37, 40-38, 47-43, 46-44
    eye_ratio             mean width of the eyes, u of 39-36 and 45-42
    eye_eyebrow_distance  v from brows (mean of 17-26) to eye centres
    nose_ratio            width of the nostrils, u of 35-31
    nose_tip              v from tip 30 to base 33: large if the tip is turned up
    nose_mouth_distance   v from base of the nose 33 to upper lip 51
    mouth_ratio           width of the mouth, u of 54-48
    mouth_open            mean gap between the inner lips, v of 67-61, 66-62, 65-63
    lip_ratio             mean thickness of the upper lip, v of 61-50, 62-51, 63-52, plus that of the lower, v of 58-67,
                          57-66, 56-65
    smile                 lift of the mouth's corners above the middle of the upper lip, v of 51 and 62 against 48 and
                          54, plus half the width of the mouth: a smile pulls the corners up and apart, and over many
                          faces half the width varies as much as the lift, so neither dominates
    roll                  angle of the line between the eye centres, degrees, counter-clockwise positive
"""

from __future__ import annotations

import numpy as np

from ppgan_ext.errors import InputError
from ppgan_ext.types import FloatArray

NUM_LANDMARKS = 68

PADDLEGAN_NAMES = (
    "age",
    "eyes_open",
    "eye_distance",
    "eye_eyebrow_distance",
    "eye_ratio",
    "gender",
    "lip_ratio",
    "mouth_open",
    "mouth_ratio",
    "nose_mouth_distance",
    "nose_ratio",
    "nose_tip",
    "pitch",
    "roll",
    "smile",
    "yaw",
)

_LIDS = ((37, 41), (38, 40), (43, 47), (44, 46))  # upper, lower
_INNER_LIPS = ((61, 67), (62, 66), (63, 65))
_UPPER_LIP = ((50, 61), (51, 62), (52, 63))
_LOWER_LIP = ((67, 58), (66, 57), (65, 56))


def geometric_attributes(landmarks: FloatArray) -> dict[str, FloatArray]:
    """Compute every geometric attribute, for one face or many.

    Args:
        landmarks: (68, 2) or (N, 68, 2); see the module for order and axes.

    Returns:
        By name, each () or (N,) float64: shares of the face's size, `roll` in degrees. NaN for a face whose landmarks
        have no extent or are not finite.

    Raises:
        InputError: the landmarks have another shape.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    if points.ndim not in (2, 3) or points.shape[-2:] != (NUM_LANDMARKS, 2):
        what = f"landmarks are (68, 2) or (N, 68, 2), got {points.shape}"
        raise InputError(what, cure="Give the 68 landmarks of each face")
    u, v = _face_frame(points)
    gaps = {name: _gap(v, pairs) for name, pairs in (("eyes_open", _LIDS), ("mouth_open", _INNER_LIPS))}
    corners_of_eyes = v[..., [36, 39, 42, 45]].mean(-1)
    mouth_width = u[..., 54] - u[..., 48]
    return {
        "eye_distance": (u[..., 42] + u[..., 45] - u[..., 36] - u[..., 39]) / 2,
        "eyes_open": gaps["eyes_open"],
        "eye_ratio": (u[..., 39] - u[..., 36] + u[..., 45] - u[..., 42]) / 2,
        "eye_eyebrow_distance": corners_of_eyes - v[..., 17:27].mean(-1),
        "nose_ratio": u[..., 35] - u[..., 31],
        "nose_tip": v[..., 33] - v[..., 30],
        "nose_mouth_distance": v[..., 51] - v[..., 33],
        "mouth_ratio": mouth_width,
        "mouth_open": gaps["mouth_open"],
        "lip_ratio": _gap(v, _UPPER_LIP) + _gap(v, _LOWER_LIP),
        "smile": v[..., [51, 62]].mean(-1) - v[..., [48, 54]].mean(-1) + mouth_width / 2,
        "roll": roll_degrees(points),
    }


def pose_cues(landmarks: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Compute two cues from the position of the nose, which increase with yaw and with pitch; they are not angles.

    Convention: when the subject turns to their own left, the nose moves towards image right, positive yaw; when they
    look up, the tip of the nose moves towards the eyes, positive pitch.

    Args:
        landmarks: (..., 68, 2).

    Returns:
        Yaw cue: u of the tip 30 from the middle of the eyes. Pitch cue: height of the tip between mouth (0) and eyes
        (1). Both (...,).
    """
    u, v = _face_frame(np.asarray(landmarks, dtype=np.float64))
    eyes = [36, 39, 42, 45]
    mouth = [48, 54]
    yaw_cue = u[..., 30] - u[..., eyes].mean(-1)
    pitch_cue = (v[..., mouth].mean(-1) - v[..., 30]) / (v[..., mouth].mean(-1) - v[..., eyes].mean(-1))
    return yaw_cue, pitch_cue


def pose_signs(landmarks: FloatArray, yaw: FloatArray, pitch: FloatArray) -> tuple[int, int]:
    """Determine the sign convention of yaw and pitch angles from the landmarks of the same faces.

    Args:
        landmarks: (N, 68, 2).
        yaw: (N,), degrees with unknown sign.
        pitch: (N,), degrees with unknown sign.

    Returns:
        +1 or -1 for each: the factor that converts them to this package's convention.

    Raises:
        InputError: the angles hardly correlate with the landmarks (below 0.3).
    """
    signs = []
    for name, cue, angle in zip(("yaw", "pitch"), pose_cues(landmarks), (yaw, pitch), strict=True):
        both = np.isfinite(cue) & np.isfinite(angle)
        correlation = float(np.corrcoef(cue[both], np.asarray(angle, np.float64)[both])[0, 1])
        if not abs(correlation) >= 0.3:
            what = f"the sign of {name} does not follow from the landmarks (correlation {correlation:.2f})"
            raise InputError(what, where=name, cure="Check that angles and landmarks are of the same faces")
        signs.append(1 if correlation > 0 else -1)
    return signs[0], signs[1]


def roll_degrees(landmarks: FloatArray) -> FloatArray:
    """Return the angle of the line between the eye centres, counter-clockwise positive.

    Args:
        landmarks: (..., 68, 2).

    Returns:
        (...,) degrees.
    """
    line = _eye_line(np.asarray(landmarks, dtype=np.float64))
    return np.degrees(np.arctan2(-line[..., 1], line[..., 0]))


def _eye_line(points: FloatArray) -> FloatArray:
    """Return the vector (..., 2) from the eye centre at image left to that at image right."""
    return points[..., [42, 45], :].mean(-2) - points[..., [36, 39], :].mean(-2)


def _face_frame(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Transform points (..., 68, 2) to the frame of the face: u and v, each (..., 68)."""
    line = _eye_line(points)
    with np.errstate(invalid="ignore", divide="ignore"):
        right = line / np.linalg.norm(line, axis=-1, keepdims=True)  # unit vector u
        ends = (points[..., 0, :] + points[..., 16, :]) / 2
        width = np.linalg.norm(points[..., 16, :] - points[..., 0, :], axis=-1)
        height = np.linalg.norm(points[..., 8, :] - ends, axis=-1)
        size = np.sqrt(width * height)
        scaled = points / np.where(size > 0, size, np.nan)[..., None, None]
    x, y = scaled[..., 0], scaled[..., 1]
    a, b = right[..., 0, None], right[..., 1, None]
    return a * x + b * y, a * y - b * x


def _gap(v: FloatArray, pairs: tuple[tuple[int, int], ...]) -> FloatArray:
    """Return the mean distance downwards from the first to the second point of each pair, (...,)."""
    upper, lower = ([pair[i] for pair in pairs] for i in (0, 1))
    return (v[..., lower] - v[..., upper]).mean(-1)
