"""One frame for all faces: the mean face, on which marks of age are described, and the mesh to a photo.

Convention: the frame is `SIZE` pixels (width, height) with pixel centres at integers, upright, seen from the front,
with `EYES` pixels between the centres of the eyes. It may be drawn finer by a factor, with (x + 0.5) * factor - 0.5.
Lengths in the frame are told as shares of the eyes' distance.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.axes import level
from ppgan_ext.faces.landmarks import BOTH_BROWS, JAW, MIRROR
from ppgan_ext.faces.mask import forehead
from ppgan_ext.faces.mesh import Field, draw_field, make_field, triangulate
from ppgan_ext.faces.warp import rectangle_around
from ppgan_ext.types import FloatArray

SIZE = (448, 576)
EYES = 140.0
_EYES_AT = ((SIZE[0] - 1) / 2, 240.0)

# Rows of the mesh above the brows, as shares of the height of the forehead in `mask.forehead`.
_FOREHEAD_ROWS = (0.5, 1.0, 1.45)
_RINGS = (1.10, 1.35)  # the jaw's outline once more, farther from the middle of the face


def mean_face(faces: list[FloatArray]) -> FloatArray:
    """Return the symmetric mean of landmarks, (68, 2), in the frame."""
    both = [level(points) for landmarks in faces for points in (landmarks, mirror(landmarks))]
    return np.mean(both, axis=0) * EYES + np.array(_EYES_AT)


def mirror(landmarks: FloatArray, width: float = 1.0) -> FloatArray:
    """Return the landmarks of the mirrored picture; x becomes width - 1 - x."""
    return np.asarray((landmarks * np.array([-1.0, 1.0]) + np.array([width - 1.0, 0.0]))[MIRROR])


def mesh_points(landmarks: FloatArray) -> FloatArray:
    """Add to 68 landmarks three rows over the brows and two rings around the jaw, (132, 2)."""
    points = np.asarray(landmarks, np.float64)
    brows, jaw = points[BOTH_BROWS], points[JAW]
    rows = [brows + share * (forehead(points) - brows) for share in _FOREHEAD_ROWS]
    middle = points[[27, 30]].mean(axis=0)
    rings = [middle + factor * (jaw - middle) for factor in _RINGS]
    return np.vstack([points, *rows, *rings])


class Placement(NamedTuple):
    """Where the frame lies in a photo.

    Attributes:
        landmarks: (68, 2) of the photo.
        frame_landmarks: (68, 2) of the mean face, in the frame drawn `scale` times finer.
        scale: frame pixels per pixel of the plain frame.
    """

    landmarks: FloatArray
    frame_landmarks: FloatArray
    scale: float

    @classmethod
    def of(cls, landmarks: FloatArray, mean: FloatArray, scale: float = 1.0) -> Placement:
        """Place the frame of the mean face (68, 2) over a face of a photo."""
        return cls(landmarks, (np.asarray(mean) + 0.5) * scale - 0.5, scale)

    @property
    def eyes(self) -> float:
        """Distance of the eyes in the frame, in its pixels."""
        return EYES * self.scale

    @property
    def frame_size(self) -> tuple[int, int]:
        """Width and height of the frame in its pixels."""
        return round(SIZE[0] * self.scale), round(SIZE[1] * self.scale)

    def field_to_frame(self) -> Field:
        """Return where each pixel of the frame lies in the photo."""
        ends = mesh_points(self.frame_landmarks)
        return make_field(mesh_points(self.landmarks), ends, triangulate(ends), self.frame_size)

    def region(self, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
        """Return the rectangle of the photo that the mesh touches: left, top, right, bottom, the last two outside."""
        return rectangle_around(mesh_points(self.landmarks), shape)

    def field_to_photo(self, region: tuple[int, int, int, int]) -> Field:
        """Return where each pixel of a region of the photo lies in the frame."""
        left, top, right, bottom = region
        starts = mesh_points(self.frame_landmarks)
        ends = mesh_points(self.landmarks) - np.array([left, top])
        return make_field(starts, ends, triangulate(starts), (right - left, bottom - top))


def draw(picture: npt.NDArray, field: Field) -> npt.NDArray[np.float32]:
    """Draw a picture of any number of channels through a field, see `draw_field`."""
    if picture.ndim == 2 or picture.shape[2] <= 4:
        return draw_field(picture, field)
    parts = [
        draw_field(np.ascontiguousarray(picture[..., start : start + 4]), field)
        for start in range(0, picture.shape[2], 4)
    ]
    return np.concatenate([part.reshape(*part.shape[:2], -1) for part in parts], axis=2)
