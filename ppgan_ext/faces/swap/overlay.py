"""A face drawn over a photo, at the photo's landmarks, from another photo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ppgan_ext.errors import ConfigError
from ppgan_ext.faces import mesh
from ppgan_ext.faces.landmarks import MIRROR, NUM_LANDMARKS
from ppgan_ext.faces.pose import head_pose
from ppgan_ext.faces.swap.both_sides import join_sides
from ppgan_ext.faces.swap.face_mesh import face_triangles, mesh_points, point_nearness
from ppgan_ext.faces.swap.gaze import follow_gaze
from ppgan_ext.faces.swap.mouth import closed_share, relaxed_share
from ppgan_ext.faces.swap.visibility import Visibility, find_visibility
from ppgan_ext.types import FloatArray, Image


@dataclass(frozen=True, eq=False)
class Overlay:
    """A face drawn where it belongs in a photo.

    Attributes:
        left, top: position of the overlay in the photo.
        face: (H, W, 3) RGB float32, 0 to 255.
        shown: (H, W) float32 in [0, 1], how far the face is known at each pixel.
        landmarks: (68, 2), the face's, in the overlay's pixels.
        closed: how far an open mouth was drawn shut, 0 to 1.
        relaxed: how far a smile was taken back, 0 to 1.
        turned_degrees: by how much the head was turned, in yaw.
    """

    left: int
    top: int
    face: npt.NDArray[np.float32]
    shown: npt.NDArray[np.float32]
    landmarks: FloatArray
    closed: float = 0.0
    relaxed: float = 0.0
    turned_degrees: float = 0.0

    def window(self, picture: npt.NDArray) -> npt.NDArray:
        """Return the view of a photo-sized picture, (H', W', ...), that lies under the overlay."""
        height, width = self.shown.shape
        return picture[self.top : self.top + height, self.left : self.left + width]


def draw_overlay(
    photo_shape: tuple[int, ...],
    landmarks: FloatArray,
    picture: Image | FloatArray,
    picture_landmarks: FloatArray,
    hidden: FloatArray | None = None,
) -> Overlay:
    """Draw a picture's face through triangles to a photo's landmarks, which gives it the photo's pose and expression.

    A side that the picture hides, because the head is turned or something covers it, is drawn from the mirrored other
    side. Where neither side shows the face, ``shown`` is 0.

    Args:
        photo_shape: (H, W, ...) of the photo that the face is drawn for.
        landmarks: (68, 2), where the face is drawn in the photo.
        picture: (H', W', 3) RGB; float32 values may have any range.
        picture_landmarks: (68, 2), the face in the picture.
        hidden: (H', W') in [0, 1], where something covers the face.

    Raises:
        ConfigError: the landmarks lie outside the photo.
    """
    points = mesh_points(landmarks)
    left, top, size = _bounds(points, photo_shape)
    points = points - (left, top)
    covered = hidden if hidden is not None and hidden.any() else None
    face, seen = _draw(picture, mesh_points(picture_landmarks), points, size, covered)
    # The same pixels again with each landmark at its counterpart's place: the face as a mirror shows it.
    mirrored_points = mesh_points((picture_landmarks * (-1.0, 1.0))[MIRROR]) * (-1.0, 1.0)
    mirrored_face, mirrored_seen = _draw(picture, mirrored_points, points, size, covered, mirrored=True)
    # Mixed with irises at another place, those of the far eye would blur.
    was, now = _yaw(picture_landmarks, picture.shape), _yaw(landmarks, photo_shape)
    mirrored_face = follow_gaze(mirrored_face, face, points[:NUM_LANDMARKS], 2.0 * was)
    mixed, share = join_sides(face, mirrored_face, seen.well_seen, mirrored_seen.well_seen, points[:NUM_LANDMARKS])
    known = mirrored_seen.known + share * (seen.known - mirrored_seen.known)
    closed = closed_share(picture_landmarks, points)
    relaxed = max(closed, relaxed_share(picture_landmarks, points))
    return Overlay(left, top, mixed, known, points[:NUM_LANDMARKS], closed, relaxed, now - was)


def _yaw(landmarks: FloatArray, shape: tuple[int, ...]) -> float:
    return head_pose(landmarks, (shape[1], shape[0])).yaw_degrees


def _bounds(points: FloatArray, photo_shape: tuple[int, ...]) -> tuple[int, int, tuple[int, int]]:
    """Return the rectangle of a photo around some points: left, top, (width, height)."""
    height, width = photo_shape[:2]
    left, top = (int(v) for v in np.clip(np.floor(points.min(axis=0)) - 2, 0, (width, height)))
    right, bottom = (int(v) for v in np.clip(np.ceil(points.max(axis=0)) + 3, 0, (width, height)))
    if right - left < 4 or bottom - top < 4:
        raise ConfigError("the face lies outside the photo", cure="Choose another face")
    return left, top, (right - left, bottom - top)


def _draw(
    picture: Image | FloatArray,
    picture_points: FloatArray,
    points: FloatArray,
    size: tuple[int, int],
    hidden: FloatArray | None = None,
    mirrored: bool = False,
) -> tuple[npt.NDArray[np.float32], Visibility]:
    """Draw a picture through the face's triangles, (H, W, 3), and find out how well it shows each pixel."""
    field = mesh.make_field(picture_points, points, face_triangles(), size, point_nearness(points))
    seen = find_visibility(field, picture.shape, picture_points, points, mirrored)
    if hidden is not None:
        bare = 1.0 - np.clip(mesh.draw_field(np.asarray(hidden, np.float32), field), 0.0, 1.0)
        seen = Visibility(seen.known * bare, seen.well_seen * bare)
    return mesh.draw_field(picture, field), seen
