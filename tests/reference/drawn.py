"""Faces drawn by code, with exact landmarks: photos for tests, without a download and without anyone's rights.

A face is a set of flat shapes on a simple head in three dimensions, turned, projected orthographically and painted in
soft layers. dlib's detector takes the result for a face. Nothing of the package is used here, so that what its tests
compare with is independent of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

# Shapes are painted this much finer than the picture, but large faces no finer than this many pixels per eye distance.
_SUPERSAMPLING = 3.0
_FINEST = 120.0

# A median adult face, x right, y down from the middle between the eyes, in eye distances. Right half of the image; the
# other half mirrors it. Keys are iBUG numbers.
_HALF = {
    8: (0.0, 1.745), 9: (0.284, 1.707), 10: (0.532, 1.564), 11: (0.746, 1.373), 12: (0.909, 1.141), 13: (1.007, 0.876),
    14: (1.055, 0.592), 15: (1.09, 0.308), 16: (1.107, 0.018), 22: (0.187, -0.256), 23: (0.38, -0.331),
    24: (0.584, -0.358), 25: (0.783, -0.318), 26: (0.923, -0.187), 27: (0.0, -0.031), 28: (0.0, 0.158),
    29: (0.0, 0.348), 30: (0.0, 0.541), 33: (0.0, 0.731), 34: (0.116, 0.696), 35: (0.226, 0.66), 42: (0.297, 0.03),
    43: (0.425, -0.065), 44: (0.57, -0.068), 45: (0.693, 0.003), 46: (0.579, 0.049), 47: (0.435, 0.051),
    51: (0.0, 0.931), 52: (0.121, 0.904), 53: (0.286, 0.931), 54: (0.457, 0.989), 55: (0.293, 1.151),
    56: (0.129, 1.218), 57: (0.0, 1.231), 62: (0.0, 1.01), 63: (0.123, 0.996), 64: (0.39, 1.001), 65: (0.124, 1.073),
    66: (0.0, 1.089),
}  # fmt: skip
_OTHER_SIDE = (
    {i: 16 - i for i in range(8)}
    | {i: 43 - i for i in range(17, 22)}
    | {31: 35, 32: 34, 36: 45, 37: 44, 38: 43, 39: 42, 40: 47, 41: 46}
    | {48: 54, 49: 53, 50: 52, 58: 56, 59: 55, 60: 64, 61: 63, 67: 65}
)


@dataclass(frozen=True)
class DrawnFace:
    """What to draw.

    Attributes:
        centre: (x, y) in pixels, centres at integers, of the point of the head's axis at eye height.
        eye_distance: pixels between the centres of the eyes when the head is frontal.
        roll_degrees: counter-clockwise in the image.
        yaw_degrees: positive turns the subject to their own left, image right.
        pitch_degrees: positive looks up.
        skin, hair: RGB.
        mouth_open: how far the lips part, in eye distances.
    """

    centre: tuple[float, float]
    eye_distance: float
    roll_degrees: float = 0.0
    yaw_degrees: float = 0.0
    pitch_degrees: float = 0.0
    skin: tuple[int, int, int] = (214, 168, 140)
    hair: tuple[int, int, int] = (58, 40, 30)
    mouth_open: float = field(default=0.0)


def draw_photo(size: tuple[int, int], faces: Sequence[DrawnFace], seed: int = 0) -> tuple[np.ndarray, list[np.ndarray]]:
    """Draw faces before a soft, slightly noisy background.

    Args:
        size: (width, height).
        faces: painted in this order; they may stick out of the picture.
        seed: of the background and the noise.

    Returns:
        The picture, (height, width, 3) RGB uint8, and for each face its (68, 2) landmarks in pixels.
    """
    rng = np.random.default_rng(seed)
    width, height = size
    coarse = rng.uniform(70, 190, (4, 5, 3)).astype(np.float32)
    picture = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC).reshape(height, width, 3)
    landmarks = []
    for face in faces:
        landmarks.append(face_landmarks(face))
        _paint(picture, face)
    picture += rng.normal(0, 2.0, picture.shape)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8), landmarks


def face_landmarks(face: DrawnFace) -> np.ndarray:
    """Give the 68 landmarks that a face is drawn from, (68, 2) float64 in pixels."""
    flat = np.empty((68, 2))
    for i in range(68):
        x, y = _HALF[_OTHER_SIDE.get(i, i)]
        flat[i] = (-x if i in _OTHER_SIDE else x, y)
    flat[55:60, 1] += face.mouth_open
    flat[65:68, 1] += face.mouth_open
    return _project(face, flat, _landmark_depth(flat))


def _landmark_depth(flat: np.ndarray) -> np.ndarray:
    depth = _head_depth(flat)
    depth[27:31] += (0.12, 0.25, 0.38, 0.5)
    depth[31:36] += (0.1, 0.2, 0.26, 0.2, 0.1)
    return depth


def _head_depth(flat: np.ndarray) -> np.ndarray:
    """Give the distance of the face's surface before the head's axis, in eye distances."""
    inside = 1 - (flat[:, 0] / 1.25) ** 2 - ((flat[:, 1] - 0.4) / 2.1) ** 2
    return 1.2 * np.sqrt(np.maximum(inside, 0.0))


def _project(face: DrawnFace, flat: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Turn points (N, 2) with depth (N,) as the face is turned, and bring them to pixels."""
    yaw, pitch, roll = (math.radians(a) for a in (face.yaw_degrees, face.pitch_degrees, face.roll_degrees))
    x, y, z = flat[:, 0], -flat[:, 1], depth  # x right, y up, z towards the viewer
    y, z = y * math.cos(pitch) + z * math.sin(pitch), z * math.cos(pitch) - y * math.sin(pitch)
    x = x * math.cos(yaw) + z * math.sin(yaw)
    x, y = x * math.cos(roll) - y * math.sin(roll), x * math.sin(roll) + y * math.cos(roll)
    return np.stack([face.centre[0] + face.eye_distance * x, face.centre[1] - face.eye_distance * y], axis=1)


