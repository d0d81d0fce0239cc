"""The triangle mesh of a face: its landmarks, its forehead, and a rim around both."""

from __future__ import annotations

import functools

import numpy as np

from ppgan_ext.faces import mesh
from ppgan_ext.faces.landmarks import NUM_LANDMARKS
from ppgan_ext.faces.mask import forehead
from ppgan_ext.faces.pose import head_pose, pose_to_rotation
from ppgan_ext.faces.shape import GENERIC
from ppgan_ext.types import FloatArray

NUM_INNER = 78  # points before the rim: 68 landmarks and 10 of the forehead
_RIM = 1.25  # scale of the rim about the face's centre; blending reads pixels beyond the face


def mesh_points(landmarks: FloatArray) -> FloatArray:
    """Return the points of a face's mesh: landmarks, forehead, and a rim around both.

    Args:
        landmarks: (68, 2).

    Returns:
        (N, 2): the 68 landmarks first, in their order.
    """
    inner = np.vstack([landmarks, forehead(landmarks)])
    outline = np.vstack([inner[:17], inner[NUM_LANDMARKS:]])
    middle = inner.mean(axis=0)
    return np.vstack([inner, middle + _RIM * (outline - middle)])


@functools.lru_cache(maxsize=1)
def face_triangles() -> mesh.Triangles:
    """Return the triangles that all faces share: the Delaunay triangulation of the generic face seen from the front."""
    return mesh.triangulate(mesh_points(GENERIC[:, :2] * (1.0, -1.0)))


def point_nearness(points: FloatArray) -> FloatArray:
    """Return how near the camera each mesh point is, so that the nose hides a part of the far cheek.

    Args:
        points: (N, 2), from `mesh_points`.

    Returns:
        (N,), larger is nearer; in the units of `faces.shape.GENERIC`.
    """
    depth = GENERIC @ pose_to_rotation(head_pose(points[:NUM_LANDMARKS], (1, 1)))[2]
    # The rim lies behind everything; its points follow the order of the jaw and the forehead.
    far = depth[:17].min() - 50.0
    return np.concatenate([depth, depth[17:27], np.full(len(points) - NUM_INNER, far)])
