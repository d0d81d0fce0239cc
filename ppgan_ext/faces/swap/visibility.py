"""How much of a face a picture shows: sides that are turned away, and a mouth that is shut, are hidden."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces import mesh
from ppgan_ext.faces.landmarks import NUM_LANDMARKS
from ppgan_ext.faces.skin import face_size
from ppgan_ext.faces.swap.face_mesh import face_triangles, inner_points
from ppgan_ext.faces.swap.mouth import unseen_inside
from ppgan_ext.types import FloatArray

# A corner of the mesh is known where the picture shows at least this share of the area it is drawn to; below half of
# that share it is unknown.
_KNOWN = 0.4
# It is well seen from this share on. Below, the mirrored other side replaces it as far as that is seen better: on 24
# pairs at least 20 degrees of yaw apart, this lowered dlib's distance to the target from 0.536 to 0.525.
_WELL_SEEN = 0.7
_SOFT = 0.025  # width of soft edges, as a share of the face's size
_SMOOTHING_PIXELS = 4.0  # that width is at most this many pixels; for a wider one, a smaller copy is smoothed


@dataclass(frozen=True, eq=False)
class Visibility:
    """How much of a face a picture shows at each pixel it is drawn to.

    Attributes:
        known: (H, W) float32 in [0, 1], weight of the drawn pixel.
        well_seen: (H, W) float32 in [0, 1], lower where the picture shows the place at a slant.
    """

    known: npt.NDArray[np.float32]
    well_seen: npt.NDArray[np.float32]


def find_visibility(
    field: mesh.Field,
    picture_shape: tuple[int, ...],
    picture_points: FloatArray,
    points: FloatArray,
    mirrored: bool = False,
) -> Visibility:
    """Find out how well a picture shows each pixel of a face that is drawn from it.

    Args:
        field: where each drawn pixel comes from, (H, W).
        picture_shape: (H', W', ...) of the picture.
        picture_points: (N, 2), the face's mesh in the picture.
        points: (N, 2), the mesh that it is drawn to.
        mirrored: the picture's points are those of the mirrored face.
    """
    height, width = field.triangle.shape
    share = _shown_share(picture_points, points, mirrored)
    x, y = field.places[..., 0], field.places[..., 1]
    inside = (x >= 0) & (x <= picture_shape[1] - 1) & (y >= 0) & (y <= picture_shape[0] - 1)
    drawn = inside & (field.triangle >= 0)
    soft = max(1.0, _SOFT * face_size(points[:NUM_LANDMARKS]))

    def weight_above(least: float) -> npt.NDArray[np.float32]:
        trust = np.clip(share / least * 2.0 - 1.0, 0.0, 1.0).mean(axis=1).astype(np.float32)
        return _narrowed(np.where(drawn, trust[np.maximum(field.triangle, 0)], np.float32(0.0)), soft)

    known = weight_above(_KNOWN) * (1.0 - unseen_inside(picture_points, points, (width, height)))
    return Visibility(known, weight_above(_WELL_SEEN))


def _shown_share(picture_points: FloatArray, points: FloatArray, mirrored: bool) -> FloatArray:
    """Return the share of its area that the picture shows at each corner of each triangle, (T, 3).

    A corner's share is that of all triangles around it, as single triangles are too small to judge by. Lips and rim get
    infinity.
    """
    triangles = face_triangles()
    sense = -1.0 if mirrored else 1.0
    # Both faces at one size: what counts is how much of itself a part shows.
    scale = (face_size(points[:NUM_LANDMARKS]) / face_size(picture_points[:NUM_LANDMARKS])) ** 2
    before = sense * scale * mesh.signed_areas(picture_points, triangles)
    after = mesh.signed_areas(points, triangles)
    # Lips part and close, which does not hide anything.
    lips = ((triangles >= 48) & (triangles < NUM_LANDMARKS)).all(axis=1)
    inner = np.asarray(inner_points()[triangles].all(axis=1) & ~lips)
    sums = np.zeros((2, len(points)))
    for corner in range(3):
        for row, areas in zip(sums, (before, after), strict=True):
            np.add.at(row, triangles[inner, corner], areas[inner])
    ratio = np.where(sums[1] > 0, sums[0] / np.maximum(sums[1], 1e-9), 1.0)
    return np.where(inner[:, None], ratio[triangles], np.inf)


def _narrowed(weight: npt.NDArray[np.float32], soft: float) -> npt.NDArray[np.float32]:
    """Soften a weight inwards: it is narrowed first, so that it stays 0 wherever it was."""
    height, width = weight.shape
    scale = min(1.0, _SMOOTHING_PIXELS / soft)
    if scale < 1.0:
        weight = cv2.resize(weight, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    side = 2 * round(2 * soft * scale) + 1
    narrow = cv2.erode(weight, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    smooth = cv2.GaussianBlur(narrow, (0, 0), soft * scale)
    return smooth if scale == 1.0 else cv2.resize(smooth, (width, height), interpolation=cv2.INTER_LINEAR)
