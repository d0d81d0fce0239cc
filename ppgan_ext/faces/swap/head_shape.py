"""The shape of a face independent of its pose.

Landmarks and the depth of a generic face form a 3D face. It is turned to another face's pose and aligned with the
other's landmarks by a similarity. The remaining difference is the difference of the two faces' shapes.
"""

from __future__ import annotations

import numpy as np

from ppgan_ext.faces.landmarks import JAW, MIRROR, MOUTH, NUM_LANDMARKS
from ppgan_ext.faces.pose import head_pose, pose_to_rotation
from ppgan_ext.types import FloatArray, Pose

# A generic face: x to the subject's left, y up, z towards the camera, in hundredths of the distance between the outer
# corners of the eyes, like `pose.MODEL`. It is a least-squares fit over 3,400 adults with poses from that model. Only
# the subject's right half is listed: the face is symmetric.
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

# Less weight in the fit for points that say little about pose: the jaw slides, the mouth opens.
_FIT_WEIGHT = np.ones(NUM_LANDMARKS)
_FIT_WEIGHT[JAW] = 0.3
_FIT_WEIGHT[MOUTH] = 0.3
# What faces' halves have in common sideways is 0.5 (root mean square, 67 portraits within 4 degrees); their depths
# differ by about 4 from the generic face's (14 portraits beyond 10 degrees).
_LEAST_TURN = 0.12
_MOST_DEEPER = 12.0


def head_of(landmarks: FloatArray) -> FloatArray:
    """Return a face without its pose: the landmarks' own shape, with the depth of the generic face and its own.

    A turned face shows its depth: what protrudes more than the generic face does lies farther to the side that the face
    turns to, on both halves alike. What both halves of the inner face have in common is therefore taken for depth, more
    so the farther the head is turned; a face that looks at the camera keeps its asymmetry.

    Args:
        landmarks: (68, 2), pixels.

    Returns:
        (68, 3) float64, in the axes and units of `GENERIC`. Shown at the same pose it is the landmarks again.
    """
    rotation = pose_to_rotation(head_pose(landmarks, (1, 1)))
    # The generic face as the camera sees it in that pose provides the depth.
    generic = GENERIC @ rotation.T
    head = np.column_stack([_align(_upward(landmarks), generic[:, :2]), generic[:, 2]]) @ rotation
    # Points move along the line of sight, which the picture does not show.
    sight = rotation[2]
    aside = (head[:, 0] + head[MIRROR, 0]) / 2.0
    deeper = np.clip(-aside * sight[0] / (sight[0] ** 2 + _LEAST_TURN**2), -_MOST_DEEPER, _MOST_DEEPER)
    deeper[JAW] = 0.0  # its landmarks slide along the outline as the head turns
    return head + deeper[:, None] * sight


def show_head(head: FloatArray, pose: Pose, view: FloatArray) -> FloatArray:
    """Show a head at a pose, with the size and the position of a face in a photo.

    Args:
        head: (68, 3), from `head_of`.
        pose: the pose to turn it to.
        view: (68, 2), landmarks of the photo.

    Returns:
        (68, 2) float64, in the pixels of ``view``.
    """
    return _upward(_align((head @ pose_to_rotation(pose).T)[:, :2], _upward(view)))


def _upward(points: FloatArray) -> FloatArray:
    """Convert pixels (N, 2), y down, to coordinates with y up, or back."""
    return np.asarray(points, np.float64) * (1.0, -1.0)


def _align(points: FloatArray, others: FloatArray) -> FloatArray:
    """Align points (68, 2) with others (68, 2) by the least-squares similarity."""
    weight = _FIT_WEIGHT / _FIT_WEIGHT.sum()
    a, b = (array[:, 0] + 1j * array[:, 1] for array in (points, others))
    a, middle = a - weight @ a, weight @ b
    moved = middle + a * ((weight * a.conj()) @ (b - middle) / ((weight * a.conj()) @ a))
    return np.column_stack([moved.real, moved.imag])
