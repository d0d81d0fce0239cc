"""Head pose from 68 landmarks: a generic 3D face fitted by perspective-n-point.

Convention (a unit test pins each sign): yaw is positive when the subject turns to their own left, image right; pitch
when they look up; roll when the head is turned counter-clockwise in the image. The head is first pitched, then yawed,
then rolled, each about the camera's axes, so rotating the picture changes only the roll. Pitch 0 is the upright head of
300W-LP; a person who looks straight into the camera is at about -7.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

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


@dataclass(frozen=True)
class PoseEstimate:
    """A pose with its uncertainty.

    Attributes:
        pose: the angles.
        yaw_error: standard deviation of the yaw, degrees.
        pitch_error: standard deviation of the pitch, degrees.
        roll_error: standard deviation of the roll, degrees.
        residual: root mean square distance of the landmarks from the fit, in pixels per coordinate.
    """

    pose: Pose
    yaw_error: float
    pitch_error: float
    roll_error: float
    residual: float


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
    return _fit(landmarks, image_size).pose


def estimate_pose(landmarks: FloatArray, image_size: tuple[int, int]) -> PoseEstimate:
    """Estimate the pose, and the standard error of each angle from the residuals of the fit.

    The covariance is that of a least-squares fit: residual variance times (J^T J)^-1, where J is the derivative of the
    projected points with respect to the six parameters, propagated to the angles. The landmarks' deviations are treated
    as independent. The errors thus include the landmarks' noise and, roughly, the difference from the generic shape,
    but not an error of the landmark predictor that looks like another pose.

    Args:
        landmarks: (68, 2), pixels.
        image_size: (width, height) of the image.
    """
    fit = _fit(landmarks, image_size)
    projected, derivatives = cv2.projectPoints(_POINTS, fit.turn, fit.shift, fit.camera, None)
    residuals = (fit.seen - projected[:, 0]).ravel()
    jacobian = derivatives[:, :6]  # with respect to turn and shift
    num_free = len(residuals) - jacobian.shape[1]
    covariance = np.linalg.inv(jacobian.T @ jacobian)[:3, :3] * (residuals @ residuals) / num_free
    to_angles = _angles_in_turn(fit.turn)
    yaw, pitch, roll = np.sqrt(np.diag(to_angles @ covariance @ to_angles.T))
    return PoseEstimate(fit.pose, float(yaw), float(pitch), float(roll), float(np.sqrt((residuals**2).mean())))


@dataclass(frozen=True, eq=False)
class _Fit:
    """The position of the generic face before the camera: OpenCV's rotation and translation vectors, (3, 1)."""

    seen: FloatArray
    camera: FloatArray
    turn: FloatArray
    shift: FloatArray

    @property
    def pose(self) -> Pose:
        return _pose_of_turn(self.turn)


def _fit(landmarks: FloatArray, image_size: tuple[int, int]) -> _Fit:
    points = check_landmarks(landmarks)
    focal = max(float(image_size[0]), _MIN_DISTANCE * float(np.ptp(points, axis=0).max()))
    camera = np.diag([focal, focal, 1.0])
    seen = points[list(MODEL)]
    seen = seen - seen.mean(axis=0)
    # SQPNP finds the global optimum of an algebraic error; from there the reprojection error is minimised.
    _, turn, shift = cv2.solvePnP(_POINTS, seen, camera, None, flags=cv2.SOLVEPNP_SQPNP)
    _, turn, shift = cv2.solvePnP(_POINTS, seen, camera, None, turn, shift, True, cv2.SOLVEPNP_ITERATIVE)
    return _Fit(seen, camera, turn, shift)


def _pose_of_turn(turn: FloatArray) -> Pose:
    return rotation_to_pose(_FLIP @ cv2.Rodrigues(turn)[0])


def _angles_in_turn(turn: FloatArray, step: float = 1e-5) -> FloatArray:
    """Return the derivative of yaw, pitch and roll, degrees, by the rotation vector, (3, 3): central differences."""
    columns = []
    for axis in np.eye(3)[:, :, None]:
        ahead, behind = _pose_of_turn(turn + step * axis), _pose_of_turn(turn - step * axis)
        turns = np.array(
            [
                ahead.yaw_degrees - behind.yaw_degrees,
                ahead.pitch_degrees - behind.pitch_degrees,
                ahead.roll_degrees - behind.roll_degrees,
            ]
        )
        columns.append(((turns + 180.0) % 360.0 - 180.0) / (2 * step))
    return np.stack(columns, axis=1)


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
