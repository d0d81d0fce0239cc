"""The triangle mesh of a face: its landmarks, forehead and rim, and a fine grid between them.

The grid's points are placed by the thin-plate spline through the others (Bookstein, Principal Warps, IEEE PAMI 1989).
The spline is linear in the positions it passes through. So the grid lies on a surface in three dimensions, whose depth
is the spline of the landmarks' depths, whatever the pose from which the face is seen.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import cv2
import numpy as np

from ppgan_ext.faces import mesh
from ppgan_ext.faces.landmarks import LEFT_EYE, LIPS, NUM_LANDMARKS, RIGHT_EYE
from ppgan_ext.faces.mask import forehead
from ppgan_ext.faces.pose import head_pose, pose_to_rotation
from ppgan_ext.faces.swap.head_shape import GENERIC
from ppgan_ext.types import FloatArray

_NUM_OUTLINED = 76  # 68 landmarks and 8 of the forehead, on which the rim depends
_NUM_INNER = 80  # control points before the rim: these, and 4 of the inner lips
# Inner lips bend as a bow from corner to corner. Beside the corners no landmark tells that: from a corner, the next two
# points of the inner lip, between the first two of which a point is added.
_BOWS = ((60, 61, 62), (64, 63, 62), (60, 67, 66), (64, 65, 66))
_MOST_BOW = 0.25  # of the distance between these two
_RIM = 1.25  # scale of the rim about the face's centre; blending reads pixels beyond the face
_SPACING = 9.0  # of the grid, in hundredths of the distance between the outer corners of the eyes
_CLEARANCE = 4.0  # least distance of grid points from control points, in the same units
_RIM_DEPTH = -100.0  # of the rim: it lies behind everything
# Brows' depth is that of the forehead in the middle; the temples curve back.
_TEMPLE = 22.0


class _Grid(NamedTuple):
    """What all faces share.

    Attributes:
        spread: (V, N), weights that place all points of the mesh by its control points.
        triangles: (T, 3).
        inner: (V,) bool, points of the face rather than of the rim around it.
        depth: (N,) of the control points, in the units of `head_shape.GENERIC`.
    """

    spread: FloatArray
    triangles: mesh.Triangles
    inner: FloatArray
    depth: FloatArray


def mesh_points(landmarks: FloatArray) -> FloatArray:
    """Return the points of a face's mesh.

    Args:
        landmarks: (68, 2).

    Returns:
        (V, 2): the 68 landmarks first, in their order.
    """
    return _grid().spread @ _control_points(landmarks)


def face_triangles() -> mesh.Triangles:
    """Return the triangles (T, 3) that all faces share: a Delaunay triangulation of the generic face's front."""
    return _grid().triangles


def inner_points() -> FloatArray:
    """Return which points of the mesh, (V,) bool, belong to the face rather than to the rim around it."""
    return _grid().inner


def point_nearness(points: FloatArray) -> FloatArray:
    """Return how near the camera each mesh point is, so that the nose hides a part of the far cheek.

    Args:
        points: (V, 2), from `mesh_points`.

    Returns:
        (V,), larger is nearer; in the units of `head_shape.GENERIC`.
    """
    grid = _grid()
    towards_camera = pose_to_rotation(head_pose(points[:NUM_LANDMARKS], (1, 1)))[2]
    frontal = _control_points(GENERIC[:, :2] * (1.0, -1.0)) * (1.0, -1.0)
    nearness = np.column_stack([frontal, grid.depth]) @ towards_camera
    return np.where(grid.inner, 0.0, _RIM_DEPTH) + grid.spread @ nearness


def _control_points(landmarks: FloatArray) -> FloatArray:
    """Return landmarks, forehead, and a rim around both, (N, 2)."""
    # The ends of the forehead's arc are those of the brows.
    inner = np.vstack([landmarks, forehead(landmarks)[1:-1]])
    outline = np.vstack([inner[:17], inner[NUM_LANDMARKS:]])
    middle = inner.mean(axis=0)
    return np.vstack([inner, bows(landmarks), middle + _RIM * (outline - middle)])


