"""Where the landmarks of a fused face lie: the person's features, at the photo's pose and with the photo's expression.

Both faces become heads without a pose. The fused head has the person's eyes, nose, lips and proportions. How far the
lips and the lids are parted, and the line between the lips, are the photo's. It is then turned until it measures as
the photo's pose: the measured pose depends on the shape too.
"""

from __future__ import annotations

import numpy as np

from ppgan_ext.faces.landmarks import LEFT_EYE, RIGHT_EYE
from ppgan_ext.faces.pose import head_pose
from ppgan_ext.faces.shape import head_of, show_head
from ppgan_ext.types import FloatArray, Pose

_TURNS = 4  # corrections of the pose; it is then within a tenth of a degree
_EYES_FOLLOW = 0.3  # share of the photo's opening of the lids; the rest belongs to the person's features
# Of the corners of the mouth and the curve of the lips, where both mouths are parted alike, and where one is wide open
# and the other shut: lips do not meet in a broad smile.
_CORNERS_FOLLOW = (0.4, 0.8)
_PARTED_APART = (3.0, 9.0)  # difference of the gaps between the lips: alike, and not; units of `faces.shape.GENERIC`
_TURNED = (6.0, 18.0)  # degrees of yaw between which the hidden half of the jaw loses its say
_JAW_SOFT = 20.0  # distance from the middle over which it does
_LEAST_GAP = 3.0  # gap between shut lips as landmarks see it, hundredths of the distance of the eyes' outer corners

# Pairs of upper and lower points of each eye, and its corners.
_LIDS = (((37, 41), (38, 40)), ((43, 47), (44, 46)))
_CORNERS = ((36, 39), (42, 45))
_INNER_PAIRS = ((61, 67), (62, 66), (63, 65))  # upper and lower inner lip
# Each point of the outer lip, and the points of the inner lip that it lies beside.
_BESIDE = {
    48: (60, 60), 49: (60, 61), 50: (61, 61), 51: (62, 62), 52: (63, 63), 53: (63, 64), 54: (64, 64), 55: (64, 65),
    56: (65, 65), 57: (66, 66), 58: (67, 67), 59: (67, 60),
}  # fmt: skip
_JAW = slice(0, 17)
_MOUTH = slice(48, 68)


def fuse_landmarks(
    landmarks: FloatArray, other: FloatArray, shape: float, jaw: float, ahead: tuple[float, float] = (0.0, 0.0)
) -> FloatArray:
    """Return the landmarks of the fused face.

    Args:
        landmarks: (68, 2), the photo's.
        other: (68, 2), the person's, in their own photo.
        shape: share of the person's features, 0 to 1.
        jaw: share of the person's jaw, 0 to 1.
        ahead: degrees of yaw and pitch that the fused face is turned beyond the photo's pose.

    Returns:
        (68, 2) float64, in the photo's pixels; the photo's own where both shares are 0.
    """
    landmarks = np.asarray(landmarks, np.float64)
    if shape == 0 and jaw == 0:
        return landmarks
    head, person = head_of(landmarks), head_of(other)
    wanted = head_pose(landmarks, (1, 1))
    fused = head + shape * (_with_expression(person, head) - head)
    jaws = [_whole_jaw(which, pose) for which, pose in ((person, head_pose(other, (1, 1))), (head, wanted))]
    lent = [show_head(np.vstack([side, head[17:]]), wanted, landmarks)[_JAW] for side in jaws]
    outline = landmarks[_JAW] + jaw * (lent[0] - lent[1])
    pose = wanted = Pose(wanted.yaw_degrees + ahead[0], wanted.pitch_degrees + ahead[1], wanted.roll_degrees)
    for _ in range(_TURNS):
        shown = show_head(fused, pose, landmarks)
        shown[_JAW] = outline
        pose = _corrected(pose, wanted, head_pose(shown, (1, 1)))
    shown = show_head(fused, pose, landmarks)
    shown[_JAW] = outline
    return shown


