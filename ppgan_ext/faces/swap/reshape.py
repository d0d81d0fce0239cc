"""Move a photo's head to other landmarks, and morph one photo into another."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ppgan_ext.faces import mesh
from ppgan_ext.faces.landmarks import JAW
from ppgan_ext.faces.mask import forehead
from ppgan_ext.faces.warp import rectangle_around
from ppgan_ext.images import from_levels
from ppgan_ext.types import FloatArray, Image

_RING = 1.6  # how far around the face its surroundings move along: scale of the outline about the face's centre


def reshape_photo(
    photo: Image, landmarks: FloatArray, new_landmarks: FloatArray, headwear: FloatArray | None = None
) -> Image:
    """Move a photo's face to other landmarks; its surroundings move along, less and less, up to a ring around it.

    A hat stays where it is: bent, it would give the edit away.

    Args:
        photo: (H, W, 3) RGB uint8.
        landmarks: (68, 2), the face.
        new_landmarks: (68, 2), where its landmarks move to.
        headwear: (H, W) in [0, 1], what hangs over the face from above.

    Returns:
        A new photo; bit-equal outside the ring.
    """
    result = photo.copy()
    outline = np.vstack([landmarks[JAW], forehead(landmarks)])
    middle = outline.mean(axis=0)
    ring = middle + _RING * (outline - middle)
    arc, new_arc = forehead(landmarks), forehead(new_landmarks)
    before = np.vstack([landmarks, arc, ring])
    if headwear is not None:
        x, y = (np.clip(np.rint(arc[:, axis]), 0, headwear.shape[1 - axis] - 1).astype(int) for axis in (0, 1))
        new_arc = new_arc + headwear[y, x][:, None] * (arc - new_arc)
    after = np.vstack([new_landmarks, new_arc, ring])
    left, top, right, bottom = rectangle_around(ring, photo.shape)
    if right <= left or bottom <= top:
        return result
    corner = np.array([left, top])
    field = mesh.make_field(before - corner, after - corner, mesh.triangulate(after), (right - left, bottom - top))
    moved = from_levels(mesh.draw_field(photo[top:bottom, left:right], field))
    # Pixels outside the mesh keep the photo's bits.
    np.copyto(result[top:bottom, left:right], moved, where=(field.triangle >= 0)[..., None])
    return result


def morph(
    photo: Image,
    faces: Sequence[FloatArray],
    result: Image,
    result_faces: Sequence[FloatArray],
    share: float,
) -> Image:
    """Draw a frame between a photo and a result: shapes lie between both shapes, colours between both colours.

    Args:
        photo: (H, W, 3) RGB uint8.
        faces: (68, 2) each, the faces of the photo.
        result: the same size.
        result_faces: (68, 2) each, the same faces in the result.
        share: 0 returns the photo, 1 the result.
    """
    for before, after in zip(faces, result_faces, strict=True):
        between = before + share * (after - before)
        photo, result = reshape_photo(photo, before, between), reshape_photo(result, after, between)
    return cv2.addWeighted(photo, 1.0 - share, result, share, 0.0)
