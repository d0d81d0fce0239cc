"""Where the landmarks of a fused face lie: the person's features, at the photo's pose and with the photo's expression.

Both faces become heads without a pose. The fused head has the person's eyes, nose, lips and proportions. How far the
lips and the lids are parted, and how far the corners of the mouth rise, are the photo's; a mouth becomes wider and its
lips thinner with both, and back. It is then turned until it measures as the photo's pose: the measured pose depends on
the shape too.
"""

from __future__ import annotations

import numpy as np

from ppgan_ext.faces.landmarks import JAW, LEFT_EYE, MOUTH, RIGHT_EYE
from ppgan_ext.faces.pose import head_pose
from ppgan_ext.faces.swap.head_shape import GENERIC, head_of, show_head
from ppgan_ext.types import FloatArray, Pose

_TURNS = 4  # corrections of the pose; it is then within a tenth of a degree
_EYES_FOLLOW = 0.3  # share of the photo's opening of the lids; the rest belongs to the person's features
# Share of the photo's rise of the corners of the mouth over the line of the lips, where both mouths are parted alike,
# and where one is open and the other shut: the corners of shut mouths lie higher or lower in people, too.
_CORNERS_FOLLOW = (0.4, 0.7)
_PARTED_APART = (3.0, 9.0)  # difference of the gaps between the lips: alike, and not; units of `head_shape.GENERIC`
# A smile pulls the lips to a band of one thickness, and lips at rest taper: share of the photo's course from the middle
# to the corners where mouths are parted alike, and where not; and by what factor its lips may be thicker or thinner.
_COURSE_FOLLOWS, _MOST_THICKER = (0.0, 0.8), 2.5
# How a mouth changes with its expression: with the gap between the lips, and with the rise of its corners, each in the
# units of `head_shape.GENERIC`. Least squares over 122 portraits, one of each person: the logarithm of its width, that
# of its lips' thickness, and the height of the upper lip. Of that a third, as dlib's network knows people by it: with
# all of it, (0.63, -0.26), the distance to the person is larger by 0.02 on eight pairs of open and shut mouths.
_WIDENS, _THICKENS, _RISES = (0.006, 0.027), (-0.016, -0.017), (0.2, -0.08)
_MOST_CHANGE, _MOST_RISE = (-0.3, 0.3), (-6.0, 6.0)
_TURNED = (6.0, 18.0)  # degrees of yaw between which the hidden half of the jaw loses its say
_JAW_SOFT = 20.0  # distance from the middle over which it does
_LEAST_GAP = 3.0  # gap between shut lips as landmarks see it, hundredths of the distance of the eyes' outer corners

# Pairs of upper and lower points of each eye, and its corners.
_LIDS = (((37, 41), (38, 40)), ((43, 47), (44, 46)))
_CORNERS = ((36, 39), (42, 45))
_INNER_PAIRS = ((61, 67), (62, 66), (63, 65))  # upper and lower inner lip
_INNER_UPPER = (60, 61, 62, 63, 64)
# Each point of the outer lip, and the points of the inner lip that it lies beside.
_BESIDE = {
    48: (60, 60), 49: (60, 61), 50: (61, 61), 51: (62, 62), 52: (63, 63), 53: (63, 64), 54: (64, 64), 55: (64, 65),
    56: (65, 65), 57: (66, 66), 58: (67, 67), 59: (67, 60),
}  # fmt: skip
_LIPS = (((49, 50, 51, 52, 53), (50, 51, 52)), ((55, 56, 57, 58, 59), (56, 57, 58)))  # of each, and of its middle


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
    lent = [show_head(np.vstack([side, head[17:]]), wanted, landmarks)[JAW] for side in jaws]
    outline = landmarks[JAW] + jaw * (lent[0] - lent[1])
    pose = wanted = Pose(wanted.yaw_degrees + ahead[0], wanted.pitch_degrees + ahead[1], wanted.roll_degrees)
    for _ in range(_TURNS):
        shown = show_head(fused, pose, landmarks)
        shown[JAW] = outline
        pose = _corrected(pose, wanted, head_pose(shown, (1, 1)))
    shown = show_head(fused, pose, landmarks)
    shown[JAW] = outline
    return shown


def _whole_jaw(head: FloatArray, pose: Pose) -> FloatArray:
    """Return the jaw of a head (68, 3), (17, 3): what a turned head hides is as the other side.

    The landmarks of the hidden side lie on the visible outline instead of the jaw.
    """
    jaw = head[JAW]
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
    head[MOUTH] = _mouth(person, photo)[MOUTH]
    return head


def _opening(head: FloatArray, lids: tuple[tuple[int, int], ...]) -> float:
    return float(np.mean([head[upper, 1] - head[lower, 1] for upper, lower in lids]))


def _width(head: FloatArray, corners: tuple[int, int]) -> float:
    return float(abs(head[corners[0], 0] - head[corners[1], 0]))