def _whole_jaw(head: FloatArray, pose: Pose) -> FloatArray:
    """Return the jaw of a head (68, 3), (17, 3): what a turned head hides is as the other side.

    The landmarks of the hidden side lie on the visible outline instead of the jaw.
    """
    jaw = head[_JAW]
    near = jaw[::-1] * (-1.0, 1.0, 1.0)
    hidden = float(np.clip((abs(pose.yaw_degrees) - _TURNED[0]) / (_TURNED[1] - _TURNED[0]), 0.0, 1.0))
    # Positive yaw: the subject turns to their own left, and hides that side, x > 0.
    side = np.clip(np.sign(pose.yaw_degrees) * jaw[:, :1] / _JAW_SOFT, 0.0, 1.0)
    return np.asarray(jaw + hidden * side * (near - jaw))


def _with_expression(person: FloatArray, photo: FloatArray) -> FloatArray:
    """Give a head (68, 3) the expression of another."""
    head = person.copy()
    for lids, corners, eye in zip(_LIDS, _CORNERS, (RIGHT_EYE, LEFT_EYE), strict=True):
        own, wanted = (_opening(which, lids) / _width(which, corners) for which in (person, photo))
        factor = (wanted / max(own, 1e-3)) ** _EYES_FOLLOW
        middle = head[eye, 1].mean()
        head[eye, 1] = middle + factor * (head[eye, 1] - middle)
    head[_MOUTH] = _mouth(person, photo)[_MOUTH]
    return head


def _opening(head: FloatArray, lids: tuple[tuple[int, int], ...]) -> float:
    return float(np.mean([head[upper, 1] - head[lower, 1] for upper, lower in lids]))


def _width(head: FloatArray, corners: tuple[int, int]) -> float:
    return float(abs(head[corners[0], 0] - head[corners[1], 0]))


def _mouth(person: FloatArray, photo: FloatArray) -> FloatArray:
    """Return a head (68, 3) with the person's lips, parted as the photo's; only the mouth is valid."""
    head = person.copy()
    upper = [pair[0] for pair in _INNER_PAIRS]
    corners = [60, 64]
    own, wanted = (which[corners] - which[upper].mean(axis=0) for which in (person, photo))
    middle = person[upper].mean(axis=0)
    follow = float(np.interp(abs(_gap(person) - _gap(photo)), _PARTED_APART, _CORNERS_FOLLOW))
    head[corners] = middle + own + follow * (wanted - own)
    for top, bottom in _INNER_PAIRS:
        gap = float(photo[top, 1] - photo[bottom, 1])
        gap *= float(np.clip(gap / _LEAST_GAP - 0.5, 0.0, 1.0))  # lips that are almost shut are shut
        # The upper lip keeps its place, but follows the photo's curve from corner to corner.
        curve = (photo[top] - photo[upper].mean(axis=0)) - (person[top] - middle)
        head[top] = person[top] + follow * curve
        head[bottom] = person[bottom]
        head[bottom, 0] = head[top, 0]
        head[bottom, 1] = head[top, 1] - gap
    for outer, beside in _BESIDE.items():
        thickness = person[outer] - person[list(beside)].mean(axis=0)
        head[outer] = head[list(beside)].mean(axis=0) + thickness
    return head


def _gap(head: FloatArray) -> float:
    return float(np.mean([head[top, 1] - head[bottom, 1] for top, bottom in _INNER_PAIRS]))


def _corrected(pose: Pose, wanted: Pose, measured: Pose) -> Pose:
    """Return a pose turned by what the measured one lacks."""
    return Pose(
        pose.yaw_degrees + wanted.yaw_degrees - measured.yaw_degrees,
        pose.pitch_degrees + wanted.pitch_degrees - measured.pitch_degrees,
        pose.roll_degrees + wanted.roll_degrees - measured.roll_degrees,
    )
