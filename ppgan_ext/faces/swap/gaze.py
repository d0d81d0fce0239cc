"""Let a fused face look where the photo's looks.

People who turn their heads mostly look at the camera. Turned to the photo's pose, their eyes would look past it.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.landmarks import LEFT_EYE, RIGHT_EYE
from ppgan_ext.faces.light import luminance, to_linear
from ppgan_ext.faces.ramps import smooth_step
from ppgan_ext.types import FloatArray

# Lengths are shares of an eye's width.
_WIDTH = 48  # pixels of the view in which an iris is looked for
_HALF_HEIGHT = 0.3  # of that view
IRIS = 0.2  # radius
_STEPS = np.linspace(0.25, 0.75, 41)  # where its centre may be, from the corner at image left
_LEAST_OPEN = 0.16  # height over width below which lids hide too much
_LEAST_WHITE = 0.35  # logarithm of the light beside an iris over its own: less tells nothing
_LEAST_MOVE, _MOST_MOVE = 0.025, 0.2  # less may be an error of measurement, and more is not followed
_EYEBALL, _ASIDE = 0.4, 0.05  # radius of an eyeball, and how far eyes look aside for another reason than a turn
_LEAST_ROOM = 0.6  # share that stays of the white towards which an iris moves
_LEAST_EYE = 12.0  # pixels of an eye's width below which no iris is told


def follow_gaze(
    face: FloatArray, photo: FloatArray, landmarks: FloatArray, turned_degrees: float = 90.0
) -> npt.NDArray[np.float32]:
    """Move the irises of a face to where those of the photo are.

    Args:
        face: (H, W, 3) RGB, 0 to 255.
        photo: (H, W, 3) RGB, 0 to 255, with the same landmarks.
        landmarks: (68, 2) of both.
        turned_degrees: by how much the face's head was turned, in yaw: eyes that look at the camera move by no more
            than that explains, and other gazes differ by little.

    Returns:
        (H, W, 3) RGB float32; the face itself where an iris of either cannot be found, or both look alike.
    """
    face = np.asarray(face, np.float32)
    places = [[find_iris(picture, landmarks[eye]) for eye in (RIGHT_EYE, LEFT_EYE)] for picture in (face, photo)]
    moves = [there - here for here, there in zip(*places, strict=True) if here is not None and there is not None]
    # Both eyes turn alike: where one is not seen, or goes the other way, neither is believed.
    if len(moves) < 2 or moves[0] * moves[1] <= 0:
        return face
    most = min(_MOST_MOVE, _ASIDE + _EYEBALL * abs(math.sin(math.radians(min(abs(turned_degrees), 90.0)))))
    move = float(np.clip(np.mean(moves), -most, most))
    if abs(move) < _LEAST_MOVE:
        return face
    for eye, place in zip((RIGHT_EYE, LEFT_EYE), places[0], strict=True):
        if place is not None:
            room = (place if move < 0 else 1.0 - place) - IRIS
            most = max(0.0, (1.0 - _LEAST_ROOM) * room)
            face = _move_iris(face, landmarks[eye], place, float(np.clip(move, -most, most)))
    return face


def find_iris(picture: FloatArray, eye: FloatArray) -> float | None:
    """Return where between the corners of an open eye its iris lies, 0 at image left to 1; None where none is seen.

    Args:
        picture: (H, W, 3) RGB, 0 to 255.
        eye: (6, 2), its landmarks.
    """
    left, across, width = eye_axis(eye)
    down = np.array([-across[1], across[0]])
    lids = (eye - left) @ np.column_stack([across, down]) / width
    opening = (lids[:, 1].max() - lids[:, 1].min()) * 0.5 + np.ptp(np.sort(lids[:, 1])[[1, -2]]) * 0.5
    if width < _LEAST_EYE or opening < _LEAST_OPEN:
        return None
    scale = width / _WIDTH
    rows = round(2 * _HALF_HEIGHT * _WIDTH)
    u, v = np.meshgrid(np.arange(_WIDTH) + 0.5, np.arange(rows) + 0.5 - rows / 2)
    places = left + scale * (u[..., None] * across + v[..., None] * down)
    blurred = cv2.GaussianBlur(np.asarray(picture, np.float32), (0, 0), max(0.5, 0.4 * scale))
    view = cv2.remap(blurred, places.astype(np.float32), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    light = np.log(luminance(to_linear(view)) + np.float32(5e-3))
    inside = np.zeros(light.shape, np.uint8)
    outline = lids * _WIDTH + (-0.5, rows / 2 - 0.5)
    cv2.fillPoly(inside, [np.rint(outline * 16).astype(np.int32)], 1, cv2.LINE_8, 4)
    # Lashes are as dark as an iris.
    inside = cv2.erode(inside, np.ones((3, 1), np.uint8)) > 0
    middle = float(lids[:, 1].mean()) * _WIDTH
    contrasts = np.array([_contrast(light, inside, u - step * _WIDTH, v - middle) for step in _STEPS])
    best = int(np.nanargmax(contrasts)) if np.isfinite(contrasts).any() else 0
    if best in (0, len(_STEPS) - 1) or not contrasts[best] > _LEAST_WHITE:
        return None
    low, peak, high = contrasts[best - 1 : best + 2]
    bend = low - 2.0 * peak + high
    offset = 0.5 * (low - high) / bend if np.isfinite(bend) and bend < 0 else 0.0
    return float(_STEPS[best] + offset * (_STEPS[1] - _STEPS[0]))


def _contrast(light: FloatArray, inside: npt.NDArray[np.bool_], x: FloatArray, y: FloatArray) -> float:
    """Return how much brighter the eye is beside a disc than within it."""
    disc = inside & (x * x + y * y < (IRIS * _WIDTH) ** 2)
    beside = inside & ~disc & (np.abs(x) < 2.0 * IRIS * _WIDTH)
    if np.count_nonzero(disc) < 8 or np.count_nonzero(beside) < 8:
        return float("nan")
    return float(light[beside].mean() - light[disc].mean())


def _move_iris(face: FloatArray, eye: FloatArray, place: float, move: float) -> npt.NDArray[np.float32]:
    """Move what lies around an iris along the eye, less and less towards its corners and beyond its lids."""
    left, across, width = eye_axis(eye)
    low = np.maximum(np.floor(eye.min(axis=0) - 0.3 * width), 0).astype(int)
    high = np.ceil(eye.max(axis=0) + 0.3 * width).astype(int) + 1
    part = face[low[1] : high[1], low[0] : high[0]]
    if not part.size:
        return face
    x, y = np.meshgrid(np.arange(part.shape[1]) + low[0], np.arange(part.shape[0]) + low[1])
    along = ((x - left[0]) * across[0] + (y - left[1]) * across[1]) / width
    lids = np.zeros(part.shape[:2], np.float32)
    cv2.fillPoly(lids, [np.rint((eye - low) * 16).astype(np.int32)], 1.0, cv2.LINE_8, 4)
    lids = cv2.GaussianBlur(lids, (0, 0), max(0.5, 0.03 * width))
    # The weight is 1 over the iris where it will be and 0 at the corners, so whites are stretched and squeezed.
    target = place + move
    from_left, from_right = along / max(target - IRIS, 0.02), (1.0 - along) / max(1.0 - target - IRIS, 0.02)
    weight = np.clip(np.minimum(from_left, from_right), 0.0, 1.0)
    weight = smooth_step(weight) * lids
    shift = (-move * width * weight).astype(np.float32)
    sources = np.stack([x - low[0] + shift * across[0], y - low[1] + shift * across[1]], axis=2).astype(np.float32)
    moved = cv2.remap(part, sources, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    result = face.copy()
    result[low[1] : high[1], low[0] : high[0]] = np.where(weight[..., None] > 0, moved, part)
    return np.asarray(result, np.float32)


def eye_axis(eye: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """Return an eye's corner at image left, the direction to the other one, and their distance."""
    first, last = (eye[0], eye[3]) if eye[0, 0] <= eye[3, 0] else (eye[3], eye[0])
    width = max(float(np.hypot(*(last - first))), 1e-6)
    return first, (last - first) / width, width