def bows(landmarks: FloatArray) -> FloatArray:
    """Return points of the inner lips, (4, 2), halfway from the corners to the next landmarks: on a parabola."""
    across = landmarks[64] - landmarks[60]
    across = across / max(float(np.hypot(*across)), 1e-6)
    frame = np.column_stack([across, (-across[1], across[0])])
    points = []
    for corner, near, middle in _BOWS:
        far, on = (landmarks[[corner, near]] - landmarks[[near, middle]]) @ frame
        length, step = float(np.hypot(*far)), float(np.hypot(*on))
        lengths = max(abs(float(far[0])), length / 2.0, 1e-6), max(abs(float(on[0])), step / 2.0, 1e-6)
        # Newton's divided differences; the parabola lies beside its chord by a quarter of the squared distance.
        curve = (far[1] / lengths[0] - on[1] / lengths[1]) / sum(lengths)
        bow = np.clip(-curve * lengths[0] ** 2 / 4.0, -_MOST_BOW * length, _MOST_BOW * length)
        points.append((landmarks[corner] + landmarks[near]) / 2.0 + bow * frame[:, 1])
    return np.array(points)


@functools.lru_cache(maxsize=1)
def _grid() -> _Grid:
    control = _control_points(GENERIC[:, :2] * (1.0, -1.0))
    extra = _grid_points(control)
    points = np.vstack([control, extra])
    hull = cv2.convexHull(control[:_NUM_OUTLINED].astype(np.float32))
    inside = [cv2.pointPolygonTest(hull, (float(x), float(y)), False) >= 0 for x, y in extra]
    inner = np.concatenate([np.arange(len(control)) < _NUM_INNER, inside])
    brows = GENERIC[18:26, 2] - _TEMPLE * np.linspace(-1.0, 1.0, 8) ** 2
    lips = [GENERIC[[corner, near], 2].mean() for corner, near, _ in _BOWS]
    depth = np.concatenate([GENERIC[:, 2], brows, lips, GENERIC[:17, 2], brows])
    spread = np.vstack([np.eye(len(control)), _spline_weights(control, extra)])
    return _Grid(spread, mesh.triangulate(points), inner, depth)


def _grid_points(control: FloatArray) -> FloatArray:
    """Return a grid within the rim, (M, 2), away from the control points, outside eyes and mouth."""
    low, high = control.min(axis=0), control.max(axis=0)
    x, y = np.meshgrid(*(np.arange(a, b, _SPACING) for a, b in zip(low, high, strict=True)))
    grid = np.column_stack([x.ravel(), y.ravel()])
    grid -= grid.mean(axis=0) * (1.0, 0.0)  # symmetric
    rim = cv2.convexHull(control.astype(np.float32))
    holes = [cv2.convexHull(control[part].astype(np.float32)) for part in (RIGHT_EYE, LEFT_EYE, LIPS)]
    nearest = np.linalg.norm(grid[:, None] - control[None], axis=2).min(axis=1)

    def is_free(point: FloatArray) -> bool:
        place = (float(point[0]), float(point[1]))
        inside_rim = cv2.pointPolygonTest(rim, place, True) > _CLEARANCE
        return inside_rim and all(cv2.pointPolygonTest(hole, place, True) < -_CLEARANCE / 2 for hole in holes)

    return grid[[bool(distance > _CLEARANCE and is_free(p)) for p, distance in zip(grid, nearest, strict=True)]]


def _spline_weights(control: FloatArray, points: FloatArray) -> FloatArray:
    """Return the matrix (M, N) that interpolates values at N points of the plane at M others: a thin-plate spline."""
    count = len(control)
    affine = np.column_stack([np.ones(count), control])
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _kernel(control, control)
    system[:count, count:], system[count:, :count] = affine, affine.T
    basis = np.hstack([_kernel(points, control), np.ones((len(points), 1)), points])
    return np.asarray(np.linalg.solve(system.T, basis.T).T[:, :count])


def _kernel(a: FloatArray, b: FloatArray) -> FloatArray:
    squared = np.square(a[:, None] - b[None]).sum(axis=2)
    return np.asarray(squared * np.log(np.maximum(squared, 1e-12)))
