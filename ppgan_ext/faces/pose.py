"""Head pose from 68 landmarks: a generic 3D face fitted by perspective-n-point.

Convention (a unit test pins each sign): yaw is positive when the subject turns to their own left, image right; pitch
when they look up; roll when the head is turned counter-clockwise in the image. The head is first pitched, then yawed,
then rolled, each about the camera's axes, so rotating the picture changes only the roll. Pitch 0 is the upright head of
300W-LP; a person who looks straight into the camera is at about -7.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from ppgan_ext.faces.landmarks import check_landmarks
from ppgan_ext.types import FloatArray, Pose

# Landmark -> (x, y, z): x to the subject's left, y up, z towards the camera, in hundredths of the distance between the
# outer corners of the eyes. A rank-3 factorisation (Tomasi and Kanade, IJCV 1992) of the landmarks of 3,600 adults gave
# the shape up to the scale of its depth; that scale and the zero of pitch come from head poses predicted for the same
# faces. Points that slide along the jaw as the head turns, or move most with expression, are left out.
MODEL = {
    8: (0.0, -119.6, 13.2),
    17: (-65.7, 13.9, -14.9),
    21: (-13.4, 21.6, 19.3),
    22: (13.4, 21.6, 19.3),
    26: (65.7, 13.9, -14.9),
    27: (0.0, 5.9, 22.6),
    28: (0.0, -6.2, 30.7),
    29: (0.0, -18.1, 39.8),
    30: (0.0, -30.4, 48.6),
    31: (-16.7, -42.1, 28.1),
    33: (0.0, -46.3, 34.8),
    35: (16.7, -42.1, 28.1),
    36: (-50.0, 0.4, -3.9),
    39: (-21.1, -0.4, 3.9),
    42: (21.1, -0.4, 3.9),
    45: (50.0, 0.4, -3.9),
    48: (-32.9, -69.3, 3.2),
    54: (32.9, -69.3, 3.2),
}

_POINTS = np.array(list(MODEL.values()))

# From the camera's axes (x right, y down, z away) to those of the model (x right, y up, z towards the camera).
_FLIP = np.diag([1.0, -1.0, -1.0])

# Faces are hardly ever photographed from closer than half a metre. If a face fills the picture, the picture is a crop,
# and the camera's focal length is larger than the picture's width.
_MIN_DISTANCE = 3.5  # in face heights


def head_pose(landmarks: FloatArray, image_size: tuple[int, int]) -> Pose:
    """Estimate the head's pose as the camera sees it.

    The camera is a pinhole whose focal length is the image's width, or 3.5 face heights if that is more. It is assumed
    to point at the face: a face that looks the same has the same pose anywhere in the picture, and in any crop of it.

    Args:
        landmarks: (68, 2), pixels.
        image_size: (width, height) of the image.

    Returns:
        The angles in degrees; yaw within +-90.
    """
    points = check_landmarks(landmarks)
    focal = max(float(image_size[0]), _MIN_DISTANCE * float(np.ptp(points, axis=0).max()))
    camera = np.diag([focal, focal, 1.0])
    seen = points[list(MODEL)]
    seen = seen - seen.mean(axis=0)
    # SQPNP finds the global optimum of an algebraic error; from there the reprojection error is minimised.
    _, turn, shift = cv2.solvePnP(_POINTS, seen, camera, None, flags=cv2.SOLVEPNP_SQPNP)
    _, turn, shift = cv2.solvePnP(_POINTS, seen, camera, None, turn, shift, True, cv2.SOLVEPNP_ITERATIVE)
    return rotation_to_pose(_FLIP @ cv2.Rodrigues(turn)[0])


def rotation_to_pose(rotation: FloatArray) -> Pose:
    """Decompose a rotation into roll * yaw * pitch, the inverse of `pose_to_rotation`.

    Args:
        rotation: (3, 3), with axes x right, y up, z towards the camera; the identity is a frontal face.
    """
    yaw = math.asin(min(1.0, max(-1.0, -float(rotation[2, 0]))))
    pitch = -math.atan2(float(rotation[2, 1]), float(rotation[2, 2]))
    roll = math.atan2(float(rotation[1, 0]), float(rotation[0, 0]))
    return Pose(math.degrees(yaw), math.degrees(pitch), math.degrees(roll))


def pose_to_rotation(pose: Pose) -> FloatArray:
    """Return the (3, 3) rotation of a head, with axes x right, y up, z towards the camera."""
    yaw, pitch, roll = (math.radians(a) for a in (pose.yaw_degrees, pose.pitch_degrees, pose.roll_degrees))
    about_x = np.array(
        [[1.0, 0.0, 0.0], [0.0, math.cos(pitch), math.sin(pitch)], [0.0, -math.sin(pitch), math.cos(pitch)]]
    )
    about_y = np.array([[math.cos(yaw), 0.0, math.sin(yaw)], [0.0, 1.0, 0.0], [-math.sin(yaw), 0.0, math.cos(yaw)]])
    about_z = np.array([[math.cos(roll), -math.sin(roll), 0.0], [math.sin(roll), math.cos(roll), 0.0], [0.0, 0.0, 1.0]])
    return about_z @ about_y @ about_x