def _mouth(person: FloatArray, photo: FloatArray) -> FloatArray:
    """Return a head (68, 3) with the person's mouth as it is with the photo's expression; only the mouth is valid."""
    head = person.copy()
    gaps = _parted(photo)
    own, wanted = _raised(person), _raised(photo)
    parted = gaps.mean() - _gap(person)
    raise_by = np.interp(abs(parted), _PARTED_APART, _CORNERS_FOLLOW) * (wanted - own)
    change = np.array([parted, raise_by.mean()])
    wider, thicker = (float(np.exp(np.clip(change @ rate, *_MOST_CHANGE))) for rate in (_WIDENS, _THICKENS))
    middle = person[list(_INNER_UPPER[1:-1])].mean(axis=0)
    # The upper lip is pulled up where lips part, and comes down where they shut.
    rise = float(np.clip(change @ _RISES, *_MOST_RISE))
    # Corners are higher over the upper lip's middle than over that of the line between the lips, which the gap lowers.
    raise_by = raise_by - parted / 2.0
    bends = [_bend(person, index, middle[0]) for index in _INNER_UPPER]
    level = float(np.mean(bends[1:-1]))
    for index, bend in zip(_INNER_UPPER, bends, strict=True):
        side = int(person[index, 0] > middle[0])
        head[index, 0] = middle[0] + wider * (person[index, 0] - middle[0])
        head[index, 1] = person[index, 1] + rise + (bend - level) * raise_by[side]
        head[index, 2] += _arch(head[index, 0]) - _arch(person[index, 0])
    for (upper, lower), gap in zip(_INNER_PAIRS, gaps, strict=True):
        head[lower] = head[upper] - (0.0, gap, 0.0)
    away = _lips(person, photo, float(np.interp(abs(parted), _PARTED_APART, _COURSE_FOLLOWS)))
    for outer, beside in _BESIDE.items():
        head[outer] = head[list(beside)].mean(axis=0) + away[outer] * (wider, thicker, 1.0)
    return head


def _lips(person: FloatArray, photo: FloatArray, share: float) -> dict[int, FloatArray]:
    """Return how far the points of the outer lips of a head (68, 3) lie from those beside them, (3,) each.

    Args:
        person: whose lips they are: as thick as theirs in the middle.
        photo: the head whose course of thickness to the corners they take.
        share: of that course, 0 to 1.
    """
    own, other = (
        {outer: head[outer] - head[list(beside)].mean(axis=0) for outer, beside in _BESIDE.items()}
        for head in (person, photo)
    )
    for lip, middle in _LIPS:
        thick, thick_other = (float(np.mean([away[point][1] for point in middle])) for away in (own, other))
        factor = thick / thick_other if thick_other else 0.0
        if not 1.0 / _MOST_THICKER < factor < _MOST_THICKER:
            continue
        for point in lip:
            own[point][1] += share * (factor * other[point][1] - own[point][1])
    return own


def _parted(head: FloatArray) -> FloatArray:
    """Return how far the lips are parted, (3,); lips that are almost shut are shut."""
    gaps = np.array([head[top, 1] - head[bottom, 1] for top, bottom in _INNER_PAIRS])
    return np.asarray(gaps * np.clip(gaps / _LEAST_GAP - 0.5, 0.0, 1.0))


def _gap(head: FloatArray) -> float:
    return float(np.mean([head[top, 1] - head[bottom, 1] for top, bottom in _INNER_PAIRS]))


def _raised(head: FloatArray) -> FloatArray:
    """Return how much higher the corners of the mouth, right and left, lie than the middle of the line of the lips."""
    line = head[[point for pair in _INNER_PAIRS for point in pair], 1].mean()
    return np.asarray(head[[60, 64], 1] - line)


def _bend(head: FloatArray, index: int, middle: float) -> float:
    """Return the share of the corner's rise that a point of the upper lip takes part in: the line bends as a bow."""
    corner = head[60 if head[index, 0] < middle else 64, 0]
    return float(np.clip((head[index, 0] - middle) / (corner - middle), 0.0, 1.0) ** 2)


def _arch(x: float) -> float:
    """Return the depth of a generic face's lips at a distance sideways: they lie on the arch of the teeth."""
    half = GENERIC[[48, 49, 50, 51]]
    return float(np.interp(-abs(x), half[:, 0], half[:, 2]))


def _corrected(pose: Pose, wanted: Pose, measured: Pose) -> Pose:
    """Return a pose turned by what the measured one lacks."""
    return Pose(
        pose.yaw_degrees + wanted.yaw_degrees - measured.yaw_degrees,
        pose.pitch_degrees + wanted.pitch_degrees - measured.pitch_degrees,
        pose.roll_degrees + wanted.roll_degrees - measured.roll_degrees,
    )
