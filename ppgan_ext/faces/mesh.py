"""Triangulate landmarks and warp a picture through the triangles: the piecewise affine warp of classic face morphing.

Convention: pixel centres at integers, points are (x, y). The warp runs backwards: each pixel of the result looks up its
position in the picture, so there are no gaps, and an edge belongs to both its triangles.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.types import FloatArray

Triangles = npt.NDArray[np.intp]  # (T, 3), indices of points

_SPAN = 1000.0  # extent to which points are scaled before the triangulation, which is in single precision
_FAR = 1.0e5  # distance of the subdivision's own corners; nearer ones would cut off flat parts of the hull
_SUBPIXEL_BITS = 4
_SMALLEST = 1e-6  # least area of a triangle that is drawn, square pixels


@dataclass(frozen=True, eq=False)
class Field:
    """The position in a picture of each pixel of a warped result.

    Attributes:
        triangle: (H, W) int32, index of the triangle that contains the pixel; -1 outside the mesh.
        places: (H, W, 2) float32, (x, y) in the picture; undefined outside the mesh.
        shrink: (T,) float64, picture pixels per result pixel, along a side; 0 for a triangle without area in the
            picture.
    """

    triangle: npt.NDArray[np.int32]
    places: npt.NDArray[np.float32]
    shrink: FloatArray


def triangulate(points: FloatArray) -> Triangles:
    """Return the Delaunay triangulation of points in the plane: at least three, not all on one line.

    Args:
        points: (N, 2); of coinciding points only the first is used.

    Returns:
        (T, 3) indices, all triangles with the same orientation.
    """
    points = np.asarray(points, np.float64)
    low, span = points.min(axis=0), max(float(np.ptp(points, axis=0).max()), 1e-9)
    scaled = (points - low) * (_SPAN / span)
    subdivision = cv2.Subdiv2D((int(-_FAR), int(-_FAR), int(2 * _FAR), int(2 * _FAR)))
    index_of: dict[tuple[float, float], int] = {}
    for index, (x, y) in enumerate(scaled.tolist()):
        place, _ = subdivision.getVertex(subdivision.insert((x, y)))
        index_of.setdefault((place[0], place[1]), index)
    rows = []
    for corners in np.asarray(subdivision.getTriangleList()).reshape(-1, 3, 2).tolist():
        indices = [index_of.get((x, y)) for x, y in corners]
        if None not in indices:  # triangles at the subdivision's own corners are left out
            rows.append(indices)
    triangles = np.array(rows, np.intp).reshape(-1, 3)
    clockwise = signed_areas(points, triangles) < 0
    triangles[clockwise] = triangles[clockwise][:, ::-1]
    return triangles


def signed_areas(points: FloatArray, triangles: Triangles) -> FloatArray:
    """Return the areas (T,) of triangles (T, 3) of points (N, 2); negative for a flipped triangle."""
    a, b, c = (np.asarray(points, np.float64)[triangles[:, corner]] for corner in range(3))
    return ((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])) / 2


def make_field(
    picture_points: FloatArray,
    result_points: FloatArray,
    triangles: Triangles,
    size: tuple[int, int],
    nearness: FloatArray | None = None,
) -> Field:
    """Compute the position in the picture of each pixel of the result.

    A triangle that is flipped in the result shows its back and is left out.

    Args:
        picture_points: (N, 2), positions of the points in the picture.
        result_points: (N, 2), their positions in the result.
        triangles: (T, 3), indices of points.
        size: (width, height) of the result.
        nearness: (N,), larger for nearer points: where triangles overlap in the result, the nearest is visible.
    """
    drawn = np.flatnonzero(signed_areas(result_points, triangles) > _SMALLEST)
    if nearness is not None:
        drawn = drawn[np.argsort(nearness[triangles[drawn]].mean(axis=1), kind="stable")]
    label = np.full((size[1], size[0]), -1, np.int32)
    corners = np.asarray(result_points, np.float64)[triangles]
    fixed = np.rint(corners * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    for index in drawn.tolist():
        cv2.fillConvexPoly(label, fixed[index], index, cv2.LINE_8, _SUBPIXEL_BITS)
    affine = np.zeros((len(triangles), 2, 3))
    in_result = np.concatenate([corners[drawn], np.ones((len(drawn), 3, 1))], axis=2)
    in_picture = np.asarray(picture_points, np.float64)[triangles[drawn]]
    affine[drawn] = np.linalg.solve(in_result, in_picture).transpose(0, 2, 1)
    shrink = np.sqrt(np.abs(np.linalg.det(affine[:, :, :2])))
    return Field(label, _places(label, affine.astype(np.float32)), shrink)


def _places(label: npt.NDArray[np.int32], affine: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    height, width = label.shape
    x = np.arange(width, dtype=np.float32)[None, :]
    y = np.arange(height, dtype=np.float32)[:, None]
    safe = np.maximum(label, 0)
    places = np.empty((height, width, 2), np.float32)
    for axis in range(2):
        row = affine[:, axis]
        places[..., axis] = row[safe, 0] * x + row[safe, 1] * y + row[safe, 2]
    return places


def draw_field(picture: npt.NDArray, field: Field) -> npt.NDArray[np.float32]:
    """Warp a picture through a field, without aliasing where it shrinks.

    Each pixel is interpolated between the two levels of an image pyramid that bracket its triangle's shrinkage
    (Williams, Pyramidal Parametrics, SIGGRAPH 1983). Beyond its border the picture is reflected.

    Args:
        picture: (H, W, 3) or (H, W), uint8 or float32.
        field: positions in the picture, (H', W').

    Returns:
        (H', W', 3) or (H', W') float32 on the picture's scale; 0 outside the mesh.
    """
    inside = field.triangle >= 0
    if not inside.any():
        return np.zeros((*field.triangle.shape, *picture.shape[2:]), np.float32)
    part, shift = _cut(picture, [field.places[..., axis][inside] for axis in range(2)])
    places = field.places - shift
    detail = np.log2(np.maximum(field.shrink, 1.0)).astype(np.float32)
    levels = np.where(inside, detail[np.maximum(field.triangle, 0)], 0.0)
    deepest = min(math.ceil(float(levels.max())), max(0, int(math.log2(min(part.shape[:2]))) - 2))
    levels = np.minimum(levels, deepest)
    result = np.zeros((*levels.shape, *picture.shape[2:]), np.float32)
    for level in range(deepest + 1):
        weight = np.clip(1.0 - np.abs(levels - level), 0.0, 1.0) * inside
        if weight.any():
            # Each halving keeps the even pixels, so a position at level n is that at level 0 divided by 2^n.
            sample = cv2.remap(
                part, places / np.float32(2**level), None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
            )
            result += sample * weight.reshape(weight.shape + (1,) * (result.ndim - 2))
        part = cv2.pyrDown(part) if level < deepest else part
    return result


def _cut(picture: npt.NDArray, seen: Sequence[npt.NDArray[np.float32]]) -> tuple[npt.NDArray[np.float32], FloatArray]:
    """Crop to places (N,) in x and in y with a margin for the filters; return the part and its origin (x, y)."""
    margin = 16
    height, width = picture.shape[:2]
    first = np.clip(np.floor([axis.min() for axis in seen]) - margin, 0, (width - 1, height - 1)).astype(int)
    last = np.clip(np.ceil([axis.max() for axis in seen]) + margin + 1, first + 1, (width, height)).astype(int)
    part = picture[first[1] : last[1], first[0] : last[0]].astype(np.float32)
    return part, first.astype(np.float32)
