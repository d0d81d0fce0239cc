"""The motion of a face's parts in an edit: optical flow between the reconstruction and the edited face.

Both come from one generator, so they differ only by the edit. But an edit also repaints (another skin tone, teeth that
appear), which flow alone would explain by wild motion. So shading is removed, dense inverse search (Kroeger et al.,
ECCV 2016) runs forward and backward, and the motion counts only where both agree and it explains the change; from there
it spreads smoothly. Where nothing is known, the motion of the landmarks holds, interpolated by a thin-plate spline
(Bookstein, IEEE TPAMI 1989): it carries the cheeks of a turning head, which have no structure that a flow could follow.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from ppgan_ext.faces.landmarks import INNER_FACE
from ppgan_ext.faces.mask import face_outline
from ppgan_ext.types import FloatArray

GRID = 256  # resolution of the motion, whatever the generator's; the lengths below are in its pixels

_DIS_MEDIUM = 2  # the preset's constant has two names in OpenCV 4 and 5
_LARGEST = 24.0  # largest motion that is trusted
_ROUND_TRIP = 2.0  # error of the forward and backward flow at which trust has fallen to 1/e
_SMALLEST = 0.3  # motion below this is noise, and not worth resampling the photo for
_STEEPEST = 0.5  # largest change of motion per pixel; from 1 on the picture would fold
_SHADING = 12.0  # standard deviations of the Gaussians, as all below
_NEIGHBOURHOOD = 6.0
_TEXTURE = 4.0
_SPREAD = 8.0
_FAINT_CONTRAST = 8.0  # grey levels that count as structure
_EXPLAINED = 0.5  # share of the change that the motion must explain for full trust
_STIFF = 400.0  # smoothing of the spline against the noise of landmarks
_BEYOND = 1.08  # outline of the face, enlarged, on which nothing moves
_COARSER = 8  # the spline is smooth: it is evaluated on a coarser grid
_UNKNOWN = 0.03  # weight of the first estimate against the trusted motion nearby


def estimate_motion(reconstruction: FloatArray, edited: FloatArray, rough: FloatArray | None = None) -> FloatArray:
    """Estimate the position in the reconstruction of each point of the edited face.

    Convention: the edited face shows at position x what the reconstruction shows at x + motion.

    Args:
        reconstruction: (S, S, 3) RGB float32, 0 to 255.
        edited: (S, S, 3) RGB float32, 0 to 255, after the edit.
        rough: (GRID, GRID, 2), a first estimate in shares of the side, such as `landmark_motion`; the flow refines it,
            and it holds where nothing else is known. None for no motion.

    Returns:
        (GRID, GRID, 2) float32, (x, y) in shares of the side.
    """
    before, after = _structure(reconstruction), _structure(edited)
    start = None if rough is None else (rough * GRID).astype(np.float32)
    if start is not None:
        before = move(before, start)
    flow = _flow(after, before)
    trust = _trust(before, after, flow)
    spread = _SPREAD
    while True:
        weight = cv2.GaussianBlur(trust, (0, 0), spread) + _UNKNOWN
        motion = cv2.GaussianBlur(flow * trust[..., None], (0, 0), spread) / weight[..., None]
        if steepness(motion) <= _STEEPEST or spread > GRID / 4:
            break
        spread *= 1.35
    if start is not None:
        motion = motion + move(start, motion)
    squared = np.square(motion).sum(axis=2, keepdims=True)
    return motion * (squared / (squared + _SMALLEST**2) / GRID)


def landmark_motion(before: FloatArray, after: FloatArray, size: int) -> FloatArray:
    """Interpolate the motion of brows, eyes, nose and mouth; just outside the face's outline nothing moves.

    The jaw's landmarks are left out: they slide along it as the head turns.

    Args:
        before: (68, 2), pixels of a square.
        after: (68, 2), where the edit has moved them.
        size: side of the square in pixels.

    Returns:
        (GRID, GRID, 2) float32 as from `estimate_motion`.
    """
    scale = GRID / size
    before, after = ((points + 0.5) * scale - 0.5 for points in (before, after))
    outline = face_outline(before)
    middle = outline.mean(axis=0)
    still = middle + _BEYOND * (outline - middle)
    places = np.vstack([after[INNER_FACE], still])
    targets = np.vstack([before[INNER_FACE] - after[INNER_FACE], np.zeros_like(still)])
    affine = np.hstack([np.ones((len(places), 1)), places])
    stiff = _plate(places, places) + _STIFF * np.eye(len(places))
    system = np.block([[stiff, affine], [affine.T, np.zeros((3, 3))]])
    weights = np.linalg.solve(system, np.vstack([targets, np.zeros((3, 2))]))
    num = GRID // _COARSER
    axis = (np.arange(num) + 0.5) * _COARSER - 0.5
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    field = np.hstack([_plate(points, places), np.ones((len(points), 1)), points]) @ weights
    motion = field.reshape(num, num, 2).astype(np.float32) / np.float32(GRID)
    return cv2.resize(motion, (GRID, GRID), interpolation=cv2.INTER_CUBIC)


def _plate(points: FloatArray, centres: FloatArray) -> FloatArray:
    """Return the thin-plate kernel r^2 log r between points (N, 2) and centres (M, 2), (N, M)."""
    squared = np.square(points[:, None] - centres[None]).sum(axis=2)
    return squared * np.log(np.maximum(squared, 1e-9)) / 2


def move(image: FloatArray, motion: FloatArray) -> FloatArray:
    """Warp a picture by a motion: the result shows at x what the picture shows at x + motion.

    Args:
        image: (H, W) or (H, W, C) float32.
        motion: (H, W, 2) float32, (x, y) in pixels of the picture.

    Returns:
        (H, W) or (H, W, C) float32.
    """
    height, width = image.shape[:2]
    map_x = np.arange(width, dtype=np.float32)[None, :] + motion[..., 0]
    map_y = np.arange(height, dtype=np.float32)[:, None] + motion[..., 1]
    return cv2.remap(image, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def _structure(image: FloatArray) -> FloatArray:
    """Normalise brightness and contrast: local mean 0, local deviation about 1, (GRID, GRID) float32."""
    interpolation = cv2.INTER_AREA if image.shape[0] > GRID else cv2.INTER_CUBIC
    grey = cv2.cvtColor(cv2.resize(image, (GRID, GRID), interpolation=interpolation), cv2.COLOR_RGB2GRAY)
    centred = grey - cv2.GaussianBlur(grey, (0, 0), _SHADING)
    return centred / np.sqrt(cv2.GaussianBlur(centred * centred, (0, 0), _SHADING) + np.float32(_FAINT_CONTRAST**2))


def _flow(source: FloatArray, target: FloatArray) -> FloatArray:
    """Return the flow (GRID, GRID, 2) with which ``target`` at x + flow looks like ``source`` at x."""
    module: Any = cv2  # OpenCV's annotations lack this class
    a, b = (np.clip(np.rint(128 + 50 * s), 0, 255).astype(np.uint8) for s in (source, target))
    return module.DISOpticalFlow_create(_DIS_MEDIUM).calc(a, b, None)


def _trust(before: FloatArray, after: FloatArray, flow: FloatArray) -> FloatArray:
    """Return how far the flow can be trusted at each point, (GRID, GRID) in [0, 1]."""
    back = _flow(before, after)
    round_trip = np.square(flow + move(back, flow)).sum(axis=2)
    unmoved, moved = (
        cv2.GaussianBlur(np.square(after - b), (0, 0), _NEIGHBOURHOOD) for b in (before, move(before, flow))
    )
    explained = np.clip((1 - moved / (unmoved + 0.01)) / _EXPLAINED, 0.0, 1.0)
    slope = np.hypot(cv2.Sobel(before, -1, 1, 0, scale=0.125), cv2.Sobel(before, -1, 0, 1, scale=0.125))
    texture = cv2.GaussianBlur(slope, (0, 0), _TEXTURE)
    near = np.square(flow).sum(axis=2) < _LARGEST**2
    trust = np.exp(-round_trip / _ROUND_TRIP**2) * explained * near * texture / (texture + 0.05)
    return trust.astype(np.float32)


def steepness(motion: FloatArray) -> float:
    """Return the largest change of a motion, (H, W, 2) in pixels, from one pixel to the next; from 1 on it folds."""
    return max(float(np.abs(np.diff(motion, axis=axis)).max()) for axis in (0, 1))
