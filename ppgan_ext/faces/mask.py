"""A soft mask of the face including the forehead, drawn from the landmarks."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.landmarks import BOTH_BROWS, JAW, check_landmarks
from ppgan_ext.faces.ramps import smooth_step
from ppgan_ext.types import FloatArray

# Brows, nose and mouth divide the face below the hairline into thirds; the hairline itself is left out.
# Heights above the brows, as shares of the distance from the brows to the nose's base: the usual one, and one that
# reaches nearly to the hairline.
_FOREHEAD, WHOLE_FOREHEAD = 0.75, 0.95
_NOSE_BASE = 33
_SUBPIXEL_BITS = 4
WITH_RIM = 0.5  # pixels, see `draw_part`
_DRAWN_SIZE = 320.0  # square root of the outline's area when it is drawn


def face_mask(
    landmarks: FloatArray, image_shape: tuple[int, ...], feather: float = 0.12, height: float = _FOREHEAD
) -> npt.NDArray[np.float32]:
    """Draw the mask of a face.

    Convention: landmarks are in pixels with centres at integers. The mask is 0 outside the outline, 1 deep inside, and
    rises in between with zero slope at both ends. At the photo's border it is cut off, not feathered.

    Args:
        landmarks: (68, 2), photo pixels.
        image_shape: (H, W) or (H, W, C) of the photo.
        feather: width of the rise, as a share of the face's size (the square root of the outline's area).
        height: of the forehead, as a share of the distance from the brows to the nose's base.

    Returns:
        (H, W) float32 in [0, 1].
    """
    mask = np.zeros(image_shape[:2], np.float32)
    (left, top, right, bottom), part = mask_region(landmarks, image_shape, feather, height)
    mask[top:bottom, left:right] = part
    return mask


def mask_region(
    landmarks: FloatArray, image_shape: tuple[int, ...], feather: float = 0.12, height: float = _FOREHEAD
) -> tuple[tuple[int, int, int, int], npt.NDArray[np.float32]]:
    """Draw the mask of a face in the rectangle of the photo that it touches. See `face_mask` for the arguments.

    Returns:
        region: (left, top, right, bottom) in photo pixels, right and bottom outside; empty if the face is outside the
            photo.
        mask: (bottom - top, right - left) float32 in [0, 1]; outside the region the mask is 0.
    """
    outline = face_outline(landmarks, height)
    rows, columns = image_shape[:2]
    # Always drawn at about the same size: smooth for a small face, fast for a large one.
    finer = _DRAWN_SIZE / math.sqrt(float(cv2.contourArea(outline.astype(np.float32))))
    margin = 2.0 + 2.0 / finer
    # Drawn whole, then cut, so that there is no feather at the photo's border.
    first = np.floor(outline.min(axis=0) - margin).astype(int)
    last = np.ceil(outline.max(axis=0) + margin).astype(int) + 1
    size = last - first
    fine_size = np.ceil(size * finer).astype(int)
    polygon = (outline - first + 0.5) * (fine_size / size) - 0.5
    inside = np.zeros(fine_size[::-1], np.uint8)
    cv2.fillPoly(inside, [np.rint(polygon * (1 << _SUBPIXEL_BITS)).astype(np.int32)], 1, cv2.LINE_8, _SUBPIXEL_BITS)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    rise = np.clip(depth / max(feather * _DRAWN_SIZE, finer), 0.0, 1.0)
    interpolation = cv2.INTER_AREA if finer > 1.0 else cv2.INTER_LINEAR
    mask = np.clip(cv2.resize(smooth_step(rise), size.tolist(), interpolation=interpolation), 0.0, 1.0)
    left, right = (int(v) for v in np.clip((first[0], last[0]), 0, columns))
    top, bottom = (int(v) for v in np.clip((first[1], last[1]), 0, rows))
    return (left, top, right, bottom), mask[top - first[1] : bottom - first[1], left - first[0] : right - first[0]]


def face_outline(landmarks: FloatArray, height: float = _FOREHEAD) -> FloatArray:
    """Return the convex outline of the face: the jaw, and an arc over the forehead derived from the brows.

    Args:
        landmarks: (68, 2), photo pixels.
        height: of the forehead, as for `face_mask`.

    Returns:
        (N, 2) float64, photo pixels.
    """
    points = check_landmarks(landmarks)
    brows = points[BOTH_BROWS]
    hull = cv2.convexHull(np.vstack([points[JAW], brows, forehead(points, height)]).astype(np.float32))
    return hull[:, 0].astype(np.float64)


def forehead(landmarks: FloatArray, height: float = _FOREHEAD) -> FloatArray:
    """Return an arc over the forehead, below the hairline, with one point above each of the brows' ten.

    Args:
        landmarks: (68, 2), photo pixels.
        height: of the forehead, as for `face_mask`.

    Returns:
        (10, 2) float64, photo pixels, from the subject's right to the left.
    """
    brows = np.asarray(landmarks, np.float64)[BOTH_BROWS]
    up = (brows.mean(axis=0) - landmarks[_NOSE_BASE]) * height
    # Full height in the middle, zero at the temples: the forehead is round.
    rise = np.sin(np.linspace(0.0, math.pi, len(brows))) ** 0.7
    return brows + rise[:, None] * up


def height_above_brows(landmarks: FloatArray, image_shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Return how far each pixel lies above the curve of the brows, as a share of the size of the landmarks' hull.

    Args:
        landmarks: (68, 2), photo pixels.
        image_shape: (H, W) or (H, W, C) of the photo.

    Returns:
        (H, W) float32, negative below the brows.
    """
    brows = np.asarray(landmarks, np.float64)[BOTH_BROWS]
    up = brows.mean(axis=0) - landmarks[_NOSE_BASE]
    up = up / max(float(np.hypot(*up)), 1e-6)
    y, x = np.mgrid[: image_shape[0], : image_shape[1]].astype(np.float32)
    curve = np.polyfit(brows @ (-up[1], up[0]), brows @ up, 2)
    height = x * up[0] + y * up[1] - np.polyval(curve, y * up[0] - x * up[1])
    area = float(cv2.contourArea(cv2.convexHull(np.asarray(landmarks, np.float32))))
    return np.asarray(height / math.sqrt(max(area, 1.0)), np.float32)


def draw_part(points: FloatArray, shape: tuple[int, ...], width: float) -> npt.NDArray[np.float32]:
    """Draw the convex hull of points (N, 2), widened by ``width`` pixels, (H, W) float32 of 0 and 1.

    Half a pixel, `WITH_RIM`, adds every pixel that the outline runs through.
    """
    drawn = np.zeros(shape[:2], np.float32)
    hull = cv2.convexHull(np.asarray(points, np.float32))
    outline = np.rint(hull * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    cv2.fillConvexPoly(drawn, outline, 1.0, cv2.LINE_8, _SUBPIXEL_BITS)
    if width > 0:
        cv2.polylines(drawn, [outline], True, 1.0, max(1, round(2 * width)), cv2.LINE_8, _SUBPIXEL_BITS)
    return drawn