class _Canvas:
    """A part of the picture at higher resolution, into which shapes are painted."""

    def __init__(self, picture: np.ndarray, face: DrawnFace) -> None:
        reach = 3.2 * face.eye_distance
        height, width = picture.shape[:2]
        self.face = face
        self.left, self.top = max(0, math.floor(face.centre[0] - reach)), max(0, math.floor(face.centre[1] - reach))
        right, bottom = min(width, math.ceil(face.centre[0] + reach)), min(height, math.ceil(face.centre[1] + reach))
        self.part = picture[self.top : max(bottom, self.top), self.left : max(right, self.left)]
        finer = min(_SUPERSAMPLING, _FINEST / face.eye_distance)
        size = np.maximum(1, np.rint(np.array(self.part.shape[1::-1]) * finer)).astype(int)
        self.finer = size / np.maximum(1, self.part.shape[1::-1])
        self.fine = (
            cv2.resize(self.part, size.tolist(), interpolation=cv2.INTER_LINEAR) if self.part.size else self.part
        )

    def paint(self, points: np.ndarray, colour: Sequence[float], blur: float = 0.0, opacity: float = 1.0) -> None:
        """Fill a polygon, (N, 2) picture pixels; ``blur`` in eye distances."""
        fine = (points - (self.left, self.top) + 0.5) * self.finer - 0.5
        sigma = blur * self.face.eye_distance * self.finer.max()
        first = np.maximum(0, np.floor(fine.min(axis=0) - 4 * sigma - 2)).astype(int)
        last = np.minimum(self.fine.shape[1::-1], np.ceil(fine.max(axis=0) + 4 * sigma + 3)).astype(int)
        if np.any(last <= first):
            return
        mask = np.zeros((last - first)[::-1], np.uint8)
        cv2.fillPoly(mask, [np.rint((fine - first) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        layer = mask.astype(np.float32) * (opacity / 255)
        if sigma:
            layer = cv2.GaussianBlur(layer, (0, 0), sigma)
        part = self.fine[first[1] : last[1], first[0] : last[0]]
        part += layer[..., None] * (np.asarray(colour, np.float32) - part)

    def shape(self, flat: Sequence[Sequence[float]] | np.ndarray, lift: float = 0.0) -> np.ndarray:
        """Bring points of the flat face to the picture."""
        points = np.asarray(flat, np.float64)
        return _project(self.face, points, _head_depth(points) + lift)

    def finish(self) -> None:
        """Put the painted part back into the picture."""
        size = (self.part.shape[1], self.part.shape[0])
        shrinks = self.fine.shape[1] > size[0]
        self.part[:] = cv2.resize(self.fine, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def _ellipse(x: float, y: float, half_width: float, half_height: float, num_points: int = 48) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, num_points, endpoint=False)
    return np.stack([x + half_width * np.cos(angle), y + half_height * np.sin(angle)], axis=1)


def _paint(picture: np.ndarray, face: DrawnFace) -> None:
    canvas = _Canvas(picture, face)
    if not canvas.part.size:
        return
    skin, hair = np.array(face.skin, np.float64), np.array(face.hair, np.float64)
    marks = face_landmarks(face)
    canvas.paint(canvas.shape(_ellipse(0, 0.1, 1.35, 1.55)), hair, 0.02)
    canvas.paint(canvas.shape([(-0.55, 1.2), (0.55, 1.2), (0.65, 2.6), (-0.65, 2.6)]), skin * 0.72, 0.04)
    forehead = canvas.shape([(0.95, -0.5), (0.7, -0.8), (0.3, -0.95), (-0.3, -0.95), (-0.7, -0.8), (-0.95, -0.5)])
    canvas.paint(np.vstack([marks[:17], forehead]), skin, 0.015)
    for side in (-1, 1):
        canvas.paint(canvas.shape(_ellipse(side * 0.92, 0.8, 0.16, 0.75)), skin * 0.7, 0.13, 0.6)
        canvas.paint(canvas.shape(_ellipse(side * 0.55, 0.55, 0.25, 0.2)), skin * 1.1, 0.12, 0.6)
        canvas.paint(canvas.shape(_ellipse(side * 0.47, -0.1, 0.36, 0.2)), skin * 0.62, 0.09, 0.8)
    canvas.paint(canvas.shape(_ellipse(0, -0.6, 0.6, 0.18)), skin * 1.08, 0.12, 0.6)
    _paint_nose(canvas, marks, skin)
    for eye, brow in ((marks[36:42], marks[17:22]), (marks[42:48], marks[22:27])):
        _paint_eye(canvas, eye, brow, hair)
    _paint_mouth(canvas, marks, skin)
    canvas.finish()


def _paint_nose(canvas: _Canvas, marks: np.ndarray, skin: np.ndarray) -> None:
    for side, wing in ((-1, marks[31]), (1, marks[35])):
        edge = canvas.shape([(side * 0.16, -0.05), (side * 0.1, 0.3)], 0.1)
        flank = np.vstack([edge, (wing + marks[30]) / 2, wing, canvas.shape([(side * 0.3, 0.35)])])
        canvas.paint(flank, skin * 0.78, 0.05, 0.8)
    half_ridge = np.array([0.04 * canvas.face.eye_distance, 0.0])
    canvas.paint(np.vstack([marks[27:31] - half_ridge, marks[30:26:-1] + half_ridge]), skin * 1.15, 0.04, 0.8)
    shade = np.array([0.0, 0.07 * canvas.face.eye_distance])
    under = np.vstack([marks[31:36], marks[35:30:-1] + shade])
    canvas.paint(under, skin * 0.5, 0.03, 0.8)
    for nostril in ((marks[31] + marks[32]) / 2, (marks[34] + marks[35]) / 2):
        canvas.paint(nostril + _ellipse(0, 0, 0.07, 0.04) * canvas.face.eye_distance, skin * 0.25, 0.015, 0.9)


def _paint_eye(canvas: _Canvas, eye: np.ndarray, brow: np.ndarray, hair: np.ndarray) -> None:
    unit = canvas.face.eye_distance
    centre = eye.mean(axis=0)
    canvas.paint(centre + (eye - centre) * (1.12, 1.5), (70, 50, 45), 0.025, 0.75)
    canvas.paint(eye, (238, 234, 230), 0.006)
    canvas.paint(centre + _ellipse(0, 0, 0.085, 0.085) * unit, (60, 45, 35), 0.008)
    canvas.paint(centre + _ellipse(0, 0, 0.04, 0.04) * unit, (12, 10, 10), 0.005)
    canvas.paint(centre + _ellipse(0.03, -0.03, 0.015, 0.015) * unit, (250, 250, 250), 0.004)
    up = np.array(
        [-math.sin(math.radians(canvas.face.roll_degrees)), -math.cos(math.radians(canvas.face.roll_degrees))]
    )
    canvas.paint(np.vstack([brow + 0.05 * unit * up, brow[::-1] - 0.05 * unit * up]), hair * 0.9, 0.02, 0.9)


def _paint_mouth(canvas: _Canvas, marks: np.ndarray, skin: np.ndarray) -> None:
    lip = skin * (0.8, 0.5, 0.52)
    canvas.paint(canvas.shape(_ellipse(0, 1.36 + canvas.face.mouth_open, 0.28, 0.06)), skin * 0.7, 0.05, 0.7)
    canvas.paint(marks[48:60], lip, 0.012)
    canvas.paint(np.vstack([marks[48:55], marks[64:59:-1]]), lip * 0.8, 0.012)
    inner = np.vstack([marks[60:65], marks[65:68]])
    canvas.paint(inner, (60, 25, 25), 0.012, 0.9)
