"""The shape of a face apart from how the head is turned.

Landmarks and the depth of a generic face make a face in three dimensions, which is turned to another's pose, and there
laid over the other's landmarks as well as a similarity can. What then differs is how the two faces differ.
"""

from __future__ import annotations

import numpy as np

from ppgan_ext.faces.landmarks import LEFT_EYE, MIRROR, NUM_LANDMARKS, RIGHT_EYE
from ppgan_ext.faces.pose import head_pose, pose_to_rotation
from ppgan_ext.types import FloatArray, Pose

# A generic face: x to the subject's left, y up, z towards the camera, in hundredths of the distance between the outer
# corners of the eyes, as `pose.MODEL`. Least squares over 3,400 adults whose poses came from that model. Only the
# subject's right half: the face is made symmetric.
_HALF = {
    0: (-84.4, -3.7, -49.1), 1: (-83.4, -25.4, -43.5), 2: (-81.0, -47.0, -38.8), 3: (-77.0, -68.4, -35.4),
    4: (-68.7, -87.6, -28.2), 5: (-55.3, -102.9, -17.0), 6: (-38.8, -113.7, -3.0), 7: (-20.4, -120.2, 11.7),
    8: (0.0, -121.4, 16.7), 17: (-65.2, 15.2, -12.2), 18: (-54.1, 24.6, -1.8), 19: (-39.8, 27.3, 6.7),
    20: (-25.5, 25.6, 13.7), 21: (-12.5, 20.5, 18.9), 27: (0.0, 5.4, 21.2), 28: (0.0, -6.9, 29.3),
    29: (0.0, -18.7, 38.5), 30: (0.0, -30.5, 47.1), 31: (-15.7, -41.5, 28.1), 32: (-8.1, -43.5, 32.1),
    33: (0.0, -45.6, 34.6), 36: (-48.5, 1.5, -2.5), 37: (-39.7, 6.6, 0.6), 38: (-29.6, 6.4, 1.9),
    39: (-20.6, 0.1, 3.5), 40: (-30.2, -1.4, 3.7), 41: (-40.3, -1.4, 2.3), 48: (-32.8, -69.4, 4.5),
    49: (-20.2, -62.3, 18.6), 50: (-8.5, -58.8, 26.8), 51: (0.0, -60.6, 27.9), 57: (0.0, -81.8, 28.3),
    58: (-9.2, -81.1, 27.1), 59: (-20.8, -78.2, 18.0), 60: (-28.0, -69.8, 6.5), 61: (-8.6, -65.5, 25.9),
    62: (0.0, -66.2, 27.1), 66: (0.0, -72.1, 26.8), 67: (-8.8, -71.3, 25.7),
}  # fmt: skip

# (68, 3)
GENERIC = np.array([_HALF[i] if i in _HALF else np.multiply(_HALF[int(MIRROR[i])], (-1, 1, 1)) for i in range(68)])

# Parts that move with expression: they are taken along as a whole, so that the photo's expression stays.
_PARTS = (RIGHT_EYE, LEFT_EYE, slice(17, 22), slice(22, 27), slice(48, 68))
# Their points say little about pose, which the fit is to explain: the jaw slides, the mouth opens.
_FIT_WEIGHT = np.ones(NUM_LANDMARKS)
_FIT_WEIGHT[:17] = 0.3
_FIT_WEIGHT[48:] = 0.3


def seen_alike(landmarks: FloatArray, view: FloatArray) -> FloatArray:
    """Show a face as another is seen: its own shape, at the other's pose, size and place.

    Args:
        landmarks: (68, 2), the face.
        view: (68, 2), the other, in its photo's pixels.

    Returns:
        (68, 2) float64, in the pixels of ``view``.
    """
    return _seen_at(landmarks, view, head_pose(view, (1, 1)))


def turn_by(landmarks: FloatArray, yaw_degrees: float, pitch_degrees: float) -> FloatArray:
    """Turn a face by some degrees as seen by the camera; size and place stay.

    Args:
        landmarks: (68, 2), the face.
        yaw_degrees: how far to its own left.
        pitch_degrees: how far up.

    Returns:
        (68, 2) float64; the landmarks given for 0 and 0.
    """
    pose = head_pose(landmarks, (1, 1))
    turned = Pose(pose.yaw_degrees + yaw_degrees, pose.pitch_degrees + pitch_degrees, pose.roll_degrees)
    return _seen_at(landmarks, landmarks, turned)


def _seen_at(landmarks: FloatArray, view: FloatArray, pose: Pose) -> FloatArray:
    """Turn a face to a pose, and lay it over another."""
    rotation, wanted = pose_to_rotation(head_pose(landmarks, (1, 1))), pose_to_rotation(pose)
    # As the camera sees the generic face in that pose; there it lends its depth.
    generic = GENERIC @ rotation.T
    head = np.column_stack([_lay_over(_upward(landmarks), generic[:, :2]), generic[:, 2]]) @ rotation
    return _upward(_lay_over((head @ wanted.T)[:, :2], _upward(view)))


def _upward(points: FloatArray) -> FloatArray:
    """Turn pixels, y down, into coordinates with y up, or back."""
    return np.asarray(points, np.float64) * (1.0, -1.0)


def _lay_over(points: FloatArray, others: FloatArray) -> FloatArray:
    """Bring points, (68, 2), over others by the similarity of least squares."""
    weight = _FIT_WEIGHT / _FIT_WEIGHT.sum()
    a, b = (array[:, 0] + 1j * array[:, 1] for array in (points, others))
    a, middle = a - weight @ a, weight @ b
    moved = middle + a * ((weight * a.conj()) @ (b - middle) / ((weight * a.conj()) @ a))
    return np.column_stack([moved.real, moved.imag])


def lend_shape(landmarks: FloatArray, other: FloatArray, share: float) -> FloatArray:
    """Move landmarks towards another person's shape, and leave pose and expression as they are.

    Args:
        landmarks: (68, 2) of the photo.
        other: (68, 2) of the other person, in whatever photo.
        share: 0 keeps the photo's shape, 1 takes the other's.

    Returns:
        (68, 2) float64, the photo's pixels.
    """
    landmarks = np.asarray(landmarks, np.float64)
    move = seen_alike(other, landmarks) - landmarks
    for part in _PARTS:
        move[part] = move[part].mean(axis=0)
    return landmarks + share * move
