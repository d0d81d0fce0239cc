"""Which way each point of a face looks, and how light that falls from far away can vary over it."""

from __future__ import annotations

import functools

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces import mesh
from ppgan_ext.faces.landmarks import NUM_LANDMARKS
from ppgan_ext.faces.pose import head_pose, pose_to_rotation
from ppgan_ext.faces.skin import face_size
from ppgan_ext.faces.swap.face_mesh import face_triangles, frontal_points, inner_points, mesh_points, point_nearness
from ppgan_ext.types import FloatArray

_MAP = (300, 260)  # of the generic face, (height, width), in its units
_MIDDLE = (130.0, 120.0)  # where its origin lies, (x, y)
_SMOOTH = 14.0  # deviation of the Gaussian on the generic face's normals, in its units
_DRAWN = 96.0  # size of the face on the small copy that normals are drawn on
_FEW = 1e-3


def shading_basis(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Return the nine functions of a face's surface that span how distant light shades it.

    They are the real spherical harmonics up to the second order, without their factors, of the normals as the camera
    sees them (Ramamoorthi and Hanrahan, An Efficient Representation for Irradiance Environment Maps, SIGGRAPH 2001).

    Args:
        landmarks: (68, 2) in the picture.
        shape: (H, W, ...) of the picture.

    Returns:
        (H, W, 9) float32; the first is 1.
    """
    x, y, z = np.moveaxis(surface_normals(landmarks, shape), -1, 0)
    return np.stack([np.ones_like(x), x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 1], axis=-1)


def surface_normals(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Return the direction each pixel of a face looks in, (H, W, 3): x right, y up, z towards the camera.

    The generic face's surface is drawn at the landmarks; beyond the face its rim continues.
    """
    height, width = shape[:2]
    scale = min(1.0, _DRAWN / face_size(landmarks))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    factor = np.array([size[0] / width, size[1] / height])
    points = (mesh_points(landmarks) + 0.5) * factor - 0.5
    field = mesh.make_field(_places(), points, face_triangles(), size, point_nearness(points))
    rotation = pose_to_rotation(head_pose(points[:NUM_LANDMARKS], (1, 1)))
    known = (field.triangle >= 0).astype(np.float32)
    drawn = cv2.remap(_normal_map(), field.places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    drawn = _spread(drawn @ rotation.T.astype(np.float32), known, 1.5)
    whole = cv2.resize(drawn, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(whole / np.maximum(np.linalg.norm(whole, axis=-1, keepdims=True), 1e-6), np.float32)


def _places() -> FloatArray:
    """Return where the mesh's points lie on the generic face's map, (V, 2)."""
    return np.asarray(frontal_points()[:, :2] * (1.0, -1.0) + _MIDDLE)


@functools.lru_cache(maxsize=1)
def _normal_map() -> npt.NDArray[np.float32]:
    """Draw the generic face's normals as it looks at the camera, (300, 260, 3)."""
    triangles, places = face_triangles(), _places()
    inner = np.asarray(inner_points()[triangles].all(axis=1))
    a, b, c = (frontal_points()[triangles[:, corner]] for corner in range(3))
    normals = np.cross(b - a, c - a)
    normals *= np.sign(normals[:, 2:] + 1e-9) / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    label = mesh.make_field(places, places, triangles, _MAP[::-1]).triangle
    known = ((label >= 0) & inner[np.maximum(label, 0)]).astype(np.float32)
    return _spread(normals[np.maximum(label, 0)].astype(np.float32), known, _SMOOTH)


def _spread(values: FloatArray, known: FloatArray, sigma: float) -> npt.NDArray[np.float32]:
    """Smooth values (H, W, C) where they are known (H, W), and continue them beyond."""
    result = np.zeros_like(values)
    missing = np.ones_like(known)
    for width in (sigma, 4 * sigma, 16 * sigma):
        weight = cv2.GaussianBlur(known, (0, 0), width)
        mean = cv2.GaussianBlur(values * known[..., None], (0, 0), width) / np.maximum(weight, _FEW)[..., None]
        share = np.clip(weight / 0.05, 0.0, 1.0) * missing
        result += share[..., None] * mean
        missing = missing * (1.0 - np.clip(weight / 0.05, 0.0, 1.0))
    result[..., 2] += missing
    return np.asarray(result, np.float32)
